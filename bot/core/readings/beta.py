"""Owns each asset's beta against the index from daily returns (R-A7, R-A9, R-A16)."""

from __future__ import annotations

import numpy as np

from bot.core.readings.bars import MS, Floats, sound
from bot.core.readings.indicators import NOISE_SHARE
from bot.core.readings.stress import on_grid

LEAST_SHARE = 0.5  # of the lookback that must be known


def beta(asset: Floats, index: Floats, lookback_bars: int) -> float | None:
    """cov(asset, index) / var(index) of the last ``lookback_bars`` daily log returns; None = unknown.

    A day that one of the two has no close of is left out, with the day after it.
    """
    grid = sound(index)[-(lookback_bars + 1) :, MS]
    one, two = (np.diff(np.log(on_grid(item, grid))) for item in (asset, index))
    known = np.isfinite(one) & np.isfinite(two)
    count = int(known.sum())
    if count < max(2, lookback_bars * LEAST_SHARE):
        return None
    one, two = one[known], two[known] - two[known].mean()
    spread = float(two @ two)
    return float(f"{float(one @ two) / spread:.9e}") if spread > count * NOISE_SHARE**2 else None
