"""Owns the alarms of the market as a whole and the stress level over time (R-S7 to R-S11, R-S15). Knows no holding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
import talib
from numpy.typing import NDArray

from bot.core.readings.bars import CLOSE, HIGH, LOW, MS, VOLUME, Floats, sound
from bot.core.readings.indicators import LEAST_PERIOD, NOISE_SHARE
from bot.core.readings.regime import DAY_MS, FEED_AGE_MS, as_of

Indices = NDArray[np.int64]
WEEK_MS = 7 * DAY_MS
WEEKS = 4
MEDIAN = 0.5
LEVELS = 3
LATEST_RATES = 3  # whose mean is the funding of now
LEAST_RATES = 30  # ten days of 8 h rates, before a deviation means anything
LEAST_SHARE = 1 / 3  # of a history that must be known before its median or percentile is one
SUMS_SLACK = 1e-9  # of a sum of squares: within it, nobody trusts a difference of two of them
LEAST_PAIRED = 2 / 3  # of a correlation's window in which both must be known


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
    _hash: int = field(init=False, repr=False, compare=False)  # it is part of most keys of a memo

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "_hash", hash(tuple(getattr(self, name) for name in self.__slots__ if name != "_hash"))
        )

    def __hash__(self) -> int:
        """Made once."""
        return self._hash


def trailing(values: Floats, bars: int, rows: int) -> Floats:
    """The windows of ``bars`` values that end at each of the last ``rows``, NaN before the first: (rows, bars)."""
    wanted = bars + rows - 1
    padded = np.concatenate([np.full(max(0, wanted - values.size), np.nan), values[max(0, values.size - wanted) :]])
    return np.lib.stride_tricks.sliding_window_view(padded, bars)


def quantile_of(windows: Floats, share: float, least: float) -> Floats:
    """The quantile of each window's known values by line between two; NaN with fewer than ``least``. (r, b) to (r,)."""
    ranked = np.sort(windows, axis=1)  # unknown ones last
    known, row = np.isfinite(ranked).sum(axis=1), np.arange(len(ranked))
    place = share * np.maximum(known - 1, 0)
    lower = place.astype(np.int64)
    below, above = ranked[row, lower], ranked[row, np.minimum(lower + 1, np.maximum(known - 1, 0))]
    return np.where(known >= max(1, least), below + (above - below) * (place - lower), np.nan)


def over(values: Floats, usual: Floats) -> Floats:
    """Each value over what is usual, NaN where either is unknown or the usual is nothing. Shape (n,), (n,) to (n,)."""
    some = usual > NOISE_SHARE
    return np.where(some, values / np.where(some, usual, 1.0), np.nan)


def returns(bars: Floats) -> Floats:
    """Log returns of daily bars, NaN first; one over a gap is divided by the root of its days. Shape (n, 6) to (n,)."""
    made = np.full(len(bars), np.nan)
    made[1:] = np.diff(np.log(bars[:, CLOSE])) / np.sqrt(np.diff(bars[:, MS]) / DAY_MS)
    return made


def volatility_ratio(bars: Floats, asked: StressAsked, rows: int) -> Floats:
    """The higher of realised and ATR % volatility, each over its own median (R-S7), of the last ``rows`` daily bars."""
    if asked.volatility_bars < LEAST_PERIOD or len(bars) <= max(asked.volatility_bars, asked.atr):
        return np.full(rows, np.nan)
    high, low, close = (np.ascontiguousarray(bars[:, column]) for column in (HIGH, LOW, CLOSE))
    ranged = talib.ATR(high, low, close, asked.atr) / close
    moves = trailing(returns(bars), asked.volatility_bars, asked.history_bars + rows)
    least = asked.history_bars * LEAST_SHARE
    parts = [
        over(part[part.size - rows :], quantile_of(trailing(part, asked.history_bars, rows), MEDIAN, least))
        for part in (moves.std(axis=1, ddof=1), ranged)
    ]
    return np.fmax(parts[0], parts[1])


