"""Owns the soak's exchange: a process of its own whose venue time stands still until it is told to go on.

    python benchmarks/soak_exchange.py FOLDER SEED

It says its address as its first line, then "there" for each instant that it reads; it ends where no more come.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from bot.clocks import StepClock
from bot.local_exchange.standalone import World, serve

ROOT = Path(__file__).resolve().parents[1]
OPENING = {"USDT": Decimal(40_000), "BTC": Decimal("0.6")}
PAGE = os.sysconf("SC_PAGE_SIZE")


def resident_mb(process: int | str) -> float:
    """Memory that a process has in use."""
    return int(Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1]) * PAGE / 1e6


def open_files(process: int | str) -> int:
    """How many descriptors a process has open."""
    return len(list(Path(f"/proc/{process}/fd").iterdir()))


class Neighbour:
    """The exchange as the bot's process knows it."""

    def __init__(self, process: asyncio.subprocess.Process, url: str) -> None:
        self.url = url
        self.pid = process.pid
        self._process = process
        self._turn = asyncio.Lock()

    async def go_on(self, to: datetime) -> None:
        """Let its venue time be ``to``."""
        there, asked = self._process.stdout, self._process.stdin
        if there is None or asked is None:
            raise RuntimeError("the exchange has no pipes")
        async with self._turn:
            asked.write(f"{to.isoformat()}\n".encode())
            if await there.readline() != b"there\n":
                raise RuntimeError("the exchange has ended")


@asynccontextmanager
async def beside(folder: Path, seed: int) -> AsyncIterator[Neighbour]:
    """An exchange in a process of its own until the end of the block; its state and keys go into ``folder``."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, __file__, str(folder), str(seed), env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None  # noqa: S101 - asked for above
    assert process.stdout is not None  # noqa: S101 - the same
    try:
        url = (await process.stdout.readline()).decode().strip()
        if not url:
            raise RuntimeError("the exchange did not start")
        yield Neighbour(process, url)
    finally:
        process.stdin.close()
        await process.wait()


class Stepped(StepClock):
    """The bot's venue time, which takes its neighbour along; a measurement of it changes nothing."""

    def __init__(self, start: datetime, neighbour: Neighbour) -> None:
        super().__init__(start)
        self._neighbour = neighbour

    async def until(self, venue_at: datetime) -> None:
        """Be at ``venue_at`` at once, and the neighbour before."""
        if venue_at > self.now():
            await self._neighbour.go_on(venue_at)
        await super().until(venue_at)

    def sync(self, server_now: datetime) -> None:
        """Nothing: both stand where they were put."""


async def main(folder: Path, seed: int) -> None:
    """Serve and be led by lines on stdin."""
    clocks: list[StepClock] = []

    def clock_at(start: datetime, _speed: float) -> StepClock:
        clocks.append(StepClock(start))
        return clocks[0]

    serving = asyncio.create_task(
        serve(
            World("random", seed, None, None, OPENING), host="127.0.0.1", port=0, state_path=folder / "exchange.sqlite",
            speed=1.0, keys=folder / "keys", started=lambda url: print(url, flush=True), clock_at=clock_at,
        )
    )  # fmt: skip
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        await clocks[0].until(datetime.fromisoformat(line.decode().strip()))
        print("there", flush=True)
    serving.cancel()
    await serving


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
