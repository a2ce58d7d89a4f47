"""Series for the tests of readings: builders with named defaults."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import numpy as np

from bot.core.policy import Signals
from bot.core.readings import Parameters, parameters
from bot.core.readings.bars import Floats

HOUR_MS = 3_600_000
SIGNAL_MS = 4 * HOUR_MS
REGIME_MS = 24 * HOUR_MS
START_MS = 400 * 256 * REGIME_MS // 10  # a whole number of bars of both timeframes


def asked(**signals: Any) -> Parameters:
    return parameters(Signals(**signals), Decimal(1), timedelta(days=14), timedelta(days=30))


def bars_of(
    closes: Sequence[float] | Floats, timeframe_ms: int = SIGNAL_MS, start_ms: int = START_MS, wick: float = 0.0
) -> Floats:
    """Bars that open at the close before, with wicks of a fraction of the price on both sides and a volume of 1."""
    close = np.asarray(closes, dtype=np.float64)
    opened = np.concatenate([close[:1], close[:-1]])
    ms = start_ms + np.arange(close.size) * timeframe_ms
    high, low = np.maximum(opened, close) * (1 + wick), np.minimum(opened, close) * (1 - wick)
    return np.column_stack([ms, opened, high, low, close, np.ones(close.size)])


def a_walk(
    bars: int, seed: int = 0, timeframe_ms: int = SIGNAL_MS, start_ms: int = START_MS, step: float = 0.01
) -> Floats:
    """A seeded random walk with wicks and volumes."""
    rng = np.random.default_rng(seed)
    made = bars_of(100 * np.exp(np.cumsum(rng.normal(0, step, bars))), timeframe_ms, start_ms)
    made[:, 2] *= 1 + np.abs(rng.normal(0, step / 3, bars))
    made[:, 3] *= 1 - np.abs(rng.normal(0, step / 3, bars))
    made[:, 5] = rng.uniform(1, 9, bars)
    return made


def with_gaps(bars: Floats, missing: int, seed: int = 1) -> Floats:
    """The same series without some of its bars."""
    gone = np.random.default_rng(seed).choice(bars.shape[0], size=missing, replace=False)
    return np.delete(bars, gone, axis=0)
