"""Owns the trend state (R-S6): what a bar says by itself, and the state that stands once enough bars agree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bot.core.assessment import Trend
from bot.core.readings.bars import Floats
from bot.core.readings.indicators import NOISE_SHARE
from bot.core.readings.runs import equal_runs
from bot.core.readings.truth import UNKNOWN

Codes = NDArray[np.int8]
TRENDS = (Trend.STRONG_UP, Trend.WEAKENING_UP, Trend.RANGE, Trend.STRONG_DOWN, Trend.STABILISING_DOWN)
STRONG_UP, WEAKENING_UP, RANGE, STRONG_DOWN, STABILISING_DOWN = (np.int8(code) for code in range(5))
NOT_KNOWN = np.int8(UNKNOWN)
# Averages nearer to one another than this many ATR make a range.
RANGE_ATR = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class TrendColumns:
    """The confirmed state, bars since it last changed (0 on that bar), the state before; -1 where unknown or never."""

    raw: Codes
    state: Codes
    changed_bars: NDArray[np.int32]
    previous: Codes


def raw_trend(close: Floats, fast: Floats, slow: Floats, slope: Floats, histogram: Floats, atr: Floats) -> Codes:
    """What each bar says by itself: an index into `TRENDS`, -1 where unknown. Shapes (..., n) to that.

    A known fast average beside an unknown slow one is a range: the series is too short for a trend.
    """
    known = ~np.isnan(fast) & ~np.isnan(atr)
    short = np.isnan(slow)
    apart = np.abs(fast - slow)
    near = short | (apart < RANGE_ATR * atr) | (apart <= NOISE_SHARE * slow)
    rising, falling = np.zeros((2, *close.shape), dtype=np.bool_)
    rising[..., 1:] = histogram[..., 1:] > histogram[..., :-1]
    falling[..., 1:] = histogram[..., 1:] < histogram[..., :-1]
    strong_up = (close > fast) & (fast > slow) & (slope > 0) & ((histogram >= 0) | rising)
    strong_down = (close < fast) & (fast < slow) & (slope < 0) & ((histogram <= 0) | falling)
    judged = known & ~np.isnan(slope) & ~np.isnan(histogram)
    raw = np.where(fast > slow, WEAKENING_UP, STABILISING_DOWN)
    raw = np.where(strong_up, STRONG_UP, np.where(strong_down, STRONG_DOWN, raw))
    raw = np.where(judged, raw, NOT_KNOWN)
    return np.where(known & near, RANGE, raw)


def confirmed(raw: Codes, slow: Floats, bars: int) -> TrendColumns:
    """The state that stands: the first known one, then whatever was said by `bars` bars running.

    So the state of a bar is what was said on the latest bar that confirmed anything: a running maximum of indices. The
    end of a range that stood only for want of bars is no change: nothing in the market turned.
    """
    at = np.arange(raw.size)
    known = raw != UNKNOWN
    first = known & (np.cumsum(known) == 1)
    confirming = first | (known & (equal_runs(raw) >= bars))
    latest = np.maximum.accumulate(np.where(confirming, at, -1))
    said, confirmer = latest >= 0, np.maximum(latest, 0)
    state = np.where(said, raw.take(confirmer), NOT_KNOWN)
    real = said & ~np.isnan(slow).take(confirmer)
    turned = np.zeros(raw.size, dtype=np.bool_)
    turned[1:] = (state[1:] != state[:-1]) & real[:-1]
    turn = np.maximum.accumulate(np.where(turned, at, -1))
    changed_bars = np.where(turn >= 0, at - turn, -1).astype(np.int32)
    previous = np.where(turn >= 0, state.take(np.maximum(turn - 1, 0)), NOT_KNOWN)
    return TrendColumns(raw=raw, state=state, changed_bars=changed_bars, previous=previous)
