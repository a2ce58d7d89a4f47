"""The plain job on this bot, timed: a whole backtest with records of decisions and fills and the equity curve.

    python -m benchmarks.peers.on_ours PRICES.npy REPEATS [every|profile]     prints a JSON line

`every`: no hour is passed. `profile`: in place of times, the shares of the bot's rooms under a profiler.
"""

from __future__ import annotations

import asyncio
import cProfile
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.peers import ours
from benchmarks.peers.job import prices_of, reference
from benchmarks.peers.rooms import shares
from bot.backtest.run import run


async def profiled(folder: Path, coins: int, bars: int) -> dict[str, float]:
    """Parts of 1 by room."""
    job = await ours.prepared(folder, coins, bars)
    with cProfile.Profile() as seen:
        await run(job)
    return shares(seen)


async def measured(folder: Path, coins: int, bars: int, *, screen: bool) -> tuple[float, np.ndarray, int]:
    """Processor seconds of one run, prices read before; its equity; how many hours were decided."""
    job = await ours.prepared(folder, coins, bars, screen=screen)
    at = time.process_time()
    result = await run(job)
    took = time.process_time() - at
    return took, result.curve.equity, len(await job.parts.record.decisions(10**9))


def main(path: str, repeats: int, how: str) -> None:
    """Measure and compare the curve with the reference's."""
    closes = prices_of(path)
    bars, coins = closes.shape
    with tempfile.TemporaryDirectory() as folder:
        tape = ours.tape(Path(folder), closes)
        if how == "profile":
            told = {"engine": "profile", "seconds": [], "rooms": asyncio.run(profiled(tape, coins, bars))}
            print(json.dumps(told))
            return
        made = [asyncio.run(measured(tape, coins, bars, screen=how != "every")) for _ in range(repeats)]
    apart = float(np.abs(made[-1][1] / reference(closes).equity - 1).max())
    seconds = [each[0] for each in made]
    name = "ballast, every bar" if how == "every" else "ballast"
    print(json.dumps({"engine": name, "coins": coins, "seconds": seconds, "apart": apart, "decided": made[-1][2]}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3] if sys.argv[3:] else "")
