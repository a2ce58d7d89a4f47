"""Owns how fast we may ask: who goes first, how many at once, the pause a venue asked for. Sends nothing."""

from __future__ import annotations

import asyncio
import bisect
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Protocol

from bot.ports.clock import Clock
from bot.ports.errors import RateLimited

SLOTS = 6
READS_MOST = 2  # ccxt's own throttle is first come, first served: an order never waits behind more reads than these
CANCELS_APART = 1  # slots beside those, for cancels only: what takes risk off never waits behind what adds it
PATIENCE_S = 5.0  # a pause up to this long is sat out inside a read; a longer one is the caller's business
SLOW_FROM = 0.7  # of the venue's weight per minute
SLOW_MOST_S = 2.0
MINUTE_S = 60.0
AT_ONCE = 0.1  # of a minute's weight may go at once, the rest evenly: together no minute has more than 0.95 of it
EVENLY = 0.85


class Lane(IntEnum):
    """Who goes first."""

    ORDER = 0
    CANCEL = 1
    LOOKUP = 2
    READ = 3


class Budget(Protocol):
    """What the processes of one machine have together: tokens by bucket, and the quiet a venue asked for."""

    async def take(self, bucket: str, cost: float, *, per_s: float, most: float, urgent: bool = False) -> float:
        """Take ``cost`` tokens, of which ``per_s`` come and ``most`` are kept; host seconds to wait for them first.

        None are taken, and none need be waited for, where that would be longer than `PATIENCE_S`.
        """
        ...

    def left(self, bucket: str, tokens: float) -> None:
        """No more than these are left."""
        ...

    def pause(self, host_s: float, why: str, *, orders_only: bool = False) -> None:
        """All must be quiet."""
        ...

    def quiet(self, *, orders: bool = False) -> tuple[float, str]:
        """For how many host seconds more, and why."""
        ...


class Turnstile:
    """At most ``slots`` requests under way, ``reads`` of them reads; the more urgent goes first, then the older.

    When all are taken a cancel still goes.
    """

    def __init__(self, slots: int = SLOTS, reads: int = READS_MOST) -> None:
        self._free = slots
        self._free_reads = reads
        self._free_cancels = CANCELS_APART
        self._numbers = itertools.count()
        self._waiting: list[tuple[Lane, int, asyncio.Future[None]]] = []

    @asynccontextmanager
    async def turn(self, lane: Lane) -> AsyncIterator[None]:
        """Wait for a slot and hold it."""
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        bisect.insort(self._waiting, (lane, next(self._numbers), ready))
        self._admit()
        try:
            await ready
        except asyncio.CancelledError:
            # Cancelled in the very moment it was let in: hand the slot on.
            if ready.done() and not ready.cancelled():
                self._release(lane)
            raise
        try:
            yield
        finally:
            self._release(lane)

    def _release(self, lane: Lane) -> None:
        if lane is Lane.CANCEL and self._free_cancels < CANCELS_APART:
            self._free_cancels += 1
        else:
            self._free += 1
        if lane is Lane.READ:
            self._free_reads += 1
        self._admit()

    def _admit(self) -> None:
        for waiting in self._waiting.copy():
            lane, _, ready = waiting
            if not ready.done() and not self._take(lane):
                continue
            self._waiting.remove(waiting)
            if not ready.done():  # else it gave up waiting
                ready.set_result(None)

    def _take(self, lane: Lane) -> bool:
        """Whether there is a slot for one of ``lane``, which is then taken."""
        if lane is Lane.CANCEL and not self._free and self._free_cancels:
            self._free_cancels -= 1
            return True
        if not self._free or (lane is Lane.READ and not self._free_reads):
            return False
        self._free -= 1
        if lane is Lane.READ:
            self._free_reads -= 1
        return True


