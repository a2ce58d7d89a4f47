"""Owns the reading of YAML text into plain values: exact numbers, no key twice; knows no key's meaning."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable
from decimal import Decimal
from typing import Any

import yaml

TAG = "tag:yaml.org,2002:"


class PlainLoader(yaml.SafeLoader):
    """Only true and false are booleans, numbers are exact, dates stay text, keys are text and stand once."""

    # Typed as in the base class; empty, since YAML 1.1 takes `off`, `1:30` and dates for something else.
    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Refuse aliases: one line would change two places, or hold itself."""
        if self.check_event(yaml.AliasEvent):
            what = "an alias (*name) stands for another value: write it out"
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, what, mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002
        """Read a map; its keys are taken as they are written, so that a coin named ON or 1INCH stays one."""
        found: dict[Hashable, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key that is no text", key.start_mark)
            if key.value in found:
                raise yaml.constructor.ConstructorError(None, None, f"key {key.value} stands twice", key.start_mark)
            found[key.value] = self.construct_object(value, deep=deep)
        return found


def _number(loader: PlainLoader, node: yaml.ScalarNode) -> Decimal:
    return Decimal(str(loader.construct_scalar(node)))


def _whole(loader: PlainLoader, node: yaml.ScalarNode) -> int:
    return int(str(loader.construct_scalar(node)))


def _not_finite(_loader: PlainLoader, node: yaml.ScalarNode) -> None:
    raise yaml.constructor.ConstructorError(None, None, f"{node.value} is no finite number", node.start_mark)


def _boolean(_loader: PlainLoader, node: yaml.ScalarNode) -> bool:
    return bool(node.value == "true")


for tag, pattern, first in (
    ("bool", r"^(?:true|false)$", "tf"),
    ("null", r"^(?:~|null|Null|NULL|)$", "~nN"),
    ("int", r"^[-+]?[0-9]{1,30}$", "-+0123456789"),
    ("float", r"^[-+]?(?:\.[0-9]{1,60}|[0-9]{1,60}(?:\.[0-9]{0,60})?)(?:[eE][-+]?[0-9]{1,3})?$", "-+.0123456789"),
    ("infinite", r"^(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$", "-+."),
):
    PlainLoader.add_implicit_resolver(TAG + tag, re.compile(pattern), [*first, *([""] if tag == "null" else [])])
PlainLoader.add_constructor(TAG + "bool", _boolean)
PlainLoader.add_constructor(TAG + "int", _whole)
PlainLoader.add_constructor(TAG + "float", _number)
PlainLoader.add_constructor(TAG + "infinite", _not_finite)


def read_yaml(text: str) -> Any:
    """Read one document; raises ValueError with one line saying where and what."""
    return _read(text, PlainLoader.get_single_data)


def scalars_at_top(text: str, name: str) -> list[str]:
    """What stands, as written, at every key of that name at the top of a document; "" for a map or list.

    Nothing else of the text is looked at beyond its form. Raises ValueError as `read_yaml` does.
    """
    node = _read(text, PlainLoader.get_single_node)
    pairs = node.value if isinstance(node, yaml.MappingNode) else ()
    return [value.value if isinstance(value, yaml.ScalarNode) else "" for key, value in pairs if key.value == name]


def _read(text: str, read: Callable[[PlainLoader], Any]) -> Any:
    try:
        loader = PlainLoader(text)
        try:
            return read(loader)
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        raise ValueError(_explained(error)) from None
    except RecursionError:
        raise ValueError("maps and lists are nested too deeply") from None


def _explained(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        what = " ".join(part for part in (error.problem, error.context) if part)
        return f"line {mark.line + 1}: {what}" if mark else what
    return str(error)
