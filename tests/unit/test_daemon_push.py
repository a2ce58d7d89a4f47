"""A daemon that listens: a stream brings the next cycle forward, and the death of one brings down nothing."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot.clocks import ConstantClock, StepClock
from bot.daemon import Daemon
from bot.engine.verify import verify
from bot.ports.errors import Transient
from tests.unit.engine.test_push import FakePush
from tests.unit.test_daemon import World
from tests.unit.venues.simulated.scenes import START

pytestmark = pytest.mark.timeout(60)


class Real(StepClock):
    """Venue time at the host's pace."""

    def __init__(self) -> None:
        super().__init__(START)
        self._real = ConstantClock(START, 1.0)

    def now(self) -> datetime:
        return self._real.now()

    async def until(self, venue_at: datetime) -> None:
        await self._real.until(venue_at)


def listening(folder: Path, *names: str) -> tuple[World, Daemon, FakePush]:
    world = World(folder)
    world.clock = Real()
    daemon, push = world.daemon(), FakePush(*names)
    daemon._body.push = push  # noqa: SLF001 - as a composition with venue.push hands it over
    return world, daemon, push


async def test_what_a_stream_says_brings_the_next_cycle_forward(tmp_path: Path) -> None:
    world, daemon, push = listening(tmp_path, "orders")
    world.after_plan = lambda number: push.say("orders") if number == 1 else None
    assert await daemon.run(2) == 0
    first, second = (plan.at for plan in world.plans)
    assert second - first < timedelta(seconds=30)  # where the cycle is ten minutes
    assert push.closed == 1
    report = await verify(world.record)
    assert report.clean, report.lines


async def test_a_stream_that_dies_is_told_and_the_other_still_wakes(tmp_path: Path) -> None:
    world, daemon, push = listening(tmp_path, "orders", "balance")
    push.say("orders", Transient("the line broke"))
    world.after_plan = lambda number: push.say("balance") if number == 1 else None
    assert await daemon.run(2) == 0
    assert len(world.plans) == 2
    assert "the stream orders is down: Transient: the line broke" in world.alerts.texts


async def test_silent_streams_leave_the_schedule_alone(tmp_path: Path) -> None:
    world, daemon, push = listening(tmp_path, "orders")
    first = asyncio.Event()
    world.after_plan = lambda _number: first.set()
    running = asyncio.create_task(daemon.run(2))
    await first.wait()
    done, _ = await asyncio.wait({running}, timeout=0.5)
    assert not done
    assert len(world.plans) == 1
    daemon.stop()
    assert await running == 0
    assert push.closed == 1
