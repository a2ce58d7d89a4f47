"""Writes the candles that our cycle's benchmark has of each pair when it begins, for freqtrade to have the same.

python -m benchmarks.peers.candles PAIRS FILE.npy     (pairs, 500, 6): milliseconds, open, high, low, close, volume
"""

from __future__ import annotations

import sys

import numpy as np

from benchmarks.wide import BAR_MS, START_MS, WideScene

PAST = 500


def main(pairs: int, path: str) -> None:
    """Write."""
    scene = WideScene(pairs)
    since = START_MS - PAST * BAR_MS
    made = [scene.candles(f"{name}/USDT", "4h", since, PAST, scene.start) for name in scene.assets]
    np.save(path, np.stack(made))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
