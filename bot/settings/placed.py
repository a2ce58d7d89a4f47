"""Owns the placing of values into a configuration's text, where they stand: comments and order are kept."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import yaml

from bot.settings.yaml_text import PlainLoader, read_yaml

WORD: Final = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*|[0-9]+[smhdw]")
TAKEN: Final = frozenset({"true", "false", "null", "Null", "NULL"})


def with_values(text: str, values: Mapping[str, Any]) -> str:
    """The text with a value at each dotted key, those that are not there added; raises ValueError where it cannot be.

    Values are what `read_yaml` gives: text, numbers, booleans, None, lists and maps of those.
    """
    for key, value in values.items():
        text = _with_value(text, key.split("."), value)
    return text


def value_at(text: str, key: str) -> Any:
    """What stands at a dotted key; raises KeyError where nothing does."""
    here = read_yaml(text)
    for name in key.split("."):
        if not isinstance(here, Mapping) or name not in here:
            raise KeyError(key)
        here = here[name]
    return here


def flow(value: Any) -> str:
    """A value on one line of YAML, read back as it is by `read_yaml`."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_scalar(str(name))}: {flow(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(flow(each) for each in value) + "]"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value:f}" if value.as_tuple().exponent else f"{value:f}.0"
    return str(value) if isinstance(value, int) else _scalar(str(value))


def _scalar(text: str) -> str:
    return text if WORD.fullmatch(text) and text not in TAKEN else json.dumps(text, ensure_ascii=False)


def _with_value(text: str, path: Sequence[str], value: Any) -> str:
    root = _node(text)
    if root is None:
        return text.rstrip() + "\n" * bool(text.strip()) + _line(path, value) + "\n"
    node, left = root, list(path)
    while isinstance(node, yaml.MappingNode):
        below = next((each for key, each in node.value if key.value == left[0]), None)
        if below is None:
            return _added(text, node, left, value)
        node = below
        left.pop(0)
        if not left:
            return _replaced(text, node, flow(value))
    return _replaced(text, node, flow(_nested(left, value)))


def _node(text: str) -> yaml.Node | None:
    loader = PlainLoader(text)
    try:
        found: yaml.Node | None = loader.get_single_node()
        return found
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from None
    finally:
        loader.dispose()


def _replaced(text: str, node: yaml.Node, made: str) -> str:
    start, end = node.start_mark.index, node.end_mark.index
    if start == end:  # nothing stands there: a key alone
        return f"{text[:start]} {made}{text[end:]}"
    if isinstance(node, yaml.CollectionNode) and not node.flow_style:
        # A block ends where the next thing begins: what lies between (comments, blank lines) is kept.
        kept = len(text[start:end].rstrip())
        body = text[start : start + kept]
        while (cut := body.rfind("\n")) >= 0 and body[cut + 1 :].lstrip().startswith("#"):
            body = body[:cut].rstrip()
        return text[:start] + made + text[start + len(body) :]
    return text[:start] + made + text[end:]


def _added(text: str, node: yaml.MappingNode, path: Sequence[str], value: Any) -> str:
    if node.flow_style:
        start = node.start_mark.index + 1
        comma = ", " if node.value else ""
        return f"{text[:start]}{_line(path, value)}{comma}{text[start:]}"
    start, column = node.value[0][0].start_mark.index, node.value[0][0].start_mark.column
    return f"{text[:start]}{_line(path, value)}\n{' ' * column}{text[start:]}"


def _line(path: Sequence[str], value: Any) -> str:
    return f"{_scalar(path[0])}: {flow(_nested(path[1:], value))}"


def _nested(path: Sequence[str], value: Any) -> Any:
    for name in reversed(path):
        value = {name: value}
    return value
