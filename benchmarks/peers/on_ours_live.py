"""Our whole cycle, observe to record, without a network: its quiet cycles and those on which every bar closed.

python -m benchmarks.peers.on_ours_live PAIRS CYCLES     prints a JSON line each: the median of CYCLES
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from pathlib import Path

from benchmarks import cycle


def main(pairs: int, cycles: int) -> None:
    """Measure."""
    with tempfile.TemporaryDirectory() as folder:
        made = asyncio.run(cycle.measured(pairs, cycles, Path(folder), profile=False))
    for name, ms in (("quiet", made.quiet_ms), ("new bar", made.new_bar_ms)):
        print(json.dumps({"engine": name, "pairs": pairs, "seconds": [ms / 1e3]}))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
