"""What happens from outside: each act bites when it is called and lets go when it is over."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest

from bot.venues.simulated.exchange import Exchange, IncomeKind, OrderStatus, Refusal, RefusalCode
from bot.venues.simulated.venue import SimulatedVenue
from tests.unit.venues.simulated.accounts import HandClock, an_exchange, an_order, refusal_of
from tests.unit.venues.simulated.scenes import SPOT, START, SWAP, D, StillScene, a_market, minutes

MINUTE = timedelta(minutes=1)


def a_short(scene: StillScene | None = None) -> Exchange:
    exchange = an_exchange(scene, futures="1000")
    exchange.place(an_order("sell", "5", "99.9", symbol=SWAP))
    return exchange


# ---- the owner's hand


def test_money_comes_and_goes_and_only_what_is_free_may_go() -> None:
    exchange = an_exchange()
    exchange.outside.deposit("USDT", D(5))
    exchange.place(an_order("buy", "10", "90"))
    with pytest.raises(Refusal) as refused:
        exchange.outside.withdraw("USDT", D("9106"))
    assert refused.value.code == RefusalCode.INSUFFICIENT_BALANCE
    exchange.outside.withdraw("USDT", D(9105))
    assert exchange.balances()["USDT"].free == 0
    assert [(flow.kind, flow.amount) for flow in exchange.flows()] == [("deposit", D(5)), ("withdrawal", D(9105))]
    with pytest.raises(Refusal, match="above 0"):
        exchange.outside.deposit("USDT", D("NaN"))


def test_a_manual_trade_is_nobodys_order_and_no_request_of_the_client() -> None:
    exchange = an_exchange()
    order = exchange.outside.manual_trade(SPOT, "sell", D("1.23456"))
    assert (order.status, order.filled, order.client_id) == (OrderStatus.FILLED, D("1.234"), f"web_{order.order_id}")
    assert exchange.order_requests == 0
    assert exchange.balances()["BTC"].free == D(2) - D("1.234")
    with pytest.raises(Refusal):
        exchange.outside.manual_trade(SPOT, "sell", D(50))


def test_the_owner_cancels_what_rests() -> None:
    exchange = an_exchange()
    exchange.place(an_order("buy", "1", "90", client_id="a"))
    (gone,) = exchange.outside.manual_cancel(SPOT)
    assert (gone.client_id, gone.status, exchange.cancel_requests) == ("a", OrderStatus.CANCELED, 0)


# ---- the venue's hand


def test_a_forced_liquidation_closes_at_mark_with_the_venues_fee() -> None:
    exchange = a_short()
    assert exchange.outside.liquidate(SWAP) == [SWAP]
    trade = exchange.trades(SWAP)[-1]
    assert (trade.kind, trade.amount, trade.price, trade.fee) == ("LIQUIDATION", D(5), D(100), D("6.25"))
    assert exchange.positions() == []
    with pytest.raises(Refusal, match="no position"):
        exchange.outside.liquidate(SWAP)
    with pytest.raises(Refusal, match="at all"):
        exchange.outside.liquidate()


def test_a_liquidation_never_leaves_a_debt() -> None:
    exchange = an_exchange(futures="26")
    exchange.place(an_order("sell", "5", "99.9", symbol=SWAP))
    exchange.outside.crash("BTC", D("0.5"), MINUTE)
    assert exchange.positions()  # a crash is good for a short
    exchange.outside.depeg("USDT", D("0.5"))
    assert exchange.positions()  # one took back the other
    exchange.outside.depeg("USDT", D("0.5"))
    assert exchange.positions() == []
    assert exchange.futures().wallet_balance == 0
    assert sum(one.amount for one in exchange.income()) == 0


def test_adl_takes_a_share_at_mark_without_a_fee() -> None:
    exchange = a_short()
    order = exchange.outside.adl(SWAP, D("0.4"))
    assert (order.client_id.startswith("adl_autoclose"), order.filled) == (True, D(2))
    trade = exchange.trades(SWAP)[-1]
    assert (trade.kind, trade.price, trade.fee, trade.realised) == ("ADL", D(100), D(0), D("-0.2"))
    assert exchange.positions()[0].quantity == D(-3)
    exchange.outside.adl(SWAP, D("0.00001"))  # at least a step
    assert exchange.positions()[0].quantity == D("-2.999")
    exchange.outside.adl(SWAP)
    assert exchange.positions() == []
    with pytest.raises(Refusal, match="no position"):
        exchange.outside.adl(SWAP)


def test_a_halt_refuses_orders_and_holds_resting_ones_until_it_is_over() -> None:
    scene = StillScene()
    exchange = an_exchange(scene)
    exchange.place(an_order("buy", "1", "90", client_id="rests"))
    exchange.outside.halt(SPOT, 5 * MINUTE)
    assert refusal_of(exchange, an_order("buy", "1", "100.1")) == RefusalCode.MARKET_CLOSED
    scene.move(SPOT, minutes(1), "80")
    scene.move(SPOT, minutes(2), "100")
    exchange.advance(minutes(4))
    assert exchange.order(SPOT, client_id="rests").is_open
    exchange.advance(minutes(5))
    assert exchange.is_trading(SPOT)
    exchange.outside.halt(SPOT)
    exchange.advance(minutes(9_000))
    assert not exchange.is_trading(SPOT)
    exchange.outside.resume(SPOT)
    assert exchange.is_trading(SPOT)


async def test_a_delisted_symbol_is_gone_its_orders_cancelled_and_its_position_settled() -> None:
    scene, clock = StillScene(), HandClock()
    exchange = a_short(scene)
    resting = exchange.place(an_order("sell", "1", "110", symbol=SWAP))
    exchange.place(an_order("buy", "1", "90"))
    exchange.outside.delist(SWAP)
    exchange.outside.delist(SPOT)
    trade = exchange.trades(SWAP)[-1]
    assert (trade.kind, trade.price, trade.fee) == ("SETTLEMENT", D(100), D(0))
    assert exchange.order(SWAP, order_id=resting.order_id).status == OrderStatus.CANCELED
    assert exchange.positions() == []
    assert exchange.open_orders() == []
    assert exchange.balances()["BTC"].free == D(2)
    assert refusal_of(exchange, an_order("sell", "1", "99.9")) == RefusalCode.UNKNOWN_SYMBOL
    venue = SimulatedVenue(exchange, clock)
    assert (await venue.markets(), await venue.quotes()) == ({}, {})
    clock.at = minutes(10_000)
    await venue.balances()
    assert exchange.scene.price(SPOT, exchange.now) is None
    exchange.outside.relist(SPOT)
    assert exchange.is_trading(SPOT)


def test_changed_filters_hold_for_the_next_order_and_every_price() -> None:
    exchange = an_exchange()
    assert refusal_of(exchange, an_order("buy", "0.101", "100.1")) is None
    exchange.outside.change_filters(SPOT, step=D("0.01"), min_notional=D(50))
    exchange.outside.change_filters(SPOT, tick=D("0.5"))
    market = exchange.scene.markets()[SPOT]
    assert (market.step, market.tick, market.min_notional, market.min_amount) == (
        D("0.01"),
        D("0.5"),
        D(50),
        D("0.001"),
    )
    assert refusal_of(exchange, an_order("buy", "0.101", "100.5")) == RefusalCode.BAD_STEP
    assert refusal_of(exchange, an_order("buy", "1", "100.1")) == RefusalCode.BAD_TICK
    assert refusal_of(exchange, an_order("buy", "0.1", "100.5")) == RefusalCode.MIN_NOTIONAL
    book = exchange.scene.book(SPOT, exchange.now)
    assert book is not None
    assert (book.bids[0][0], book.asks[0], book.asks[1][0]) == (D("99.5"), (D("100.5"), D(50)), D(101))
    assert exchange.place(an_order("buy", "1", "100.5")).average == D("100.5")
    with pytest.raises(Refusal, match="above 0"):
        exchange.outside.change_filters(SPOT, step=D(0))


async def test_a_skewed_clock_tells_another_time_and_changes_no_record() -> None:
    clock = HandClock()
    exchange = an_exchange()
    venue = SimulatedVenue(exchange, clock)
    exchange.outside.skew(timedelta(seconds=-5), MINUTE)
    assert await venue.now() == START - timedelta(seconds=5)
    assert exchange.place(an_order("buy", "1", "100.1")).created_at == START
    clock.at = minutes(1)
    assert await venue.now() == minutes(1)


def test_behind_a_veil_orders_and_fills_are_seen_late_but_coins_at_once() -> None:
    exchange = an_exchange()
    exchange.outside.veil(timedelta(seconds=40), MINUTE)
    order = exchange.place(an_order("buy", "1", "100.1", client_id="late"))
    exchange.place(an_order("buy", "1", "90", client_id="rests"))
    assert order.status == OrderStatus.FILLED
    assert exchange.balances()["BTC"].free == D("2.999")
    with pytest.raises(Refusal, match="late is known"):
        exchange.order(SPOT, client_id="late")
    assert (exchange.open_orders(), exchange.orders(SPOT), exchange.trades(SPOT)) == ([], [], [])
    exchange.advance(START + timedelta(seconds=39))
    assert exchange.open_orders() == []
    exchange.advance(START + timedelta(seconds=40))
    assert exchange.order(SPOT, client_id="late").filled == 1
    assert [one.client_id for one in exchange.open_orders()] == ["rests"]
    assert len(exchange.trades(SPOT)) == 1
    exchange.advance(minutes(1))
    exchange.place(an_order("buy", "1", "100.1", client_id="plain"))
    assert exchange.order(SPOT, client_id="plain").filled == 1


# ---- the market's hand


def prices(exchange: Exchange) -> dict[str, Decimal | None]:
    return {symbol: exchange.scene.price(symbol, exchange.now) for symbol in exchange.scene.markets()}


def test_a_depegged_coin_falls_where_it_is_base_and_all_else_rises_where_it_is_quote() -> None:
    scene = StillScene()
    scene.listed["USDC/USDT"] = a_market()
    scene.moves["USDC/USDT"] = [(START, D(1))]
    exchange = an_exchange(scene)
    assert exchange.outside.depeg("USDC", D("0.9"), MINUTE) == ["USDC/USDT"]
    assert prices(exchange) == {SPOT: D(100), SWAP: D(100), "USDC/USDT": D("0.9")}
    exchange.advance(minutes(1))
    assert exchange.outside.depeg("USDT", D("0.8")) == [SPOT, SWAP, "USDC/USDT"]
    assert prices(exchange) == {SPOT: D(125), SWAP: D(125), "USDC/USDT": D("1.2")}
    assert exchange.scene.price(SPOT, START) == D(100)
    exchange.outside.repeg("USDT")
    assert prices(exchange) == {SPOT: D(100), SWAP: D(100), "USDC/USDT": D(1)}


def test_a_flash_crash_is_met_by_resting_orders_seen_in_bars_and_comes_back() -> None:
    exchange = an_exchange()
    exchange.place(an_order("buy", "1", "80", client_id="low"))
    exchange.place(an_order("buy", "1", "60", client_id="lower"))
    exchange.advance(minutes(30))
    assert exchange.outside.crash("BTC", D("0.3"), 10 * MINUTE) == [SPOT, SWAP]
    assert exchange.scene.price(SPOT, exchange.now) == D(70)
    book = exchange.scene.book(SPOT, exchange.now)
    assert book is not None
    assert (book.bids[0], book.asks[0]) == ((D("69.9"), D(10)), (D("70.1"), D(10)))
    exchange.advance(minutes(35))
    assert exchange.scene.price(SPOT, exchange.now) == D(85)
    assert exchange.order(SPOT, client_id="low").status == OrderStatus.FILLED
    assert exchange.order(SPOT, client_id="lower").is_open
    exchange.advance(minutes(200))
    assert exchange.scene.price(SPOT, exchange.now) == D(100)
    bars = exchange.scene.candles(SPOT, "1h", int(START.timestamp() * 1000), 3, exchange.now)
    assert [tuple(row) for row in bars[:, 1:5]] == [(100, 100, 70, 100), (100, 100, 100, 100), (100, 100, 100, 100)]


def test_a_crash_liquidates_a_long_at_once() -> None:
    exchange = an_exchange(futures="100")
    exchange.place(an_order("buy", "10", "100.1", symbol=SWAP))
    exchange.outside.crash("BTC", D("0.2"), MINUTE)
    assert exchange.positions() == []
    assert exchange.trades(SWAP)[-1].kind == "LIQUIDATION"
    assert exchange.futures().wallet_balance == 0


@pytest.mark.parametrize(
    "act",
    [
        lambda exchange: exchange.outside.depeg("XYZ", D("0.9")),
        lambda exchange: exchange.outside.depeg("USDT", D(0)),
        lambda exchange: exchange.outside.crash("XYZ", D("0.1"), MINUTE),
        lambda exchange: exchange.outside.crash("BTC", D(1), MINUTE),
        lambda exchange: exchange.outside.crash("BTC", D(-1), MINUTE),
        lambda exchange: exchange.outside.halt("XYZ/USDT"),
        lambda exchange: exchange.outside.delist("XYZ/USDT"),
        lambda exchange: exchange.outside.fill_part(D(2)),
        lambda exchange: exchange.outside.fill_before_cancel(D(0)),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(act: Callable[[Exchange], object]) -> None:
    exchange = an_exchange()
    before = exchange.dump()
    with pytest.raises(Refusal):
        act(exchange)
    assert exchange.dump() == before


# ---- how the next requests go


def test_the_next_order_finds_only_a_share_and_the_one_after_it_all() -> None:
    exchange = an_exchange()
    exchange.outside.fill_part(D("0.3"))
    first = exchange.place(an_order("buy", "2", "100.1", tif="ioc"))
    second = exchange.place(an_order("buy", "2", "100.1", tif="ioc"))
    assert (first.filled, first.status, second.filled) == (D("0.6"), OrderStatus.EXPIRED, D(2))
    exchange.outside.fill_part(D("0.5"))
    assert exchange.place(an_order("buy", "2", "100.2", tif="fok")).filled == 0
    exchange.outside.fill_part(D("0.5"))
    rests = exchange.place(an_order("buy", "2", "100.2"))
    assert (rests.filled, rests.status) == (D(1), OrderStatus.PARTIALLY_FILLED)


def test_a_fill_before_the_cancel_makes_it_come_too_late() -> None:
    exchange = an_exchange()
    exchange.place(an_order("buy", "2", "90", client_id="whole"))
    exchange.place(an_order("buy", "2", "90", client_id="half"))
    exchange.outside.fill_before_cancel()
    exchange.outside.fill_before_cancel(D("0.5"))
    with pytest.raises(Refusal) as late:
        exchange.cancel(SPOT, client_id="whole")
    assert late.value.code == RefusalCode.ORDER_NOT_FOUND
    assert exchange.order(SPOT, client_id="whole").status == OrderStatus.FILLED
    half = exchange.cancel(SPOT, client_id="half")
    assert (half.status, half.filled) == (OrderStatus.CANCELED, D(1))
    assert [(one.maker, one.price) for one in exchange.trades(SPOT)] == [(True, D(90)), (True, D(90))]


def test_a_fill_after_the_cancel_is_booked_on_the_cancelled_order() -> None:
    scene = StillScene()
    exchange = an_exchange(scene)
    exchange.place(an_order("buy", "2", "90", client_id="a"))
    exchange.outside.fill_after_cancel(D("0.25"), timedelta(seconds=20))
    assert exchange.cancel(SPOT, client_id="a").filled == 0
    exchange.advance(START + timedelta(seconds=19))
    assert exchange.order(SPOT, client_id="a").filled == 0
    exchange = Exchange(scene, state=exchange.dump())
    exchange.advance(minutes(3))
    order = exchange.order(SPOT, client_id="a")
    assert (order.status, order.filled) == (OrderStatus.CANCELED, D("0.5"))
    assert [one.filled for one in exchange.orders(SPOT)] == [D("0.5")]
    (trade,) = exchange.trades(SPOT)
    assert (trade.at, trade.amount) == (START + timedelta(seconds=20), D("0.5"))
    assert exchange.balances()["USDT"].free == D(10_000) - 45


def test_a_late_fill_takes_no_more_than_the_account_still_has() -> None:
    exchange = an_exchange(opening={"USDT": D(100)})
    exchange.place(an_order("buy", "1", "90", client_id="a"))
    exchange.outside.fill_after_cancel()
    exchange.cancel(SPOT, client_id="a")
    exchange.outside.withdraw("USDT", D(55))
    exchange.advance(minutes(1))
    assert exchange.order(SPOT, client_id="a").filled == D("0.5")
    assert exchange.balances()["USDT"].free == 0


def test_a_restart_keeps_all_that_is_in_force() -> None:
    scene = StillScene()
    exchange = a_short(scene)
    outside = exchange.outside
    outside.halt(SPOT, 5 * MINUTE)
    outside.change_filters(SWAP, step=D("0.01"))
    outside.crash("BTC", D("0.1"), 10 * MINUTE)
    outside.depeg("USDT", D("0.99"))
    outside.veil(MINUTE, MINUTE)
    outside.skew(MINUTE)
    outside.fill_part(D("0.5"))
    outside.fill_before_cancel()
    outside.fill_after_cancel(D("0.5"), MINUTE)
    again = Exchange(scene, state=exchange.dump())
    assert again.dump() == exchange.dump()
    assert again.told == exchange.told == START + MINUTE
    for one in (exchange, again):
        one.advance(minutes(3))
    assert again.positions() == exchange.positions()
    assert prices(again) == prices(exchange)
    assert not again.is_trading(SPOT)
    outside.delist(SWAP)
    assert SWAP not in Exchange(scene, state=exchange.dump()).scene.markets()


def test_an_account_written_before_there_was_an_outside_is_read() -> None:
    scene = StillScene()
    exchange = a_short(scene)
    text = exchange.dump().decode()
    start = text.index('"altered":')
    end = text.index(',"holdings"')
    older = text[:start] + '"halted":["BTC/USDT"]' + text[end:]
    older = older.replace('"isolated":[],', "").replace('"pockets":{},', "")
    again = Exchange(scene, state=older.encode())
    assert not again.is_trading(SPOT)
    assert again.positions() == exchange.positions()


def test_income_of_a_delisting_and_an_adl_is_the_positions_result_only() -> None:
    exchange = a_short()
    exchange.outside.adl(SWAP, D("0.2"))
    exchange.outside.delist(SWAP)
    kinds = [(one.kind, one.amount) for one in exchange.income() if one.kind != IncomeKind.TRANSFER]
    assert kinds == [
        (IncomeKind.COMMISSION, D("-0.24975")),
        (IncomeKind.REALISED_PNL, D("-0.1")),
        (IncomeKind.REALISED_PNL, D("-0.4")),
    ]
