"""Who goes first, how many at once, and the quiet a venue asks for."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from bot.ports.errors import RateLimited
from bot.venues.ccxt.limits import Lane, Traffic, Turnstile
from tests.unit.venues.ccxt.scripted import NOW, FreeClock


async def test_the_more_urgent_goes_first_and_then_the_older() -> None:
    gate, gone = Turnstile(slots=1, reads=1), list[str]()

    async def go(name: str, lane: Lane) -> None:
        async with gate.turn(lane):
            gone.append(name)

    async with gate.turn(Lane.READ):
        tasks = [
            asyncio.create_task(go(name, lane))
            for name, lane in [
                ("read", Lane.READ),
                ("lookup", Lane.LOOKUP),
                ("order 1", Lane.ORDER),
                ("cancel", Lane.CANCEL),
                ("order 2", Lane.ORDER),
            ]
        ]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert gone == ["cancel"]  # it has a slot of its own
    await asyncio.gather(*tasks)
    assert gone == ["cancel", "order 1", "order 2", "lookup", "read"]


async def test_a_second_cancel_waits_for_a_slot_and_the_first_gives_its_own_back() -> None:
    gate, gone = Turnstile(slots=1, reads=1), list[str]()
    hold = asyncio.Event()

    async def cancel(name: str) -> None:
        async with gate.turn(Lane.CANCEL):
            gone.append(name)
            await hold.wait()

    async with gate.turn(Lane.ORDER):
        tasks = [asyncio.create_task(cancel(name)) for name in ("first", "second")]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert gone == ["first"]
    hold.set()
    await asyncio.gather(*tasks)
    assert gone == ["first", "second"]
    async with gate.turn(Lane.ORDER), asyncio.timeout(1), gate.turn(Lane.CANCEL):
        pass


async def test_at_most_two_reads_are_under_way_and_an_order_passes_them() -> None:
    gate, under_way, most = Turnstile(), 0, 0
    hold = asyncio.Event()

    async def read() -> None:
        nonlocal under_way, most
        async with gate.turn(Lane.READ):
            under_way += 1
            most = max(most, under_way)
            await hold.wait()
            under_way -= 1

    reads = [asyncio.create_task(read()) for _ in range(5)]
    await asyncio.sleep(0)
    async with asyncio.timeout(1), gate.turn(Lane.ORDER):
        assert under_way == 2
    hold.set()
    await asyncio.gather(*reads)
    assert most == 2


async def test_who_gives_up_waiting_takes_no_slot_with_him() -> None:
    gate = Turnstile(slots=1, reads=1)

    async def go() -> None:
        async with gate.turn(Lane.READ):
            pass

    async with gate.turn(Lane.READ):
        waiting, granted = asyncio.create_task(go()), asyncio.create_task(go())
        await asyncio.sleep(0)
        waiting.cancel()
    granted.cancel()  # in the very moment the slot was handed to it
    await asyncio.gather(waiting, granted, return_exceptions=True)
    async with asyncio.timeout(1), gate.turn(Lane.READ):
        pass


def test_a_pause_is_never_shortened_and_ends_by_itself() -> None:
    clock = FreeClock()
    traffic = Traffic(clock, {})
    traffic.check()
    traffic.pause(30, "429")
    traffic.pause(5, "429 again")
    assert traffic.paused_until == NOW + timedelta(seconds=30)
    with pytest.raises(RateLimited) as refused:
        traffic.check()
    assert refused.value.retry_after_s == 30
    clock.host_s += 30
    traffic.check()
    assert traffic.paused_until is None


def test_too_many_orders_quieten_orders_only() -> None:
    traffic = Traffic(FreeClock(), {})
    traffic.pause(10, "-1015", orders_only=True)
    traffic.check()
    with pytest.raises(RateLimited):
        traffic.check(order=True)
    assert traffic.paused_until is None


def test_a_ban_goes_on_after_a_restart() -> None:
    clock = FreeClock()
    traffic = Traffic(clock, {}, paused_until=NOW + timedelta(minutes=2))
    with pytest.raises(RateLimited):
        traffic.check()
    clock.host_s += 121
    traffic.check()


async def test_a_short_pause_is_sat_out_and_a_long_one_is_told() -> None:
    clock = FreeClock()
    traffic = Traffic(clock, {})
    traffic.pause(3, "429")
    await traffic.wait()
    assert clock.slept == [3]
    traffic.pause(60, "418")
    with pytest.raises(RateLimited):
        await traffic.wait()


@pytest.mark.parametrize(
    ("used", "paced", "slept"), [(600, True, []), (850, True, [1.0]), (2000, True, [2.0]), (2000, False, [])]
)
async def test_reads_slow_down_near_the_budget(used: int, paced: bool, slept: list[float]) -> None:
    clock = FreeClock()
    traffic = Traffic(clock, {"api": 1000}, paced=paced)
    traffic.used("api", used)
    await traffic.wait()
    assert clock.slept == pytest.approx(slept)


async def test_an_old_reading_of_the_budget_slows_nobody_down() -> None:
    clock = FreeClock()
    traffic = Traffic(clock, {"api": 1000})
    traffic.used("api", 1000)
    clock.host_s += 60
    await traffic.wait()
    assert clock.slept == []
