"""Owns the alarms of the market as a whole and the stress level over daily closes (R-S7 to R-S11, R-S15)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import talib
from numpy.typing import NDArray

from bot.core.readings.bars import CLOSE, HIGH, LOW, MS, VOLUME, Floats, sound
from bot.core.readings.regime import DAY_MS, as_of

WEEK_MS = 7 * DAY_MS
WEEKS = 4
LEVELS = 3
DAYS_A_YEAR = 365.0
THIRD = 1.0 / 3.0


@dataclass(frozen=True, slots=True)
class StressAsked:
    """Windows in daily bars, ratios as multiples, dominance in percent points."""

    volatility_ratio: float
    volatility_bars: int
    history_bars: int
    atr: int
    correlation: float
    percentile: float
    correlation_bars: int
    volume_ratio: float
    dominance_points: float
    dominance_ms: float
    funding_zscore: float
    funding_ms: float
    calm_closes: int


def trailing(values: Floats, bars: int, rows: int) -> Floats:
    """The windows of ``bars`` values that end at each of the last ``rows``, NaN before the first: (rows, bars)."""
    padded = np.concatenate([np.full(max(0, bars + rows - values.size), np.nan), values])
    return np.lib.stride_tricks.sliding_window_view(padded, bars)[-rows:]


def median_of(windows: Floats, least: int) -> Floats:
    """The median of each window's known values, NaN with fewer than ``least``. Shape (rows, bars) to (rows,)."""
    enough = np.isfinite(windows).sum(axis=1) >= least
    made = np.full(len(windows), np.nan)
    if enough.any():
        made[enough] = np.nanmedian(windows[enough], axis=1)
    return made


def rolling_std(values: Floats, bars: int) -> Floats:
    """The sample deviation of the last ``bars`` values, NaN before. Shape (n,) to (n,)."""
    made = np.full(values.size, np.nan)
    if values.size >= bars:
        made[bars - 1 :] = np.lib.stride_tricks.sliding_window_view(values, bars).std(axis=1, ddof=1)
    return made


def returns(close: Floats) -> Floats:
    """Log returns, NaN first. Shape (n,) to (n,)."""
    made = np.full(close.size, np.nan)
    made[1:] = np.log(close[1:] / close[:-1])
    return made


def volatility_ratio(bars: Floats, asked: StressAsked, rows: int) -> Floats:
    """The higher of realised and ATR % volatility, each over its own median (R-S7), of the last ``rows`` bars."""
    close = np.ascontiguousarray(bars[:, CLOSE])
    if close.size <= asked.volatility_bars:
        return np.full(rows, np.nan)
    realised = rolling_std(returns(close), asked.volatility_bars)
    high, low = np.ascontiguousarray(bars[:, HIGH]), np.ascontiguousarray(bars[:, LOW])
    ranged = talib.ATR(high, low, close, asked.atr) / close
    least = asked.history_bars // 3
    parts = [
        trailing(part, 1, rows)[:, 0] / median_of(trailing(part, asked.history_bars, rows), least)
        for part in (realised, ranged)
    ]
    return np.fmax(parts[0], parts[1])


def correlation_alarm(closes: Sequence[Floats], asked: StressAsked, rows: int) -> Floats:
    """1 where the majors' mean pairwise correlation is over its limit, 0 where not, NaN unknown (R-S8).

    ``closes`` are the majors' daily closes on one grid, shape (n,) each; the answer is of the last ``rows``.
    """
    size = closes[0].size if closes else 0
    if len(closes) < 2 or size <= asked.correlation_bars:  # noqa: PLR2004 - a pair
        return np.full(rows, np.nan)
    moves = [returns(close) for close in closes]
    pairs = [
        talib.CORREL(np.nan_to_num(one), np.nan_to_num(two), asked.correlation_bars)
        for index, one in enumerate(moves)
        for two in moves[index + 1 :]
    ]
    mean = np.mean(pairs, axis=0)
    mean[: asked.correlation_bars] = np.nan
    now = trailing(mean, 1, rows)[:, 0]
    limit = np.full(rows, np.nan)
    known = np.isfinite(now)
    if known.any():
        own = np.nanquantile(trailing(mean, asked.history_bars, rows)[known], asked.percentile, axis=1)
        limit[known] = np.maximum(asked.correlation, own)
    return np.where(known, (now > limit).astype(float), np.nan)


