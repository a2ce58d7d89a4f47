"""Times one decision and one whole cycle, observe to record, by the width of the portfolio; medians of processor time.

    make bench ARGS="[--assets 5 20 100 500] [--rounds 15] [--folder DIR] [--profile]"

A cycle is the whole engine in process: kill and control table, reconcile, observe, both plans, the record in SQLite
(durable, in DIR), orders to the simulated exchange and their booking. What the market itself costs (making up quotes
and books, which a real venue does elsewhere) is measured apart and taken off. `quiet`: no bar closed since the last
cycle; `new bar`: every asset's 4 h bar closed. The yardsticks are freqtrade's `process()` on a new candle, measured
elsewhere: 100, 500 and 2,800 ms for 20, 100 and 500 pairs.
"""

# ruff: noqa: D101, D102

from __future__ import annotations

import argparse
import asyncio
import contextlib
import cProfile
import pstats
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from time import process_time
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from benchmarks.wide import WideScene, a_policy, an_opening
from bot.clocks import StepClock, host_utc_now
from bot.core.instruments import Market
from bot.core.policy import Policy
from bot.core.snapshot import Balance, Book, Funding, Position, Snapshot, Ticker
from bot.engine.arithmetic import decide
from bot.engine.cycle import Engine
from bot.engine.parts import Parts
from bot.engine.permit import SendPermit
from bot.engine.stop import KillWatch
from bot.ports.store import Identity
from bot.ports.venue import Gap
from bot.store.sql import SqlControls, SqlRecord, SqlStore
from bot.venues.simulated.exchange import Exchange
from bot.venues.simulated.venue import SimulatedVenue

T = TypeVar("T")
FREQTRADE_MS = {20: 100, 100: 500, 500: 2_800}
STEP = timedelta(minutes=10)
BAR = timedelta(hours=4)


@dataclass
class Silent:
    """Alerts that nobody reads."""

    told: list[str] = field(default_factory=list)

    def send(self, level: Literal["info", "warning", "critical"], text: str, *, key: str = "") -> None:
        self.told.append(f"{level} {key}: {text}")


class TimedVenue(SimulatedVenue):
    """The simulated venue; ``spent_s`` is the processor time that its reads took."""

    spent_s = 0.0

    async def _timed(self, answer: Awaitable[T]) -> T:
        begun = process_time()
        try:
            return await answer
        finally:
            self.spent_s += process_time() - begun

    async def markets(self) -> Mapping[str, Market]:
        return await self._timed(super().markets())

    async def quotes(self) -> Mapping[str, Ticker] | Gap:
        return await self._timed(super().quotes())

    async def funding(self) -> Mapping[str, Funding] | Gap:
        return await self._timed(super().funding())

    async def candles(self, symbol: str, timeframe: str, since: datetime, limit: int) -> NDArray[np.float64] | Gap:
        return await self._timed(super().candles(symbol, timeframe, since, limit))

    async def book(self, symbol: str, depth: int) -> Book | Gap:
        return await self._timed(super().book(symbol, depth))

    async def balances(self) -> Sequence[Balance] | Gap:
        return await self._timed(super().balances())

    async def positions(self) -> Sequence[Position] | Gap:
        return await self._timed(super().positions())


@dataclass
class Bench:
    """One portfolio with everything of a real one but the network."""

    policy: Policy
    clock: StepClock
    venue: TimedVenue
    engine: Engine
    store: SqlStore
    closes: list[Callable[[], Awaitable[None]]]
    seen: list[Snapshot] = field(default_factory=list)
    cycles: int = 0
    sent: int = 0

    async def cycle(self, later: timedelta) -> float:
        """One cycle ``later``; its processor seconds without the market's."""
        await self.clock.until(self.clock.now() + later)
        self.cycles += 1
        before, begun = self.venue.spent_s, process_time()
        outcome = await self.engine.cycle(f"c{self.cycles}", self.policy)
        taken = process_time() - begun - (self.venue.spent_s - before)
        self.seen = [outcome.snapshot]
        self.sent += len(outcome.sent)
        return taken


