"""Owns the one error of a bad configuration and turns the parser's words into a person's; reads and repairs nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from bot.core.policy import shown
from bot.settings.keys import known_at

SECRETS: Final = frozenset({"venue.api_key", "venue.secret", "venue.password", "alerts.urls", "store.url"})
# What the parser adds to a path to tell branches apart, and no file holds.
NOT_IN_FILES: Final = frozenset({"[key]", "list", "map", "word"})
EXAMPLE: Final = "the smallest useful file is targets: {sleeves: {majors: {weight: 0.9, assets: [BTC, ETH]}}}"
WORDS: Final[Mapping[str, str]] = {
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "dict_type": "must be a map of keys",
    "mapping_type": "must be a map of keys",
    "model_type": "must be a map of keys",
    "model_attributes_type": "must be a map of keys",
    "string_type": "must be text, in quotes where it looks like something else",
    "string_pattern_mismatch": "must be lower-case letters, digits, - and _, a letter first",
    "tuple_type": "must be a list, as in [BTC, ETH]",
}


class ConfigError(Exception):
    """The configuration is refused: one line for each thing wrong, naming where, key, value and what would be right."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.lines = tuple(_one_line(line) for line in lines)
        super().__init__("\n".join(self.lines))


def _one_line(text: str) -> str:
    """Keep a line a line, whatever somebody wrote into a key or a value."""
    text = " ".join(text.split())
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Name the nearest known name, or all of them where none is near and they are few."""
    names = sorted(known)
    near = get_close_matches(name.lower(), names, 1, 0.6)
    if near:
        return f"did you mean {near[0]}?"
    return f"known here: {', '.join(names)}" if names else "nothing may stand here"


def problems(error: ValidationError, model: type) -> list[tuple[str, str]]:
    """Every problem as dotted key and words, each on one line, none twice."""
    found: dict[tuple[str, str], None] = {}
    for each in error.errors(include_url=False):
        path = [str(step) for step in each["loc"] if step not in NOT_IN_FILES]
        if each["type"] == "ballast":
            found.update(dict.fromkeys(_own(path, each["msg"])))
        else:
            found[".".join(path), _words(path, each, model)] = None
    return list(found)


def _own(path: Sequence[str], message: str) -> list[tuple[str, str]]:
    lines = message.split("\n")
    if path:
        return [(".".join(path), " ".join(lines))]
    # A check across groups names its keys itself.
    return [(line.partition(": ")[0], line.partition(": ")[2]) for line in lines]


def _words(path: Sequence[str], error: ErrorDetails, model: type) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind == "missing":
        return f"is missing; {EXAMPLE}" if list(path) == ["targets"] else "is missing, must be given"
    if kind == "extra_forbidden":
        return f"is no known key; {did_you_mean(path[-1], known_at(model, path[:-1]))}"
    value = _value(path, error["input"])
    if kind == "literal_error":
        return f"{value}, must be {str(context.get('expected', '')).replace(chr(39), '')}"
    return f"{value}, {WORDS.get(kind) or error['msg']}"


def _value(path: Sequence[str], value: Any) -> str:
    key = ".".join(path)
    if any(key.startswith(secret) for secret in SECRETS):
        return "has a value of the wrong kind"
    if isinstance(value, Mapping):
        return "is a map"
    return "is a list" if isinstance(value, list | tuple) else f"is {shown(value)}"
