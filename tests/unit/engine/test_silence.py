"""Orders, transfers and trades that the venue shows late, no more, or never; pairs that nothing mends."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot.core.orders import OrderState, Placed
from bot.engine.reconcile import PAIR_WITHIN
from bot.engine.verify import verify
from bot.ports.venue import Gap
from bot.venues.ccxt import broker, transfers
from tests.builders import D, a_policy
from tests.unit.engine.test_execute import a_leg, a_transfer, a_wish, executed
from tests.unit.engine.world import CYCLE, ProcessEnded, World, a_world
from tests.unit.venues.simulated.scenes import SPOT, SWAP, minutes

PATIENT = a_policy(execution={"style": "maker-then-taker", "slice_max": "0.10", "maker_wait": "2h"})
BOUND = timedelta(seconds=120)
SHORTLY = timedelta(seconds=30)
LOOK_BACKS = (broker.LOOK_BACK, transfers.LOOK_BACK)


async def an_order_at_rest() -> World:
    world = await a_world(policy=PATIENT)
    await world.cycle()
    assert [view.state for view in await views(world)] == [OrderState.OPEN]
    return world


async def views(world: World) -> list[Any]:
    return list((await world.orders())[SPOT])


async def reconcile(world: World, *, later: timedelta) -> None:
    await world.clock.until(world.clock.now() + later)
    await world.engine.recorder.recall()
    await world.engine.reconciler.run(world.policy)


def forget(world: World, client_id: str) -> None:
    world.venue.forgets.add(client_id)


# ---- an order that was shown and is not any more


async def test_an_order_shown_before_and_not_now_is_unknown_until_the_bound_and_cancelled_past_it() -> None:
    world = await an_order_at_rest()
    (row,) = await views(world)
    forget(world, row.intent.client_id)
    await reconcile(world, later=SHORTLY)
    assert (await views(world))[0].state == OrderState.UNKNOWN
    assert "the venue showed this order before and does not now" in world.alerts.texts
    await reconcile(world, later=BOUND - timedelta(seconds=1))
    assert (await views(world))[0].state == OrderState.UNKNOWN
    await reconcile(world, later=timedelta(seconds=1))
    (row,) = await views(world)
    assert (row.state, row.why) == (OrderState.CANCELLED, "no order, no open order and no trade 120 s on")
    assert (await verify(world.record)).clean


async def test_its_silence_starts_anew_when_the_venue_shows_it_again() -> None:
    world = await an_order_at_rest()
    (row,) = await views(world)
    forget(world, row.intent.client_id)
    await reconcile(world, later=SHORTLY)
    world.venue.forgets.clear()
    await reconcile(world, later=BOUND)
    assert (await views(world))[0].state == OrderState.OPEN
    forget(world, row.intent.client_id)
    await reconcile(world, later=SHORTLY)
    assert (await views(world))[0].state == OrderState.UNKNOWN


@pytest.mark.parametrize(("depth", "state"), [("100000", OrderState.FILLED), ("1", OrderState.CANCELLED)])
async def test_what_its_trades_say_is_booked_when_its_silence_ends(depth: str, state: OrderState) -> None:
    world = await an_order_at_rest()
    (row,) = await views(world)
    forget(world, row.intent.client_id)
    await reconcile(world, later=SHORTLY)
    world.scene.depth = D(depth)
    world.scene.move(SPOT, minutes(1), "100.3")
    await reconcile(world, later=BOUND)
    (row,) = await views(world)
    assert row.state == state
    assert row.filled == D(600) - world.held() > 0
    assert "no order, no open order and trades of " in row.why
    assert (await verify(world.record)).clean


@pytest.mark.parametrize("surface", ["orders", "trades", "one of them shows it"])
async def test_while_one_list_cannot_be_read_or_shows_it_nothing_is_proven(surface: str) -> None:
    world = await a_world()
    world.venue.answers = ["never"]
    await world.cycle()
    (row,) = await views(world)
    world.venue.lists_gap = surface == "orders"
    world.venue.trades_gap = surface == "trades"
    if surface == "one of them shows it":
        world.venue.shows = row.intent
    await reconcile(world, later=BOUND * 2)
    assert (await views(world))[0].state == OrderState.UNKNOWN
    world.venue.lists_gap = world.venue.trades_gap = False
    world.venue.shows = None
    await reconcile(world, later=SHORTLY)
    assert (await views(world))[0].state == OrderState.ABSENT


async def test_the_bound_is_the_venues_own() -> None:
    world = await a_world(visible_within=timedelta(minutes=30))
    world.venue.answers = ["never"]
    await world.cycle()
    await reconcile(world, later=timedelta(minutes=29))
    assert (await views(world))[0].state == OrderState.UNKNOWN
    await reconcile(world, later=timedelta(minutes=1))
    assert (await views(world))[0].state == OrderState.ABSENT


# ---- trades that come late


async def test_a_fill_that_came_after_the_cancel_is_booked_however_long_the_cycle_is() -> None:
    world = await a_world()
    world.venue.hides_trades = True
    await world.cycle()
    await reconcile(world, later=BOUND)
    (row,) = await views(world)
    assert (row.state, row.filled) == (OrderState.PARTLY_FILLED, D(0))
    world.venue.hides_trades = False
    await reconcile(world, later=timedelta(hours=4))
    assert (await views(world))[0].filled == D(30)
    await reconcile(world, later=timedelta(hours=4))
    assert not world.engine.reconciler.active
    assert (await verify(world.record)).clean


async def test_trades_that_could_not_be_read_are_asked_for_again() -> None:
    world = await a_world()
    world.venue.hides_trades = True
    await world.cycle()
    await reconcile(world, later=BOUND)
    world.venue.hides_trades, world.venue.trades_gap = False, True
    await reconcile(world, later=timedelta(hours=1))
    assert (await views(world))[0].filled == 0
    world.venue.trades_gap = False
    await reconcile(world, later=timedelta(hours=1))
    assert (await views(world))[0].filled == D(30)


async def test_a_new_process_asks_for_what_came_while_nobody_was_there() -> None:
    world = await a_world()
    world.venue.hides_trades = True
    await world.cycle()
    await reconcile(world, later=BOUND)
    after = await world.restarted()
    await reconcile(after, later=timedelta(hours=5))
    assert (await views(after))[0].filled == D(30)
    again = await after.restarted()
    await reconcile(again, later=timedelta(days=2))  # too long ago to be asked
    assert not again.engine.reconciler.active


# ---- transfers


@pytest.mark.parametrize(
    ("answer", "seen", "later", "states"),
    [
        ("raises", [Gap("transfers", "timed out")], SHORTLY, [OrderState.UNKNOWN]),
        ("raises", [Placed.UNKNOWN], SHORTLY, [OrderState.UNKNOWN]),
        ("raises", [], SHORTLY, [OrderState.UNKNOWN]),  # absent, and that proves nothing yet
        ("raises", [], BOUND, [OrderState.ABSENT]),
        ("lost", [], SHORTLY, [OrderState.FILLED]),
        ("lost", [Placed.EXISTS], SHORTLY, [OrderState.FILLED]),
    ],
)
async def test_a_transfer_of_unknown_outcome_waits_for_proof(
    answer: Any, seen: Any, later: timedelta, states: list[OrderState]
) -> None:
    world = await a_world()
    world.venue.transfers_answer = [answer]
    await executed(world, a_transfer())
    world.venue.moves_seen = seen
    await reconcile(world, later=later)
    assert [row.state for row in await world.store.moves(unfinished=False)] == states


@pytest.mark.parametrize(
    ("seen", "later", "state"),
    [
        ([Gap("transfers", "timed out")], SHORTLY, OrderState.UNKNOWN),
        ([], SHORTLY, OrderState.UNKNOWN),
        ([], BOUND, OrderState.ABSENT),
    ],
)
async def test_a_transfer_whose_process_ended_on_the_way_is_a_question_first(
    seen: Any, later: timedelta, state: OrderState
) -> None:
    world = await a_world()
    world.venue.transfers_answer = ["ends"]
    with pytest.raises(ProcessEnded):
        await executed(world, a_transfer())
    after = await world.restarted()
    after.venue.moves_seen = seen
    await reconcile(after, later=later)
    assert [row.state for row in await after.store.moves(unfinished=False)] == [state]


# ---- cancelling


async def test_a_halt_leaves_alone_what_cannot_be_asked_and_what_never_left() -> None:
    world = await a_world()
    world.venue.answers = ["lost"]
    await world.cycle()
    world.venue.keeps = True
    assert await world.engine.cancel_own() == 1
    assert (await views(world))[0].state == OrderState.UNKNOWN


async def test_a_cancel_after_which_the_order_still_stands_is_asked_for_again() -> None:
    world = await an_order_at_rest()
    world.venue.shrugs = True
    assert await world.engine.cancel_own() == 1
    assert (await views(world))[0].state == OrderState.OPEN
    world.venue.shrugs = False
    assert await world.engine.cancel_own() == 1
    assert (await views(world))[0].state == OrderState.CANCELLED


async def test_a_transfer_that_was_never_said_to_be_sent_is_denied_by_the_next_process() -> None:
    world = await a_world()
    world.store.ends_at = "move.submitted"
    with pytest.raises(ProcessEnded):
        await executed(world, a_transfer())
    after = await world.restarted()
    await reconcile(after, later=SHORTLY)
    (row,) = await after.store.moves(unfinished=False)
    assert (row.state, row.why) == (OrderState.DENIED, "never sent: the process ended before")


@pytest.mark.parametrize("cycle", ["10m", "4h"])
async def test_however_long_a_cycle_is_a_look_up_reaches_back_to_where_its_intents_were_made(cycle: str) -> None:
    world = await a_world(policy=a_policy(cycle=cycle), futures="0")
    await world.cycle()
    await world.cycle()
    (move,) = await world.store.moves(unfinished=False)
    made = [(move.intent.sent_before, move.created_at)]
    made += [(row.intent.sent_before, row.created_at) for row in (await world.orders())[SPOT]]
    assert len(made) > 1
    for sent_before, at in made:
        assert max(sent_before - reach for reach in LOOK_BACKS) < at - timedelta(minutes=20)


async def test_an_action_of_which_one_order_is_open_still_is_not_settled() -> None:
    world = await a_world()
    world.venue.answers = ["rests"]
    await executed(world, a_wish(a_leg("-5"), a_leg("-3", SWAP)))
    assert await world.engine.cancel_own() == 1
    assert [row.state for row in await views(world)] == [OrderState.CANCELLED]


# ---- pairs


async def a_pair_that_nobody_mends(**over: Any) -> World:
    world = await a_world(**over)
    world.venue.unprepared = "the account is in hedge mode"
    await world.cycle()
    assert [item.symbol for item in (await world.store.memory()).broken] == [SWAP]
    return world


async def test_a_pair_that_is_not_mended_in_time_halts_its_asset_and_says_so() -> None:
    world = await a_pair_that_nobody_mends()
    for _ in range(PAIR_WITHIN // CYCLE - 1):
        await world.cycle()
    assert not (await world.store.memory()).halted_assets
    for _ in range(2):
        await world.cycle()
    memory = await world.store.memory()
    assert (memory.halted_assets, [item.symbol for item in memory.broken]) == (("BTC",), [SWAP])
    assert "BTC is halted: -20 BTC/USDT:USDT of" in world.alerts.texts
    assert [body["asset"] for body in await world.bodies("asset.halted")] == ["BTC"]


async def test_once_rearmed_and_mended_it_is_forgotten() -> None:
    world = await a_pair_that_nobody_mends()
    for _ in range(PAIR_WITHIN // CYCLE + 1):
        await world.cycle()
    world.venue.unprepared = ""
    await world.controls.request("rearm", "BTC", "anna", "one-way again")
    await world.cycle()
    memory = await world.store.memory()
    assert (memory.broken, memory.halted_assets) == ((), ())
    assert world.short() == D(20)


async def test_a_broken_pair_outlives_the_process_that_broke_it() -> None:
    world = await a_pair_that_nobody_mends()
    after = await world.restarted()
    outcome = await after.cycle()
    assert [item.wish.rule for item in outcome.plan.actions] == ["R-W7"]
    assert after.short() == D(20)
    assert not (await after.store.memory()).broken


async def test_a_pair_on_a_contract_of_many_coins_halts_the_asset_behind_it() -> None:
    world = await a_pair_that_nobody_mends()
    world.policy = a_policy(aliases={"BTC": {"asset": "ETH", "multiplier": "1000"}})
    await reconcile(world, later=PAIR_WITHIN)
    assert [body["asset"] for body in await world.bodies("asset.halted")] == ["ETH"]
    await reconcile(world, later=CYCLE)  # told once a day, however often it is looked at
    assert len(await world.bodies("asset.halted")) == 1
