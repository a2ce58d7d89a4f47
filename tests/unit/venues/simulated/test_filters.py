"""What the venue refuses before it looks at the account."""

from __future__ import annotations

import pytest

from bot.venues.simulated.exchange import OrderRequest, RefusalCode
from tests.unit.venues.simulated.accounts import an_exchange, an_order, refusal_of
from tests.unit.venues.simulated.scenes import SPOT, SWAP, D, StillScene, a_market


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (an_order(symbol="NO/USDT"), RefusalCode.UNKNOWN_SYMBOL),
        (an_order(amount="0"), RefusalCode.BAD_PARAMETER),
        (an_order(amount="NaN"), RefusalCode.BAD_PARAMETER),
        (an_order(price=None, kind="limit"), RefusalCode.BAD_PARAMETER),
        (an_order(price="100", kind="market"), RefusalCode.BAD_PARAMETER),
        (an_order(reduce_only=True), RefusalCode.BAD_PARAMETER),
        (an_order(client_id="not good"), RefusalCode.BAD_PARAMETER),
        (an_order(client_id="x" * 37), RefusalCode.BAD_PARAMETER),
        (an_order(price="100.05"), RefusalCode.BAD_TICK),
        (an_order(amount="1.0005"), RefusalCode.BAD_STEP),
        (an_order(amount="0.049", price="100"), RefusalCode.MIN_NOTIONAL),
        (an_order(amount="0.049", price=None), RefusalCode.MIN_NOTIONAL),
        (an_order(price="500.1"), RefusalCode.PRICE_BAND),
        (an_order(price="19.9"), RefusalCode.PRICE_BAND),
        (an_order("sell", "3", "100"), RefusalCode.INSUFFICIENT_BALANCE),
        (an_order("buy", "100", "100.1"), RefusalCode.INSUFFICIENT_BALANCE),
        (an_order("buy", symbol=SWAP, price="115.1"), RefusalCode.PRICE_BAND),
        (an_order("sell", symbol=SWAP, price="84.9"), RefusalCode.PRICE_BAND),
        (an_order("sell", symbol=SWAP, price="99"), RefusalCode.INSUFFICIENT_MARGIN),
        (an_order("sell", symbol=SWAP, price="99", reduce_only=True), RefusalCode.REDUCE_ONLY_REJECTED),
    ],
)
def test_a_wrong_request_is_refused_by_its_code_and_counted(request_: OrderRequest, code: RefusalCode) -> None:
    exchange = an_exchange()
    assert refusal_of(exchange, request_) == code
    assert exchange.order_requests == 1
    assert exchange.open_orders() == []


def test_an_amount_under_the_minimum_is_refused_though_it_is_on_the_step() -> None:
    scene = StillScene()
    scene.listed[SPOT] = scene.listed[SPOT].model_copy(update={"min_amount": D("0.1")})
    assert refusal_of(an_exchange(scene), an_order(amount="0.099")) == RefusalCode.MIN_AMOUNT


def test_a_delisted_symbol_is_closed() -> None:
    scene = StillScene()
    scene.listed[SPOT] = a_market(active=False)
    assert refusal_of(an_exchange(scene), an_order()) == RefusalCode.MARKET_CLOSED


def test_a_reduce_only_order_owes_no_minimum_notional() -> None:
    exchange = an_exchange(futures="1000")
    exchange.place(an_order("sell", "1", "99.9", symbol=SWAP))
    small = an_order("buy", "0.01", "100.1", symbol=SWAP, reduce_only=True)
    assert refusal_of(exchange, small) is None
    assert refusal_of(exchange, an_order("buy", "0.01", "100.1", symbol=SWAP)) == RefusalCode.MIN_NOTIONAL


def test_a_symbol_takes_no_more_open_orders_than_the_venue_allows() -> None:
    exchange = an_exchange()
    for _ in range(exchange.rules.open_orders_max):
        exchange.place(an_order("buy", "0.3", "20"))
    assert refusal_of(exchange, an_order("buy", "0.3", "20")) == RefusalCode.TOO_MANY_ORDERS
