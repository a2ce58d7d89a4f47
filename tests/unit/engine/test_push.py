"""Streams only wake the next cycle early: what babbles, dies or hangs changes nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

import pytest

from bot.engine.push import AGAIN_MOST_S, LEAST_S, Listening
from bot.ports.errors import Transient
from tests.unit.engine.world import FakeAlerts
from tests.unit.venues.simulated.scenes import START


class FakeClock:
    """Host time goes on only where somebody sleeps."""

    def __init__(self) -> None:
        self.host_s = 0.0
        self.slept: list[float] = []
        self._until: list[tuple[float, asyncio.Event]] = []

    def now(self) -> datetime:
        return START

    def mono(self) -> float:
        return self.host_s

    async def sleep(self, host_s: float) -> None:
        self.slept.append(host_s)
        done = asyncio.Event()
        self._until.append((self.host_s + host_s, done))
        await done.wait()

    async def until(self, venue_at: datetime) -> None:
        raise NotImplementedError

    async def pass_s(self, seconds: float) -> None:
        """Let time pass, sleeper by sleeper."""
        end = self.host_s + seconds
        while True:
            await settled()
            due = [(at, done) for at, done in self._until if at <= end and not done.is_set()]
            if not due:
                break
            at, done = min(due, key=lambda each: each[0])
            self.host_s = max(self.host_s, at)
            self._until = [each for each in self._until if each[1] is not done]
            done.set()
        self.host_s = end


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


class FakePush:
    """Streams that a test makes speak, fail and hang."""

    def __init__(self, *names: str) -> None:
        self.queues: dict[str, asyncio.Queue[BaseException | None]] = {name: asyncio.Queue() for name in names}
        self.asked: dict[str, int] = dict.fromkeys(names, 0)
        self.closed = 0

    def streams(self) -> tuple[str, ...]:
        return tuple(self.queues)

    async def heard(self, stream: str) -> None:
        self.asked[stream] += 1
        said = await self.queues[stream].get()
        if said is not None:
            raise said

    async def close(self) -> None:
        self.closed += 1

    def say(self, stream: str, error: BaseException | None = None) -> None:
        self.queues[stream].put_nowait(error)


class Bench:
    def __init__(self, push: FakePush) -> None:
        self.push, self.clock, self.alerts = push, FakeClock(), FakeAlerts()
        self.woken: list[float] = []
        self.listening = Listening(push, self.clock, self.alerts, lambda: self.woken.append(self.clock.host_s))


@asynccontextmanager
async def listening(*names: str) -> AsyncIterator[Bench]:
    bench = Bench(FakePush(*names))
    task = asyncio.create_task(bench.listening.run())
    await settled()
    try:
        yield bench
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert bench.push.closed == 1


async def test_what_a_stream_says_wakes_at_once() -> None:
    async with listening("orders", "balance") as bench:
        await bench.clock.pass_s(100)
        assert bench.woken == []
        bench.push.say("balance")
        await settled()
        assert bench.woken == [100.0]


async def test_many_words_within_a_while_wake_twice_and_the_last_is_not_lost() -> None:
    async with listening("orders") as bench:
        for _ in range(50):
            bench.push.say("orders")
        await bench.clock.pass_s(LEAST_S - 1)
        assert bench.woken == [0.0]
        await bench.clock.pass_s(2)
        assert bench.woken == [0.0, LEAST_S]
        await bench.clock.pass_s(60)
        assert len(bench.woken) == 2


@pytest.mark.parametrize(
    "error", [Transient("the line broke"), ValueError("a library's own"), asyncio.CancelledError()]
)
async def test_a_stream_that_dies_is_told_once_and_asked_again_while_the_others_go_on(error: BaseException) -> None:
    async with listening("orders", "balance") as bench:
        for _ in range(3):
            bench.push.say("orders", error)
        bench.push.say("balance")
        await bench.clock.pass_s(1 + 2 + 4)
        assert bench.push.asked["orders"] == 4
        assert bench.woken == [0.0]
        assert len(bench.alerts.told) == 1
        level, text = bench.alerts.told[0]
        assert level == "warning"
        assert text.startswith("the stream orders is down: ")
        assert text.endswith("cycles come at their usual times, nothing else changes")
        bench.push.say("orders")
        await settled()
        assert bench.alerts.told[1:] == [("info", "the stream orders is back")]
        assert len(bench.woken) == 2


async def test_a_stream_that_stays_dead_is_asked_at_most_once_a_minute() -> None:
    async with listening("orders") as bench:
        for _ in range(200):
            bench.push.say("orders", Transient("gone"))
        await bench.clock.pass_s(3_600)
        assert bench.push.asked["orders"] <= 3_600 / AGAIN_MOST_S + 7
        assert max(bench.clock.slept) == AGAIN_MOST_S
        assert len(bench.alerts.told) == 1
        assert bench.woken == []


async def test_a_hanging_stream_hangs_alone_and_the_end_waits_for_nobody() -> None:
    async with listening("orders", "balance") as bench:
        await bench.clock.pass_s(1_000)
        bench.push.say("balance")
        await settled()
        assert len(bench.woken) == 1
