"""Owns daily bars made of shorter ones, for what is defined by the day (R-S7, R-S8, R-S14). Computes no indicator."""

from __future__ import annotations

import numpy as np

from bot.core.readings.bars import CLOSE, HIGH, LOW, MS, OPEN, VOLUME, Floats, sound
from bot.core.readings.regime import DAY_MS


def daily(bars: Floats, timeframe_ms: int) -> Floats:
    """The UTC days of which every bar is there; daily bars are what they are. Shape (n, 6) to (m, 6)."""
    bars = sound(bars)
    if timeframe_ms == DAY_MS or not len(bars):
        return bars
    day, first, count = np.unique(bars[:, MS] // DAY_MS, return_index=True, return_counts=True)
    made = np.empty((day.size, bars.shape[1]))
    made[:, MS], made[:, OPEN] = day * DAY_MS, bars[first, OPEN]
    made[:, HIGH], made[:, LOW] = np.maximum.reduceat(bars[:, HIGH], first), np.minimum.reduceat(bars[:, LOW], first)
    made[:, CLOSE], made[:, VOLUME] = bars[first + count - 1, CLOSE], np.add.reduceat(bars[:, VOLUME], first)
    whole: Floats = made[count == DAY_MS // timeframe_ms]
    return whole
