"""Owns a fleet's worker: looks at folder and roster, starts and ends members, hears the signals. Trades nothing."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import structlog

from bot.clocks import SystemClock
from bot.daemon import LEASE_S
from bot.fleet.member import Member
from bot.fleet.spread import at_work, clashes, turn
from bot.ports.errors import PortError
from bot.ports.fleet import Muster, Offer, Worker
from bot.settings import ConfigError
from bot.settings.folder import Folder, Portfolio
from bot.signals import heard
from bot.wiring_fleet import Shared

STARTS_AT_ONCE: Final = 4
AGAIN_S: Final = 5.0  # after a portfolio could not be led, twice as long each time,
AGAIN_MOST_S: Final = 300.0  # up to this
#: A worker that is silent for so long is no longer counted: less than its leases last, so that the others' shares have
#: grown by the time they run out.
TTL_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Pace:
    """Host seconds: between two looks at the roster and at the folder, and before a worker that joins takes its share.

    By then those that started beside it are seen.
    """

    look_s: float = 1.0
    read_s: float = 5.0
    settle_s: float = 3.0


@dataclass(slots=True)
class Wait:
    """Until when a portfolio is not tried again (host seconds), how long that was, and why."""

    until_s: float
    span_s: float
    why: str


DEFAULT_PACE: Final = Pace()


class FleetWorker:
    """Leads its share of a folder's portfolios until told to end. `run` returns once all of them are given back."""

    def __init__(self, folder: Folder, shared: Shared, pace: Pace = DEFAULT_PACE) -> None:
        self._folder = folder
        self._pace = pace
        self._shared = shared
        self._clock = SystemClock()
        self._log = structlog.get_logger("fleet")
        self._stop = asyncio.Event()
        self._turns = asyncio.Semaphore(STARTS_AT_ONCE)
        self._portfolios: Mapping[str, Portfolio] = {}
        self._books: dict[str, int] = {}
        self._members: dict[str, Member] = {}
        self._waits: dict[str, Wait] = {}
        self._clashes: Mapping[str, str] = {}
        self._told: dict[str, str] = {}

    @property
    def leading(self) -> tuple[str, ...]:
        """Portfolios this worker has, those that are ending left out."""
        return tuple(name for name, member in self._members.items() if not member.ending)

    def stop(self) -> None:
        """Ask for a clean end."""
        self._stop.set()

    def halt(self) -> None:
        """Ask every portfolio that is led here for a halt."""
        for member in self._members.values():
            member.halt()

    async def run(self) -> None:
        """Work until `stop` or a signal, then drain."""
        with heard(stop=self.stop, halt=self.halt):
            try:
                await self._work()
            finally:
                await self._drain()

    # ---- inside

    async def _work(self) -> None:
        started_s = read_s = self._clock.mono()
        await self._read()
        while not self._stop.is_set():
            if self._clock.mono() - read_s >= self._pace.read_s:
                read_s = self._clock.mono()
                await self._read()
            await self._reap()
            muster = await self._muster()
            if muster is not None:
                self._take_clashes(muster)
                await self._turn(muster, may_take=self._clock.mono() - started_s >= self._pace.settle_s)
                await self._hold()
            # Not `wait_for`: before Python 3.12 it swallows a cancellation that meets the event.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._pace.look_s):
                    await self._stop.wait()

    async def _read(self) -> None:
        """Look at the folder: what came is known, what went is let go of."""
        try:
            found = self._folder.read()
            new = [name for name in found if name not in self._books or found[name] is not self._portfolios.get(name)]
            if new:
                identities = [self._shared.identity(found[name]) for name in new]
                self._books |= dict(zip(new, await self._shared.roster.bind(identities), strict=True))
        except (ConfigError, PortError) as error:
            self._tell("the folder", str(error))
            return
        self._tell("the folder", "")
        self._portfolios = found
        self._books = {name: book for name, book in self._books.items() if name in found}
        for name, lines in self._folder.wrong.items():
            self._tell(name, "; ".join(lines))
        for name in found:
            self._tell(name, "")
        for name, member in self._members.items():
            # A file that is broken just now is its daemon's business, which freezes it.
            gone = name not in found and name not in self._folder.wrong
            moved = name in self._books and self._books[name] != member.book
            if (gone or moved) and not member.ending:
                self._log.info("left the folder", portfolio=name)
                member.end()

    async def _muster(self) -> Muster | None:
        try:
            # A file that was edited is in force as soon as it is offered: its daemon reads it by itself.
            now = {name: self._portfolios.get(name, each.portfolio) for name, each in self._members.items()}
            leads = {self._members[name].book: self._offer(one) for name, one in now.items()}
            found = await self._shared.roster.muster(self._me(), TTL_S, leads)
        except PortError as error:
            # The members go on for as long as their own leases hold.
            self._tell("the roster", str(error))
            return None
        self._tell("the roster", "")
        return found

    def _me(self) -> Worker:
        draining = self._stop.is_set()
        offers = {} if draining else {name: self._offer(one) for name, one in self._portfolios.items()}
        troubles = {name: "; ".join(lines) for name, lines in self._folder.wrong.items()}
        troubles |= {name: wait.why for name, wait in self._waits.items() if wait.why}
        return replace(self._shared.me, offers=offers, troubles=troubles, draining=draining)

    def _offer(self, portfolio: Portfolio) -> Offer:
        return Offer(self._shared.me.version, portfolio.hash)

    def _take_clashes(self, muster: Muster) -> None:
        now = clashes(muster, self._books)
        for name in {*now, *self._clashes}:
            if now.get(name, "") != self._clashes.get(name, "") and name in self._members:
                self._members[name].hold(now.get(name, ""))
        self._clashes = now

    async def _turn(self, muster: Muster, *, may_take: bool) -> None:
        now_s = self._clock.mono()
        waits = {name for name, wait in self._waits.items() if wait.until_s > now_s}
        # One that is just ending is neither had nor free.
        waits |= {name for name, member in self._members.items() if member.ending}
        decided = turn(self._shared.me.name, self._books, muster, self.leading, waits)
        for name in decided.leave:
            self._log.info("given to another", portfolio=name, workers=len(at_work(muster)))
            self._members[name].end()
        if not may_take:
            return
        alive = {worker.name for worker in muster.workers}
        wanted = {self._books[name]: self._offer(self._portfolios[name]) for name in decided.take}
        try:
            had = await self._shared.roster.claim(wanted, self._shared.me.name, alive, LEASE_S)
        except PortError as error:
            self._tell("the roster", str(error))
            return
        for name in decided.take:
            book = self._books[name]
            if book not in had:
                continue
            self._log.info("takes", portfolio=name)
            made = Member(self._portfolios[name], book, self._shared.compose, self._turns, self._clashes.get(name, ""))
            self._members[name] = made

    async def _hold(self) -> None:
        """Many that are taken at once wait for their start: meanwhile their old leaders must not have them back."""
        waiting = [member.book for member in self._members.values() if not member.begun and not member.ending]
        try:
            if waiting:
                await self._shared.roster.hold(waiting, self._shared.me.name, LEASE_S)
        except PortError as error:
            self._tell("the roster", str(error))

    async def _reap(self) -> None:
        """Take leave of members that ended, and remember which of them not to try again at once."""
        for name, member in list(self._members.items()):
            if not member.task.done():
                continue
            del self._members[name]
            await self._dropped(member)
            if not member.task.cancelled() and (error := member.task.exception()) is not None:
                # A fault of the program: this portfolio waits, the others go on.
                member.trouble = f"{type(error).__name__}: {error}"
                self._log.error("ended by a fault", portfolio=name, exc_info=error)
            if not member.trouble:
                self._waits.pop(name, None)
                continue
            before = self._waits.get(name)
            span_s = AGAIN_S if before is None else min(2 * before.span_s, AGAIN_MOST_S)
            self._waits[name] = Wait(self._clock.mono() + span_s, span_s, member.trouble)

    async def _dropped(self, member: Member) -> None:
        try:
            await self._shared.roster.drop(member.book, self._shared.me.name)
        except PortError as error:
            self._tell("the roster", str(error))

    async def _drain(self) -> None:
        """End every member, give back what they led, and sign off."""
        self._stop.set()
        self._log.info("drains", portfolios=len(self._members))
        for member in self._members.values():
            member.end()
        while self._members:
            await asyncio.wait([member.task for member in self._members.values()], timeout=self._pace.look_s)
            await self._reap()
            # Others are to know at once what is free, and that nothing is wanted here any more.
            await self._muster()
        try:
            await self._shared.roster.leave(self._me())
        except PortError as error:
            self._log.warning("at the end", why=str(error))

    def _tell(self, about: str, why: str) -> None:
        """Say what is wrong once, and once that it is well again."""
        if self._told.get(about, "") == why:
            return
        self._told[about] = why
        if why:
            self._log.error("cannot be used", about=about, why=why)
        else:
            self._log.info("well again", about=about)
