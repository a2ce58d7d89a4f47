"""Clocks: what makes venue time run, stand and jump."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest

from bot.clocks import ConstantClock, OffsetClock, ScaledClock, StepClock, SystemClock, host_utc_now
from bot.ports.clock import Clock

START = datetime(2026, 1, 5, tzinfo=UTC)


class Host:
    """A machine's seconds, moved by the test."""

    def __init__(self) -> None:
        self.s = 100.0

    def __call__(self) -> float:
        return self.s


def _after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def test_every_clock_is_a_clock() -> None:
    clocks: list[Clock] = [
        SystemClock(),
        ScaledClock(START, 600),
        StepClock(START),
        ConstantClock(START, 60),
        OffsetClock(START, 60),
    ]
    assert all(clock.now().utcoffset() == timedelta(0) for clock in clocks)


async def test_the_system_clock_sleeps_until_the_wall_shows_it() -> None:
    clock = SystemClock()
    wanted = host_utc_now() + timedelta(milliseconds=30)
    await clock.until(wanted)
    assert wanted <= clock.now() < wanted + timedelta(seconds=5)


async def test_the_system_clock_does_not_wait_for_the_past() -> None:
    clock = SystemClock()
    before = clock.mono()
    await clock.until(host_utc_now() - timedelta(days=1))
    assert clock.mono() - before < 5


def test_scaled_time_runs_with_the_host_while_a_cycle_runs() -> None:
    host = Host()
    clock = ScaledClock(START, 600, mono=host)
    host.s += 2.5
    assert clock.now() == _after(2.5)


async def test_scaled_time_runs_fast_while_somebody_waits_and_stops_at_what_is_awaited() -> None:
    host = Host()
    clock = ScaledClock(START, 600, mono=host)
    waiting = asyncio.create_task(clock.until(_after(600)))
    await asyncio.sleep(0)
    host.s += 0.5
    assert clock.now() == _after(300)
    host.s += 40  # the machine was busy: forty times too late
    assert clock.now() == _after(600)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    host.s += 1
    assert clock.now() == _after(601)


async def test_scaled_time_arrives_exactly() -> None:
    clock = ScaledClock(START, 100_000)
    before = clock.mono()
    await clock.until(_after(3_600))
    assert _after(3_600) <= clock.now() < _after(3_601)
    assert clock.mono() - before >= 0.03


async def test_of_two_who_wait_the_earlier_is_not_passed() -> None:
    clock = ScaledClock(START, 100_000)
    seen: list[datetime] = []

    async def wait(seconds: float) -> None:
        await clock.until(_after(seconds))
        seen.append(clock.now())

    await asyncio.gather(wait(3_000), wait(1_000))
    assert [round((at - START).total_seconds(), -2) for at in seen] == [1_000, 3_000]


async def test_cancelling_a_scaled_wait_leaves_time_where_it_came_to() -> None:
    host = Host()
    clock = ScaledClock(START, 600, mono=host)
    waiting = asyncio.create_task(clock.until(_after(600)))
    await asyncio.sleep(0)
    host.s += 0.25
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert clock.now() == _after(150)
    host.s += 1
    assert clock.now() == _after(151)


async def test_scaled_time_never_goes_back_when_asked_for_the_past() -> None:
    host = Host()
    clock = ScaledClock(START, 600, mono=host)
    host.s += 10
    await clock.until(_after(3))
    assert clock.now() == _after(10)


async def test_sleeping_host_seconds_scales_nothing() -> None:
    host = Host()
    clock = ScaledClock(START, 600, mono=host)
    sleeping = asyncio.create_task(clock.sleep(0.01))
    await asyncio.sleep(0)
    host.s += 1
    assert clock.now() == _after(1)
    await sleeping


async def test_a_step_clock_stands_until_it_is_moved_and_then_jumps() -> None:
    clock = StepClock(START)
    before = time.monotonic()
    await clock.sleep(0.01)
    assert clock.now() == START
    await clock.until(_after(86_400 * 30))
    assert clock.now() == _after(86_400 * 30)
    await clock.until(START)
    assert clock.now() == _after(86_400 * 30)
    assert time.monotonic() - before < 5


async def test_a_step_lets_the_other_tasks_run() -> None:
    clock = StepClock(START)
    ran: list[int] = []

    async def other() -> None:
        ran.append(1)

    task = asyncio.create_task(other())
    await clock.until(_after(1))
    assert ran == [1]
    await task


async def test_a_constant_clock_runs_at_its_speed_all_the_time() -> None:
    host = Host()
    clock = ConstantClock(START, 60, mono=host)
    host.s += 2
    assert clock.now() == _after(120)
    await clock.until(_after(60))
    assert clock.now() == _after(120)


async def test_a_constant_clock_waits_scaled_seconds() -> None:
    clock = ConstantClock(START, 10_000)
    await clock.until(_after(300))
    assert clock.now() >= _after(300)


def test_an_offset_clock_goes_on_from_what_the_server_said() -> None:
    host = Host()
    clock = OffsetClock(START, 60, mono=host)
    host.s += 1
    assert clock.now() == _after(60)
    clock.sync(_after(90))
    host.s += 1
    assert clock.now() == _after(150)


def test_an_offset_clock_stands_rather_than_go_back() -> None:
    host = Host()
    clock = OffsetClock(START, 1, mono=host)
    host.s += 10
    assert clock.now() == _after(10)
    clock.sync(_after(4))
    assert clock.now() == _after(10)
    host.s += 7
    assert clock.now() == _after(11)


@pytest.mark.parametrize("speed", [0, -1, float("inf"), float("nan")])
def test_a_speed_that_is_none_is_refused_by_name(speed: float) -> None:
    with pytest.raises(ValueError, match="speed"):
        ScaledClock(START, speed)


def test_a_start_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        StepClock(datetime(2026, 1, 5))  # noqa: DTZ001 - that is what is refused
