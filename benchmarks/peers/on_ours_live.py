"""Our whole cycle, observe to record, without a network: its quiet cycles and those on which every bar closed.

    python -m benchmarks.peers.on_ours_live PAIRS CYCLES [profile]     prints a JSON line each: the median of CYCLES

`profile`: in place of times, the shares of the bot's rooms under a profiler; the market's own work is in them.
"""

from __future__ import annotations

import asyncio
import cProfile
import json
import sys
import tempfile
from pathlib import Path

from benchmarks import cycle
from benchmarks.peers.rooms import shares


async def profiled(pairs: int, cycles: int, folder: Path) -> dict[str, dict[str, float]]:
    """Parts of 1 by room, of cycles of either kind."""
    bench = await cycle.a_bench(pairs, folder)
    made = {}
    try:
        for later in (cycle.STEP, cycle.STEP, cycle.BAR, cycle.STEP):
            await bench.cycle(later)
        for name, later in (("no new bar", cycle.STEP), ("new bar", cycle.BAR)):
            with cProfile.Profile() as seen:
                for _ in range(cycles):
                    await bench.cycle(later)
            made[name] = shares(seen)
    finally:
        for close in bench.closes:
            await close()
    return made


def main(pairs: int, cycles: int, how: str) -> None:
    """Measure."""
    with tempfile.TemporaryDirectory() as folder:
        if how == "profile":
            for name, rooms in asyncio.run(profiled(pairs, cycles, Path(folder))).items():
                print(json.dumps({"engine": f"profile, {name}", "seconds": [], "rooms": rooms}))
            return
        made = asyncio.run(cycle.measured(pairs, cycles, Path(folder), profile=False))
    for name, ms in (("quiet", made.quiet_ms), ("new bar", made.new_bar_ms)):
        print(json.dumps({"engine": name, "pairs": pairs, "seconds": [ms / 1e3]}))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3] if sys.argv[3:] else "")
