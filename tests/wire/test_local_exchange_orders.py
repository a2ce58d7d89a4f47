"""The real ccxt client against the local exchange over HTTP: orders on both sides, positions, modes, funding."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import ccxt.async_support as ccxt
import pytest

from bot.core.numbers import milliseconds
from tests.unit.local_exchange.still_scene import SPOT, START, SWAP
from tests.wire.bench import HOUR, Bench, a_bench, moved_to_futures

pytestmark = pytest.mark.asyncio
D = Decimal


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with a_bench() as made:
        yield made


# ---- spot orders


async def test_a_spot_market_buy_is_filled_with_its_fee_in_the_coin(bench: Bench) -> None:
    order = await bench.client.create_order(SPOT, "market", "buy", 0.1, params={"clientOrderId": "b-1"})
    assert (order["status"], order["filled"], order["average"], order["clientOrderId"]) == (
        "closed",
        0.1,
        50_000.01,
        "b-1",
    )
    assert order["fees"] == [{"currency": "BTC", "cost": 0.0001}]
    trades = await bench.client.fetch_my_trades(SPOT)
    assert [(row["order"], row["amount"], row["side"], row["takerOrMaker"]) for row in trades] == [
        (order["id"], 0.1, "buy", "taker")
    ]
    assert trades[0]["symbol"] == SPOT
    assert (await bench.client.fetch_balance({"type": "spot"}))["BTC"]["free"] == 0.6999


async def test_a_market_buy_for_a_sum_of_money(bench: Bench) -> None:
    order = await bench.client.create_order(SPOT, "market", "buy", 1, params={"quoteOrderQty": 1_000})
    assert order["filled"] == 0.01999
    assert order["cost"] == pytest.approx(0.01999 * 50_000.01)


async def test_a_resting_order_is_seen_found_and_cancelled_by_client_id(bench: Bench) -> None:
    placed = await bench.client.create_order(SPOT, "limit", "buy", 0.1, 49_000, {"clientOrderId": "b-rest"})
    assert (placed["status"], placed["filled"], placed["timeInForce"]) == ("open", 0, "GTC")
    assert (await bench.client.fetch_balance({"type": "spot"}))["USDT"]["used"] == 4_900
    assert [row["clientOrderId"] for row in await bench.client.fetch_open_orders()] == ["b-rest"]
    assert [row["id"] for row in await bench.client.fetch_open_orders(SPOT)] == [placed["id"]]
    found = await bench.client.fetch_order(None, SPOT, {"clientOrderId": "b-rest"})
    assert (found["id"], found["price"], found["amount"]) == (placed["id"], 49_000, 0.1)
    cancelled = await bench.client.cancel_order(None, SPOT, {"clientOrderId": "b-rest"})
    assert (cancelled["status"], cancelled["id"]) == ("canceled", placed["id"])
    assert await bench.client.fetch_open_orders() == []
    assert (await bench.client.fetch_order(placed["id"], SPOT))["status"] == "canceled"
    with pytest.raises(ccxt.OrderNotFound, match="-2011"):
        await bench.client.cancel_order(None, SPOT, {"clientOrderId": "b-rest"})


async def test_a_resting_order_fills_as_maker_when_the_price_comes(bench: Bench) -> None:
    placed = await bench.client.create_order(SPOT, "limit", "buy", 0.1, 49_000, {"postOnly": True})
    assert placed["postOnly"] is True
    bench.scene.moves[START + HOUR] = D(48_000)
    bench.clock.at = START + 2 * HOUR
    order = await bench.client.fetch_order(placed["id"], SPOT)
    assert (order["status"], order["average"]) == ("closed", 49_000)
    assert [row["takerOrMaker"] for row in await bench.client.fetch_my_trades(SPOT)] == ["maker"]
    assert [row["id"] for row in await bench.client.fetch_orders(SPOT)] == [placed["id"]]


async def test_an_ioc_order_takes_what_there_is_and_expires(bench: Bench) -> None:
    order = await bench.client.create_order(SPOT, "limit", "sell", 0.5, 50_001, {"timeInForce": "IOC"})
    assert (order["status"], order["filled"]) == ("expired", 0)
    order = await bench.client.create_order(SPOT, "limit", "sell", 0.5, 49_000, {"timeInForce": "IOC"})
    assert (order["status"], order["filled"]) == ("closed", 0.5)


async def test_cancelling_all_of_a_symbol(bench: Bench) -> None:
    for price in (48_000, 49_000):
        await bench.client.create_order(SPOT, "limit", "buy", 0.01, price)
    assert len(await bench.client.cancel_all_orders(SPOT)) == 2
    with pytest.raises(ccxt.OrderNotFound):
        await bench.client.cancel_all_orders(SPOT)


async def test_a_test_order_is_checked_and_never_placed(bench: Bench) -> None:
    await bench.client.create_order(SPOT, "limit", "buy", 0.1, 49_000, {"test": True})
    with pytest.raises(ccxt.InsufficientFunds):
        await bench.client.create_order(SPOT, "limit", "buy", 10, 49_000, {"test": True})
    assert await bench.client.fetch_open_orders() == []
    assert bench.server.order_requests == 0


@pytest.mark.parametrize(
    ("kind", "side", "amount", "price", "params", "error", "text"),
    [
        ("limit", "buy", 10, 49_000, {}, ccxt.InsufficientFunds, "insufficient balance"),
        ("limit", "buy", 0.00005, 49_000, {}, ccxt.BadRequest, "Filter failure: NOTIONAL"),
        ("limit", "buy", 0.1, 400_000, {}, ccxt.InvalidOrder, "PERCENT_PRICE_BY_SIDE"),
        ("limit", "buy", 0.1, 51_000, {"postOnly": True}, ccxt.OrderImmediatelyFillable, "immediately match"),
        ("market", "sell", 0.1, None, {"reduceOnly": True}, ccxt.BadRequest, "-1104"),
    ],
)
async def test_a_refused_spot_order_is_the_error_that_binance_gives(
    bench: Bench,
    kind: str,
    side: str,
    amount: float,
    price: float | None,
    params: dict[str, Any],
    error: type,
    text: str,
) -> None:
    with pytest.raises(error, match=text) as raised:
        await bench.client.create_order(SPOT, kind, side, amount, price, params)
    assert type(raised.value) is error
    assert await bench.client.fetch_open_orders() == []


async def test_a_client_id_that_is_open_is_a_duplicate_and_a_closed_one_is_free_again(bench: Bench) -> None:
    await bench.client.create_order(SPOT, "limit", "buy", 0.01, 49_000, {"clientOrderId": "twin"})
    with pytest.raises(ccxt.InvalidOrder, match="Duplicate order sent"):
        await bench.client.create_order(SPOT, "limit", "buy", 0.01, 49_000, {"clientOrderId": "twin"})
    await bench.client.cancel_order(None, SPOT, {"clientOrderId": "twin"})
    again = await bench.client.create_order(SPOT, "limit", "buy", 0.01, 49_000, {"clientOrderId": "twin"})
    assert again["status"] == "open"


async def test_an_order_nobody_placed_is_not_found(bench: Bench) -> None:
    for symbol in (SPOT, SWAP):
        with pytest.raises(ccxt.OrderNotFound, match="-2013"):
            await bench.client.fetch_order(None, symbol, {"clientOrderId": "nobody"})
        with pytest.raises(ccxt.OrderNotFound, match="-2011"):
            await bench.client.cancel_order(None, symbol, {"clientOrderId": "nobody"})


# ---- futures orders


async def test_a_short_is_opened_seen_and_closed_reduce_only(bench: Bench) -> None:
    await moved_to_futures(bench)
    opened = await bench.client.create_order(SWAP, "market", "sell", 0.4, params={"clientOrderId": "s-1"})
    assert (opened["status"], opened["filled"], opened["average"]) == ("closed", 0.4, 49_999.9)
    (position,) = await bench.client.fetch_positions()
    assert (position["symbol"], position["side"], position["contracts"]) == (SWAP, "short", 0.4)
    assert position["entryPrice"] == 49_999.9
    assert position["markPrice"] == 50_000
    assert position["liquidationPrice"] > 90_000
    assert (await bench.client.fetch_balance({"type": "swap"}))["USDT"]["total"] == pytest.approx(
        20_000 - 10 - 0.04, abs=0.01
    )
    closed = await bench.client.create_order(SWAP, "market", "buy", 0.4, params={"reduceOnly": True})
    assert (closed["filled"], closed["reduceOnly"]) == (0.4, True)
    assert await bench.client.fetch_positions() == []
    with pytest.raises(ccxt.InvalidOrder, match="-2022"):
        await bench.client.create_order(SWAP, "market", "buy", 0.4, params={"reduceOnly": True})
    trades = await bench.client.fetch_my_trades(SWAP)
    assert [(row["side"], row["symbol"], row["takerOrMaker"]) for row in trades] == [
        ("sell", SWAP, "taker"),
        ("buy", SWAP, "taker"),
    ]
    assert trades[0]["fee"] == {"currency": "USDT", "cost": pytest.approx(9.99998)}


async def test_futures_orders_rest_are_found_and_cancelled(bench: Bench) -> None:
    await moved_to_futures(bench)
    placed = await bench.client.create_order(
        SWAP, "limit", "sell", 0.1, 51_000, {"postOnly": True, "clientOrderId": "s-rest"}
    )
    assert (placed["status"], placed["postOnly"], placed["timeInForce"]) == ("open", True, "PO")
    assert [row["symbol"] for row in await bench.client.fetch_open_orders(params={"type": "swap"})] == [SWAP]
    found = await bench.client.fetch_order(None, SWAP, {"clientOrderId": "s-rest"})
    assert found["id"] == placed["id"]
    cancelled = await bench.client.cancel_order(None, SWAP, {"clientOrderId": "s-rest"})
    assert (cancelled["status"], cancelled["clientOrderId"]) == ("canceled", "s-rest")
    await bench.client.create_order(SWAP, "limit", "sell", 0.1, 51_000)
    await bench.client.cancel_all_orders(SWAP)
    assert await bench.client.fetch_open_orders(SWAP) == []
    assert [row["status"] for row in await bench.client.fetch_orders(SWAP)] == ["canceled", "canceled"]


@pytest.mark.parametrize(
    ("kind", "side", "amount", "price", "params", "error", "text"),
    [
        ("market", "sell", 100, None, {}, ccxt.InsufficientFunds, "-2019"),
        ("market", "buy", 0.1, None, {"reduceOnly": True}, ccxt.InvalidOrder, "-2022"),
        ("market", "sell", 0.001, None, {}, ccxt.InvalidOrder, "-4164"),
        ("limit", "sell", 0.1, 49_000, {"postOnly": True}, ccxt.OrderNotFillable, "-5022"),
        ("limit", "buy", 0.1, 80_000, {}, ccxt.BadRequest, "-4016"),
        ("market", "sell", 0.1, None, {"positionSide": "SHORT"}, ccxt.OperationRejected, "-4061"),
    ],
)
async def test_a_refused_futures_order_is_the_error_that_binance_gives(
    bench: Bench,
    kind: str,
    side: str,
    amount: float,
    price: float | None,
    params: dict[str, Any],
    error: type,
    text: str,
) -> None:
    await moved_to_futures(bench)
    with pytest.raises(error, match=text) as raised:
        await bench.client.create_order(SWAP, kind, side, amount, price, params)
    assert type(raised.value) is error
    assert await bench.client.fetch_positions() == []


async def test_a_futures_client_id_that_is_open_is_a_duplicate(bench: Bench) -> None:
    await moved_to_futures(bench)
    await bench.client.create_order(SWAP, "limit", "sell", 0.1, 51_000, {"clientOrderId": "twin"})
    with pytest.raises(ccxt.InvalidOrder, match="-4116"):
        await bench.client.create_order(SWAP, "limit", "sell", 0.1, 51_000, {"clientOrderId": "twin"})


async def test_leverage_is_set_and_read_back(bench: Bench) -> None:
    assert (await bench.client.set_leverage(3, SWAP))["leverage"] == 3
    leverages = await bench.client.fetch_leverages([SWAP])
    assert (leverages[SWAP]["longLeverage"], leverages[SWAP]["marginMode"]) == (3, "cross")
    with pytest.raises(ccxt.BadRequest):
        await bench.client.set_leverage(126, SWAP)


async def test_modes_that_already_are_so_say_so(bench: Bench) -> None:
    with pytest.raises(ccxt.MarginModeAlreadySet):
        await bench.client.set_margin_mode("cross", SWAP)
    with pytest.raises(ccxt.OperationRejected, match="-4059"):
        await bench.client.set_position_mode(hedged=False, symbol=SWAP)
    assert (await bench.client.fetch_position_mode(SWAP))["hedged"] is False
    with pytest.raises(ccxt.BaseError):
        await bench.client.set_position_mode(hedged=True, symbol=SWAP)


async def test_isolated_margin_is_set_shown_and_kept_while_a_position_is_open(bench: Bench) -> None:
    await moved_to_futures(bench)
    await bench.client.set_margin_mode("isolated", SWAP)
    await bench.client.set_leverage(5, SWAP)
    await bench.client.create_order(SWAP, "limit", "sell", 0.1, 60_000)
    with pytest.raises(ccxt.BaseError, match="-4047"):
        await bench.client.set_margin_mode("cross", SWAP)
    await bench.client.cancel_all_orders(SWAP)
    await bench.client.create_order(SWAP, "market", "sell", 0.4)
    (position,) = await bench.client.fetch_positions()
    assert position["marginMode"] == "isolated"
    assert position["info"]["isolatedWallet"] == "3999.99200000"
    assert (await bench.client.fetch_leverages([SWAP]))[SWAP]["marginMode"] == "isolated"
    with pytest.raises(ccxt.BaseError, match="-4048"):
        await bench.client.set_margin_mode("cross", SWAP)
    with pytest.raises(ccxt.BaseError, match="-4161"):
        await bench.client.set_leverage(2, SWAP)


async def test_funding_is_paid_to_the_short_and_told_as_income(bench: Bench) -> None:
    await moved_to_futures(bench)
    await bench.client.create_order(SWAP, "market", "sell", 0.4)
    bench.clock.at = START + timedelta(hours=9)
    (paid,) = await bench.client.fetch_funding_history(SWAP)
    assert paid["amount"] == pytest.approx(0.4 * 50_000 * 0.0001)
    assert (paid["code"], paid["timestamp"]) == ("USDT", milliseconds(START + timedelta(hours=8)))
    kinds = [row["incomeType"] for row in await bench.client.fapiprivate_get_income()]
    assert kinds == ["TRANSFER", "COMMISSION", "FUNDING_FEE"]
