"""Owns the shape of a series of closed bars: its columns, which rows are sound, its key. Computes no indicator.

A series is a float64 array of shape (n, 6): open time in ms since the epoch, open, high, low, close, volume; oldest
first, closed bars only, possibly with gaps, possibly empty.
"""

from __future__ import annotations

from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

MS, OPEN, HIGH, LOW, CLOSE, VOLUME = range(6)
WIDTH = 6

Floats = NDArray[np.float64]


def sound(bars: Floats) -> Floats:
    """The bars without those that no market can make: a malformed bar is a gap, never a number.

    Not finite, a price of zero or less, a negative volume, or a range that does not hold the close (no reading asks the
    open). What is dropped depends on that bar alone, so the future cannot change the past. Shape (n, 6) to (m, 6).
    """
    if bars.size == 0:
        return np.empty((0, WIDTH))
    high, low, close, volume = (bars[:, column] for column in (HIGH, LOW, CLOSE, VOLUME))
    # A comparison with NaN is false, so NaN prices and volumes fail here; infinities are asked for by name.
    good = (high >= close) & (close >= low) & (low > 0) & (volume >= 0) & (high < np.inf) & (volume < np.inf)
    return bars if good.all() else bars[good]


def bars_key(bars: Floats) -> str:
    """The series' key for a memo: sha256 of its shape and bytes, in hexadecimal."""
    digest = sha256(str(bars.shape).encode())
    digest.update(np.ascontiguousarray(bars, dtype=np.float64).tobytes())
    return digest.hexdigest()
