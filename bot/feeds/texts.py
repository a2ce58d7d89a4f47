"""Owns the formats of feeds: CSV, JSON, YAML and iCalendar text to a reading. Opens nothing."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Hashable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, Literal

import yaml

from bot.feeds.ics import BEGIN, read_ics
from bot.feeds.reading import MARKET, Name, Reading, Unusable, in_order
from bot.feeds.shapes import ROWS_MOST, event, point, reading_of, shown

Format = Literal["csv", "json", "yaml", "ics"]
FORMATS: Final[Mapping[str, Format]] = {
    ".csv": "csv",
    ".json": "json",
    ".yaml": "yaml",
    ".yml": "yaml",
    ".ics": "ics",
}
HEADERS: Final[Mapping[Name, tuple[frozenset[str], ...]]] = {
    "dominance": (frozenset({"at", "value"}),),
    "sentiment": (frozenset({"at", "value"}), frozenset({"name", "at", "value"})),
    "macro": (frozenset({"name", "start", "end", "impact"}), frozenset({"name", "start", "impact"})),
}


def read_text(name: Name, text: str, form: Format) -> Reading:
    """One feed out of a text; raises `Unusable`, whose line names place and value."""
    return _FORMS[form](name, text.removeprefix("\ufeff"))


def form_of(text: str) -> Format:
    """The format of an answer: a calendar says so in its first line, all else is JSON."""
    return "ics" if text.lstrip("\ufeff \r\n").upper().startswith(BEGIN) else "json"


def _json(name: Name, text: str) -> Reading:
    try:
        value = json.loads(text, parse_float=Decimal, parse_constant=_not_finite, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        raise Unusable(f"line {error.lineno}: is not JSON: {error.msg}") from None
    except (RecursionError, ValueError) as error:
        # Beside what `Unusable` says itself: nesting without end, and integers of thousands of digits.
        raise Unusable(f"is not JSON: {' '.join(str(error).split())}") from None
    return reading_of(name, value)


def _not_finite(word: str) -> Decimal:
    raise Unusable(f"{word} is no number, must be finite")


def _once(pairs: Sequence[tuple[Hashable, Any]]) -> dict[Hashable, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        names = [name for name, _ in pairs]
        twin = next(name for name in names if names.count(name) > 1)
        raise Unusable(f"key {shown(twin)} stands twice")
    return made


class _Plain(yaml.SafeLoader):
    """Everything is text until a shape says what it is; no key twice, no alias."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - typed as in the base class

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise Unusable(f"line {mark.line + 1}: an alias (*name) stands for another value: write it out")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002
        pairs = [
            (self.construct_object(key, deep=True), self.construct_object(value, deep=deep))
            for key, value in node.value
        ]
        if not all(isinstance(key, str) for key, _ in pairs):
            raise Unusable(f"line {node.start_mark.line + 1}: a key that is no text")
        return _once(pairs)


def _yaml(name: Name, text: str) -> Reading:
    try:
        loader = _Plain(text)
        try:
            value = loader.get_single_data()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}: " if mark else ""
        raise Unusable(f"{where}is not YAML: {error.problem or error.context}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise Unusable(f"is not YAML: {' '.join(str(error).split())}") from None
    return reading_of(name, value)


def _csv(name: Name, text: str) -> Reading:
    reader = csv.reader(text.splitlines(), strict=True)
    try:
        header = [word.strip().lower() for word in next(reader, [])]
        if frozenset(header) not in HEADERS[name] or len(set(header)) != len(header):
            wanted = " or ".join(",".join(sorted(each)) for each in HEADERS[name])
            raise Unusable(f"line 1: the header is {shown(','.join(header))}, must name {wanted}")
        rows: list[tuple[str, dict[str, str]]] = []
        for row in reader:
            where = f"line {reader.line_num}"
            if not any(cell.strip() for cell in row):
                continue
            if len(row) != len(header):
                raise Unusable(f"{where}: has {len(row)} cells, must have {len(header)} ({','.join(header)})")
            rows.append((where, dict(zip(header, (cell.strip() for cell in row), strict=True))))
            if len(rows) > ROWS_MOST:
                raise Unusable(f"{where}: more than {ROWS_MOST} rows")
    except csv.Error as error:
        raise Unusable(f"line {reader.line_num}: is not CSV: {error}") from None
    if name == "macro":
        found = [event(row, where) for where, row in rows]
        return Reading(events=tuple(sorted(found, key=lambda item: (item.start, item.name))))
    return _series(name, rows)


def _series(name: Name, rows: list[tuple[str, dict[str, str]]]) -> Reading:
    if not rows:
        raise Unusable("holds no row beside its header")
    only = "dominance" if name == "dominance" else MARKET
    made: dict[str, list[tuple[float, Decimal]]] = {}
    for where, row in rows:
        series = row.get("name", only)
        if not series:
            raise Unusable(f"{where}: name is empty, must be market or a narrative's sleeve")
        made.setdefault(series, []).append(point(row["at"], row["value"], where))
    return Reading({series: in_order(points) for series, points in sorted(made.items())})


def _ics(name: Name, text: str) -> Reading:
    if name != "macro":
        raise Unusable(f"is a calendar, and {name} is no list of events: use csv, json or yaml")
    return read_ics(text)


_FORMS: Final[Mapping[Format, Callable[[Name, str], Reading]]] = {
    "csv": _csv,
    "json": _json,
    "yaml": _yaml,
    "ics": _ics,
}
