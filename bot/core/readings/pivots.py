"""Owns pivots (R-S4, R-S5): the extremes of some bars each side, each known only once the bars after it have closed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bot.core.readings.bars import Floats

Positions = NDArray[np.int64]
LEVELS = 3


@dataclass(frozen=True, slots=True, eq=False)
class Pivots:
    """The bars that are pivots, rising, shape (m,), and for each bar how many of them are known by then, shape (n,)."""

    at: Positions
    known: NDArray[np.int64]


def pivot_highs(price: Floats, span: int) -> Pivots:
    """The bars higher than the `span` bars before and no lower than the `span` after; lows are those of `-price`.

    Of equal neighbours the first is the pivot, so a plateau has one. A pivot is known `span` bars after it.
    """
    known = np.zeros(price.size, dtype=np.int64)
    inner = price.size - 2 * span
    if inner <= 0:
        return Pivots(np.empty(0, dtype=np.int64), known)
    middle = price[span : span + inner]
    high = np.ones(inner, dtype=np.bool_)
    for distance in range(1, span + 1):
        high &= middle > price[span - distance : span - distance + inner]
        high &= middle >= price[span + distance : span + distance + inner]
    at = np.flatnonzero(high) + span
    known[at + span] = 1
    return Pivots(at, np.cumsum(known))


def latest_prices(pivots: Pivots, price: Floats) -> Floats:
    """For each bar the prices of the last three pivots known by then, newest first, NaN where fewer. To (n, 3)."""
    padded = np.concatenate([np.full(LEVELS, np.nan), price[pivots.at]])
    latest: Floats = padded.take(pivots.known[:, None] + np.arange(LEVELS - 1, -1, -1))
    return latest
