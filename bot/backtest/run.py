"""Owns the run over the past: one engine, cycle after cycle, until the prices end. Decides nothing, knows no prices."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
TOLD_EVERY = 50  # cycles


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be run: parts over a simulated account and a stepping clock, from the clock's now to ``until``."""

    name: str
    parts: Parts
    policy: Policy
    identity: Identity
    until: datetime
    config: Mapping[str, Any]
    notes: tuple[str, ...] = ()


async def run(job: Job, *, told: Callable[[int, int], None] | None = None) -> Result:
    """Every cycle from now to the end, each the very cycle that trades; ``told`` hears (done, of how many)."""
    parts, policy = job.parts, job.policy
    await parts.store.open(job.identity, migrate=True)
    kill = KillWatch(parts.controls, parts.alerts)
    permit = SendPermit(lambda: kill.level, lambda: FOREVER_S, parts.clock)
    engine = Engine(parts, kill, permit)
    engine.lead(await parts.store.lead(HOLDER, timedelta(days=3650).total_seconds()))
    tally = Tally(policy.accounting_currency)
    first, last = ((at - EPOCH) // policy.cycle for at in (parts.clock.now(), job.until))
    for number in range(first, last):
        await parts.clock.until(EPOCH + number * policy.cycle)
        outcome = await engine.cycle(f"{policy.cycle // timedelta(milliseconds=1)}:{number}", policy)
        tally.take(outcome.plan)
        if told is not None and (number - first) % TOLD_EVERY == 0:
            told(number - first, last - first)
    if told is not None:
        told(last - first, last - first)
    return await tally.result(parts.record, name=job.name, config=job.config, notes=job.notes)
