"""Owns a tape's quotes at many hours at once: best bid and ask, spread and near depth, as its books would show them.

Every number is the one that `TapeScene.book` gives at that hour, to the last digit: the same arithmetic by columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from bot.venues.simulated.market import Floats, Ints, tops


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """One symbol's quotes, a row per hour. ``bid``, ``ask``: in ticks of ``10**-tick``; 0 where nobody quotes.

    ``depth``: the thinner side's within a fraction of the mid, in quote units of ``10**-scale``.
    """

    bid: Ints
    ask: Ints
    depth: Ints
    tick: int
    scale: int

    def spread_and_depth(self, row: int) -> tuple[Decimal, Decimal]:
        """As the recorded medians take them of a book: a fraction of the mid, and quote to the cent."""
        bid, ask = int(self.bid[row]), int(self.ask[row])
        spread = (Decimal(ask - bid) / (Decimal(ask + bid) / 2)).quantize(NINE)
        return spread, Decimal(int(self.depth[row])).scaleb(-self.scale).quantize(CENT)


NINE = Decimal("1e-9")
CENT = Decimal("0.01")
PARTS = 10_000  # depth is counted within whole parts of this of the mid


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """What books are made of, a row per hour: mid, spread, quote depth; a mid of 0 is no book."""

    mids: Floats
    spreads: Floats
    depths: Floats
    times_ms: Ints


def columns(asked: Asked, tick: int, step: int, within: Decimal) -> Columns:
    """The quotes of a symbol with these decimals; ``within``: a fraction that is whole ten thousandths."""
    part = int(within * PARTS)
    if part != within * PARTS:
        raise ValueError(f"depth within {within} of the mid: must be whole ten thousandths")
    count = len(asked.mids)
    bid, ask, depth = (np.zeros(count, dtype=np.int64) for _ in range(3))
    rows = np.flatnonzero(asked.mids > 0)
    for some in np.array_split(rows, max(1, len(rows) // 4_096)):
        if not len(some):
            continue
        ripple = (asked.times_ms[some] // 60_000 % 10_007).astype(np.float64)
        sides = tops(asked.mids[some], asked.spreads[some], asked.depths[some], (tick, step), ripple)
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
    return Columns(np.where(sane, bid, 0), np.where(sane, ask, 0), depth, tick, tick + step)
