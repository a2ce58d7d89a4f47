"""Orders meet a spot book: what fills, what rests, what it costs, what is locked."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.venues.simulated.exchange import Exchange, OrderStatus, Refusal, RefusalCode
from bot.venues.simulated.scene import ScriptedFlow
from tests.unit.venues.simulated.accounts import an_exchange, an_order, refusal_of
from tests.unit.venues.simulated.scenes import SPOT, START, SWAP, D, StillScene, minutes


def test_a_taker_walks_the_levels_up_to_its_limit_and_pays_the_fee_in_what_it_bought() -> None:
    exchange = an_exchange()
    order = exchange.place(an_order("buy", "15", "100.2"))
    assert order.status == OrderStatus.FILLED
    assert [(trade.price, trade.amount) for trade in exchange.trades(SPOT)] == [(D("100.1"), D(10)), (D("100.2"), D(5))]
    assert exchange.balances()["USDT"].free == D(10_000) - D(1001) - D(501)
    assert exchange.balances()["BTC"].free == D(2) + D(15) - D("0.015")


def test_a_sale_pays_its_fee_in_quote() -> None:
    exchange = an_exchange()
    exchange.place(an_order("sell", "1", "99.9"))
    assert exchange.balances()["USDT"].free == D(10_000) + D("99.9") - D("0.0999")
    assert exchange.balances()["BTC"].free == D(1)


def test_an_ioc_order_expires_with_what_its_price_does_not_offer() -> None:
    exchange = an_exchange()
    order = exchange.place(an_order("buy", "15", "100.1", tif="ioc"))
    assert (order.status, order.filled) == (OrderStatus.EXPIRED, D(10))
    assert exchange.balances()["USDT"].locked == 0


def test_a_partial_fill_leaves_the_rest_resting_and_locked() -> None:
    exchange = an_exchange()
    order = exchange.place(an_order("buy", "15", "100.1"))
    assert (order.status, order.filled) == (OrderStatus.PARTIALLY_FILLED, D(10))
    assert exchange.balances()["USDT"].locked == D(5) * D("100.1")
    assert [one.order_id for one in exchange.open_orders(SPOT)] == [order.order_id]


def test_a_fill_or_kill_order_takes_all_or_nothing() -> None:
    exchange = an_exchange()
    order = exchange.place(an_order("buy", "15", "100.1", tif="fok"))
    assert (order.status, order.filled) == (OrderStatus.EXPIRED, D(0))
    assert exchange.place(an_order("buy", "15", "100.2", tif="fok")).status == OrderStatus.FILLED


def test_own_fills_thin_the_book_and_it_grows_back_over_a_minute() -> None:
    exchange = an_exchange()
    exchange.place(an_order("buy", "10", "100.1", tif="ioc"))
    assert exchange.place(an_order("buy", "10", "100.1", tif="ioc")).filled == 0
    exchange.advance(START + timedelta(seconds=30))
    assert exchange.place(an_order("buy", "10", "100.1", tif="ioc")).filled == D(5)
    exchange.advance(minutes(5))
    assert exchange.place(an_order("buy", "10", "100.1", tif="ioc")).filled == D(10)


def test_a_market_order_stops_at_the_price_band_and_expires_there() -> None:
    scene = StillScene(levels=200)
    exchange = an_exchange(scene, opening={"USDT": D(1_000_000)})
    order = exchange.place(an_order("buy", "1000", None))
    assert order.status == OrderStatus.EXPIRED
    assert max(trade.price for trade in exchange.trades(SPOT)) == D(105)
    assert order.filled == D(10) * 50


def test_a_market_buy_it_cannot_pay_is_refused() -> None:
    exchange = an_exchange(opening={"USDT": D(100)})
    assert refusal_of(exchange, an_order("buy", "1", None)) == RefusalCode.INSUFFICIENT_BALANCE
    assert exchange.balances()["USDT"].free == D(100)


def test_a_resting_order_fills_as_maker_at_its_own_price_when_the_price_goes_through() -> None:
    scene = StillScene()
    exchange = an_exchange(scene)
    order = exchange.place(an_order("buy", "3", "98"))
    scene.move(SPOT, minutes(10), "97.5")
    scene.move(SPOT, minutes(12), "100")
    exchange.advance(minutes(60))
    filled = exchange.order(SPOT, order_id=order.order_id)
    trade = exchange.trades(SPOT)[0]
    assert filled.status == OrderStatus.FILLED
    assert (trade.price, trade.maker, trade.at) == (D(98), True, minutes(10))


def test_a_touch_does_not_fill_a_resting_order() -> None:
    scene = StillScene()
    exchange = an_exchange(scene)
    exchange.place(an_order("buy", "3", "98"))
    scene.move(SPOT, minutes(10), "98")
    exchange.advance(minutes(60))
    assert exchange.trades(SPOT) == []


def test_a_resting_order_gets_no_more_than_the_depth_that_came_by() -> None:
    scene = StillScene(depth=D(1))
    exchange = an_exchange(scene)
    order = exchange.place(an_order("buy", "50", "98"))
    scene.move(SPOT, minutes(10), "97.8")
    scene.move(SPOT, minutes(10.5), "100")
    exchange.advance(minutes(60))
    # 0.2 beyond the order: the best level and two more, one coin each; then one more step saw the price leave.
    assert D(3) <= exchange.order(SPOT, order_id=order.order_id).filled <= D(6)


def test_latency_keeps_a_resting_order_from_a_price_that_came_too_soon() -> None:
    scene = StillScene()
    slow = an_exchange(scene, latency=timedelta(minutes=5))
    quick = an_exchange(scene)
    for exchange in (slow, quick):
        exchange.place(an_order("buy", "3", "98"))
    scene.move(SPOT, minutes(2), "97")
    scene.move(SPOT, minutes(3), "100")
    for exchange in (slow, quick):
        exchange.advance(minutes(10))
    assert not slow.trades(SPOT)
    assert quick.trades(SPOT)


def test_post_only_is_refused_when_it_would_take_and_rests_otherwise() -> None:
    exchange = an_exchange()
    assert refusal_of(exchange, an_order("buy", "1", "100.1", tif="post_only")) == RefusalCode.WOULD_TAKE
    assert exchange.place(an_order("buy", "1", "100", tif="post_only")).status == OrderStatus.NEW


def test_a_cancel_frees_what_was_locked_and_cannot_be_done_twice() -> None:
    exchange = an_exchange()
    exchange.place(an_order("sell", "1", "110", client_id="x"))
    assert exchange.balances()["BTC"].locked == D(1)
    assert exchange.cancel(SPOT, client_id="x").status == OrderStatus.CANCELED
    assert exchange.balances()["BTC"].locked == 0
    with pytest.raises(Refusal, match="no order x is open"):
        exchange.cancel(SPOT, client_id="x")
    assert exchange.cancel_requests == 2


def test_an_open_client_id_is_refused_and_a_closed_one_may_be_used_again() -> None:
    exchange = an_exchange()
    first = exchange.place(an_order("buy", "1", "99", client_id="x"))
    assert refusal_of(exchange, an_order("buy", "1", "99", client_id="x")) == RefusalCode.DUPLICATE_CLIENT_ID
    exchange.cancel(SPOT, client_id="x")
    second = exchange.place(an_order("buy", "1", "98", client_id="x"))
    assert second.order_id > first.order_id
    assert exchange.order(SPOT, client_id="x") == second
    assert exchange.order_requests == 3


def test_a_halted_symbol_takes_no_orders_and_meets_none() -> None:
    scene = StillScene()
    exchange = an_exchange(scene)
    exchange.place(an_order("buy", "1", "98"))
    exchange.halt(SPOT)
    scene.move(SPOT, minutes(10), "90")
    exchange.advance(minutes(20))
    assert exchange.trades(SPOT) == []
    assert refusal_of(exchange, an_order("buy", "1", "89")) == RefusalCode.MARKET_CLOSED
    exchange.resume(SPOT)
    exchange.advance(minutes(30))
    assert len(exchange.trades(SPOT)) == 1


def test_no_price_is_a_closed_market_and_fills_nothing() -> None:
    scene = StillScene()
    exchange = an_exchange(scene)
    exchange.place(an_order("buy", "1", "98"))
    scene.move(SPOT, minutes(1), None)
    exchange.advance(minutes(20))
    assert exchange.trades(SPOT) == []
    assert refusal_of(exchange, an_order("buy", "1", "98")) == RefusalCode.MARKET_CLOSED


def test_time_never_goes_backwards_and_the_same_instant_twice_is_once() -> None:
    scene = StillScene(scripted=[ScriptedFlow(minutes(5), "USDT", D(50), "deposit")])
    exchange = an_exchange(scene)
    exchange.advance(minutes(10))
    before = exchange.dump()
    exchange.advance(minutes(10))
    exchange.advance(minutes(1))
    assert exchange.dump() == before
    assert exchange.balances()["USDT"].free == D(10_050)


def test_a_scripted_withdrawal_takes_no_more_than_is_there() -> None:
    scene = StillScene(scripted=[ScriptedFlow(minutes(5), "USDT", D(-50_000), "withdrawal")])
    exchange = an_exchange(scene)
    exchange.advance(minutes(10))
    assert exchange.balances()["USDT"].free == 0
    assert [(flow.kind, flow.amount) for flow in exchange.flows()] == [("withdrawal", D(10_000))]


def test_a_transfer_moves_what_is_free_and_nothing_else() -> None:
    exchange = an_exchange(futures="4000")
    assert exchange.futures().wallet_balance == D(4000)
    for amount, asset, code in (
        ("7000", "USDT", RefusalCode.INSUFFICIENT_BALANCE),
        ("1", "BTC", RefusalCode.BAD_PARAMETER),
        ("-1", "USDT", RefusalCode.BAD_PARAMETER),
    ):
        with pytest.raises(Refusal) as caught:
            exchange.transfer(asset, D(amount), "spot", "futures")
        assert caught.value.code == code
    exchange.transfer("USDT", D(4000), "futures", "spot")
    assert exchange.balances()["USDT"].free == D(10_000)


def test_orders_and_trades_page_from_a_start_or_give_the_newest() -> None:
    exchange = an_exchange()
    for number in range(4):
        exchange.place(an_order("buy", "1", "100.1"))
        exchange.advance(minutes(number + 1))
    trades = exchange.trades(SPOT)
    assert [trade.at for trade in trades] == [minutes(n) for n in range(4)]
    assert exchange.trades(SPOT, limit=2) == trades[-2:]
    assert exchange.trades(SPOT, minutes(1), 2) == trades[1:3]
    assert exchange.trades(SPOT, from_id=trades[1].trade_id, limit=1) == trades[1:2]
    assert exchange.trades(SWAP) == []
    assert len(exchange.orders(SPOT, minutes(2))) == 2


def test_a_quiet_stretch_changes_no_version_but_a_request_does() -> None:
    exchange = an_exchange()
    version = exchange.version
    exchange.advance(minutes(600))
    assert exchange.version == version
    refusal_of(exchange, an_order("buy", "1", "1"))
    assert exchange.version > version


def test_an_exchange_opens_at_its_scene_start_or_where_it_is_told() -> None:
    assert an_exchange().now == START
    assert Exchange(StillScene(), at=minutes(7)).now == minutes(7)
