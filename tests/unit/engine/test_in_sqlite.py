"""The order path on the real record: SQLite, the simulated exchange, processes that end on the way."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.clocks import host_utc_now
from bot.core.orders import OrderIntent, OrderState
from bot.engine.cycle import Engine
from bot.engine.parts import Parts
from bot.engine.permit import SendPermit
from bot.engine.stop import KillWatch
from bot.engine.verify import verify
from bot.store.sql import SqlControls, SqlRecord, SqlStore
from tests.builders import D, a_policy
from tests.unit.engine.world import MINE, ProcessEnded, World, a_world
from tests.unit.venues.simulated.scenes import SPOT, SWAP

RESTING = a_policy(execution={"style": "maker-then-taker", "slice_max": "0.10"})
Process = Callable[[], Awaitable[tuple[Engine, Parts]]]


@asynccontextmanager
async def on_sqlite(world: World, folder: Path) -> AsyncIterator[Process]:
    """What starts a process on one SQLite record and the world's exchange; each start takes the lead."""
    url = f"sqlite+aiosqlite:///{folder / 'ballast.db'}"
    opened: list[SqlStore | SqlRecord | SqlControls] = []

    async def start() -> tuple[Engine, Parts]:
        store = SqlStore(url, host_utc_now)
        await store.open(MINE, migrate=True)
        record, controls = SqlRecord(url, MINE), SqlControls(url, MINE, host_utc_now)
        opened.extend((store, record, controls))
        parts = replace(world.parts, store=store, record=record, controls=controls, keep=store.keep)
        kill = KillWatch(controls, world.alerts)
        engine = Engine(parts, kill, SendPermit(lambda: kill.level, lambda: float("inf"), world.clock))
        engine.lead(await store.lead("here", 3_600))
        return engine, parts

    try:
        yield start
    finally:
        for handle in opened:
            await handle.close()


async def cycle(world: World, engine: Engine, *, later: timedelta = timedelta(minutes=10)) -> None:
    if world.number:
        await world.clock.until(world.clock.now() + later)
    world.number += 1
    await engine.cycle(f"c{world.number}", world.policy)


async def orders(parts: Parts, symbol: str = SPOT) -> list[tuple[str, OrderState, str]]:
    rows = [row for row in await parts.store.orders(unfinished=False) if row.intent.symbol == symbol]
    return [(row.intent.tif, row.state, f"{row.filled.normalize():f}") for row in rows]


async def test_what_rested_in_vain_is_taken_by_the_next_process(tmp_path: Path) -> None:
    world = await a_world(policy=RESTING)
    async with on_sqlite(world, tmp_path) as start:
        engine, _ = await start()
        await cycle(world, engine)
        engine, parts = await start()
        await cycle(world, engine)
        assert await orders(parts) == [("post_only", OrderState.CANCELLED, "0"), ("ioc", OrderState.FILLED, "30")]
        assert (await verify(parts.record)).clean
    assert world.short() == D(20)


@pytest.mark.parametrize("leg", [0, 1])
async def test_a_process_that_ends_in_the_last_line_before_a_send_doubles_and_loses_nothing(
    tmp_path: Path, leg: int
) -> None:
    world = await a_world()

    def end(intent: OrderIntent) -> None:
        if intent.leg == leg:
            raise ProcessEnded

    async with on_sqlite(world, tmp_path) as start:
        engine, _ = await start()
        world.venue.before_place = end
        with pytest.raises(ProcessEnded):
            await cycle(world, engine)
        world.venue.before_place = lambda _intent: None
        engine, parts = await start()
        for _ in range(4):
            await cycle(world, engine)
        assert not await parts.store.orders()
        assert not (await parts.store.memory()).broken
        assert (await verify(parts.record)).clean
        ids = [intent.client_id for intent in world.venue.placed]
        assert len(ids) == len(set(ids))
    assert (world.held() <= D(570), world.short() >= D(20), world.held() >= world.short()) == (True, True, True)


@pytest.mark.parametrize("answer", ["lost", "never"])
async def test_an_unknown_order_freezes_its_symbol_and_is_counted_over_a_restart(tmp_path: Path, answer: str) -> None:
    world = await a_world(policy=a_policy(targets=HALF_OF_LESS), opening={"USDT": D(90_000), "BTC": D(100)})
    async with on_sqlite(world, tmp_path) as start:
        engine, _ = await start()
        world.venue.answers = ["lost" if answer == "lost" else "never"]
        await cycle(world, engine)
        world.venue.blind = True
        engine, parts = await start()
        for _ in range(3):
            await world.clock.until(world.clock.now() + timedelta(minutes=10))
            world.number += 1
            outcome = await engine.cycle(f"c{world.number}", world.policy)
            (pending,) = outcome.snapshot.orders
            assert (pending.state, pending.symbol) == ("unknown", SPOT)
            assert not outcome.sent
        assert len(world.venue.placed) == (answer == "lost")
        world.venue.blind = False
        await cycle(world, engine)
        states = [state for _, state, _ in await orders(parts)]
        assert states[0] == (OrderState.FILLED if answer == "lost" else OrderState.ABSENT)
        assert (await verify(parts.record)).clean


HALF_OF_LESS = {
    "stables": {"weight": "0.50", "floor": "0.05"},
    "sleeves": {"majors": {"weight": "0.50", "assets": ["BTC"]}},
}


async def test_a_fill_after_the_cancel_is_booked_by_its_trade_id_and_once(tmp_path: Path) -> None:
    world = await a_world()
    async with on_sqlite(world, tmp_path) as start:
        engine, parts = await start()
        world.venue.hides_trades = True
        await cycle(world, engine)
        await cycle(world, engine, later=timedelta(minutes=5))
        assert (await orders(parts))[0] == ("ioc", OrderState.PARTLY_FILLED, "0")  # open until its trades show
        world.venue.hides_trades = False
        for _ in range(2):
            await cycle(world, engine)
        engine, parts = await start()
        await cycle(world, engine)
        assert (await orders(parts))[0] == ("ioc", OrderState.FILLED, "30")
        assert (await verify(parts.record)).clean


async def test_a_broken_pair_outlives_processes_until_it_is_mended(tmp_path: Path) -> None:
    world = await a_world()
    async with on_sqlite(world, tmp_path) as start:
        engine, _ = await start()
        world.venue.unprepared = "the account is in hedge mode"
        await cycle(world, engine)
        engine, parts = await start()
        await cycle(world, engine)
        assert [item.symbol for item in (await parts.store.memory()).broken] == [SWAP]
        world.venue.unprepared = ""
        engine, parts = await start()
        await cycle(world, engine)
        assert not (await parts.store.memory()).broken
        assert (await verify(parts.record)).clean
    assert world.short() == D(20)
