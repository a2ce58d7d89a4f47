"""Owns the cycle: stop? reconcile, observe, plan, record, execute, record. Read it first; everything else is detail."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.core.orders import OrderState
from bot.core.plan_record import Plan
from bot.core.policy import Policy
from bot.core.snapshot import Snapshot
from bot.engine.action import Sender, Work, works
from bot.engine.adopt import adopt_at_first
from bot.engine.arithmetic import decide, exact
from bot.engine.controls import Requests
from bot.engine.execute import Executor, Sent
from bot.engine.guard import Guard
from bot.engine.observe import Observer, Reads, book_symbols
from bot.engine.outside import Outside
from bot.engine.parts import Parts
from bot.engine.permit import SendPermit
from bot.engine.reconcile import Reconciler
from bot.engine.record import Recorder, rests
from bot.engine.resting import in_the_way
from bot.engine.stop import CANCELS, OFF, KillWatch, Standing, severity
from bot.engine.trouble import Trouble
from bot.ports.venue import Gap

LIVES_MOST = timedelta(minutes=30)  # venue time after which an intent is stale, however long a cycle is


@dataclass(frozen=True, slots=True)
class Outcome:
    """One cycle as it ended."""

    cycle_id: str
    plan: Plan
    snapshot: Snapshot
    sent: tuple[Sent, ...]

    def count(self, *states: OrderState) -> int:
        """How many intents ended in one of these states."""
        return sum(item.state in states for item in self.sent)


class Engine:
    """The effects of one portfolio. ``lead`` gives it the fence that every write is checked against."""

    def __init__(self, parts: Parts, kill: KillWatch, permit: SendPermit) -> None:
        self._parts = parts
        self._kill = kill
        self._turn = asyncio.Lock()
        self._stood = OFF
        self.recorder = Recorder(parts)
        self.reconciler = Reconciler(parts, self.recorder)
        self.observer = Observer(parts)
        self.outside = Outside(parts, self.recorder)
        self._executor = Executor(parts, self.recorder, permit, self._turn, kill.look_if_old)
        self.requests = Requests(parts, self.recorder)
        self.guard = Guard(parts, self.recorder, kill, self.requests)
        self._trouble = Trouble(parts, kill)
        self._trades = 0

    def lead(self, fence: int) -> None:
        """Write under this fence from here on."""
        self.recorder.fence = fence

    async def cancel_own(self) -> int:
        """Cancel own open orders (R-G1): at the start of a cycle, and at once when a halt comes in between."""
        async with self._turn:
            with exact():
                return await self.reconciler.cancel_open()

    async def tend(self, policy: Policy) -> int:
        """Between two cycles: cancel what has rested for `execution.maker_wait`; how many were asked for."""
        async with self._turn:
            with exact():
                return await self.reconciler.cancel_old(policy.execution.maker_wait)

    async def rest_ends(self, policy: Policy) -> datetime | None:
        """When `tend` has something to do; None while nothing rests."""
        return await self.reconciler.rest_ends(policy.execution.maker_wait)

    async def leave(self, *, leads: bool) -> int:
        """At the end: nothing of ours stays in the book. Who no longer leads asks the venue and records nothing."""
        if leads:
            return await self.cancel_own()
        async with self._turn:
            with exact():
                return await self.reconciler.withdraw()

    async def cycle(self, cycle_id: str, policy: Policy) -> Outcome:
        """One cycle. Nothing is sent that was not committed before, and nothing twice."""
        with exact():
            return await self._cycle(cycle_id, policy)

    async def _cycle(self, cycle_id: str, policy: Policy) -> Outcome:
        self.recorder.policy = policy
        await self._kill.look()
        if self._kill.level in CANCELS:
            await self.cancel_own()
        await self.requests.handle(policy)
        self._stood = max(self.requests.standing, self._kill.standing, key=lambda word: severity(word.level))
        await self.recorder.recall()
        async with self._turn:
            await self.reconciler.run(policy)
        await self.guard.look()
        reads = await self.observer.read(policy)
        self._trouble.look(reads, policy)
        await self._outside(reads)
        decision, snapshot = await self.decide(policy, reads)
        decision = self.recorder.seen(decision, snapshot)
        todo = self._works(decision, policy, snapshot)
        await self._parts.store.begin(
            cycle_id, snapshot, policy, decision,
            [intent for work in todo for intent in work.orders],
            [intent for work in todo for intent in work.moves], self.recorder.fence,
        )  # fmt: skip
        await self.guard.breaker(decision, policy, self.cancel_own)
        sent = await self._execute(todo, policy, snapshot)
        await self._make_way(decision)
        return Outcome(cycle_id, decision, snapshot, sent)

    async def look(self, policy: Policy) -> Snapshot:
        """The half of a cycle that reads, but for candles: what happened outside is booked, nothing is decided."""
        with exact():
            self.recorder.policy = policy
            await self.recorder.recall()
            await self.guard.look()
            reads = await self.observer.read(policy, charts=False)
            await self._outside(reads)
            memory = await self.recorder.recall()
            return self.observer.snapshot(reads, policy, memory, self._standing(), await self._parts.store.orders(), {})

    async def decide(self, policy: Policy, reads: Reads) -> tuple[Plan, Snapshot]:
        """A first plan says which books matter; with them the real one is made."""
        if not isinstance(reads.markets, Gap):
            self.recorder.markets = dict(reads.markets)
        memory = await self.recorder.recall()
        if await self.guard.runaway(memory, policy):
            memory = await self.recorder.recall()
        orders = await self._parts.store.orders()
        snapshot = self.observer.snapshot(reads, policy, memory, self._standing(), orders, {})
        if await adopt_at_first(self._parts, self.recorder, policy, snapshot, memory):
            memory = await self.recorder.recall()
            snapshot = self.observer.snapshot(reads, policy, memory, self._standing(), orders, {})
        first = decide(snapshot, policy)
        wanted = book_symbols(first, policy, snapshot.markets, snapshot.tickers)
        if not wanted:
            return first, snapshot
        books = await self.observer.books(wanted)
        snapshot = self.observer.snapshot(reads, policy, memory, self._standing(), orders, books)
        return decide(snapshot, policy), snapshot

    def _standing(self) -> Standing:
        """The stop this cycle decides under: a rise counts at once, a resume with the cycle that records it."""
        return max(self._stood, self._kill.standing, key=lambda word: severity(word.level))

    async def _outside(self, reads: Reads) -> None:
        """What happened to the account without us: before the decision, so that it is decided knowing it."""
        traded = self.recorder.trades != self._trades
        self._trades = self.recorder.trades
        await self.outside.flows(now=self.outside.changed(reads.balances, traded=traded))
        await self.guard.foreign.changed(self.outside.moved)
        await self.outside.vanished(reads.positions, self.recorder.memory, self.reconciler.active)

    def _works(self, decision: Plan, policy: Policy, snapshot: Snapshot) -> tuple[Work, ...]:
        until = snapshot.at + min(policy.cycle / 2, LIVES_MOST)
        sender = Sender(self._parts.mode, self._parts.portfolio, self.recorder.fence, until)
        return works(decision, policy, snapshot, sender)

    async def _make_way(self, decision: Plan) -> None:
        """What must not wait and stands behind our own resting order: that goes, and the next cycle decides afresh."""
        names = in_the_way(decision)
        if names:
            async with self._turn:
                await self.reconciler.cancel_open(lambda row: rests(row) and row.intent.symbol in names)

    async def _execute(self, todo: Sequence[Work], policy: Policy, snapshot: Snapshot) -> tuple[Sent, ...]:
        moving = any(row.state == OrderState.UNKNOWN for row in await self._parts.store.moves())
        sent = await self._executor.run(todo, policy, snapshot.markets, moving=moving)
        for item in sent:
            if item.state != OrderState.DENIED:
                self.reconciler.touch(item.symbol)
        return sent
