"""Owns a tape's quotes at many hours at once: best bid and ask, spread and near depth, as its books would show them.

Every number is the one that `TapeScene.book` gives at that hour, to the last digit: the same arithmetic by columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from bot.venues.simulated.market import NEAR, NEAR_LEVELS, Floats, Ints, shares_of, tops


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """One symbol's quotes, a row per hour. ``bid``, ``ask``: in ticks of ``10**-tick``; 0 where nobody quotes.

    ``mid``: the recorded price in ticks, which a perpetual is marked at; 0 where there is none. ``depth``: the thinner
    side's within a fraction of the mid, in quote units of ``10**-scale``.
    """

    bid: Ints
    ask: Ints
    mid: Ints
    depth: Ints
    tick: int
    scale: int

    @property
    def known(self) -> NDArray[np.bool_]:
        """Hours at which somebody quotes."""
        made: NDArray[np.bool_] = self.bid > 0
        return made


ROWS_AT_ONCE = 1_024  # what a processor keeps at hand
PARTS = 10_000  # depth is counted within whole parts of this of the mid


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """What books are made of, a row per hour: price (0: none), mid, spread, quote depth; a mid of 0 is no book."""

    prices: Floats
    mids: Floats
    spreads: Floats
    depths: Floats


def ripples_of(times_ms: Ints) -> Floats:
    """What moves the levels of books at these instants."""
    made: Floats = (times_ms // 60_000 % 10_007).astype(np.float64)
    return made


def near_shares(times_ms: Ints, within: Decimal) -> tuple[Floats, Floats]:
    """Of the levels that can lie within this of the mid, at these instants: the same for every symbol."""
    levels = NEAR_LEVELS if within <= Decimal(str(NEAR)) else None
    bought, sold = shares_of(ripples_of(times_ms))
    return np.ascontiguousarray(bought[:, :levels]), np.ascontiguousarray(sold[:, :levels])


def columns(asked: Asked, shares: tuple[Floats, Floats], tick: int, step: int, within: Decimal) -> Columns:
    """The quotes of a symbol with these decimals; ``shares``: `near_shares` of the hours.

    ``within``: a fraction that is whole ten thousandths.
    """
    part = int(within * PARTS)
    if part != within * PARTS:
        raise ValueError(f"depth within {within} of the mid: must be whole ten thousandths")
    count = len(asked.mids)
    bid, ask, depth = (np.zeros(count, dtype=np.int64) for _ in range(3))
    rows = np.flatnonzero(asked.mids > 0)
    for some in np.array_split(rows, max(1, len(rows) // ROWS_AT_ONCE)):
        if not len(some):
            continue
        mine = (shares[0][some], shares[1][some])
        sides = tops(asked.mids[some], asked.spreads[some], asked.depths[some], (tick, step), mine[0][:, 0], mine)
        (bids, bought), (asks, sold) = sides
        bid[some], ask[some] = bids[:, 0], asks[:, 0]
        twice = (bids[:, :1] + asks[:, :1]) * part
        near = [np.abs(2 * prices - bids[:, :1] - asks[:, :1]) * PARTS <= twice for prices in (bids, asks)]
        held = [
            np.where(inside & (prices > 0), prices * amounts, 0).sum(axis=1)
            for inside, prices, amounts in zip(near, (bids, asks), (bought, sold), strict=True)
        ]
        depth[some] = np.minimum(*held)
    sane = (bid > 0) & (bid < ask)
    mid = np.rint(asked.prices * 10**tick).astype(np.int64)
    return Columns(np.where(sane, bid, 0), np.where(sane, ask, 0), mid, depth, tick, tick + step)
