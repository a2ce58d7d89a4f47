"""A portfolio whose record is a real SQLite file: processes come and go on it, it can be copied away and put back."""

from __future__ import annotations

import resource
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bot.clocks import StepClock, host_utc_now
from bot.core.events import Event
from bot.engine.cycle import Engine, Outcome
from bot.engine.permit import SendPermit
from bot.engine.stop import KillWatch
from bot.store.sql import SqlControls, SqlRecord, SqlStore
from bot.venues.simulated.exchange import Exchange
from tests.builders import D, a_policy
from tests.unit.engine.world import CYCLE, MINE, OPENING, FakeAlerts, FlakyVenue, a_world
from tests.unit.venues.simulated.scenes import START, StillScene

POLICY = a_policy(execution={"slice_max": "0.01"})


@contextmanager
def no_room(full: bool = True) -> Iterator[None]:  # noqa: FBT002 - a word of one test
    """Meanwhile the system lets no file of this process grow beyond a kilobyte."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    if full:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_024, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


class FullDisk(SqlStore):
    """A record on a disk that is full whenever a decision (``begin``) or an event of kind ``full_at`` is written."""

    full_at = ""

    async def begin(self, *args: Any, **named: Any) -> None:
        with no_room(self.full_at == "begin"):
            await super().begin(*args, **named)

    async def append(self, events: Sequence[Event], fence: int) -> None:
        with no_room(any(event.kind == self.full_at for event in events)):
            await super().append(events, fence)


@dataclass
class Life:
    """One process on the record."""

    bot: Filed
    store: FullDisk
    record: SqlRecord
    kill: KillWatch
    engine: Engine
    venue: FlakyVenue

    async def cycle(self) -> Outcome:
        """Run one cycle, and let its time pass however it ends."""
        self.bot.number += 1
        try:
            return await self.engine.cycle(f"c{self.bot.number}", POLICY)
        finally:
            await self.bot.clock.until(self.bot.clock.now() + CYCLE)


class Filed:
    """The file, the exchange and the time that outlive every process."""

    def __init__(self, folder: Path) -> None:
        self.url = f"sqlite+aiosqlite:///{folder}/b.db"
        self.file, self.copy = folder / "b.db", folder / "backup.db"
        self.scene = StillScene(depth=D(100_000), spread=D("0.02"))
        self.clock = StepClock(START)
        self.exchange = Exchange(self.scene, opening=OPENING)
        self.exchange.transfer("USDT", D(5_000), "spot", "futures", client_id="opening")
        self.alerts = FakeAlerts()
        self.number = 0

    @asynccontextmanager
    async def process(self) -> AsyncIterator[Life]:
        """Lead, and let go at the end."""
        store, record = FullDisk(self.url, host_utc_now), SqlRecord(self.url, MINE)
        controls = SqlControls(self.url, MINE, host_utc_now)
        template = await a_world(scene=self.scene, exchange=self.exchange, clock=self.clock)
        venue = FlakyVenue(self.exchange, self.clock)
        try:
            await store.open(MINE, migrate=True)
            fence = await store.lead("here", 60)
            parts = replace(
                template.parts, store=store, record=record, controls=controls, market=venue, account=venue,
                broker=venue, transfers=venue, feeds=venue, savings=venue, keep=store.keep, alerts=self.alerts,
            )  # fmt: skip
            kill = KillWatch(controls, self.alerts)
            engine = Engine(parts, kill, SendPermit(lambda: kill.level, lambda: float("inf"), self.clock))
            engine.lead(fence)
            yield Life(self, store, record, kill, engine, venue)
            await store.release(fence)
        finally:
            await store.close()
            await record.close()
            await controls.close()

    async def life(self, cycles: int) -> KillWatch:
        """Run some cycles in a process of their own."""
        async with self.process() as life:
            for _ in range(cycles):
                await life.cycle()
            return life.kill
