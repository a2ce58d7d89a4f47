"""Owns where the window of a bar starts, so that recursive indicators give the same bits wherever they are computed.

The window of bar k starts at the last multiple of 256 bars since the epoch that leaves 1,280 bars before k (512 on the
regime timeframe), or at the first bar there is. Bars are numbered by their open time, so a gap moves no anchor.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bot.core.readings.bars import MS, Floats

STRIDE_BARS = 256
LEAD_BARS_SIGNAL = 1280
LEAD_BARS_REGIME = 512


def lead_bars(*, signal: bool) -> int:
    """The least number of bars a window leaves before the bar it is for."""
    return LEAD_BARS_SIGNAL if signal else LEAD_BARS_REGIME


def bars_needed(*, signal: bool) -> int:
    """How many of the newest bars hold the whole window of the last one: 1,536, or 768 on the regime timeframe."""
    return lead_bars(signal=signal) + STRIDE_BARS


def window_starts(bars: Floats, timeframe_ms: int, *, signal: bool) -> NDArray[np.int64]:
    """The index of the first bar of each bar's window. Shape (n, 6) to (n,), never falling."""
    number = bars[:, MS] // timeframe_ms
    anchor = (number - lead_bars(signal=signal)) // STRIDE_BARS * STRIDE_BARS
    return np.searchsorted(number, anchor, side="left").astype(np.int64)


def anchor(bars: Floats, timeframe_ms: int, upto_ms: int, *, signal: bool) -> Floats:
    """The anchored window, a view, of the last bar closed at or before `upto_ms`; empty when there is none."""
    end = int(np.searchsorted(bars[:, MS], upto_ms - timeframe_ms, side="right"))
    if end == 0:
        return bars[:0]
    number = bars[end - 1, MS] // timeframe_ms
    first = (number - lead_bars(signal=signal)) // STRIDE_BARS * STRIDE_BARS
    start = int(np.searchsorted(bars[:end, MS], first * timeframe_ms, side="left"))
    return bars[start:end]