async def a_bench(count: int, folder: Path) -> Bench:
    scene = WideScene(count)
    clock = StepClock(scene.start)
    exchange = Exchange(scene, opening=an_opening(scene))
    exchange.transfer("USDT", exchange.balances()["USDT"].free / 4, "spot", "futures", client_id="opening")
    venue = TimedVenue(exchange, clock)
    mine, url = Identity("main", "paper", "binance", "local"), f"sqlite+aiosqlite:///{folder / f'{count}.db'}"
    store, controls = SqlStore(url, host_utc_now), SqlControls(url, mine, host_utc_now)
    record = SqlRecord(url, mine)
    await store.open(mine, migrate=True)
    fence = await store.lead("bench", 3_600)
    alerts = Silent()
    parts = Parts(
        mode="paper", portfolio="main", venue="binance", environment="local", market=venue, account=venue,
        broker=venue, transfers=venue, store=store, controls=controls, record=record, clock=clock, alerts=alerts,
        feeds=venue, savings=venue, keep=store.keep,
    )  # fmt: skip
    kill = KillWatch(controls, alerts)
    engine = Engine(parts, kill, SendPermit(lambda: kill.level, lambda: float("inf"), clock))
    engine.lead(fence)
    return Bench(a_policy(scene.assets), clock, venue, engine, store, [store.close, controls.close, record.close])


@contextlib.contextmanager
def profiled(wanted: bool) -> Iterator[None]:  # noqa: FBT001 - a switch
    if not wanted:
        yield
        return
    with cProfile.Profile() as seen:
        yield
    pstats.Stats(seen).sort_stats("tottime").print_stats(45)
    pstats.Stats(seen).sort_stats("cumtime").print_stats(70)


@dataclass(frozen=True)
class Figures:
    plan_ms: float
    quiet_ms: float
    new_bar_ms: float
    sent: int


async def measured(count: int, rounds: int, folder: Path, *, profile: bool) -> Figures:
    bench = await a_bench(count, folder)
    try:
        for later in (STEP, STEP, BAR, STEP):
            await bench.cycle(later)
        with profiled(profile):
            quiet = [await bench.cycle(STEP) for _ in range(rounds)]
            new_bar = [await bench.cycle(BAR) for _ in range(rounds)]
        plans = []
        for _ in range(rounds):
            await bench.cycle(STEP)
            fresh = bench.seen[-1].model_copy()
            begun = process_time()
            decide(fresh, bench.policy)
            plans.append(process_time() - begun)
    finally:
        for close in bench.closes:
            await close()
    return Figures(median(plans) * 1e3, median(quiet) * 1e3, median(new_bar) * 1e3, bench.sent)


def main() -> None:
    options = argparse.ArgumentParser(description="Times one decision and one whole cycle by the number of assets.")
    options.add_argument("--assets", type=int, nargs="+", default=[5, 20, 100, 500])
    options.add_argument("--rounds", type=int, default=15)
    options.add_argument("--folder", type=Path, help="where the records are made (default: a temporary one)")
    options.add_argument("--profile", action="store_true")
    given = options.parse_args()
    print(f"{'assets':>6} {'plan':>9} {'cycle, quiet':>13} {'cycle, new bar':>15} {'orders':>7}  of freqtrade's candle")
    for count in given.assets:
        with tempfile.TemporaryDirectory(dir=given.folder) as folder:
            seen = asyncio.run(measured(count, given.rounds, Path(folder), profile=given.profile))
        yardstick = FREQTRADE_MS.get(count)
        ratio = f"1/{yardstick / seen.quiet_ms:.0f} quiet, 1/{yardstick / seen.new_bar_ms:.0f}" if yardstick else ""
        times = f"{seen.plan_ms:6.1f} ms {seen.quiet_ms:10.1f} ms {seen.new_bar_ms:12.1f} ms"
        print(f"{count:6} {times} {seen.sent:7}  {ratio}", flush=True)


if __name__ == "__main__":
    main()