def rolling_correlation(one: Floats, two: Floats) -> Floats:
    """Pearson's correlation of each pair of windows, NaN where unknown or one stood still. Shape (r, b) to (r,)."""
    known = np.isfinite(one) & np.isfinite(two)
    count = np.maximum(known.sum(axis=1, keepdims=True), 1)
    first, second = (
        np.where(known, item - np.where(known, item, 0.0).sum(axis=1, keepdims=True) / count, 0.0)
        for item in (one, two)
    )
    spread = np.sqrt((first**2).sum(axis=1) * (second**2).sum(axis=1))
    enough = (count[:, 0] >= LEAST_PAIRED * one.shape[1]) & (spread > NOISE_SHARE**2)
    return np.where(enough, (first * second).sum(axis=1) / np.where(enough, spread, 1.0), np.nan)


def correlation_alarm(closes: Sequence[Floats], asked: StressAsked, rows: int) -> Floats:
    """1 where the majors' mean pairwise correlation is over its limit, 0 where not, NaN unknown (R-S8).

    ``closes`` are the majors' daily closes on one grid, shape (n,) each, NaN where one has none; the answer is of the
    last ``rows``. A pair that is not known is left out of the mean.
    """
    reach, bars = asked.history_bars + rows - 1, asked.correlation_bars
    if bars < LEAST_PERIOD or not rows:
        return np.full(rows, np.nan)
    moves = [trailing(np.diff(np.log(close), prepend=np.nan), bars, reach) for close in closes]
    pairs = np.array([rolling_correlation(one, two) for one, two in combinations(moves, 2)]).reshape(-1, reach)
    known = np.isfinite(pairs).sum(axis=0)
    mean = np.where(known > 0, np.nansum(pairs, axis=0) / np.maximum(known, 1), np.nan)
    windows, now = trailing(mean, asked.history_bars, rows), mean[reach - rows :]
    # By hand: numpy's own quantile loads its masked arrays first, 50 ms that one decision would feel.
    own = quantile_of(windows, asked.percentile, asked.history_bars * LEAST_SHARE)
    told = np.isfinite(now) & np.isfinite(own)
    return np.where(told, (now > np.fmax(asked.correlation, own)).astype(float), np.nan)


