"""Owns the regime column (R-S14): bull, neutral or bear per daily close of the index, confirmed. Knows no holding."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import talib
from numpy.typing import NDArray

from bot.core.assessment import Regime
from bot.core.kept import KeptWhileAsked
from bot.core.readings.bars import CLOSE, HIGH, MS, Floats, sound
from bot.core.readings.indicators import LEAST_PERIOD, NOISE_SHARE
from bot.core.readings.runs import equal_runs

UNKNOWN, NEUTRAL, BULL, BEAR = (np.int8(code) for code in range(-1, 3))
REGIMES: tuple[Regime, ...] = ("neutral", "bull", "bear")
HIGH_BARS = 365
DAY_MS = 86_400_000
BEAR_VOTES = 2
FEED_AGE_MS = 2 * DAY_MS


@dataclass(frozen=True, slots=True)
class RegimeAsked:
    """Periods in daily bars; drawdown a fraction; sentiment 0 to 100; equal closes before it changes."""

    fast: int
    slow: int
    drawdown: float
    sentiment: float
    confirm: int


def rolling_high(highs: Floats, bars: int) -> Floats:
    """The highest of the last ``bars`` highs, or of as many as there are. Shape (n,) to (n,)."""
    if highs.size <= bars:
        return np.maximum.accumulate(highs) if highs.size else highs
    head = np.maximum.accumulate(highs[: bars - 1])
    windows = np.lib.stride_tricks.sliding_window_view(highs, bars).max(axis=1)
    return np.concatenate([head, windows])


def raw_regime(bars: Floats, asked: RegimeAsked, sentiment: Floats) -> NDArray[np.int8]:
    """What each close says by itself; -1 under ``slow`` closes. ``sentiment`` (n,), NaN where unknown: no vote."""
    close = np.ascontiguousarray(bars[:, CLOSE])
    if close.size < asked.slow:
        return np.full(close.size, UNKNOWN)
    slow, fast = average(close, asked.slow), average(close, asked.fast)
    fall = 1.0 - close / rolling_high(bars[:, HIGH], HIGH_BARS)
    # An average of equal closes differs from them by rounding: within that, neither is above the other.
    noise = NOISE_SHARE * close
    votes = (
        (close < slow - noise).astype(np.int8)
        + (fast < slow - noise)
        + (fall > asked.drawdown)
        + (np.nan_to_num(sentiment, nan=np.inf) <= asked.sentiment)
    )
    raw = np.where(votes >= BEAR_VOTES, BEAR, NEUTRAL)
    raw = np.where((votes == 0) & (close > slow + noise) & (fast > slow + noise), BULL, raw)
    return np.where(np.isnan(slow), UNKNOWN, raw)


def average(close: Floats, bars: int) -> Floats:
    """The simple average of the last ``bars`` closes, NaN before; of one bar, the close itself. Shape (n,) to (n,)."""
    return close if bars < LEAST_PERIOD else talib.SMA(close, bars)


def standing(raw: NDArray[np.int8], confirm: int) -> NDArray[np.int8]:
    """The state that stands: the first known one, then whatever was said ``confirm`` closes running."""
    known = raw >= 0
    first = known & (np.cumsum(known) == 1)
    confirming = first | (known & (equal_runs(raw) >= confirm))
    latest = np.maximum.accumulate(np.where(confirming, np.arange(raw.size), -1))
    return np.where(latest >= 0, raw.take(np.maximum(latest, 0)), UNKNOWN)


#: What was said of outside readings, in order: the same points are asked for several times a decision.
TABLES: KeptWhileAsked[tuple[tuple[float, float], ...], Floats] = KeptWhileAsked(
    lambda points: np.array(sorted(points))
)


def as_of(points: tuple[tuple[float, float], ...], at_ms: NDArray[np.float64], oldest_ms: float) -> Floats:
    """The newest point at or before each instant, NaN where it is older than ``oldest_ms``."""
    if not points:
        return np.full(at_ms.size, np.nan)
    table = TABLES.of(points)
    index = np.searchsorted(table[:, 0], at_ms, side="right") - 1
    found = table[np.maximum(index, 0)]
    fresh = (index >= 0) & (at_ms - found[:, 0] <= oldest_ms)
    return np.where(fresh, found[:, 1], np.nan)


def regime_column(
    bars: Floats, asked: RegimeAsked, sentiment: tuple[tuple[float, float], ...] = ()
) -> NDArray[np.int8]:
    """The confirmed regime of every daily close of the index: a code into `REGIMES`, -1 unknown."""
    daily = sound(bars)
    felt = as_of(sentiment, daily[:, MS] + DAY_MS, FEED_AGE_MS)
    return standing(raw_regime(daily, asked, felt), asked.confirm)
