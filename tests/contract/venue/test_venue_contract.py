"""What every venue promises, asked of the simulated one in process and of ccxt over HTTP: the same sentences."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any, TypeVar

import numpy as np
import pytest

from bot.core.numbers import milliseconds
from bot.core.orders import MoveIntent, OrderIntent, OrderState, OrderView, Placed
from bot.ports.errors import Denied, VenueError
from bot.ports.venue import Gap
from tests import builders
from tests.contract.venue.conftest import World
from tests.unit.venues.simulated.scenes import SPOT, START, SWAP, D, minutes

T = TypeVar("T")
HOUR = timedelta(hours=1)


def read(answer: T | Gap) -> T:
    assert not isinstance(answer, Gap), answer
    return answer


def an_intent(client_id: str = "bt0", *, qty: str = "1", price: str = "100.1", **more: Any) -> OrderIntent:
    plain = {"purpose": "spot", "reference": None, "leverage": None, "sent_before": minutes(5)}
    return builders.an_intent(client_id=client_id, qty=qty, price=price, **{"symbol": SPOT, **plain, **more})


def a_move(client_id: str = "bm0", amount: str = "1000", source: str = "spot", to: str = "futures") -> MoveIntent:
    return MoveIntent(client_id, "d", "a", "USDT", D(amount), source, to, minutes(5), 1)


def yes(intent: OrderIntent | MoveIntent) -> None:
    del intent


async def placed(world: World, intent: OrderIntent) -> OrderView:
    verdict, view, why = await world.venue.place(intent, yes)
    assert verdict is Placed.ACCEPTED, why
    if view is None:  # an acknowledgement
        view = read(await world.venue.find(intent))
    assert view is not None
    return view


async def funded(world: World, amount: str = "5000") -> None:
    if world.has.transfers:
        assert await world.venue.move(a_move("bfund", amount), yes) == (Placed.ACCEPTED, "")
    elif not world.has.unified:
        world.exchange.transfer("USDT", D(amount), "spot", "futures")


def needs_transfers(world: World) -> None:
    if not world.has.transfers:
        pytest.skip("nothing is moved between wallets by API here")


# ---- market data


async def test_markets_have_the_filters_and_fees_of_the_exchange(world: World) -> None:
    markets = await world.venue.markets()
    assert set(markets) == {SPOT, SWAP}
    for symbol, listed in world.scene.markets().items():
        found, other = markets[symbol], {"maintenance_rate", *world.has.untold}
        assert found.model_dump(exclude=other) == listed.model_dump(exclude=other)
    assert markets[SWAP].maintenance_rate in (D("0.01"), None)


async def test_spot_is_quoted_by_bid_and_ask_and_a_perpetual_by_its_mark(world: World) -> None:
    quotes = read(await world.venue.quotes())
    assert (quotes[SPOT].bid, quotes[SPOT].ask) == (D("99.9"), D("100.1"))
    assert quotes[SWAP].last == D(100)
    assert quotes[SPOT].at == quotes[SWAP].at == START
    assert quotes[SPOT].quote_volume == D(1_000_000)


async def test_a_symbol_without_a_price_has_no_quote(world: World) -> None:
    world.scene.move(SPOT, START, None)
    quotes = read(await world.venue.quotes())
    assert SPOT not in quotes
    assert SWAP in quotes


async def test_funding_says_the_rate_and_when_it_is_paid_next(world: World) -> None:
    world.scene.settlements[SWAP] = [(START + 8 * HOUR, D("0.0003"))]
    funding = read(await world.venue.funding())
    assert set(funding) == {SWAP}
    assert (funding[SWAP].rate, funding[SWAP].next_at) == (
        D("0.0003"),
        START + 8 * HOUR if world.has.next_funding else None,
    )
    assert funding[SWAP].interval_hours == D(8)


async def test_candles_are_closed_ones_only(world: World) -> None:
    world.clock.at = START + 3 * HOUR + timedelta(minutes=59)
    bars = read(await world.venue.candles(SPOT, "1h", START, 100))
    assert list(bars[:, 0]) == [milliseconds(START + n * HOUR) for n in range(3)]
    world.clock.at = START + 4 * HOUR
    assert len(read(await world.venue.candles(SPOT, "1h", START, 100))) == 4


async def test_candles_begin_at_since_and_stop_at_the_limit(world: World) -> None:
    world.clock.at = START + 2000 * HOUR
    bars = read(await world.venue.candles(SWAP, "1h", START + 10 * HOUR, 1500))
    assert len(bars) == 1500
    assert bars[0, 0] == milliseconds(START + 10 * HOUR)
    assert (np.diff(bars[:, 0]) == 3_600_000).all()
    assert bars[0, 1:].tolist() == [100, 100, 100, 100, 1]


async def test_candles_of_what_is_not_listed_are_a_gap(world: World) -> None:
    assert isinstance(await world.venue.candles("XYZ/USDT", "1h", START, 10), Gap)


async def test_the_book_is_the_exchanges_down_to_the_digit(world: World) -> None:
    book = read(await world.venue.book(SWAP, 3))
    assert book.bids == ((D("99.9"), D(10)), (D("99.8"), D(10)), (D("99.7"), D(10)))
    assert book.asks == ((D("100.1"), D(10)), (D("100.2"), D(10)), (D("100.3"), D(10)))


async def test_now_is_the_exchanges_now(world: World) -> None:
    world.clock.at = START + HOUR
    assert await world.venue.now() == START + HOUR


# ---- account


async def test_the_account_has_two_wallets_and_can_swap_and_transfer(world: World) -> None:
    kind = await world.venue.kind()
    assert (kind.unified, kind.margin_mode) == (world.has.unified, "cross")
    assert set(kind.can) - {"earn"} == ({"swap", "transfer"} if world.has.transfers else {"swap"})


async def test_balances_tell_free_and_locked_by_wallet(world: World) -> None:
    await placed(world, an_intent(qty="1", price="90", tif="gtc"))
    await funded(world, "1000")
    found = {(one.wallet, one.asset): (one.free, one.locked) for one in read(await world.venue.balances()) if one.total}
    if world.has.unified:
        assert found == {("unified", "BTC"): (D(2), D(0)), ("unified", "USDT"): (D(9_910), D(90))}
        return
    assert found == {
        ("spot", "BTC"): (D(2), D(0)),
        ("spot", "USDT"): (D(8_910), D(90)),
        ("futures", "USDT"): (D(1_000), D(0)),
    }


async def test_the_key_cannot_withdraw(world: World) -> None:
    report = await world.venue.key()
    assert report.can_withdraw is (False if world.has.key_report else None)
    assert world.has.key_report or report.note


# ---- placing


async def test_an_ioc_order_fills_at_once_and_pays_its_fee(world: World) -> None:
    view = await placed(world, an_intent(qty="1"))
    assert (view.state, view.filled, view.price_avg, view.side) == (OrderState.FILLED, D(1), D("100.1"), "buy")
    fills = read(await world.venue.fills(SPOT, START))
    assert [(one.client_id, one.qty, one.price, one.fee, one.fee_asset) for one in fills] == [
        ("bt0", D(1), D("100.1"), D("0.001"), "BTC")
    ]


async def test_an_ioc_order_that_finds_too_little_gives_up_the_rest(world: World) -> None:
    world.scene.depth = D("0.3")
    view = await placed(world, an_intent(qty="-1", price="99.8"))
    assert (view.state, view.filled, view.amount, view.side) == (OrderState.EXPIRED, D("0.6"), D(1), "sell")
    assert view.price_avg == D("99.85")
    assert read(await world.venue.open_orders([SPOT])) == []


async def test_an_ioc_order_that_meets_nobody_expires_unfilled(world: World) -> None:
    view = await placed(world, an_intent(qty="1", price="99"))
    assert (view.state, view.filled, view.price_avg) == (OrderState.EXPIRED, D(0), None)


async def test_a_gtc_order_rests_and_fills_when_the_price_comes(world: World) -> None:
    intent = an_intent(qty="1", price="95", tif="gtc")
    assert (await placed(world, intent)).state is OrderState.OPEN
    assert [one.client_id for one in read(await world.venue.open_orders([]))] == ["bt0"]
    world.scene.move(SPOT, minutes(1), "90")
    world.clock.at = minutes(2)
    found = read(await world.venue.find(intent))
    assert found is not None
    assert (found.state, found.filled, found.price_avg) == (OrderState.FILLED, D(1), D(95))
    assert read(await world.venue.open_orders([])) == []


async def test_a_post_only_order_that_would_take_is_refused(world: World) -> None:
    verdict, view, why = await world.venue.place(an_intent(qty="1", price="100.1", tif="post_only"), yes)
    assert (verdict, view) == (Placed.REJECTED, None)
    assert why
    assert read(await world.venue.fills(SPOT, START)) == []


async def test_a_post_only_order_that_would_not_take_rests(world: World) -> None:
    intent = an_intent(qty="1", price="99", tif="post_only")
    if world.has.post_only:
        assert (await placed(world, intent)).state is OrderState.OPEN
        return
    verdict, _, why = await world.venue.place(intent, yes)
    assert (verdict, "post-only" in why) == (Placed.REJECTED, True)
    assert world.exchange.order_requests == 0


@pytest.mark.parametrize(
    ("intent", "fault"),
    [
        (an_intent(qty="1000"), "more than the money there is"),
        (an_intent(qty="0.01"), "under the least notional"),
        (an_intent(qty="1.0005"), "off the step"),
        (an_intent(qty="1", price="100.05"), "off the tick"),
        (an_intent(qty="-3", price="99"), "more than the coins there are"),
        (an_intent(symbol=SWAP, qty="4000"), "no margin"),
        (an_intent(symbol="XYZ/USDT", qty="1"), "not listed"),
    ],
)
async def test_what_the_venue_refuses_is_rejected_with_its_reason(
    world: World, intent: OrderIntent, fault: str
) -> None:
    verdict, view, why = await world.venue.place(intent, yes)
    assert (verdict, view) == (Placed.REJECTED, None), fault
    assert why
    assert not world.exchange.trades(SPOT)


async def test_the_same_client_id_twice_is_one_order(world: World) -> None:
    intent = an_intent(qty="1", price="95", tif="gtc")
    await placed(world, intent)
    verdict, _, _ = await world.venue.place(intent, yes)
    assert verdict is Placed.EXISTS
    assert len(read(await world.venue.open_orders([SPOT]))) == 1


async def test_orders_at_the_same_time_are_all_answered_each_with_its_own(world: World) -> None:
    intents = [an_intent(f"bt{n}", qty="0.1", price=f"9{n}", tif="gtc") for n in range(8)]
    views = await asyncio.gather(*(placed(world, intent) for intent in intents))
    assert [view.client_id for view in views] == [intent.client_id for intent in intents]
    assert [view.price for view in views] == [intent.price for intent in intents]


# ---- the permit


async def test_a_permit_that_says_no_keeps_the_order_here(world: World) -> None:
    asked: list[OrderIntent | MoveIntent] = []

    def no(intent: OrderIntent | MoveIntent) -> None:
        asked.append(intent)
        raise Denied("kill level halt")

    intent = an_intent()
    assert await world.venue.place(intent, no) == (Placed.DENIED, None, "kill level halt")
    assert asked == [intent]
    assert world.exchange.order_requests == 0


async def test_a_permit_that_says_no_keeps_the_money_here(world: World) -> None:
    needs_transfers(world)

    def no(intent: OrderIntent | MoveIntent) -> None:
        raise Denied(f"fenced: {intent.client_id}")

    assert await world.venue.move(a_move(), no) == (Placed.DENIED, "fenced: bm0")
    assert world.exchange.transfers() == []


async def test_a_permit_is_asked_exactly_once_for_each_order_sent(world: World) -> None:
    asked: list[str] = []
    for name in ("bt1", "bt2"):
        await world.venue.place(an_intent(name), lambda intent: asked.append(intent.client_id))
    assert asked == ["bt1", "bt2"]


# ---- finding and cancelling


async def test_an_order_never_placed_is_found_nowhere(world: World) -> None:
    await placed(world, an_intent("bother"))
    assert await world.venue.find(an_intent("bnever")) is None


async def test_a_filled_order_is_still_found(world: World) -> None:
    intent = an_intent(symbol=SPOT)
    sent = await placed(world, intent)
    assert await world.venue.find(intent) == sent


async def test_a_resting_order_is_cancelled(world: World) -> None:
    intent = an_intent(price="95", tif="gtc")
    await placed(world, intent)
    view = read(await world.venue.cancel(intent))
    assert (view.state, view.filled) == (OrderState.CANCELLED, D(0))
    assert read(await world.venue.open_orders([SPOT])) == []


async def test_cancelling_what_is_filled_answers_with_the_fill(world: World) -> None:
    intent = an_intent()
    await placed(world, intent)
    view = read(await world.venue.cancel(intent))
    assert (view.state, view.filled) == (OrderState.FILLED, D(1))


async def test_cancelling_what_was_never_placed_is_a_gap(world: World) -> None:
    assert isinstance(await world.venue.cancel(an_intent("bnever")), Gap)


async def test_a_partly_filled_order_keeps_what_it_has_when_cancelled(world: World) -> None:
    world.scene.depth = D("0.3")
    intent = an_intent(qty="1", price="100.2", tif="gtc")
    view = await placed(world, intent)
    assert (view.state, view.filled) == (OrderState.PARTLY_FILLED, D("0.6"))
    after = read(await world.venue.cancel(intent))
    assert (after.state, after.filled) == (OrderState.CANCELLED, D("0.6"))
    fills = read(await world.venue.fills(SPOT, START))
    assert sum(one.qty for one in fills) == D("0.6")


# ---- perpetuals


async def test_a_short_is_opened_and_closed_reduce_only(world: World) -> None:
    await funded(world)
    await placed(world, an_intent("bt1", symbol=SWAP, qty="-2", price="99"))
    position = read(await world.venue.positions())[0]
    assert (position.symbol, position.side, position.quantity, position.entry_price) == (
        SWAP,
        "short",
        D(-2),
        D("99.9"),
    )
    assert position.mark_price == (D(100) if world.has.marks else None)
    assert position.margin_mode == "cross"
    await placed(world, an_intent("bt2", symbol=SWAP, qty="2", price="101", reduce_only=True))
    assert read(await world.venue.positions()) == []


async def test_a_reduce_only_order_never_turns_a_position(world: World) -> None:
    await funded(world)
    await placed(world, an_intent("bt1", symbol=SWAP, qty="-1", price="99"))
    view = await placed(world, an_intent("bt2", symbol=SWAP, qty="3", price="101", reduce_only=True))
    assert view.filled == D(1)
    assert read(await world.venue.positions()) == []


async def test_a_reduce_only_order_without_a_position_is_refused(world: World) -> None:
    await funded(world)
    verdict, _, _ = await world.venue.place(an_intent(symbol=SWAP, reduce_only=True), yes)
    assert verdict is Placed.REJECTED


async def test_leverage_is_set_read_back_and_seen_on_the_position(world: World) -> None:
    await funded(world)
    await world.venue.prepare(SWAP, D(3), "cross")
    await world.venue.prepare(SWAP, D(3), "cross")
    await placed(world, an_intent(symbol=SWAP, qty="3", price="101"))
    position = read(await world.venue.positions())[0]
    assert position.leverage == D(3)
    assert position.initial_margin == D(100)


@pytest.mark.parametrize("leverage", ["2.5", "1000"])
async def test_a_set_up_that_cannot_be_had_is_refused(world: World, leverage: str) -> None:
    with pytest.raises(VenueError):
        await world.venue.prepare(SWAP, D(leverage), "cross")


async def test_an_isolated_position_says_so_and_keeps_its_mode_while_it_is_open(world: World) -> None:
    await funded(world)
    if not world.has.isolated:
        with pytest.raises(VenueError, match="isolated"):
            await world.venue.prepare(SWAP, D(3), "isolated")
        return
    await world.venue.prepare(SWAP, D(3), "isolated")
    await placed(world, an_intent(symbol=SWAP, qty="3", price="101"))
    position = read(await world.venue.positions())[0]
    assert (position.margin_mode, position.leverage) == ("isolated", D(3))
    with pytest.raises(VenueError):
        await world.venue.prepare(SWAP, D(3), "cross")


async def test_funding_paid_is_an_event_with_plus_for_us_paying(world: World) -> None:
    world.scene.settlements[SWAP] = [(START + HOUR, D("0.001")), (START + 2 * HOUR, D("-0.002"))]
    await funded(world)
    await placed(world, an_intent(symbol=SWAP, qty="2", price="101"))
    world.clock.at = START + 3 * HOUR
    flows = read(await world.venue.flows(START))
    paid = [(one.at, one.body["symbol"], Decimal(one.body["paid"])) for one in flows if one.kind == "funding"]
    assert paid == [(START + HOUR, SWAP, D("0.2")), (START + 2 * HOUR, SWAP, D("-0.4"))]
    again = read(await world.venue.flows(START))
    assert [one.key for one in again] == [one.key for one in flows]
    assert len({one.key for one in flows}) == len(flows)
    assert [one.kind for one in read(await world.venue.flows(START + 3 * HOUR))] == []


# ---- transfers


async def test_a_transfer_arrives_and_is_found(world: World) -> None:
    needs_transfers(world)
    move = a_move(amount="1234.5")
    assert await world.venue.move(move, yes) == (Placed.ACCEPTED, "")
    assert await world.venue.find_move(move) is Placed.ACCEPTED
    wallets = {one.wallet: one.free for one in read(await world.venue.balances()) if one.asset == "USDT"}
    assert wallets == {"spot": D("8765.5"), "futures": D("1234.5")}
    kinds = [(one.body["kind"], Decimal(one.body["amount"])) for one in read(await world.venue.flows(START))]
    assert kinds == [("transfer", D("1234.5"))]


async def test_money_comes_back_too(world: World) -> None:
    needs_transfers(world)
    await funded(world, "1000")
    back = a_move("bback", "400", "futures", "spot")
    assert await world.venue.move(back, yes) == (Placed.ACCEPTED, "")
    assert await world.venue.find_move(back) is Placed.ACCEPTED


async def test_a_transfer_of_more_than_there_is_is_refused(world: World) -> None:
    needs_transfers(world)
    verdict, why = await world.venue.move(a_move(amount="20000"), yes)
    assert verdict is Placed.REJECTED
    assert why


async def test_a_transfer_to_a_wallet_that_is_not_there_is_refused(world: World) -> None:
    verdict, why = await world.venue.move(a_move(to="attic"), yes)
    assert verdict is Placed.REJECTED
    assert "attic" in why or "transfers" in why


async def test_a_transfer_never_made_is_proven_absent_once_it_can_no_longer_arrive(world: World) -> None:
    needs_transfers(world)
    world.clock.at = minutes(10)
    assert await world.venue.find_move(a_move("bnever")) is Placed.REJECTED


async def test_two_equal_transfers_are_not_taken_for_one_another(world: World) -> None:
    needs_transfers(world)
    await world.venue.move(a_move("bm1"), yes)
    world.clock.at = minutes(10)
    assert await world.venue.find_move(a_move("bm2")) is Placed.REJECTED
    assert await world.venue.find_move(a_move("bm1")) is Placed.ACCEPTED


# ---- money adds up


async def test_balances_are_the_opening_plus_fills_minus_fees(world: World) -> None:
    for number, (qty, price) in enumerate([("1", "101"), ("-0.5", "99"), ("0.7", "101")]):
        await placed(world, an_intent(f"bt{number}", qty=qty, price=price))
    fills = read(await world.venue.fills(SPOT, START))
    coins = D(2) + sum(one.qty for one in fills) - sum(one.fee for one in fills if one.fee_asset == "BTC")
    money = (
        D(10_000) - sum(one.qty * one.price for one in fills) - sum(one.fee for one in fills if one.fee_asset == "USDT")
    )
    wallet = "unified" if world.has.unified else "spot"
    held = {one.asset: one.total for one in read(await world.venue.balances()) if one.wallet == wallet}
    assert held == {"BTC": coins, "USDT": money}
