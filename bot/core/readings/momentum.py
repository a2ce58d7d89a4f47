"""Owns what the histogram and the price's speed say: rolling over and up, recovery, parabolic (R-S3, R-S6, R-A13)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bot.core.readings.bars import Floats
from bot.core.readings.runs import run_lengths
from bot.core.readings.truth import Truth, truth

ROLLING_BARS = 3
# How much older than the window's start the close it is compared with may be, as a share of the window: a longer gap
# leaves the return of the window unknown.
GAP_SHARE = 0.1


def rising(histogram: Floats) -> Truth:
    """Whether the histogram is higher than on the bar before (R-S6)."""
    value = np.zeros(histogram.size, dtype=np.bool_)
    known = np.zeros(histogram.size, dtype=np.bool_)
    value[1:] = histogram[1:] > histogram[:-1]
    known[1:] = ~np.isnan(histogram[:-1])
    return truth(value, known)


def rolling_over(histogram: Floats) -> Truth:
    """Above 0 and lower 3 bars running after a local high (R-S3). Its mirror, rolling up, is that of `-histogram`.

    Shape (..., n) to that.
    """
    at = np.arange(histogram.shape[-1])
    lower = np.zeros(histogram.shape, dtype=np.bool_)
    lower[..., 1:] = histogram[..., 1:] < histogram[..., :-1]
    running = run_lengths(lower)
    # A fall that was already under way when the histogram became known has shown no high.
    unknown_bars = np.isnan(histogram).sum(axis=-1, keepdims=True)
    after_a_high = at - running > unknown_bars
    enough = at >= unknown_bars + ROLLING_BARS
    return truth((histogram > 0) & (running >= ROLLING_BARS) & after_a_high, enough)


def recovered(close: Floats, fast: Floats, histogram: Floats) -> Truth:
    """The recovery test: close above the fast average and histogram above 0 on the last two closes (R-A13)."""
    known = ~np.isnan(fast) & ~np.isnan(histogram)
    up = (close > fast) & (histogram > 0)
    return truth(up & _before(up), known & _before(known))


def parabolic(close_ms: NDArray[np.int64], close: Floats, least_return: float, window_ms: int) -> Truth:
    """Whether the close rose by `least_return` (1.0 = doubled) or more over the window of time (R-S6)."""
    wanted = close_ms - window_ms
    past = np.searchsorted(close_ms, wanted, side="right") - 1
    base = np.maximum(past, 0)
    known = (past >= 0) & (wanted - close_ms[base] <= GAP_SHARE * window_ms)
    return truth(close / close[base] - 1.0 >= least_return, known)


def _before(held: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The mask of the bar before; false on the first."""
    before = np.zeros(held.size, dtype=np.bool_)
    before[1:] = held[:-1]
    return before
