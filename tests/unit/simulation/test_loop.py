"""Virtual time: jumps, time-outs, deadlocks, seeded turns, and processes that die without a word."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Awaitable, Callable
from random import Random

import pytest

from bot.simulation.loop import (
    MODES,
    PROCESS,
    Deadlock,
    Forbidden,
    Mode,
    Process,
    ProcessDied,
    Scheduler,
    SimLoop,
)


def loop_of(mode: Mode = "fifo", seed: int = 1) -> SimLoop:
    return SimLoop(Scheduler(mode, Random(seed)))


async def test_it_is_not_itself_run_by_the_loop_under_test() -> None:
    assert not isinstance(asyncio.get_running_loop(), SimLoop)


@pytest.mark.parametrize("mode", MODES)
def test_a_year_of_sleep_takes_no_time_and_wakes_in_order(mode: Mode) -> None:
    woken: list[int] = []

    async def sleeper(days: int) -> None:
        await asyncio.sleep(days * 86_400)
        woken.append(days)

    async def all_of_them() -> float:
        await asyncio.gather(*(sleeper(days) for days in (365, 7, 30)))
        return asyncio.get_running_loop().time()

    assert loop_of(mode).run_until_complete(all_of_them()) == 365 * 86_400
    assert woken == [7, 30, 365]


@pytest.mark.parametrize("mode", MODES)
def test_time_outs_are_virtual(mode: Mode) -> None:
    async def waits() -> list[float]:
        loop = asyncio.get_running_loop()
        seen = []
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 3)
        seen.append(loop.time())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(4):
                await asyncio.sleep(9)
        seen.append(loop.time())
        return seen

    assert loop_of(mode).run_until_complete(waits()) == [3, 7]


def test_nothing_to_wait_for_is_a_deadlock_that_names_who_waits() -> None:
    async def stuck() -> None:
        await asyncio.create_task(asyncio.Event().wait(), name="the forgotten one")

    with pytest.raises(Deadlock, match="outside/the forgotten one"):
        loop_of().run_until_complete(stuck())


def orders_of(mode: Mode, seed: int) -> list[int]:
    turns: list[int] = []

    async def one(name: int) -> None:
        for _ in range(3):
            await asyncio.sleep(0)
            turns.append(name)

    async def several() -> None:
        await asyncio.gather(*(one(name) for name in range(5)))

    loop_of(mode, seed).run_until_complete(several())
    return turns


@pytest.mark.parametrize("mode", MODES)
def test_the_same_seed_takes_the_same_turns(mode: Mode) -> None:
    assert orders_of(mode, 3) == orders_of(mode, 3)


def test_other_seeds_take_other_turns() -> None:
    assert len({tuple(orders_of("random", seed)) for seed in range(8)}) > 4
    assert len({tuple(orders_of("pct", seed)) for seed in range(8)}) > 4
    assert {tuple(orders_of("fifo", seed)) for seed in range(8)} == {tuple([0, 1, 2, 3, 4] * 3)}


def test_both_orders_of_an_answer_and_a_time_out_at_one_instant_are_tried() -> None:
    async def race() -> str:
        async def answer() -> str:
            await asyncio.sleep(5)
            return "answered"

        try:
            return await asyncio.wait_for(asyncio.create_task(answer()), 5)
        except TimeoutError:
            return "timed out"

    ends = {loop_of("random", seed).run_until_complete(race()) for seed in range(20)}
    assert ends == {"answered", "timed out"}


def run_dying(body: Callable[[list[str]], Awaitable[None]], kill_at_s: float) -> list[str]:
    """What a process that is killed at a second got to write, also when everything of it is let go afterwards."""
    written: list[str] = []
    process = Process("victim")
    loop = loop_of()

    async def outside() -> None:
        loop.spawn(process, body(written))  # type: ignore[arg-type, unused-awaitable]
        await asyncio.sleep(kill_at_s)
        process.kill()
        await asyncio.sleep(1_000)

    loop.run_until_complete(outside())
    at_the_end = list(written)
    let_go(loop.buried())
    return at_the_end


def let_go(graves: list[asyncio.Task[object]]) -> None:
    """Let the dead go, as a run does at its end: what they still say is heard by nobody."""
    before, sys.unraisablehook = sys.unraisablehook, lambda _error: None
    graves.clear()
    gc.collect()
    sys.unraisablehook = before


def test_a_killed_process_runs_no_finally_and_no_except() -> None:
    async def body(written: list[str]) -> None:
        written.append("began")
        try:
            await asyncio.sleep(100)
        except asyncio.CancelledError:
            written.append("cancelled")
        finally:
            written.append("finally")

    assert run_dying(body, 10) == ["began"]


def test_tasks_that_a_process_made_die_with_it() -> None:
    async def body(written: list[str]) -> None:
        async def child() -> None:
            await asyncio.sleep(20)
            written.append("child")

        await asyncio.gather(child(), asyncio.sleep(100))

    assert run_dying(body, 10) == []
    assert run_dying(body, 30) == ["child"]


def test_an_effect_after_death_raises_what_no_handler_of_errors_holds() -> None:
    process = Process("dead")
    process.kill()
    assert not issubclass(ProcessDied, Exception)
    with pytest.raises(ProcessDied):
        process.must_live()


def test_a_kill_at_a_step_strikes_before_that_step() -> None:
    for at in range(1, 6):
        done: list[int] = []
        process = Process("victim", kill_at=at)
        loop = loop_of()

        async def body(done: list[int] = done) -> None:
            for step in range(1, 6):
                done.append(step)
                await asyncio.sleep(0)

        async def outside(loop: SimLoop = loop, process: Process = process) -> None:
            loop.spawn(process, body())  # type: ignore[unused-awaitable]
            await asyncio.sleep(10)

        loop.run_until_complete(outside())
        let_go(loop.buried())
        assert done == list(range(1, at))
        assert not process.alive


def test_a_signal_reaches_the_process_that_listens() -> None:
    heard: list[str] = []
    process = Process("listener")
    loop = loop_of()

    async def body() -> None:
        asyncio.get_running_loop().add_signal_handler(15, heard.append, PROCESS.get().name)
        await asyncio.sleep(10)

    async def outside() -> None:
        task = loop.spawn(process, body())
        await asyncio.sleep(1)
        loop.signal(process, 15)
        loop.signal(process, 2)
        await task

    loop.run_until_complete(outside())
    assert heard == ["listener"]


def test_ways_out_of_the_simulation_are_closed() -> None:
    async def threads() -> None:
        await asyncio.to_thread(print)

    async def sockets() -> None:
        await asyncio.open_connection("127.0.0.1", 1)

    for way in (threads, sockets):
        with pytest.raises(Forbidden):
            loop_of().run_until_complete(way())


def test_what_a_callback_raises_is_written_down() -> None:
    loop = loop_of()

    def breaks() -> None:
        raise ValueError("unheard")

    async def main() -> None:
        asyncio.get_running_loop().call_soon(breaks)
        await asyncio.sleep(1)

    loop.run_until_complete(main())
    assert ["unheard" in error for error in loop.errors] == [True]
