"""Owns an asset's table, both timeframes together, and the row of it that an instant sees. Rounds what leaves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from bot.core.assessment import Readings, Trend
from bot.core.readings.anchors import anchor
from bot.core.readings.bars import Floats
from bot.core.readings.columns import (
    Columns,
    RegimeColumns,
    columns,
    history,
    regime_columns,
    regime_history,
)
from bot.core.readings.levels import levels
from bot.core.readings.parameters import Parameters
from bot.core.readings.trend import TRENDS
from bot.core.readings.truth import UNKNOWN, YES, Truth, spoken

EDGE_BARS = 3  # how far back an edge of the exhausted flag is looked for
# Readings that are a column of the signal timeframe, and those that need both timeframes, by their common name.
FLOATS = ("close", "rsi", "ema_fast", "ema_slow", "macd_hist", "atr", "atr_before")
FLAGS = (
    "overbought",
    "oversold",
    "rolling_over",
    "rolling_up",
    "bearish_divergence",
    "bullish_divergence",
    "overextended",
    "parabolic",
    "recovered",
)
JOINT = ("at_support", "at_resistance", "exhausted", "bottoming")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, eq=False)
class AssetTable:
    """Every reading of an asset, by bar; a function of its bars and parameters alone (memo key: `bars_key` of both)."""

    signal: Columns
    regime: RegimeColumns
    asked: Parameters


def table(signal_bars: Floats, regime_bars: Floats, asked: Parameters) -> AssetTable:
    """The table of whole histories, each bar in its own anchored window: for backtests and screens."""
    return AssetTable(history(signal_bars, asked), regime_history(regime_bars, asked), asked)


def table_at(signal_bars: Floats, regime_bars: Floats, asked: Parameters, at_ms: int) -> AssetTable:
    """The table of the two windows that an instant needs: for one decision. Its row at `at_ms` is that of `table`."""
    signal = anchor(signal_bars, asked.timeframe_ms, at_ms, signal=True)
    regime = anchor(regime_bars, asked.regime_timeframe_ms, at_ms, signal=False)
    return AssetTable(columns(signal, asked), regime_columns(regime, asked), asked)


def row(read: AssetTable, at_ms: int) -> Readings:
    """The readings of the last bars closed at or before the instant, to 10 significant digits; None where unknown."""
    signal, regime = read.signal, read.regime
    at = int(np.searchsorted(signal.close_ms, at_ms, side="right")) - 1
    regime_at = int(np.searchsorted(regime.close_ms, at_ms, side="right")) - 1
    regime_trend = state_of(int(regime.trend[regime_at])) if regime_at >= 0 else None
    volatility = digits_of(regime.volatility[regime_at]) if regime_at >= 0 else None
    if at < 0:
        return Readings(regime_trend=regime_trend, volatility=volatility)
    rows = np.arange(max(0, at - EDGE_BARS), at + 1)
    regime_rows = np.searchsorted(regime.close_ms, signal.close_ms[rows], side="right") - 1
    regime_rows[-1] = regime_at
    joint = levels(signal, regime, rows, regime_rows, read.asked)
    changed_bars = int(signal.trend_changed_bars[at])
    floats: dict[str, Any] = {name: digits_of(getattr(signal, name)[at]) for name in FLOATS}
    flags = {name: spoken(int(getattr(signal, name)[at])) for name in FLAGS}
    both = {name: spoken(int(getattr(joint, name)[-1])) for name in JOINT}
    return Readings(
        **floats,
        **flags,
        **both,
        trend=state_of(int(signal.trend[at])),
        regime_trend=regime_trend,
        trend_changed_bars=None if changed_bars < 0 else changed_bars,
        previous_trend=state_of(int(signal.previous_trend[at])),
        exhausted_bars=since_yes(joint.exhausted),
        last_bar_true_range=digits_of(signal.true_range[at]),
        volatility=volatility,
        closed_at=EPOCH + timedelta(milliseconds=int(signal.close_ms[at])),
    )


def since_yes(column: Truth) -> int | None:
    """Bars since the column became yes, 0 on that bar; None when it is not, or has been for all of the rows given."""
    if column[-1] != YES or (column == YES).all():
        return None
    return int(column.size - 2 - np.flatnonzero(column != YES)[-1])


def digits_of(value: np.float64) -> float | None:
    """The value to 10 significant digits; None when it is not a number."""
    return float(f"{value:.9e}") if np.isfinite(value) else None


def state_of(code: int) -> Trend | None:
    """A trend's code as a value that leaves the readings."""
    return None if code == UNKNOWN else TRENDS[code]
