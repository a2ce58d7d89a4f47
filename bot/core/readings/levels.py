"""Owns what needs both timeframes: support and resistance (R-S5), and the flags that ask for them (R-S6).

An average is a support at or under the close and a resistance at or over it; a pivot low or the value area's lower
edge is a support, a pivot high or its upper edge a resistance, from whichever side the close is near. Distances are in
ATR of the signal timeframe.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bot.core.readings.bars import Floats
from bot.core.readings.columns import Columns, RegimeColumns
from bot.core.readings.parameters import Parameters
from bot.core.readings.profile import ValueArea, value_area
from bot.core.readings.truth import Truth, at_least, both, either, truth

PROFILE_DISTANCE_ATR = 0.25
EXHAUSTED_PARTS = 2

Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """Three-valued flags and the value area, of the signal rows asked for; all of shape (m,)."""

    at_support: Truth
    at_resistance: Truth
    exhausted: Truth
    bottoming: Truth
    area: ValueArea


@dataclass(frozen=True, slots=True, eq=False)
class Beside:
    """What levels are told from, by signal row: shapes (m,), the pivots' prices (m, 3)."""

    close: Floats
    averages: tuple[Floats, Floats]  # the slow one of each timeframe
    measure: Floats
    pivot_lows: Floats
    pivot_highs: Floats
    overbought: Truth
    oversold: Truth
    bearish_divergence: Truth
    bullish_divergence: Truth
    rolling_over: Truth
    rolling_up: Truth


def levels(signal: Columns, regime: RegimeColumns, rows: Indices, regime_rows: Indices, asked: Parameters) -> Levels:
    """What each signal row says beside its regime row (-1 = none yet). Shapes (m,) and (m,)."""
    area = value_area(signal.bars, signal.starts, rows, asked.profile_bars, asked.profile_bins)
    beside = Beside(
        close=signal.close[rows],
        averages=(signal.ema_slow[rows], _regime_average(regime, regime_rows)),
        measure=signal.measure[rows],
        pivot_lows=signal.pivot_lows[rows],
        pivot_highs=signal.pivot_highs[rows],
        overbought=signal.overbought[rows],
        oversold=signal.oversold[rows],
        bearish_divergence=signal.bearish_divergence[rows],
        bullish_divergence=signal.bullish_divergence[rows],
        rolling_over=signal.rolling_over[rows],
        rolling_up=signal.rolling_up[rows],
    )
    return levels_of(beside, area, asked)


def levels_of(beside: Beside, area: ValueArea, asked: Parameters) -> Levels:
    """What the rows say, whosever they are."""
    close, measure, averages = beside.close, beside.measure, np.stack(beside.averages)
    near = asked.level_distance * measure
    near_edge = PROFILE_DISTANCE_ATR * measure
    under = np.where(averages <= close, averages, np.nan)
    over = np.where(averages >= close, averages, np.nan)
    known = ~np.isnan(measure) & ~np.isnan(averages).all(axis=0)
    support = _touches(close, under, near) | _touches(close, beside.pivot_lows.T, near)
    resistance = _touches(close, over, near) | _touches(close, beside.pivot_highs.T, near)
    support |= _touches(close, area.low[None, :], near_edge)
    resistance |= _touches(close, area.high[None, :], near_edge)
    at_support = truth(support, known | support)
    at_resistance = truth(resistance, known | resistance)
    top = (beside.overbought, beside.bearish_divergence, beside.rolling_over, at_resistance)
    turn = either(at_support, beside.rolling_up)
    return Levels(
        at_support=at_support,
        at_resistance=at_resistance,
        exhausted=at_least(EXHAUSTED_PARTS, *top),
        bottoming=either(beside.bullish_divergence, both(beside.oversold, turn)),
        area=area,
    )


def _touches(close: Floats, level: Floats, distance: Floats) -> NDArray[np.bool_]:
    """Whether any level lies within the distance, inclusive. Shapes (m,), (l, m) and (m,) to (m,)."""
    return np.asarray((np.abs(level - close) <= distance).any(axis=0))


def _regime_average(regime: RegimeColumns, rows: Indices) -> Floats:
    """The regime timeframe's slow average, NaN for -1."""
    if regime.ema_slow.size == 0:
        return np.full(rows.size, np.nan)
    return np.where(rows >= 0, regime.ema_slow[np.maximum(rows, 0)], np.nan)
