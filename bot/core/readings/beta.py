"""Owns each asset's beta against the index from daily returns (R-A7, R-A9, R-A16)."""

from __future__ import annotations

import numpy as np

from bot.core.readings.bars import MS, Floats, sound
from bot.core.readings.stress import on_grid, returns

LEAST_SHARE = 0.5  # of the lookback that must be known


def beta(asset: Floats, index: Floats, lookback_bars: int) -> float | None:
    """cov(asset, index) / var(index) of the last ``lookback_bars`` daily log returns; None = unknown."""
    grid = sound(index)[-(lookback_bars + 1) :, MS]
    if grid.size < lookback_bars * LEAST_SHARE:
        return None
    one, two = returns(on_grid(asset, grid)), returns(on_grid(index, grid))
    known = np.isfinite(one) & np.isfinite(two)
    if known.sum() < lookback_bars * LEAST_SHARE:
        return None
    spread = float(np.var(two[known], ddof=1))
    if spread <= 0:
        return None
    return float(f"{np.cov(one[known], two[known], ddof=1)[0, 1] / spread:.9e}")