class Traffic:
    """What was asked, what it weighed, and until when the venue wants quiet.

    A pause is kept in host seconds, since that is what Retry-After counts; ``paused_until`` tells it in venue time, and
    given back after a restart it goes on. ``common``: of all keys that ask from here; a venue's pause is for all.
    ``machine``: what other processes of this machine ask with the same key; of ``common``, from the same address.
    """

    def __init__(
        self,
        clock: Clock,
        budgets: Mapping[str, int],
        *,
        paused_until: datetime | None = None,
        paced: bool = True,
        common: Traffic | None = None,
        machine: Budget | None = None,
    ) -> None:
        self.requests: Counter[str] = Counter()
        self.used_weight: dict[str, int] = {}
        self.pauses = 0
        self._clock = clock
        self._common = common
        self._machine = machine
        self._budgets = budgets
        self._paced = paced
        self._said_at_s: dict[str, float] = {}
        self._why = "the venue asked for quiet"
        self._quiet_s = clock.mono()
        self._orders_quiet_s = clock.mono()
        if paused_until is not None:
            self.pause((paused_until - clock.now()).total_seconds(), "a ban from before the start")

    def count(self, method: str, path: str) -> None:
        """One request is about to leave."""
        self.requests[f"{method} {path}"] += 1

    def used(self, family: str, weight: int) -> None:
        """What the venue says was used of a family's minute."""
        self.used_weight[family] = weight
        self._said_at_s[family] = self._clock.mono()
        address = self._address
        if address is not None and self._paced and family in self._budgets:
            address.left(family, self._budgets[family] - weight)

    @property
    def _address(self) -> Budget | None:
        """What is asked from here, with whatever key."""
        return self._machine if self._common is None else self._common._address  # noqa: SLF001 - another of the same

    async def take(self, cost: float, per_s: float, family: str, weight: float, *, urgent: bool) -> None:
        """Wait until this machine may ask: ``cost`` of what the key has each second, ``weight`` of the address' minute.

        What is ``urgent`` does not wait, the others the longer. Raises `RateLimited` where that would take too long.
        """
        wait_s, address = 0.0, self._address
        if self._machine is not None and self._machine is not address:
            wait_s = await self._machine.take("", cost, per_s=per_s, most=1.0, urgent=urgent)
        if address is not None and family in self._budgets:
            most = self._budgets[family]
            evenly = most * EVENLY / MINUTE_S
            also_s = await address.take(family, weight, per_s=evenly, most=most * AT_ONCE, urgent=urgent)
            wait_s = max(wait_s, also_s)
        if wait_s > PATIENCE_S:
            why = f"this machine has asked too much: quiet for {wait_s:.1f} s more"
            raise RateLimited(why, retry_after_s=wait_s, until=self._clock.now() + timedelta(seconds=wait_s))
        if wait_s > 0:
            await self._clock.sleep(wait_s)

    def pause(self, host_s: float, why: str, *, orders_only: bool = False) -> None:
        """Be quiet for ``host_s``; a pause is never shortened."""
        until_s = self._clock.mono() + max(0.0, host_s)
        if self._machine is not None:
            self._machine.pause(max(0.0, host_s), why, orders_only=orders_only)
        self._orders_quiet_s = max(self._orders_quiet_s, until_s)
        if not orders_only:
            self._quiet_s = max(self._quiet_s, until_s)
            self._why = why
            self.pauses += 1
            if self._common is not None:
                self._common.pause(host_s, why)

    @property
    def paused_until(self) -> datetime | None:
        """When calls may go on, venue time; None while nothing is paused."""
        left_s = self.quiet_until_s - self._clock.mono()
        return self._clock.now() + timedelta(seconds=left_s) if left_s > 0 else None

    @property
    def quiet_until_s(self) -> float:
        """Host seconds: our own pause, or everybody's where that is longer."""
        return self._until_s()[0]

    def check(self, *, order: bool = False) -> None:
        """Raise `RateLimited` while there must be quiet."""
        until_s, why = self._until_s(order=order)
        left_s = until_s - self._clock.mono()
        if left_s > 0:
            said = f"quiet for {left_s:.1f} s more: {why}"
            raise RateLimited(said, retry_after_s=left_s, until=self._clock.now() + timedelta(seconds=left_s))

    def _until_s(self, *, order: bool = False) -> tuple[float, str]:
        """Until when there must be quiet (host seconds) and why: our own, everybody's here, or this machine's."""
        found = [(max(self._orders_quiet_s if order else 0.0, self._quiet_s), self._why)]
        if self._machine is not None:
            left_s, why = self._machine.quiet(orders=order)
            found.append((self._clock.mono() + left_s if left_s > 0 else 0.0, why))
        if self._common is not None:
            found.append(self._common._until_s())  # noqa: SLF001 - another of the same
        return max(found)

    async def wait(self) -> None:
        """Sit out a short pause, slow down near the budget; raises `RateLimited` when the pause is a long one."""
        if (left_s := self.quiet_until_s - self._clock.mono()) > 0:
            if left_s > PATIENCE_S:
                self.check()
            await self._clock.sleep(left_s)
        if slow_s := self._slow_s():
            await self._clock.sleep(slow_s)

    def _slow_s(self) -> float:
        """Seconds to let go by: none below 70 % of a family's weight, rising to two at all of it."""
        if not self._paced:
            return 0.0
        now_s = self._clock.mono()
        most = max(
            (
                weight / self._budgets[family]
                for family, weight in self.used_weight.items()
                if family in self._budgets and now_s - self._said_at_s[family] < MINUTE_S
            ),
            default=0.0,
        )
        return max(0.0, min(1.0, (most - SLOW_FROM) / (1 - SLOW_FROM))) * SLOW_MOST_S
