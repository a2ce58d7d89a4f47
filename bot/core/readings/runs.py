"""Owns the run-length arithmetic over a column: how many bars running something has held. Knows no indicator."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def run_lengths(held: NDArray[np.bool_]) -> NDArray[np.int64]:
    """How many bars running, this one included, the mask has been true; 0 where it is false. Shape (..., n) to that."""
    at = np.arange(held.shape[-1], dtype=np.int64)
    last_broken = np.maximum.accumulate(np.where(held, -1, at), axis=-1)
    return at - last_broken


def equal_runs(codes: NDArray[np.int8]) -> NDArray[np.int64]:
    """How many bars running, this one included, the code has been what it is. Shape (..., n) to that."""
    same = np.zeros(codes.shape, dtype=np.bool_)
    same[..., 1:] = codes[..., 1:] == codes[..., :-1]
    return run_lengths(same) + 1