def volume_ratio(bars: Floats, rows: int) -> Floats:
    """Volume over the median of the same hour and weekday of the last 4 weeks (R-S9), of the last ``rows`` bars.

    NaN where fewer than two of the four are known, or nothing is usually traded.
    """
    opened, volume = np.ascontiguousarray(bars[:, MS]), bars[:, VOLUME]
    recent = opened[max(0, opened.size - rows) :]
    wanted = recent[:, None] - WEEK_MS * np.arange(1, WEEKS + 1)
    index = np.searchsorted(opened, wanted)
    # The index is before the bar itself, so it is one.
    earlier = np.where(opened[index] == wanted, volume[index], np.nan)
    return over(volume[opened.size - recent.size :], quantile_of(earlier, MEDIAN, WEEKS // 2))


def volumes(bars: Floats, rows: int) -> tuple[Floats, bool]:
    """(open ms, volume ratio) of the last sound bars, (rows, 2), and whether every bar is sound."""
    good = sound(bars)
    return np.column_stack([good[-rows:, MS], volume_ratio(good, rows)]), good is bars


def ratio_on(bars: Floats, grid_ms: Floats, asked: StressAsked) -> Floats:
    """An asset's volatility ratio on the days of a grid, NaN where it has none. Shapes (n, 6), (d,) to (d,)."""
    daily = sound(bars)
    rows = int(len(daily) - np.searchsorted(daily[:, MS], grid_ms[0])) if grid_ms.size else 0
    if not rows:
        return np.full(grid_ms.size, np.nan)
    opened, ratio = daily[-rows:, MS], volatility_ratio(daily, asked, rows)
    at = np.minimum(np.searchsorted(opened, grid_ms), rows - 1)
    return np.where(opened[at] == grid_ms, ratio[at], np.nan)


def traded(bars: Floats, count: int) -> float:
    """The median of what is traded in a day, in quote, of the last ``count`` daily bars."""
    worth = bars[-count:, CLOSE] * bars[-count:, VOLUME]
    return float(quantile_of(worth[None, :], MEDIAN, 1)[0])


def volume_alarm_of(points: Floats, signal_ms: float, at_ms: Floats, asked: StressAsked) -> Floats:
    """1, 0 or NaN at each instant, from the last signal bar closed by then; ``points`` are (open ms, volume ratio)."""
    if not len(points):
        return np.full(at_ms.size, np.nan)
    closed = points[:, 0] + signal_ms
    index = np.searchsorted(closed, at_ms, side="right") - 1
    found = np.maximum(index, 0)
    ratio = points[found, 1]
    known = (index >= 0) & (at_ms - closed[found] < 2 * signal_ms) & np.isfinite(ratio)
    return np.where(known, (ratio < asked.volume_ratio).astype(float), np.nan)


def funding_alarm(rates: Sequence[tuple[float, float]], at_ms: Floats, asked: StressAsked) -> Floats:
    """1 where the mean of the last 3 settled rates swung by the z-score over its history (R-S10), 0 where not.

    NaN with too few rates, or when the newest is older than a feed may be.
    """
    made = np.full(at_ms.size, np.nan)
    if not rates:
        return made
    table = np.array(sorted(rates))
    ends = np.searchsorted(table[:, 0], at_ms, side="right")
    starts = np.searchsorted(table[:, 0], at_ms - asked.funding_ms, side="right")
    fresh = (ends - starts >= LEAST_RATES) & (at_ms - table[np.maximum(ends - 1, 0), 0] <= FEED_AGE_MS)
    far, made[fresh] = swings(table[:, 1], starts[fresh], ends[fresh], asked)
    for row in np.flatnonzero(fresh)[~far].tolist():
        known = table[starts[row] : ends[row], 1]
        spread = known.std(ddof=1)
        swing = abs(known[-LATEST_RATES:].mean() - known.mean())
        made[row] = float(spread > 0 and swing >= asked.funding_zscore * spread)
    return made


def swings(rates: Floats, starts: Indices, ends: Indices, asked: StressAsked) -> tuple[NDArray[np.bool_], Floats]:
    """Of each stretch of rates: whether it can be told by sums that it swung by the z-score or not, and whether it did.

    Shapes (n,), (m,), (m,) to (m,) each. A swing near its limit, or rates of hardly any spread, cannot be told so.
    """
    # Sums from the first rate on; about their mean, so that little is lost in the differences of squares.
    off = rates - rates.mean()
    sums, squares = (np.concatenate([[0.0], np.cumsum(each)]) for each in (off, off * off))
    count = ends - starts
    mean = (sums[ends] - sums[starts]) / count
    variance = (squares[ends] - squares[starts] - count * mean * mean) / (count - 1)
    swung = (sums[ends] - sums[ends - LATEST_RATES]) / LATEST_RATES - mean
    ahead = swung * swung - asked.funding_zscore**2 * variance
    near = SUMS_SLACK * (swung * swung + asked.funding_zscore**2 * variance + squares[-1])
    return (np.abs(ahead) > near) & (variance > SUMS_SLACK * squares[-1]), (ahead >= 0).astype(np.float64)


def dominance_alarm(points: tuple[tuple[float, float], ...], at_ms: Floats, asked: StressAsked) -> Floats:
    """1 where dominance moved by the points over the window (R-S11), 0, or NaN where it is unknown."""
    now = as_of(points, at_ms, FEED_AGE_MS)
    then = as_of(points, at_ms - asked.dominance_ms, FEED_AGE_MS)
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


def standing(raw: NDArray[np.int64], closing: NDArray[np.bool_], calm_closes: int) -> NDArray[np.int64]:
    """The level that stands (R-S15): up at once, down one after ``calm_closes`` daily closes with a lower raw level.

    ``closing`` says which rows are daily closes. Whatever stood before the first row is forgotten after `LEVELS` x
    ``calm_closes`` of them.
    """
    made = np.zeros(raw.size, dtype=np.int64)
    level = calm = 0
    for index, (now, close) in enumerate(zip(raw.tolist(), closing.tolist(), strict=True)):
        if now >= level:
            level, calm = now, 0
        elif close:
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
