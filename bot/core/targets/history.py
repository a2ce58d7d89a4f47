"""Owns the returns that targets are computed from: closed daily bars up to an instant, on one grid. Floats, pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
LEAST_SHARE = 2 / 3  # of a window that must be known


def daily_returns(series: Mapping[str, Floats], names: Sequence[str], upto_ms: float, bars: int) -> Floats | None:
    """Log returns of the last ``bars`` common days closed by ``upto_ms``, (t, n); None when too few are known.

    ``series`` are regime-timeframe bars (n, 6) by asset.
    """
    closes = []
    for name in names:
        rows = series.get(name)
        if rows is None or len(rows) < 2:  # noqa: PLR2004 - a bar's length needs two
            return None
        length = rows[-1, 0] - rows[-2, 0]
        closed = rows[rows[:, 0] + length <= upto_ms][-(bars + 1) :]
        closes.append({float(at): float(close) for at, close in closed[:, (0, 4)]})
    common = sorted(set.intersection(*(set(item) for item in closes))) if closes else []
    if len(common) - 1 < bars * LEAST_SHARE:
        return None
    table = np.array([[item[at] for item in closes] for at in common])
    made: Floats = np.diff(np.log(table), axis=0)
    return made
