"""Owns the returns that targets are computed from: closed daily bars up to an instant, on one grid. Floats, pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
LEAST_SHARE = 2 / 3  # of a window that must be known
DAY_MS = 86_400_000
MS, CLOSE = 0, 4
STILL = 1e-9  # a range of returns that is rounding


def daily_returns(series: Mapping[str, Floats], names: Sequence[str], upto_ms: float, bars: int) -> Floats | None:
    """Log returns of the last ``bars`` days closed by ``upto_ms``, (t, n), without those that one asset lacks.

    ``series`` are daily bars (n, 6) by asset. None when too few are known, or one asset stood still all along: no risk
    can be read from it.
    """
    parts = []
    for name in names:
        rows = series.get(name)
        if rows is None or not len(rows):
            return None
        end = int(np.searchsorted(rows[:, MS], upto_ms - DAY_MS, side="right"))
        parts.append(rows[max(0, end - bars - 1) : end])
    if not parts:
        return None
    opened = [part[:, MS] for part in parts]
    # Most series hold the same days; intersecting is for those that do not.
    same = all(np.array_equal(opened[0], item) for item in opened[1:])
    common = opened[0] if same else reduce(np.intersect1d, opened)
    closes = [part[:, CLOSE] if same else part[np.isin(part[:, MS], common), CLOSE] for part in parts]
    moves: Floats = np.diff(np.log(np.column_stack(closes)), axis=0)[np.diff(common) == DAY_MS]
    enough = len(moves) >= max(2, bars * LEAST_SHARE) and bool((np.ptp(moves, axis=0) > STILL).all())
    return moves if enough else None
