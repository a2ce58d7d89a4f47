"""Owns the indicators TA-Lib computes and what keeps their values honest. Judges nothing: flags and states live beside.

Every column is causal and of the series' length, NaN where the bars before do not suffice. Exponential averages take
their memory from the first bar of the window, so windows are anchored (see `anchors`).
"""

from __future__ import annotations

import numpy as np
import talib

from bot.core.readings.bars import Floats

# Under this share of the price a difference of averages is rounding, not movement: a flat series has no histogram.
NOISE_SHARE = 1e-9
SLOPE_BARS = 10
# Strength and averages of averages need two bars to mean anything; TA-Lib raises under that.
LEAST_PERIOD = 2
YEAR_MS = 365 * 86_400_000


def rsi(close: Floats, period: int) -> Floats:
    """Relative strength index, 0 to 100 (R-S1).

    NaN too where the close has not moved once in the period: there TA-Lib says 0, which would read as oversold.
    """
    if period < LEAST_PERIOD:
        return np.full(close.size, np.nan)
    value = talib.RSI(close, period)
    if close.size > period:
        still = talib.MAX(close, period + 1) == talib.MIN(close, period + 1)
        value[still] = np.nan
    return value


def ema(close: Floats, period: int) -> Floats:
    """Exponential average, seeded with the mean of its first `period` closes (R-S2); of one bar, the close itself."""
    return close.copy() if period < LEAST_PERIOD else talib.EMA(close, period)


def slope(average: Floats) -> Floats:
    """Change of an average over 10 bars, per bar, as a fraction of what it was (R-S2). Any shape (..., n)."""
    value = np.full(average.shape, np.nan)
    value[..., SLOPE_BARS:] = (average[..., SLOPE_BARS:] / average[..., :-SLOPE_BARS] - 1.0) / SLOPE_BARS
    return value


def cross(fast: Floats, slow: Floats) -> np.ndarray[tuple[int], np.dtype[np.int8]]:
    """1 on the bar where the fast average comes to stand above the slow one, -1 below, else 0 (R-S2)."""
    value = np.zeros(fast.size, dtype=np.int8)
    above, below = fast > slow, fast < slow
    value[1:][above[1:] & (fast[:-1] <= slow[:-1])] = 1
    value[1:][below[1:] & (fast[:-1] >= slow[:-1])] = -1
    return value


def macd(close: Floats, fast: int, slow: int, signal: int) -> tuple[Floats, Floats]:
    """MACD line and histogram in units of price (R-S3); a histogram that is only rounding is 0."""
    if min(fast, slow) < LEAST_PERIOD:
        return np.full(close.size, np.nan), np.full(close.size, np.nan)
    line, _, histogram = talib.MACD(close, fast, slow, signal)
    histogram[np.abs(histogram) <= NOISE_SHARE * close] = 0.0
    return line, histogram


def true_range(high: Floats, low: Floats, close: Floats) -> Floats:
    """The bar's range with the gap to the close before, in units of price; NaN on the first bar."""
    return talib.TRANGE(high, low, close)


def atr(high: Floats, low: Floats, close: Floats, period: int) -> Floats:
    """Wilder's average true range, in units of price."""
    return talib.ATR(high, low, close, period)


def measure(atr: Floats, close: Floats) -> Floats:
    """The ATR as a measure of distance: NaN where it is only rounding, for nothing is near or far in a still market."""
    return np.where(atr > NOISE_SHARE * close, atr, np.nan)


def volatility(open_ms: Floats, close: Floats, timeframe_ms: int, window_ms: int) -> Floats:
    """Annualised standard deviation of log returns over a window of time, a fraction (R-G10).

    A return over a gap is divided by the root of the bars it spans. NaN for a window under two bars.
    """
    value = np.full(close.size, np.nan)
    period = window_ms // timeframe_ms
    if period < LEAST_PERIOD or close.size <= period:
        return value
    spanned = np.diff(open_ms) / timeframe_ms
    returns = np.diff(np.log(close)) / np.sqrt(spanned)
    unbiased = np.sqrt(period / (period - 1) * YEAR_MS / timeframe_ms)
    value[1:] = talib.STDDEV(returns, period, 1.0) * unbiased
    return value
