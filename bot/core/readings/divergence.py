"""Owns divergence (R-S4): price and momentum disagreeing at the last two pivots."""

from __future__ import annotations

import numpy as np

from bot.core.readings.bars import Floats
from bot.core.readings.pivots import Pivots
from bot.core.readings.truth import Truth, truth

FRESH_BARS = 10


def bearish(pivots: Pivots, high: Floats, rsi: Floats, macd_line: Floats, within_bars: int) -> Truth:
    """A higher high with a lower RSI or MACD at it; bullish is the same of lows with every column negated.

    Both pivots lie within the last `within_bars` bars, the newer within 10. Unknown while the RSI is. Shapes (n,) to
    (n,).
    """
    known = ~np.isnan(rsi)
    if pivots.at.size < 2:  # noqa: PLR2004 — one pivot diverges from nothing
        return truth(np.zeros(high.size, dtype=np.bool_), known)
    older, newer = pivots.at[:-1], pivots.at[1:]
    weaker = (rsi[newer] < rsi[older]) | (macd_line[newer] < macd_line[older])
    diverges = weaker & (high[newer] > high[older])
    # The bars up to which each pair counts, looked up by the newest pair each bar knows.
    until = np.where(diverges, np.minimum(older + within_bars, newer + FRESH_BARS), -1)
    pair = pivots.known - 2
    return truth((pair >= 0) & (np.arange(high.size) <= until[np.maximum(pair, 0)]), known)
