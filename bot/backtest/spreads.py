"""Owns what the spreads of a past say beside their medians (R-S9, R-G4), each hour, as its decision would have it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bot.backtest.usual import Usual
from bot.core.policy import Policy
from bot.core.screen import CALM, DEAR, SPREAD_TIMES, SPREAD_WITHOUT_MEDIAN, WIDE
from bot.engine.arithmetic import exact
from bot.venues.simulated.columns import Columns

Floats = NDArray[np.float64]
SLACK: Final = 1e-9
HALF_IN_BP: Final = 20_000  # of half a spread, the whole of it in 1/100 %


def spreads(
    policy: Policy, quoted: Sequence[tuple[str, Columns]], usual: Usual
) -> tuple[NDArray[np.int8], NDArray[np.bool_]]:
    """What spreads say, (n, k) by asset as `bot.core.screen.Prospect.wide` has it; and hours at which any spikes, (n,).

    ``quoted``: name and quotes of every asset's spot symbol. Where a bound of the median settles it nothing more is
    asked; the rest is reckoned as a decision does.
    """
    rows = len(quoted[0][1].bid) if quoted else 0
    wide, spiking = np.full((rows, len(quoted)), CALM, dtype=np.int8), np.zeros(rows, dtype=np.bool_)
    times = min(float(policy.spike.spread_ratio), SPREAD_TIMES)
    with exact():
        for place, (name, columns) in enumerate(quoted):
            with np.errstate(divide="ignore", invalid="ignore"):
                spread = (columns.ask - columns.bid) * 2 / (columns.ask + columns.bid)
            calm = np.minimum(usual.least_spread(name) * times, float(SPREAD_WITHOUT_MEDIAN))
            for row in np.flatnonzero((columns.bid > 0) & ~(spread < calm - SLACK)).tolist():
                half = _half(int(columns.bid[row]), int(columns.ask[row]))
                median = usual.spread_median(name, row)
                spiking[row] |= half * 2 > (median * policy.spike.spread_ratio if median else SPREAD_WITHOUT_MEDIAN)
                if median and half * 2 > median * SPREAD_TIMES:
                    wide[row, place] = WIDE if half * HALF_IN_BP <= policy.windows.max_spread_bp else DEAR
    return wide, spiking


def _half(bid: int, ask: int) -> Decimal:
    return (Decimal(ask) - Decimal(bid)) / (Decimal(ask) + Decimal(bid))
