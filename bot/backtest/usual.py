"""Owns the recorded medians of a past, known ahead: what an engine that sampled every cycle would have at any of them.

The samples are those of `bot.engine.medians`, by columns: a day's are ranked at once, in whole units, so that what an
engine is told of a cycle is what it would have gathered by then, to the last digit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bot.core.instruments import is_swap
from bot.core.numbers import from_milliseconds
from bot.engine.medians import A_DAY, DAYS, LEAST, NINE, Kind, Medians
from bot.engine.observe import BOOKS_MAX
from bot.venues.simulated.columns import Columns

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
HOUR_MS: Final = 3_600_000
DAY_HOURS: Final = 24
SPREAD_DIGITS, DEPTH_DIGITS = 9, 2
MOST: Final = np.iinfo(np.int64).max
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, eq=False)
class _Samples:
    """One symbol's: whether in a row, the rows, spreads (1e-9) and depths (cents), and their days.

    ``days`` (d,) are counted from the epoch, ``starts`` (d + 1,) is where each begins among the samples, and ``told``
    has (day, median, how many) of each, of spread and of depth.
    """

    sampled: NDArray[np.bool_]
    rows: Ints
    spread: Ints
    depth: Ints
    days: Ints
    starts: Ints
    told: tuple[list[tuple[str, Decimal, int]], list[tuple[str, Decimal, int]]]


class Usual:
    """What would have been sampled of some symbols at the cycles ``times_ms``, each of a whole hour."""

    def __init__(self, sampled: Mapping[str, Columns], times_ms: Ints) -> None:
        self._times = times_ms
        active = [(columns.mid > 0) if is_swap(name) else columns.known for name, columns in sampled.items()]
        turns = _in_turn(np.column_stack(active), times_ms // HOUR_MS % DAY_HOURS)
        self._of = {
            name: _samples(columns, turns[:, number] & columns.known, times_ms)
            for number, (name, columns) in enumerate(sampled.items())
        }

    def read_at(self, row: int) -> list[str]:
        """The symbols whose books the cycle of a row reads as its sample."""
        return [name for name, samples in self._of.items() if samples.sampled[row]]

    def tell(self, medians: Medians, row: int) -> None:
        """Bring an engine's medians to where they stand after the sample of a row's cycle."""
        seen: dict[str, tuple[str, Kind, Kind]] = {}
        for name, samples in self._of.items():
            upto = int(np.searchsorted(samples.rows, row, side="right"))
            if not upto:
                continue
            day = int(np.searchsorted(samples.starts, upto - 1, side="right")) - 1
            spread, depth = (_kind(samples, which, day, upto) for which in (0, 1))
            seen[name] = (_text(int(samples.days[day])), spread, depth)
        medians.stand(from_milliseconds(int(self._times[row])), seen)

    def spread_median(self, name: str, row: int) -> Decimal | None:
        """The median of a symbol's spread that the cycle of a row knows; None while it knows none."""
        samples = self._of[name]
        upto = int(np.searchsorted(samples.rows, row, side="right"))
        if not upto:
            return None
        day = int(np.searchsorted(samples.starts, upto - 1, side="right")) - 1
        found = _kind(samples, 0, day, upto).value()
        return None if found is None else found.quantize(NINE)

    def least_spread(self, name: str) -> Floats:
        """What the median of a symbol's spread cannot be under, (n,) by row; infinite where none is told yet."""
        samples, made = self._of[name], np.full(len(self._times), np.inf)
        if not len(samples.days):
            return made
        # Before its first sample of a day a symbol stands where the day before left it, so both days count.
        least = _least_medians(np.array([float(each) for _, each, _ in samples.told[0]]))
        least = np.minimum(least, np.append(least[:1], least[:-1]))
        day = np.searchsorted(samples.days, self._times // HOUR_MS // DAY_HOURS, side="right") - 1
        enough = samples.starts[1:] + A_DAY >= LEAST
        known = day >= 0
        known[known] &= enough[day[known]]
        made[known] = least[day[known]] - 10.0**-SPREAD_DIGITS  # it is told rounded
        return made


def _in_turn(active: NDArray[np.bool_], hours: Ints) -> NDArray[np.bool_]:
    """Whose books are read each hour, (n, k), of those that are ``active``, as `bot.engine.observe.in_turn` has it."""
    count = np.maximum(active.sum(axis=1), 1)[:, None]
    number = np.cumsum(active, axis=1) - 1
    made: NDArray[np.bool_] = active & ((number - hours[:, None] * BOOKS_MAX % count) % count < BOOKS_MAX)
    return np.where(count <= BOOKS_MAX, active, made)


def _samples(columns: Columns, sampled: NDArray[np.bool_], times_ms: Ints) -> _Samples:
    rows = np.flatnonzero(sampled)
    bid, ask = columns.bid[rows], columns.ask[rows]
    spread = _rounded((ask - bid) * (2 * 10**SPREAD_DIGITS), ask + bid)
    shift = columns.scale - DEPTH_DIGITS
    depth = columns.depth[rows]
    depth = _rounded(depth, np.full_like(depth, 10**shift)) if shift > 0 else depth * 10**-shift
    days, starts = np.unique(times_ms[rows] // HOUR_MS // DAY_HOURS, return_index=True)
    starts = np.append(starts, len(rows))
    texts = [_text(day) for day in days.tolist()]
    told = tuple(
        _medians(values, starts, texts, digits) for values, digits in ((spread, SPREAD_DIGITS), (depth, DEPTH_DIGITS))
    )
    return _Samples(sampled, rows, spread, depth, days, starts, (told[0], told[1]))


def _kind(samples: _Samples, which: int, day: int, upto: int) -> Kind:
    """Spread (0) or depth (1) as an engine holds it on a day after so many samples."""
    values, digits = ((samples.spread, SPREAD_DIGITS), (samples.depth, DEPTH_DIGITS))[which]
    today = values[int(samples.starts[day]) : upto].tolist()
    return Kind([Decimal(each).scaleb(-digits) for each in today], samples.told[which][max(0, day - DAYS) : day])


def _rounded(part: Ints, whole: Ints) -> Ints:
    """Whole units of a quotient, half even."""
    units, rest = np.divmod(part, whole)
    more = (2 * rest > whole) | ((2 * rest == whole) & (units % 2 == 1))
    made: Ints = units + more
    return made


def _medians(values: Ints, starts: Ints, texts: list[str], digits: int) -> list[tuple[str, Decimal, int]]:
    """(day, median, how many) of each day's values."""
    counts = np.diff(starts)
    if not len(counts):
        return []
    table = np.full((len(counts), int(counts.max())), MOST)
    day = np.repeat(np.arange(len(counts)), counts)
    table[day, np.arange(len(values)) - starts[:-1][day]] = values
    table.sort(axis=1)
    row = np.arange(len(counts))
    lower, upper = table[row, (counts - 1) // 2], table[row, counts // 2]
    twice = (lower + upper).tolist()
    return [
        (text, Decimal(each).scaleb(-digits) / 2, count)
        for text, each, count in zip(texts, twice, counts.tolist(), strict=True)
    ]


def _least_medians(days: Floats) -> Floats:
    """The least that the median of the 30 days before each and of a day to come can be, (d,)."""
    padded = np.concatenate((np.full(DAYS, np.nan), days[:-1]))
    windows = np.lib.stride_tricks.sliding_window_view(padded, DAYS)
    ranked = np.sort(np.column_stack((windows, np.zeros(len(days)))), axis=1)  # unknown ones last
    counts = np.minimum(np.arange(len(days)), DAYS) + 1
    row = np.arange(len(days))
    made: Floats = (ranked[row, (counts - 1) // 2] + ranked[row, counts // 2]) / 2
    return made


def _text(day: int) -> str:
    made: date = (EPOCH + timedelta(days=day)).date()
    return made.isoformat()
