"""A cycle over the simulated exchange, from the account to the record."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.core.orders import OrderIntent, OrderState
from bot.engine.verify import verify
from bot.ports.errors import StoreAway
from bot.venues.simulated.exchange import OrderRequest
from tests.builders import D, a_policy
from tests.unit.engine.world import CYCLE, a_world, bought_and_sold
from tests.unit.venues.simulated.scenes import SPOT, SWAP


async def test_a_trim_sells_and_shorts_and_books_both_legs() -> None:
    world = await a_world()
    outcome = await world.cycle()
    assert [item.wish.kind for item in outcome.plan.actions] == ["trim"]
    orders = await world.orders()
    assert {symbol: [row.state for row in rows] for symbol, rows in orders.items()} == {
        SPOT: [OrderState.FILLED],
        SWAP: [OrderState.FILLED],
    }
    # An increment of 5 % of 100,000 at 100: 60 % of it sold, 40 % shorted.
    assert (world.held(), world.short()) == (D(570), D(20))
    assert bought_and_sold(world.venue.placed) == [(SPOT, "sell"), (SWAP, "sell")]
    memory = await world.store.memory()
    assert [(hedge.symbol, hedge.contracts) for hedge in memory.hedges] == [(SWAP, D(20))]
    assert memory.turnover is not None
    assert memory.turnover.sold == pytest.approx(D("0.05"), abs=D("0.0001"))


async def test_every_send_stands_between_two_records_of_it() -> None:
    world = await a_world()
    states: list[OrderState] = []
    world.venue.before_place = lambda intent: states.append(
        world.database.books["main", "paper", "binance", "local"].orders[intent.client_id].state
    )
    await world.cycle()
    assert states == [OrderState.SUBMITTED, OrderState.SUBMITTED]
    kinds = [kind for kind in await world.kinds() if kind.startswith(("order", "fill"))]
    assert kinds == ["order.submitted", "fill", "order.state", "order.submitted", "fill", "order.state"]


async def test_a_large_increment_is_worked_slice_by_slice_without_waiting_for_the_interval() -> None:
    world = await a_world(policy=a_policy(execution={"slice_max": "0.02"}, pace={"increment_interval": "2h"}))
    for _ in range(2):
        await world.cycle()
    sold = [row.filled for row in (await world.orders())[SPOT]]
    # Three per cent in spot are one and a half slices; both legs keep their proportion.
    assert sold == [D("20"), pytest.approx(D("10"), abs=D("0.05"))]
    episode = (await world.store.memory()).episode("BTC")
    assert episode is not None
    assert episode.left == 0
    third = await world.cycle()
    assert not third.plan.actions
    assert {verdict.gate for item in third.plan.blocked for verdict in item.not_passed} >= {"R-G6"}


async def test_a_later_leg_follows_what_the_first_really_filled() -> None:
    world = await a_world()

    def thin(_intent: OrderIntent) -> None:
        world.scene.depth = D(1)  # after the decision, one coin a level is left

    world.venue.before_place = thin
    await world.cycle()
    spot, swap = (await world.orders())[SPOT][0], (await world.orders())[SWAP][0]
    assert spot.filled < abs(spot.intent.qty)
    share = spot.filled / abs(spot.intent.qty)
    assert swap.sent_qty == pytest.approx(swap.intent.qty * share, abs=D("0.001"))


async def test_money_goes_to_the_futures_wallet_before_the_short() -> None:
    world = await a_world(futures="0")
    first = await world.cycle()
    assert [item.wish.kind for item in first.plan.actions] == ["transfer"]
    assert [row.state for row in await world.store.moves(unfinished=False)] == [OrderState.FILLED]
    assert world.exchange.futures().wallet_balance > 0
    second = await world.cycle()
    assert [item.wish.kind for item in second.plan.actions] == ["trim"]
    assert world.short() > 0


async def test_a_composition_whose_orders_go_nowhere_sends_nothing_and_counts_nothing_as_sent() -> None:
    world = await a_world(standing="orders go nowhere")
    for _ in range(5):
        outcome = await world.cycle()
        # Were they counted as sent, the runaway guard would veto the fourth.
        assert [item.wish.kind for item in outcome.plan.actions] == ["trim"]
    assert world.exchange.order_requests == 0
    rows = [row for rows in (await world.orders()).values() for row in rows]
    assert {row.state for row in rows} == {OrderState.DENIED}
    assert len(rows) == 10
    assert "order.submitted" not in await world.kinds()


async def test_unit_value_does_not_take_a_deposit_for_profit() -> None:
    world = await a_world(opening={"USDT": D(40_000), "BTC": D(400)})  # at its target: nothing is traded
    await world.cycle()
    await world.clock.until(world.clock.now() + CYCLE)
    await world.venue.now()
    world.exchange.deposit("USDT", D(20_000))
    await world.cycle()
    memory = await world.store.memory()
    assert memory.equity_seen == D(100_000)
    assert memory.unit_value == 1
    assert [(flow.kind, flow.amount) for flow in memory.flows if flow.kind == "deposit"] == [("deposit", D(20_000))]


async def test_coins_that_came_are_told_again_every_hour_and_taken_out_of_the_unit_value_once() -> None:
    world = await a_world(opening={"USDT": D(40_000), "BTC": D(400)})
    await world.cycle()
    await world.clock.until(world.clock.now() + CYCLE)
    await world.venue.now()
    world.exchange.deposit("BTC", D(10))  # a thousand of eighty thousand: within the band
    for _ in range(14):  # flows are asked for once an hour, each time an hour back
        await world.cycle()
        memory = await world.store.memory()
        assert (memory.unit_value, memory.unit_peak, memory.doubt) == (D(1), D(1), None)
    assert [(flow.asset, flow.amount) for flow in memory.flows if flow.kind == "deposit"] == [("BTC", D(10))]
    assert memory.equity_seen == D(81_000)


async def test_a_deposit_that_could_not_be_booked_is_asked_for_again_however_old_it_is() -> None:
    world = await a_world(opening={"USDT": D(40_000), "BTC": D(400)})
    await world.cycle()
    await world.clock.until(world.clock.now() + CYCLE)
    await world.venue.now()
    world.exchange.deposit("USDT", D(2_000))
    world.store.fails_at = "flow"
    with pytest.raises(StoreAway):
        await world.cycle(later=timedelta(hours=3))  # the venue was not to be reached, say
    world.store.fails_at = ""
    await world.cycle()
    flows = (await world.store.memory()).flows
    assert [(flow.asset, flow.amount) for flow in flows if flow.kind == "deposit"] == [("USDT", D(2_000))]


async def test_what_cannot_be_read_is_a_gap_and_never_zero() -> None:
    world = await a_world()
    world.scene.moves[SPOT].append((world.clock.now() + CYCLE, None))
    world.scene.moves[SWAP].append((world.clock.now() + CYCLE, None))
    await world.cycle()
    before = len((await world.orders())[SPOT])
    blind = await world.cycle()
    assert blind.plan.assessment.equity is None
    assert not blind.plan.actions
    assert len((await world.orders())[SPOT]) == before


async def test_a_first_start_on_a_real_account_waits_for_adopt() -> None:
    world = await a_world(adopts=False)
    first = await world.cycle()
    assert not first.plan.actions
    refusals = [each for item in first.plan.blocked for each in item.not_passed if each.verdict != "resize"]
    assert {verdict.gate for verdict in refusals} == {"R-G16"}
    await world.controls.request("adopt", "", "test", "mine")
    assert [item.wish.kind for item in (await world.cycle()).plan.actions] == ["trim"]


async def test_a_short_that_vanished_is_told_once_and_forgotten() -> None:
    world = await a_world()
    await world.cycle()
    by_hand = OrderRequest(SWAP, "buy", "market", amount=world.short(), reduce_only=True)
    world.exchange.place(by_hand)
    assert world.short() == 0
    await world.cycle()
    memory = await world.store.memory()
    assert not memory.hedges
    assert SWAP in memory.vanished
    assert world.alerts.texts.count("is gone without an order of ours") == 1


async def test_a_run_of_many_cycles_verifies() -> None:
    world = await a_world()
    for step in range(12):
        world.scene.move(SPOT, world.clock.now(), str(100 + step))
        world.scene.move(SWAP, world.clock.now(), str(100 + step))
        await world.cycle()
    report = await verify(world.record)
    assert report.clean, report.lines
    assert report.verdict == f"12 of 12 identical, {report.invariants} of {report.invariants} invariants hold"
