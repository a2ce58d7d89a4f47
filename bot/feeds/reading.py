"""Owns what a source told: series of points and events, joined, thinned and aged. Knows no format, clock or address."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from bot.core.snapshot import MacroEvent, Point

Name = Literal["dominance", "sentiment", "macro"]
NAMES: tuple[Name, ...] = ("dominance", "sentiment", "macro")
Points = tuple[Point, ...]

MARKET = "market"  # the series of market-wide sentiment; dominance has a single series of its own name
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
#: Every point of the last day, then the last of each hour, then the last of each UTC day: what a daily close or a
#: swing of some days looks up stays the same, and a snapshot stays small.
WHOLE_MS = DAY_MS
HOURLY_MS = 10 * DAY_MS
OLDEST_MS = 800 * DAY_MS  # the regime's daily window holds 768 closes
SERIES_MOST = 200


class Unusable(Exception):
    """What a source gave is no reading; one line: place, value, what would be right."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Points by series, oldest first, values as told (percent, or 0 to 100); events by start."""

    series: Mapping[str, Points] = field(default_factory=dict)
    events: tuple[MacroEvent, ...] = ()


def in_order(points: Iterable[Point]) -> Points:
    """Oldest first; of several at one instant the last that was given."""
    by_time: dict[float, Decimal] = dict(points)
    return tuple(sorted(by_time.items()))


def joined(earlier: Mapping[str, Points], later: Mapping[str, Points]) -> dict[str, Points]:
    """Both, series by series; where both know an instant, the later telling counts."""
    return {name: in_order((*earlier.get(name, ()), *later.get(name, ()))) for name in sorted({*earlier, *later})}


def thinned(points: Points, now_ms: float) -> Points:
    """The points up to now, the denser the younger."""
    kept: dict[tuple[str, float], Point] = {}
    for at, value in points:
        age = now_ms - at
        if not 0 <= age <= OLDEST_MS:
            continue
        if age <= WHOLE_MS:
            slot = ("each", at)
        else:
            # A slot ends with its whole hour or day, so that a point at midnight is the day's that it closes.
            unit, length = ("hour", HOUR_MS) if age <= HOURLY_MS else ("day", DAY_MS)
            slot = (unit, -(-at // length))
        kept[slot] = (at, value)
    return tuple(sorted(kept.values()))
