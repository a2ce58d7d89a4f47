"""Owns the columns of a series: every reading of every bar, causal, as numpy arrays. Combines; computes nothing itself.

`columns` and `regime_columns` take one window, whose first bar is where the memory of the averages starts. `history`
and `regime_history` take a series of any length and compute each bar in its own anchored window.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from bot.core.readings import divergence, indicators, momentum, pivots, trend
from bot.core.readings.anchors import window_starts
from bot.core.readings.bars import CLOSE, HIGH, LOW, MS, Floats, sound
from bot.core.readings.parameters import Parameters
from bot.core.readings.truth import Truth, truth


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """One row per bar of the signal timeframe. Prices in quote, NaN unknown; flags by `truth`, states by `TRENDS`."""

    bars: Floats  # (n, 6): what the volume profile is taken from
    starts: NDArray[np.int64]  # index in `bars` of the first bar of this bar's window
    close_ms: NDArray[np.int64]
    close: Floats
    rsi: Floats
    ema_fast: Floats
    ema_slow: Floats
    ema_fast_slope: Floats  # per bar, a fraction
    cross: NDArray[np.int8]
    macd_hist: Floats
    hist_rising: Truth
    rolling_over: Truth
    rolling_up: Truth
    atr: Floats
    atr_before: Floats
    true_range: Floats
    measure: Floats  # the ATR where it measures a distance
    trend_raw: NDArray[np.int8]
    trend: NDArray[np.int8]
    trend_changed_bars: NDArray[np.int32]
    previous_trend: NDArray[np.int8]
    overbought: Truth
    oversold: Truth
    bearish_divergence: Truth
    bullish_divergence: Truth
    overextended: Truth
    parabolic: Truth
    recovered: Truth
    pivot_highs: Floats  # (n, 3), newest first
    pivot_lows: Floats  # (n, 3), newest first


@dataclass(frozen=True, slots=True, eq=False)
class RegimeColumns:
    """One row per bar of the regime timeframe; only what is asked of it."""

    close_ms: NDArray[np.int64]
    close: Floats
    ema_slow: Floats
    trend: NDArray[np.int8]
    volatility: Floats  # annualised, a fraction


AnyColumns = TypeVar("AnyColumns", Columns, RegimeColumns)


@dataclass(frozen=True, slots=True, eq=False)
class _Momentum:
    """What both timeframes compute before anything is judged."""

    high: Floats
    low: Floats
    close: Floats
    fast: Floats
    slow: Floats
    slope: Floats
    macd_line: Floats
    histogram: Floats
    atr: Floats
    trend: trend.TrendColumns


def columns(bars: Floats, asked: Parameters) -> Columns:
    """Every reading of every bar of one window of the signal timeframe. Shape (n, 6), any n from 0."""
    bars = sound(bars)
    seen = _momentum(bars, asked)
    close, count = seen.close, seen.close.size
    close_ms = _close_ms(bars, asked.timeframe_ms)
    before = np.full(count, np.nan)
    before[1:] = seen.atr[:-1]
    measure = indicators.measure(seen.atr, close)
    return Columns(
        bars=bars,
        starts=np.zeros(count, dtype=np.int64),
        close_ms=close_ms,
        close=close,
        ema_fast=seen.fast,
        ema_slow=seen.slow,
        ema_fast_slope=seen.slope,
        cross=indicators.cross(seen.fast, seen.slow),
        macd_hist=seen.histogram,
        hist_rising=momentum.rising(seen.histogram),
        rolling_over=momentum.rolling_over(seen.histogram),
        rolling_up=momentum.rolling_over(-seen.histogram),
        atr=seen.atr,
        atr_before=before,
        true_range=indicators.true_range(seen.high, seen.low, close),
        measure=measure,
        trend_raw=seen.trend.raw,
        trend=seen.trend.state,
        trend_changed_bars=seen.trend.changed_bars,
        previous_trend=seen.trend.previous,
        overextended=truth(close - seen.fast > asked.overextended * measure, ~np.isnan(seen.fast) & ~np.isnan(measure)),
        parabolic=momentum.parabolic(close_ms, close, asked.parabolic_return, asked.parabolic_ms),
        recovered=momentum.recovered(close, seen.fast, seen.histogram),
        **_oscillator(seen, asked),
    )


def _oscillator(seen: _Momentum, asked: Parameters) -> dict[str, Any]:
    """The columns of the RSI and of the pivots it may diverge from."""
    rsi = indicators.rsi(seen.close, asked.rsi)
    known = ~np.isnan(rsi)
    tops, bottoms = pivots.pivot_highs(seen.high, asked.pivot), pivots.pivot_highs(-seen.low, asked.pivot)
    within = asked.divergence_bars
    return {
        "rsi": rsi,
        "overbought": truth(rsi > asked.overbought, known),
        "oversold": truth(rsi < asked.oversold, known),
        "bearish_divergence": divergence.bearish(tops, seen.high, rsi, seen.macd_line, within),
        "bullish_divergence": divergence.bearish(bottoms, -seen.low, -rsi, -seen.macd_line, within),
        "pivot_highs": pivots.latest_prices(tops, seen.high),
        "pivot_lows": pivots.latest_prices(bottoms, seen.low),
    }


def regime_columns(bars: Floats, asked: Parameters) -> RegimeColumns:
    """What is asked of every bar of one window of the regime timeframe. Shape (n, 6), any n from 0."""
    bars = sound(bars)
    seen = _momentum(bars, asked)
    return RegimeColumns(
        close_ms=_close_ms(bars, asked.regime_timeframe_ms),
        close=seen.close,
        ema_slow=seen.slow,
        trend=seen.trend.state,
        volatility=indicators.volatility(bars[:, MS], seen.close, asked.regime_timeframe_ms, asked.volatility_ms),
    )


def history(bars: Floats, asked: Parameters) -> Columns:
    """`columns` of a series of any length: each row has the bits of the last row of its own anchored window."""
    bars = sound(bars)
    starts = window_starts(bars, asked.timeframe_ms, signal=True)
    parts = _blocks(bars, starts, lambda window: columns(window, asked))
    return _joined(Columns, parts, {"bars": bars, "starts": starts})


def regime_history(bars: Floats, asked: Parameters) -> RegimeColumns:
    """`regime_columns` of a series of any length, likewise."""
    bars = sound(bars)
    starts = window_starts(bars, asked.regime_timeframe_ms, signal=False)
    return _joined(RegimeColumns, _blocks(bars, starts, lambda window: regime_columns(window, asked)), {})


def _blocks(
    bars: Floats, starts: NDArray[np.int64], computed: Callable[[Floats], AnyColumns]
) -> list[tuple[AnyColumns, int]]:
    """The columns of every window, each with how many of its last rows are its own; at least one window."""
    if bars.shape[0] == 0:
        return [(computed(bars), 0)]
    first = np.flatnonzero(np.diff(starts, prepend=-1))
    ends = np.append(first[1:], bars.shape[0])
    return [(computed(bars[starts[begin] : end]), int(end - begin)) for begin, end in zip(first, ends, strict=True)]


def _joined(
    kind: type[AnyColumns], parts: Sequence[tuple[AnyColumns, int]], given: dict[str, NDArray[Any]]
) -> AnyColumns:
    """One set of columns from the own rows of each window."""
    whole: dict[str, Any] = {
        item.name: np.concatenate([_tail(getattr(part, item.name), own) for part, own in parts])
        for item in fields(kind)
        if item.name not in given
    }
    return kind(**whole, **given)


def _tail(column: NDArray[Any], rows: int) -> NDArray[Any]:
    return column[column.shape[0] - rows :]


def _close_ms(bars: Floats, timeframe_ms: int) -> NDArray[np.int64]:
    return bars[:, MS].astype(np.int64) + timeframe_ms


def _momentum(bars: Floats, asked: Parameters) -> _Momentum:
    high, low, close = (np.ascontiguousarray(bars[:, column]) for column in (HIGH, LOW, CLOSE))
    fast, slow = indicators.ema(close, asked.fast), indicators.ema(close, asked.slow)
    slope = indicators.slope(fast)
    macd_line, histogram = indicators.macd(close, asked.macd_fast, asked.macd_slow, asked.macd_signal)
    atr = indicators.atr(high, low, close, asked.atr)
    raw = trend.raw_trend(close, fast, slow, slope, histogram, atr)
    return _Momentum(
        high=high,
        low=low,
        close=close,
        fast=fast,
        slow=slow,
        slope=slope,
        macd_line=macd_line,
        histogram=histogram,
        atr=atr,
        trend=trend.confirmed(raw, slow, asked.trend_bars),
    )
