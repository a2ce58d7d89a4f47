"""Owns the look at recorded candles before anybody believes them: gaps, doubles, absurd bars. Changes none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bot.core.numbers import from_milliseconds, utc_text
from bot.venues.simulated.recordings import TapeError, candle_files, candles_of

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
HOUR_MS: Final = 3_600_000
LEAP: Final = 0.5  # of a close against the one before, within an hour of it
OPEN, HIGH, LOW, CLOSE, VOLUME = range(1, 6)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about a coin's bars: what, how often, where first. ``fatal``: no tape plays them."""

    what: str
    count: int
    first: str
    fatal: bool


@dataclass(frozen=True, slots=True)
class Checked:
    """One coin's file as it was found; times are UTC text, empty where there is no row."""

    file: str
    coin: str
    rows: int
    first: str
    last: str
    findings: tuple[Finding, ...]

    @property
    def sound(self) -> bool:
        """Whether it can be played."""
        return not any(item.fatal for item in self.findings)

    def body(self) -> dict[str, Any]:
        """As JSON."""
        found = [
            {"what": item.what, "count": item.count, "first": item.first, "fatal": item.fatal} for item in self.findings
        ]
        about = {"file": self.file, "coin": self.coin, "rows": self.rows, "first": self.first, "last": self.last}
        return {**about, "sound": self.sound, "findings": found}


def checked(folder: Path) -> list[Checked]:
    """Every coin of every file of candles in a folder; raises `TapeError` where there is none."""
    files = candle_files(folder) if folder.is_dir() else []
    if not files:
        raise TapeError(f"{folder}: holds no candles, must be a folder with files like BTCUSDT.parquet")
    return [item for path in files for item in _of_file(path)]


def _of_file(path: Path) -> Iterator[Checked]:
    try:
        held: Mapping[str, Floats] = candles_of(path, finite=False)
    except TapeError as error:
        yield Checked(path.name, "", 0, "", "", (Finding(str(error).removeprefix(f"{path}: "), 1, "", fatal=True),))
        return
    for coin, rows in held.items():
        known = rows[np.isfinite(rows[:, 0])]
        times = np.sort(known[:, 0])
        ends = (_at(times[0]), _at(times[-1])) if len(times) else ("", "")
        yield Checked(path.name, coin, len(rows), *ends, tuple(findings(rows)))


def findings(rows: Floats) -> Iterator[Finding]:
    """What is wrong with bars (n, 6) in the order of the file, and what is only strange."""
    if not len(rows):
        yield Finding("no bar", 0, "", fatal=True)
        return
    finite: Flags = np.asarray(np.isfinite(rows).all(axis=1))
    yield from _told("missing or not finite", rows[:, 0], ~finite, fatal=True)
    bars = rows[finite]
    bars = bars[np.argsort(bars[:, 0], kind="stable")]
    opened, prices = bars[:, 0], bars[:, OPEN : CLOSE + 1]
    twice: Flags = np.diff(opened, prepend=-1) == 0
    yield from _told("the same time twice", opened, twice, fatal=True)
    yield from _told("not on a full hour", opened, opened % HOUR_MS != 0, fatal=True)
    nothing: Flags = np.asarray((prices <= 0).any(axis=1))
    yield from _told("a price that is not above 0", opened, nothing, fatal=True)
    outside: Flags = (prices.max(axis=1) > bars[:, HIGH]) | (prices.min(axis=1) < bars[:, LOW])
    yield from _told("a price outside its own high and low", opened, outside, fatal=True)
    yield from _told("a negative volume", opened, bars[:, VOLUME] < 0, fatal=True)
    yield from _told("no volume", opened, bars[:, VOLUME] == 0, fatal=False)
    yield from _strange(bars)


def _strange(bars: Floats) -> Iterator[Finding]:
    opened, close = bars[:, 0], bars[:, CLOSE]
    apart = np.diff(opened, prepend=opened[:1] - HOUR_MS)
    missing = np.maximum(apart - HOUR_MS, 0) // HOUR_MS
    gaps = missing > 0
    if gaps.any():
        where = int(np.flatnonzero(gaps)[0])
        what = f"gaps, {int(missing.sum())} hours in all, the longest {int(missing.max())}"
        yield Finding(what, int(gaps.sum()), _at(opened[where] - missing[where] * HOUR_MS), fatal=False)
    before = np.concatenate((close[:1], close[:-1]))
    with np.errstate(divide="ignore", invalid="ignore"):
        leapt = (np.abs(close / before - 1) > LEAP) & (apart == HOUR_MS)
    yield from _told(f"a close over {LEAP:.0%} from the one before", opened, leapt, fatal=False)


def _told(what: str, times: Floats, where: Flags, *, fatal: bool) -> Iterable[Finding]:
    if not where.any():
        return ()
    first = times[np.flatnonzero(where)[0]]
    return (Finding(what, int(where.sum()), _at(first) if np.isfinite(first) else "", fatal),)


def _at(time_ms: float) -> str:
    return utc_text(from_milliseconds(float(time_ms)))
