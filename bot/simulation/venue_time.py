"""Owns the simulated world's time: one true venue time, and each process' clock, that may be wrong."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from bot.simulation.loop import Process

if TYPE_CHECKING:
    from bot.simulation.loop import SimLoop

HOST_START = datetime(2026, 3, 2, 8, tzinfo=UTC)
SHORTEST_S = 0.0005


class WorldTime:
    """True venue time: ``speed`` times the host's while a living process waits for it, never past the first waiter.

    As `bot.clocks.ScaledClock`, but a killed process waits no longer, and a suspended machine wakes up later.
    """

    def __init__(self, loop: SimLoop, start: datetime, speed: float) -> None:
        self._loop = loop
        self._speed = speed
        self._anchor = start
        self._anchor_s = 0.0
        self._slept = timedelta(0)
        self._sleeps: list[tuple[datetime, timedelta]] = []  # from when on by the wall clock, and how long
        self._waiters: list[tuple[Process, datetime]] = []

    def now(self) -> datetime:
        """Venue time, UTC."""
        gone_s = self._loop.time() - self._anchor_s
        awaited = [at for process, at in self._waiters if process.alive]
        if not awaited:
            return self._anchor + timedelta(seconds=gone_s)
        return min(self._anchor + timedelta(seconds=gone_s * self._speed), max(min(awaited), self._anchor))

    def host_now(self) -> datetime:
        """What the machines' wall clocks show."""
        return HOST_START + timedelta(seconds=self._loop.time()) + self._slept

    def awake(self, first: datetime, last: datetime) -> timedelta:
        """How long the machines were awake between two instants of their wall clocks; negative where none is."""
        slept = (min(last, at + most) - max(first, at) for at, most in self._sleeps)
        return last - first - sum((each for each in slept if each > timedelta(0)), timedelta(0))

    def hold(self) -> None:
        """Write down how far time came, before its pace changes."""
        self._anchor, self._anchor_s = self.now(), self._loop.time()

    def jump(self, seconds: float) -> None:
        """The machine slept: wall clock and venue went on, its monotonic clock did not."""
        self.hold()
        self._sleeps.append((self.host_now(), timedelta(seconds=seconds)))
        self._anchor += timedelta(seconds=seconds)
        self._slept += timedelta(seconds=seconds)

    def forget(self, process: Process) -> None:
        """It died: what it waited for is nobody's."""
        self.hold()
        self._waiters = [(owner, at) for owner, at in self._waiters if owner is not process]

    async def until(self, process: Process, at: datetime) -> None:
        """Wait until true venue time is ``at``."""
        if at <= self.now():
            await asyncio.sleep(0)
            return
        self.hold()
        self._waiters.append((process, at))
        try:
            while (left_s := (at - self.now()).total_seconds()) > 0:  # noqa: ASYNC110 - time is no event
                await asyncio.sleep(max(left_s / self._speed, SHORTEST_S))
        finally:
            if process.alive:
                self.hold()
                self._waiters.remove((process, at))


class ProcessClock:
    """`bot.ports.clock.Clock` of one process; ``skew`` is how far its venue time is off, on the machine it runs on."""

    def __init__(self, time: WorldTime, loop: SimLoop, process: Process) -> None:
        self._time = time
        self._loop = loop
        self._process = process
        self.skew = timedelta(0)

    def now(self) -> datetime:
        """Venue time as the process believes it to be."""
        return self._time.now() + self.skew

    def mono(self) -> float:
        """Host seconds."""
        return self._loop.time()

    async def sleep(self, host_s: float) -> None:
        """Sleep host seconds."""
        await asyncio.sleep(max(0.0, host_s))

    async def until(self, venue_at: datetime) -> None:
        """Wait for what the process believes is ``venue_at``."""
        await self._time.until(self._process, venue_at - self.skew)


class TrueClock:
    """The venue's own clock."""

    def __init__(self, time: WorldTime, loop: SimLoop) -> None:
        self._time = time
        self._loop = loop

    def now(self) -> datetime:
        """True venue time."""
        return self._time.now()

    def mono(self) -> float:
        """Host seconds."""
        return self._loop.time()

    async def sleep(self, host_s: float) -> None:
        """Sleep host seconds."""
        await asyncio.sleep(host_s)

    async def until(self, venue_at: datetime) -> None:
        """The venue waits for nobody."""
        raise NotImplementedError(f"until {venue_at}")
