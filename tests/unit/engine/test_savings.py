"""Idle stables on their way into flexible savings and back, as moves like any other (R-A19)."""

from __future__ import annotations

from datetime import timedelta

from bot.core.orders import OrderState
from bot.engine.verify import verify
from tests.builders import D, a_policy
from tests.unit.engine.world import World, a_world
from tests.unit.venues.simulated.scenes import SPOT, SWAP

SAVING = a_policy(savings={"enabled": True})
AT_TARGET = {"USDT": D(40_000), "BTC": D(400)}


async def a_parked_world() -> World:
    world = await a_world(policy=SAVING, opening=AT_TARGET, futures="0")
    outcome = await world.cycle()
    assert [item.wish.kind for item in outcome.plan.actions] == ["park"]
    return world


async def test_idle_money_is_parked_arrives_and_is_dated() -> None:
    world = await a_parked_world()
    assert world.exchange.earn()["USDT"] > 0
    (row,) = await world.store.moves(unfinished=False)
    assert (row.state, row.intent.to) == (OrderState.FILLED, "earn")
    memory = await world.store.memory()
    assert memory.last_parked_at == world.clock.now()
    outcome = await world.cycle()
    assert not outcome.plan.actions  # at most daily
    assert outcome.plan.assessment.equity == D(80_000)
    assert (await verify(world.record)).clean


async def test_what_is_parked_comes_back_before_an_add() -> None:
    world = await a_parked_world()
    parked = world.exchange.earn()["USDT"]
    for symbol in (SPOT, SWAP):
        world.scene.move(symbol, world.clock.now(), "80.5")
    kinds: list[str] = []
    for _ in range(4):
        outcome = await world.cycle(later=timedelta(minutes=20))
        kinds += [item.wish.kind for item in outcome.plan.actions]
    assert "recall" in kinds
    assert world.exchange.earn().get("USDT", D(0)) < parked
    assert kinds.index("recall") < kinds.index("add")
    assert {row.state for row in await world.store.moves(unfinished=False)} == {OrderState.FILLED}


async def test_a_park_that_never_left_is_denied_by_the_next_process_and_tried_again() -> None:
    world = await a_world(policy=SAVING, opening=AT_TARGET, futures="0", standing="nothing leaves")
    await world.cycle()
    assert {row.state for row in await world.store.moves(unfinished=False)} == {OrderState.DENIED}
    assert not world.exchange.earn()
    again = await world.restarted()
    await again.cycle()
    assert again.exchange.earn()["USDT"] > 0
