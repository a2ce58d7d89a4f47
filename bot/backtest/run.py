"""Owns the run over the past: one engine, cycle after cycle, until the prices end. Decides nothing, knows no prices."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.backtest.result import Result
from bot.backtest.tally import Tally
from bot.core.policy import Policy
from bot.engine.cycle import Engine
from bot.engine.parts import Parts
from bot.engine.permit import SendPermit
from bot.engine.stop import KillWatch
from bot.ports.store import Identity

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FOREVER_S = float("inf")
HOLDER = "backtest"
LED_FOR_S = timedelta(days=3650).total_seconds()
TOLD_EVERY = 50  # cycles


def nothing_heard() -> Sequence[str]:
    """Nobody listened to alerts."""
    return ()


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be run: parts over a simulated account and a stepping clock, from the clock's now to ``until``.

    ``notes`` are what the run cannot know, ``heard`` tells at the end what it warned of.
    """

    name: str
    parts: Parts
    policy: Policy
    identity: Identity
    until: datetime
    config: Mapping[str, Any]
    notes: tuple[str, ...] = ()
    heard: Callable[[], Sequence[str]] = nothing_heard

    @property
    def cycles(self) -> range:
        """The numbers of the cycles that lie in it, counted from the epoch as the daemon does."""
        first, last = ((at - EPOCH) // self.policy.cycle for at in (self.parts.clock.now(), self.until))
        return range(first, last)


async def run(job: Job, *, told: Callable[[int, int], None] | None = None) -> Result:
    """Every cycle from now to the end, each the very cycle that trades; ``told`` hears (done, of how many)."""
    parts, policy = job.parts, job.policy
    numbers = job.cycles
    engine = await _engine(job)
    tally = Tally(policy.accounting_currency)
    try:
        for done, number in enumerate(numbers):
            await _wait(engine, parts, policy, EPOCH + number * policy.cycle)
            outcome = await engine.cycle(f"{policy.cycle // timedelta(milliseconds=1)}:{number}", policy)
            tally.take(outcome.plan)
            if told is not None and done % TOLD_EVERY == 0:
                told(done, len(numbers))
        if told is not None:
            told(len(numbers), len(numbers))
        notes = (*job.notes, *job.heard())
        return await tally.result(parts.record, name=job.name, config=job.config, notes=notes)
    finally:
        await parts.store.close()
        await parts.controls.close()
        await parts.record.close()


async def _engine(job: Job) -> Engine:
    parts = job.parts
    await parts.store.open(job.identity, migrate=True)
    kill = KillWatch(parts.controls, parts.alerts)
    permit = SendPermit(lambda: kill.level, lambda: FOREVER_S, parts.clock)
    engine = Engine(parts, kill, permit)
    engine.lead(await parts.store.lead(HOLDER, LED_FOR_S))
    return engine


async def _wait(engine: Engine, parts: Parts, policy: Policy, due: datetime) -> None:
    """To the next cycle; what rests in the book is cancelled on the way when its time has come, as by the daemon."""
    ends = await engine.rest_ends(policy)
    if ends is not None and ends < due:
        await parts.clock.until(ends)
        await engine.tend(policy)
    await parts.clock.until(due)
