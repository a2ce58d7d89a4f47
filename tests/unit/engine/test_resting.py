"""Orders that rest before they take: how they go out, what becomes of them, and that none is left behind."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot.core.orders import OrderState
from bot.core.policy import Policy
from bot.engine.verify import verify
from tests.builders import D, a_policy
from tests.unit.engine.world import World, a_world
from tests.unit.venues.simulated.scenes import SPOT, SWAP, minutes

MAKER: dict[str, Any] = {"style": "maker-then-taker", "slice_max": "0.10"}
SHORT = timedelta(seconds=20)  # a cycle shorter than maker_wait


def resting(**over: Any) -> Policy:
    return a_policy(execution=MAKER | over)


async def a_resting_world(**over: Any) -> World:
    return await a_world(policy=resting(), **over)


async def rows(world: World, symbol: str = SPOT) -> list[tuple[str, OrderState, str]]:
    found = (await world.orders()).get(symbol, [])
    return [(row.intent.tif, row.state, f"{row.filled:f}") for row in found]


async def taker_turn(world: World) -> bool | None:
    episode = (await world.store.memory()).episode("BTC")
    assert episode is not None
    return episode.taker_turn


async def test_a_trim_first_rests_on_its_own_side_of_the_book_and_sends_nothing_else() -> None:
    world = await a_resting_world()
    outcome = await world.cycle()
    assert [item.state for item in outcome.sent] == [OrderState.OPEN]
    (order,) = world.exchange.open_orders()
    # The ask is 100.01 and the tick 0.1: up, away from the other side.
    assert (order.symbol, order.side, order.tif) == (SPOT, "sell", "post_only")
    assert (order.price, order.amount) == (D("100.1"), D(30))
    assert SWAP not in await world.orders()
    assert not await world.bodies("pair.broken")


async def test_what_rested_in_vain_is_cancelled_and_taken_in_the_same_cycle() -> None:
    world = await a_resting_world()
    await world.cycle()
    await world.cycle()
    assert await rows(world) == [("post_only", OrderState.CANCELLED, "0"), ("ioc", OrderState.FILLED, "30")]
    assert (await world.orders())[SPOT][0].why == "rested for 600 s, 0 of 30 filled"
    assert await rows(world, SWAP) == [("ioc", OrderState.FILLED, "20")]
    assert not world.exchange.open_orders()
    worked = await world.bodies("episode.worked")
    assert [(body["filled"], body["left"], body["taker_turn"]) for body in worked] == [
        (False, "0.05", True),
        (True, "0", False),
    ]
    assert await taker_turn(world) is False
    assert (await verify(world.record)).clean


async def test_what_the_market_came_for_is_booked_and_the_rest_of_the_increment_decided_afresh() -> None:
    world = await a_resting_world()
    world.scene.move(SPOT, minutes(2), "100.3")
    world.scene.move(SPOT, minutes(3), "100")
    await world.cycle()
    second = await world.cycle()
    assert (await rows(world))[0] == ("post_only", OrderState.FILLED, "30")
    (wish,) = [item.wish for item in second.plan.actions]
    assert (wish.kind, wish.whole) == ("trim", False)  # what is left of it does not wait for the interval
    assert sum((leg.notional for leg in wish.legs), D(0)) == pytest.approx(D(2000), abs=D(20))
    assert (await rows(world))[1][0] == "post_only"  # it filled whole: the next rests again
    assert (await verify(world.record)).clean


async def test_a_part_of_it_is_booked_by_its_trades_and_the_taker_does_what_is_left() -> None:
    world = await a_resting_world()
    await world.cycle()
    world.scene.depth = D(4)
    world.scene.move(SPOT, minutes(2), "100.3")
    world.scene.move(SPOT, minutes(3), "100")
    await world.clock.until(minutes(4))
    await world.venue.balances()  # the exchange comes to now
    world.scene.depth = D(100_000)
    await world.cycle()
    first, second = (await world.orders())[SPOT]
    assert (first.state, second.intent.tif) == (OrderState.CANCELLED, "ioc")
    assert 0 < first.filled < 30
    fills = await world.bodies("fill")
    assert sum(D(str(fill["qty"])) for fill in fills if fill["client_id"] == first.intent.client_id) == -first.filled
    assert (await verify(world.record)).clean


async def test_a_young_order_is_left_alone_and_counts_as_in_flight() -> None:
    world = await a_resting_world()
    await world.cycle()
    second = await world.cycle(later=SHORT)
    assert [item.state for item in second.snapshot.orders] == ["open"]
    assert not second.plan.actions
    assert {word.gate for item in second.plan.blocked for word in item.not_passed} >= {"R-G15"}
    assert len((await world.orders())[SPOT]) == 1
    third = await world.cycle(later=timedelta(seconds=40))
    assert [item.state for item in third.snapshot.orders] == []
    assert (await rows(world))[0] == ("post_only", OrderState.CANCELLED, "0")


async def test_a_refused_resting_order_gives_the_taker_its_turn() -> None:
    world = await a_resting_world()
    world.venue.answers = ["refused"]
    await world.cycle()
    assert await taker_turn(world) is True
    await world.cycle()
    assert await rows(world) == [("post_only", OrderState.REJECTED, "0"), ("ioc", OrderState.FILLED, "30")]


async def test_resting_in_vain_is_no_try_in_vain() -> None:
    world = await a_resting_world()
    await world.cycle()
    memory = await world.store.memory()
    assert (memory.wishes, memory.orders_last_hour, len(memory.submitted_at)) == ({}, None, 1)


async def test_without_a_book_or_a_quote_on_both_sides_it_takes() -> None:
    world = await a_resting_world()
    world.scene.spread = D(0)
    outcome = await world.cycle()
    assert {row.intent.tif for found in (await world.orders()).values() for row in found} <= {"ioc"}
    assert outcome.plan.assessment.equity


@pytest.mark.parametrize("style", ["taker", "twap"])
async def test_other_styles_rest_nothing(style: str) -> None:
    world = await a_world(policy=resting(style=style))
    await world.cycle()
    assert (await rows(world))[0] == ("ioc", OrderState.FILLED, "30")


async def test_twap_makes_equal_slices_one_a_cycle() -> None:
    # Three per cent in spot are a slice and a half: two halves of it, where a taker sends a whole slice first.
    world = await a_world(policy=resting(style="twap", slice_max="0.02"))
    for _ in range(2):
        await world.cycle()
    assert [row.filled for row in (await world.orders())[SPOT]] == [D(15), pytest.approx(D(15), abs=D("0.05"))]
    assert (await verify(world.record)).clean


# ---- the order that does not go


async def test_a_cancel_that_gets_no_answer_leaves_the_order_standing_and_says_so() -> None:
    world = await a_resting_world()
    await world.cycle()
    world.venue.keeps = True
    second = await world.cycle()
    assert (await rows(world))[0][1] == OrderState.OPEN
    assert not second.plan.actions
    assert "is to be cancelled and still stands" in world.alerts.texts
    world.venue.keeps = False
    await world.cycle()
    assert (await rows(world))[0] == ("post_only", OrderState.CANCELLED, "0")


async def test_an_order_that_cannot_be_looked_up_is_cancelled_all_the_same_when_due() -> None:
    world = await a_resting_world()
    await world.cycle()
    world.venue.blind = True
    await world.cycle()
    assert not world.exchange.open_orders()


async def test_between_two_cycles_what_rested_long_enough_goes() -> None:
    world = await a_resting_world()
    await world.cycle()
    ends = await world.engine.rest_ends(world.policy)
    assert ends == world.clock.now() + world.policy.execution.maker_wait
    assert await world.engine.tend(world.policy) == 0
    await world.clock.until(ends)
    assert await world.engine.tend(world.policy) == 1
    assert not world.exchange.open_orders()
    assert await world.engine.rest_ends(world.policy) is None
    assert await taker_turn(world) is True


async def test_the_end_of_a_process_leaves_nothing_in_the_book() -> None:
    world = await a_resting_world()
    await world.cycle()
    assert await world.engine.leave(leads=True) == 1
    assert not world.exchange.open_orders()
    assert (await rows(world))[0] == ("post_only", OrderState.CANCELLED, "0")


async def test_who_lost_the_lease_cancels_its_own_and_writes_nothing() -> None:
    world = await a_resting_world()
    await world.cycle()
    before = await world.kinds()
    world.engine.recorder.fence += 1
    assert await world.engine.leave(leads=False) == 0  # another process' order
    world.engine.recorder.fence -= 1
    assert await world.engine.leave(leads=False) == 1
    assert not world.exchange.open_orders()
    assert await world.kinds() == before
    after = await world.restarted()
    await after.cycle(later=SHORT)
    assert (await rows(after))[0] == ("post_only", OrderState.CANCELLED, "0")


async def test_a_halt_cancels_what_rests_and_its_fills_are_booked() -> None:
    world = await a_resting_world()
    await world.cycle()
    world.kill.set("halt", "test", "enough")
    await world.cycle(later=SHORT)
    assert not world.exchange.open_orders()
    assert (await rows(world))[0] == ("post_only", OrderState.CANCELLED, "0")
    assert (await verify(world.record)).clean


async def test_after_a_restart_the_next_process_cancels_what_the_first_left() -> None:
    world = await a_resting_world()
    await world.cycle()
    after = await world.restarted()
    await after.cycle()
    assert (await rows(after))[0] == ("post_only", OrderState.CANCELLED, "0")
    assert (await rows(after))[1] == ("ioc", OrderState.FILLED, "30")
    assert (await verify(after.record)).clean


async def test_what_must_not_wait_has_the_resting_order_out_of_its_way() -> None:
    world = await a_resting_world()
    await world.cycle()
    await world.clock.until(world.clock.now() + SHORT)
    world.policy = resting().model_copy(update={"targets": a_policy(targets=ALL_OUT).targets})
    outcome = await world.cycle(later=SHORT)
    kept = [item.wish.cls for item in outcome.plan.blocked]
    assert "derisk" in kept
    assert not world.exchange.open_orders()


ALL_OUT: dict[str, Any] = {
    "stables": {"weight": "1", "floor": "0.05"},
    "sleeves": {"majors": {"weight": "0", "assets": ["BTC"]}},
}


@pytest.mark.parametrize("restarts", [True, False])
async def test_a_fill_that_crosses_the_cancel_of_an_old_order_is_booked(restarts: bool) -> None:
    # Seed 5682 of half a day, 2026-12-01: an order of 27 minutes was cancelled, the process died, and the fill came
    # two seconds after the next one had asked, which took the symbol for done with.
    world = await a_resting_world()
    await world.cycle()
    await world.clock.until(minutes(27))
    world.exchange.outside.fill_after_cancel(D("0.5"), timedelta(minutes=1))
    assert await world.engine.reconciler.cancel_open() == 1
    after = await world.restarted() if restarts else world
    await after.engine.reconciler.run(after.policy)
    assert await rows(after) == [("post_only", OrderState.CANCELLED, "0")]
    await after.clock.until(minutes(39))
    await after.engine.reconciler.run(after.policy)
    assert await rows(after) == [("post_only", OrderState.CANCELLED, "15")]
    await after.clock.until(minutes(50))
    await after.engine.reconciler.run(after.policy)
    assert not after.engine.reconciler.active


async def test_a_fill_that_crosses_the_cancel_of_an_order_of_yesterday_is_booked() -> None:
    world = await a_resting_world()
    await world.cycle()
    begun = minutes(25 * 60)
    await world.clock.until(begun)
    world.exchange.outside.fill_after_cancel(D("0.5"), timedelta(minutes=1))
    after = await world.restarted()
    await after.engine.reconciler.run(after.policy)  # it rested for a day too long: its start cancels it
    assert await rows(after) == [("post_only", OrderState.CANCELLED, "0")]
    await after.clock.until(begun + timedelta(minutes=9))
    await after.engine.reconciler.run(after.policy)
    assert await rows(after) == [("post_only", OrderState.CANCELLED, "15")]