def volume_ratio(bars: Floats) -> Floats:
    """Volume over the median of the same hour and weekday of the last 4 weeks (R-S9), per signal bar; NaN unknown."""
    opened, volume = bars[:, MS], bars[:, VOLUME]
    earlier = np.full((WEEKS, opened.size), np.nan)
    for week in range(1, WEEKS + 1):
        index = np.searchsorted(opened, opened - week * WEEK_MS)
        index = np.minimum(index, max(0, opened.size - 1))
        same = opened[index] == opened - week * WEEK_MS if opened.size else np.zeros(0, dtype=bool)
        earlier[week - 1] = np.where(same, volume[index] if opened.size else volume, np.nan)
    enough = np.isfinite(earlier).sum(axis=0) >= WEEKS // 2
    made = np.full(opened.size, np.nan)
    if enough.any():
        usual = np.nanmedian(earlier[:, enough], axis=0)
        made[enough] = np.where(usual > 0, volume[enough] / np.where(usual > 0, usual, 1.0), np.nan)
    return made


def volume_alarm_of(points: Floats, signal_ms: float, at_ms: Floats, asked: StressAsked) -> Floats:
    """1, 0 or NaN at each instant, from the last signal bar closed by then; ``points`` are (open ms, volume ratio)."""
    if not len(points):
        return np.full(at_ms.size, np.nan)
    closed = points[:, 0] + signal_ms
    index = np.searchsorted(closed, at_ms, side="right") - 1
    found = np.maximum(index, 0)
    ratio = points[found, 1]
    known = (index >= 0) & (at_ms - closed[found] < 2 * signal_ms) & np.isfinite(ratio)
    return np.where(known, (np.nan_to_num(ratio) < asked.volume_ratio).astype(float), np.nan)


def funding_alarm(rates: Sequence[tuple[float, float]], at_ms: Floats, asked: StressAsked) -> Floats:
    """1 where the mean of the last 3 settled rates swung by the z-score over its history (R-S10), 0, or NaN."""
    made = np.full(at_ms.size, np.nan)
    if not rates:
        return made
    table = np.array(sorted(rates))
    for row, at in enumerate(at_ms):
        known = table[(table[:, 0] <= at) & (table[:, 0] > at - asked.funding_ms), 1]
        if known.size < LEVELS * 10:
            continue
        spread = known.std(ddof=1)
        swing = abs(known[-3:].mean() - known.mean())
        made[row] = float(spread > 0 and swing >= asked.funding_zscore * spread)
    return made


def dominance_alarm(points: tuple[tuple[float, float], ...], at_ms: Floats, asked: StressAsked) -> Floats:
    """1 where dominance moved by the points over the window (R-S11), 0, or NaN where it is unknown."""
    now = as_of(points, at_ms, 2 * DAY_MS)
    then = as_of(points, at_ms - asked.dominance_ms, 2 * DAY_MS)
    moved = np.abs(now - then)
    return np.where(np.isnan(moved), np.nan, (moved >= asked.dominance_points).astype(float))


def weighted(values: Mapping[str, Floats], weights: Mapping[str, float]) -> Floats:
    """The mean of the known values by weight, per row; NaN where no weighted asset is known."""
    names = [name for name in values if weights.get(name, 0.0) > 0]
    if not names:
        return np.full(next(iter(values.values())).size if values else 0, np.nan)
    table = np.stack([values[name] for name in names])
    shares = np.array([[weights[name]] for name in names]) * np.isfinite(table)
    whole = shares.sum(axis=0)
    total = (np.nan_to_num(table) * shares).sum(axis=0)
    return np.where(whole > 0, total / np.where(whole > 0, whole, 1.0), np.nan)


def standing(raw: NDArray[np.int64], calm_closes: int) -> NDArray[np.int64]:
    """The level that stands (R-S15): up at once, down one level after ``calm_closes`` closes with a lower raw level."""
    made = np.zeros(raw.size, dtype=np.int64)
    level = calm = 0
    for index, now in enumerate(raw):
        if now >= level:
            level, calm = int(now), 0
        else:
            calm += 1
            if calm >= calm_closes:
                level, calm = level - 1, 0
        made[index] = level
    return made


def on_grid(bars: Floats, grid_ms: Floats) -> Floats:
    """An asset's daily closes on a grid of open times, NaN where it has none."""
    daily = sound(bars)
    if not len(daily):
        return np.full(grid_ms.size, np.nan)
    index = np.minimum(np.searchsorted(daily[:, MS], grid_ms), len(daily) - 1)
    return np.where(daily[index, MS] == grid_ms, daily[index, CLOSE], np.nan)
