"""Owns the shapes of parsed answers and files: from plain values to a reading, or one line saying what is wrong.

Known shapes, beside `[[time, value], …]` and `{"points": [[time, value], …]}`:

- dominance: CoinGecko's `/api/v3/global` (`data.market_cap_percentage.btc` at `data.updated_at`, seconds);
- sentiment: alternative.me's fear and greed (`data: [{value, timestamp}, …]`, seconds), `{name: [[time, value], …]}`;
- macro: `[{name, start, end, impact}, …]` and `{"events": […]}`;
- all three at once, as the local exchange tells them: `{"dominance": …, "sentiment": …, "macro": …}`.

Times are UTC: ISO 8601, or milliseconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Final

from bot.core.numbers import from_milliseconds, milliseconds
from bot.core.snapshot import MacroEvent, Point
from bot.feeds.reading import MARKET, NAMES, SERIES_MOST, Name, Points, Reading, Unusable, in_order

IMPACTS: Final = ("low", "medium", "high", "delisting")  # delisting: the name is the coin's (R-A17)
FIRST: Final = datetime(2009, 1, 3, tzinfo=UTC)  # before the first block there was nothing to measure
LAST: Final = datetime(2100, 1, 1, tzinfo=UTC)
HUNDRED: Final = Decimal(100)
PAIR: Final = 2
ROWS_MOST: Final = 50_000
SHOWN: Final = 60
EVENT_KEYS: Final = frozenset({"name", "start", "end", "impact"})


def reading_of(name: Name, value: object) -> Reading:
    """The reading of one feed out of parsed JSON or YAML; raises `Unusable`."""
    place: str = name
    if isinstance(value, Mapping) and len(set(value) & set(NAMES)) > 1:
        # The local exchange tells all at once; a reading it has none of is null.
        value, place = value.get(name), f"{name} (of several feeds)"
        if value is None:
            raise Unusable(f"{place}: is null: the source has no such reading")
    return _READERS[name](value, place)


def point(at: object, value: object, place: str) -> Point:
    """One point of a percentage: time and 0..100."""
    return float(milliseconds(instant(at, place))), percentage(value, place)


def instant(value: object, place: str) -> datetime:
    """An instant, UTC; raises `Unusable` for what is none, or lies before there was a market."""
    try:
        found = _instant(value)
    except (ValueError, OverflowError, InvalidOperation):
        found = None
    if found is None:
        raise Unusable(f"{place}: time is {shown(value)}, must be UTC, ISO 8601 or milliseconds since 1970")
    if not FIRST <= found <= LAST:
        when = found.isoformat().replace("+00:00", "Z")
        hint = "; milliseconds, not seconds" if found < FIRST else ""
        raise Unusable(f"{place}: time is {shown(value)} ({when}), must lie between 2009 and 2100{hint}")
    return found


def _instant(value: object) -> datetime | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, datetime):
        return value
    if isinstance(value, int | float | Decimal):
        return from_milliseconds(float(value))
    if not isinstance(value, str):
        return None
    text = value.strip()
    if text.replace(".", "", 1).isdecimal() and not _is_day(text):
        return from_milliseconds(float(text))
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _is_day(text: str) -> bool:
    return len(text) == len("20260101") and text.startswith("20")


def percentage(value: object, place: str) -> Decimal:
    """A finite number from 0 to 100; raises `Unusable`."""
    number: Decimal | None = None
    if isinstance(value, int | Decimal | str) and not isinstance(value, bool):
        try:
            number = Decimal(value.strip() if isinstance(value, str) else value)
        except InvalidOperation:
            number = None
    if number is None or not number.is_finite() or not 0 <= number <= HUNDRED:
        raise Unusable(f"{place}: value is {shown(value)}, must be a number from 0 to 100")
    return number


def event(fields: Mapping[str, object], place: str) -> MacroEvent:
    """One event of the calendar out of its four fields; ``end`` left out or empty is ``start``."""
    unknown = sorted(set(map(str, fields)) - EVENT_KEYS)
    if unknown:
        raise Unusable(f"{place}: {shown(unknown[0])} is no field of an event, must be one of name, start, end, impact")
    name = fields.get("name")
    if not isinstance(name, str) or not name.strip():
        raise Unusable(f"{place}: name is {shown(name)}, must be text")
    impact = str(fields.get("impact") or "").strip().lower()
    if impact not in IMPACTS:
        raise Unusable(f"{place}: impact is {shown(fields.get('impact'))}, must be one of {', '.join(IMPACTS)}")
    start = instant(fields.get("start"), f"{place} start")
    end = instant(fields["end"], f"{place} end") if fields.get("end") not in (None, "") else start
    if end < start:
        raise Unusable(f"{place}: ends at {shown(fields['end'])}, before its start at {shown(fields.get('start'))}")
    return MacroEvent(name=name.strip(), start=start, end=end, impact=impact)


def shown(value: object) -> str:
    """A value as people may read it, on one line."""
    text = " ".join(repr(value).split())
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."


def _dominance(value: object, place: str) -> Reading:
    if isinstance(value, Mapping) and isinstance(data := value.get("data"), Mapping):
        shares = data.get("market_cap_percentage")
        if not isinstance(shares, Mapping) or "btc" not in shares or "updated_at" not in data:
            raise Unusable(f"{place}: data is without market_cap_percentage.btc or updated_at")
        at = _seconds(data["updated_at"], f"{place}: data.updated_at")
        return Reading({"dominance": (point(at, shares["btc"], f"{place}: data.market_cap_percentage.btc"),)})
    return Reading({"dominance": _points(value, place)})


def _sentiment(value: object, place: str) -> Reading:
    if isinstance(value, Mapping) and "data" in value:
        return Reading({MARKET: _fear_and_greed(value, place)})
    if isinstance(value, Mapping) and "points" not in value:
        if not value or len(value) > SERIES_MOST:
            raise Unusable(f"{place}: has {len(value)} series, must be 1 to {SERIES_MOST}")
        return Reading({str(name): _points(points, f"{place}.{name}") for name, points in value.items()})
    return Reading({MARKET: _points(value, place)})


def _fear_and_greed(value: Mapping[str, object], place: str) -> Points:
    metadata = value.get("metadata")
    if isinstance(metadata, Mapping) and metadata.get("error"):
        raise Unusable(f"{place}: the source says: {shown(metadata['error'])}")
    made = []
    for where, row in _rows(value["data"], f"{place}: data"):
        if not isinstance(row, Mapping) or "value" not in row or "timestamp" not in row:
            raise Unusable(f"{where}: is {shown(row)}, must hold value and timestamp")
        made.append(point(_seconds(row["timestamp"], where), row["value"], where))
    return in_order(made)


def _macro(value: object, place: str) -> Reading:
    if isinstance(value, Mapping):
        if set(value) != {"events"}:
            raise Unusable(f"{place}: is a map of {shown(sorted(map(str, value)))}, must be a list, or a map of events")
        value = value["events"]
    found = []
    for where, row in _rows(value, place, least=0):
        if not isinstance(row, Mapping):
            raise Unusable(f"{where}: is {shown(row)}, must hold name, start, end and impact")
        found.append(event(row, where))
    return Reading(events=tuple(sorted(found, key=lambda item: (item.start, item.name))))


def _points(value: object, place: str) -> Points:
    if isinstance(value, Mapping):
        if set(value) != {"points"}:
            raise Unusable(f"{place}: is a map of {shown(sorted(map(str, value)))}, must be points or a list of points")
        value = value["points"]
    made = []
    for where, row in _rows(value, place):
        if not isinstance(row, Sequence) or isinstance(row, str) or len(row) != PAIR:
            raise Unusable(f"{where}: is {shown(row)}, must be a pair of time and value")
        made.append(point(row[0], row[1], where))
    return in_order(made)


def _rows(value: object, place: str, least: int = 1) -> Iterator[tuple[str, object]]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise Unusable(f"{place}: is {shown(value)}, must be a list")
    if not least <= len(value) <= ROWS_MOST:
        raise Unusable(f"{place}: has {len(value)} entries, must have {least} to {ROWS_MOST}")
    for index, row in enumerate(value):
        yield f"{place}[{index}]", row


def _seconds(value: object, place: str) -> datetime:
    """An instant that a public API gives in whole seconds, as a number or as text."""
    text = str(value)
    if isinstance(value, bool) or not text.isdecimal():
        raise Unusable(f"{place}: time is {shown(value)}, must be whole seconds since 1970")
    return instant(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=int(text[:12])), place)


_READERS: Final[Mapping[Name, Callable[[object, str], Reading]]] = {
    "dominance": _dominance,
    "sentiment": _sentiment,
    "macro": _macro,
}
