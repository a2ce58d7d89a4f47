"""Owns the run over the past: one engine, cycle after cycle, until the prices end. Decides nothing, knows no prices."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from bot.backtest.quiet import Quiet, Recorded, no_form
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

    ``notes`` are what the run cannot know, ``heard`` tells at the end what it warned of. ``recorded``:
    what the screen reads ahead; None where every cycle is to be decided.
    """

    name: str
    parts: Parts
    policy: Policy
    identity: Identity
    until: datetime
    config: Mapping[str, Any]
    notes: tuple[str, ...] = ()
    heard: Callable[[], Sequence[str]] = nothing_heard
    recorded: Recorded | None = None

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
    quiet, why = _quiet(job, engine, numbers)
    try:
        done, heard_at = 0, 0
        if told is not None:
            told(0, len(numbers))
        while done < len(numbers):
            number = numbers[done]
            await _wait(engine, parts, policy, EPOCH + number * policy.cycle)
            if quiet is not None:
                quiet.prepare(done)
            outcome = await engine.cycle(f"{policy.cycle // timedelta(milliseconds=1)}:{number}", policy)
            tally.take(outcome.plan)
            done += 1
            if quiet is not None:
                done = await quiet.passes(done, outcome, tally)
            if told is not None and done >= heard_at:
                told(done, len(numbers))
                heard_at = done + TOLD_EVERY
        if told is not None:
            told(len(numbers), len(numbers))
        notes = (*job.notes, *why, *job.heard())
        return await tally.result(parts.record, name=job.name, config=job.config, notes=notes)
    finally:
        await parts.store.close()
        await parts.controls.close()
        await parts.record.close()


def _quiet(job: Job, engine: Engine, numbers: range) -> tuple[Quiet | None, tuple[str, ...]]:
    """What passes quiet cycles; or a note on what has no screen form, where there is something."""
    if job.recorded is None or not len(numbers):
        return None, ()
    why = no_form(job.policy)
    if not why:
        cycle_ms = job.policy.cycle // timedelta(milliseconds=1)
        times_ms = np.arange(numbers.start, numbers.stop, dtype=np.int64) * cycle_ms
        quiet = Quiet(engine, job.parts, job.policy, job.recorded, times_ms)
        why = quiet.why
        if not why:
            return quiet, ()
    return None, (f"every cycle was decided, for these have no screen form: {why}",)


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
