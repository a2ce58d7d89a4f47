"""Owns the volume profile (R-S5): where in its recent range an asset was traded, and the edges of the value area."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bot.core.readings.bars import CLOSE, HIGH, LOW, VOLUME, Floats

VALUE_SHARE = 0.70


@dataclass(frozen=True, slots=True, eq=False)
class ValueArea:
    """Per row asked for: the value area's edges and the point of control (middle of its bin), in units of price."""

    low: Floats
    high: Floats
    control: Floats


def value_area(bars: Floats, starts: NDArray[np.int64], rows: NDArray[np.int64], length: int, bins: int) -> ValueArea:
    """The value area of the `length` bars up to each row; NaN where the row's window has fewer, or no volume or range.

    A bar's volume lies at its typical price, (high + low + close) / 3. The area grows from the fullest bin by the
    fuller neighbour, the lower one if they are equal, until it holds 70 %. Shapes: `starts` (n,) as of `window_starts`,
    `rows` (m,) to three of (m,).
    """
    area = ValueArea(*(np.full(rows.size, np.nan) for _ in range(3)))
    whole = np.flatnonzero(rows - starts[rows] + 1 >= length)
    if whole.size == 0:
        return area
    span = rows[whole][:, None] + np.arange(1 - length, 1)
    found = area_of(bars[span, HIGH], bars[span, LOW], bars[span, CLOSE], bars[span, VOLUME], bins)
    area.low[whole], area.high[whole], area.control[whole] = found.low, found.high, found.control
    return area


def area_of(high: Floats, low: Floats, close: Floats, volume: Floats, bins: int) -> ValueArea:
    """The value area of each row's bars; NaN where they have no volume or no range. Shapes (m, length) to (m,)."""
    bottom, top = low.min(axis=1), high.max(axis=1)
    held = _histogram((high + low + close) / 3, volume, bottom, top, bins)
    total = np.cumsum(held, axis=1)[:, -1]
    sound = (total > 0) & (top > bottom)
    first, last, control = _grown(held, VALUE_SHARE * total)
    width = (top - bottom) / bins
    edges = (np.where(sound, bottom + edge * width, np.nan) for edge in (first, last + 1, control + 0.5))
    return ValueArea(*edges)


def _histogram(price: Floats, volume: Floats, bottom: Floats, top: Floats, bins: int) -> Floats:
    """Volume per bin and row. Shapes (m, length) and (m,) to (m, bins)."""
    extent = np.where(top > bottom, top - bottom, 1.0)[:, None]
    binned = np.minimum(((price - bottom[:, None]) / extent * bins).astype(np.int64), bins - 1)
    flat = binned + bins * np.arange(price.shape[0])[:, None]
    # bincount adds in the order of the bars, so a row alone and a row among many have the same bits.
    held = np.bincount(flat.ravel(), weights=volume.ravel(), minlength=bins * price.shape[0])
    return held.reshape(-1, bins).astype(np.float64, copy=False)


def _grown(held: Floats, wanted: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """First and last bin of the area that holds what is wanted, and the bin it grew from. Shapes (m, bins), (m,).

    Growing by the fuller neighbour takes the bins in the order of the emptiest bin on the way to them, so one stable
    sort by that running minimum stands for the walk: outwards on the left, then outwards on the right.
    """
    bins = held.shape[1]
    control = held.argmax(axis=1)
    left = np.arange(bins) <= control[:, None]
    outwards = np.concatenate([left[:, ::-1], ~left], axis=1)
    volume = np.concatenate([held[:, ::-1], held], axis=1)
    on_the_way = np.where(outwards, volume, np.inf).reshape(-1, 2, bins)
    emptiest = np.minimum.accumulate(on_the_way, axis=2).reshape(-1, 2 * bins)
    order = np.argsort(np.where(outwards, -emptiest, 1.0), axis=1, kind="stable")
    inside = np.cumsum(np.take_along_axis(volume, order, axis=1), axis=1)
    taken = np.minimum((inside < wanted[:, None]).sum(axis=1) + 1, bins)
    to_the_left = ((order < bins) & (np.arange(2 * bins) < taken[:, None])).sum(axis=1)
    return control - to_the_left + 1, control + taken - to_the_left, control
