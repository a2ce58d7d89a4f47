"""The real ccxt client against the local exchange in Bybit's dialect: orders, what became of them, positions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import ccxt.async_support as ccxt
import pytest

from bot.core.numbers import milliseconds
from tests.unit.local_exchange.still_scene import SPOT, START, SWAP
from tests.wire.bench import HOUR
from tests.wire.bybit_bench import Bench, a_bench

pytestmark = pytest.mark.asyncio
D = Decimal


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with a_bench() as made:
        await made.client.load_markets()
        yield made


async def found(bench: Bench, client_id: str, symbol: str = SPOT) -> Any:
    """By realtime, as a client looks one up."""
    rows = await bench.client.fetch_open_orders(symbol, params={"orderLinkId": client_id})
    assert len(rows) == 1, rows
    return rows[0]


async def place(bench: Bench, client_id: str, symbol: str = SPOT, **more: Any) -> Any:
    """A limit buy of 0.1 BTC below the market, unless something else is said."""
    asked: dict[str, Any] = {"type": "limit", "side": "buy", "amount": 0.1, "price": 49_000} | more
    params = {"clientOrderId": client_id, **asked.pop("params", {})}
    return await bench.client.create_order(symbol, **asked, params=params)


async def test_an_answer_is_an_acknowledgement_and_the_lookup_tells_the_rest(bench: Bench) -> None:
    order = await place(bench, "b-1", type="market", price=None)
    assert (order["status"], order["filled"], order["clientOrderId"]) == (None, None, "b-1")
    done = await found(bench, "b-1")
    assert (done["status"], done["filled"], done["average"], done["id"]) == ("closed", 0.1, 50_000.01, order["id"])
    assert done["fee"] == {"cost": 0.0001, "currency": "BTC"}
    assert (await bench.client.fetch_balance())["BTC"]["total"] == 0.6999


async def test_perpetuals_orders_have_uuids_and_spots_numbers(bench: Bench) -> None:
    assert (await place(bench, "b-spot"))["id"].isdecimal()
    assert len((await place(bench, "b-swap", SWAP))["id"]) == 36


async def test_a_market_buy_without_a_unit_spends_money(bench: Bench) -> None:
    raw = {"category": "spot", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Market", "qty": "1000"}
    await bench.client.private_post_v5_order_create({**raw, "orderLinkId": "b-money"})
    done = await found(bench, "b-money")
    assert (done["filled"], done["cost"]) == (0.01999, pytest.approx(0.01999 * 50_000.01))


async def test_a_resting_order_is_seen_found_and_cancelled_by_client_id(bench: Bench) -> None:
    placed = await place(bench, "b-rest")
    assert (await bench.client.fetch_balance())["USDT"]["used"] == 4_900
    assert [row["clientOrderId"] for row in await bench.client.fetch_open_orders(SPOT)] == ["b-rest"]
    cancelled = await bench.client.cancel_order(None, SPOT, {"orderLinkId": "b-rest"})
    assert cancelled["id"] == placed["id"]
    assert await bench.client.fetch_open_orders(SPOT) == []
    assert (await found(bench, "b-rest"))["status"] == "canceled"
    with pytest.raises(ccxt.OrderNotFound, match="170213"):
        await bench.client.cancel_order(None, SPOT, {"orderLinkId": "b-rest"})
    with pytest.raises(ccxt.OrderNotFound, match="110001"):
        await bench.client.cancel_order("zz", SWAP)


async def test_a_lookup_of_what_never_was_is_an_empty_list_and_no_error(bench: Bench) -> None:
    for path in ("realtime", "history"):
        raw = await bench.ask(f"/v5/order/{path}", "category=linear&symbol=BTCUSDT&orderLinkId=never")
        assert (raw["retCode"], raw["result"]["list"]) == (0, [])


async def test_a_client_id_is_taken_once_whatever_became_of_its_order(bench: Bench) -> None:
    await place(bench, "b-twice", type="market", price=None)
    with pytest.raises(ccxt.InvalidOrder, match="170141"):
        await place(bench, "b-twice", type="market", price=None)
    await place(bench, "b-twice", SWAP)
    with pytest.raises(ccxt.InvalidOrder, match="110072"):
        await place(bench, "b-twice", SWAP)
    assert (await bench.client.fetch_balance())["BTC"]["total"] == 0.6999


async def test_a_post_only_perpetual_that_would_take_is_taken_in_and_ended(bench: Bench) -> None:
    order = await place(bench, "b-po", SWAP, price=50_001, params={"postOnly": True})
    done = await found(bench, "b-po", SWAP)
    assert (done["id"], done["status"], done["filled"]) == (order["id"], "canceled", 0)
    assert done["info"]["rejectReason"] == "EC_PostOnlyWillTakeLiquidity"
    with pytest.raises(ccxt.InvalidOrder, match="110072"):
        await place(bench, "b-po", SWAP)
    with pytest.raises(ccxt.InvalidOrder, match="170218"):
        await place(bench, "b-po", price=50_001, params={"postOnly": True})


async def test_a_partly_filled_spot_order_that_ends_says_so(bench: Bench) -> None:
    bench.exchange.outside.fill_part(D("0.5"))
    await place(bench, "b-part", price=50_001, params={"timeInForce": "IOC"})
    done = await found(bench, "b-part")
    assert (done["info"]["orderStatus"], done["filled"]) == ("PartiallyFilledCanceled", 0.05)


async def test_a_short_is_opened_seen_and_closed_by_reducing_only(bench: Bench) -> None:
    await place(bench, "b-short", SWAP, type="market", side="sell", price=None)
    (held,) = await bench.client.fetch_positions()
    assert (held["symbol"], held["side"], held["contracts"], held["leverage"]) == (SWAP, "short", 0.1, 20)
    assert (held["entryPrice"], held["initialMargin"], held["hedged"]) == (49_999.9, 250, False)
    assert held["liquidationPrice"] > 400_000
    await place(bench, "b-close", SWAP, type="market", price=None, params={"reduceOnly": True})
    assert await bench.client.fetch_positions() == []
    with pytest.raises(ccxt.InvalidOrder, match="110017"):
        await place(bench, "b-more", SWAP, type="market", price=None, params={"reduceOnly": True})


async def test_refusals_have_the_codes_of_their_side(bench: Bench) -> None:
    cases: list[tuple[str, dict[str, Any], str]] = [
        (SPOT, {"amount": 5}, "170131"),
        (SPOT, {"price": 400_000}, "170193"),
        (SPOT, {"amount": 0.00001}, "170140"),
        (SWAP, {"amount": 100}, "110007"),
        (SWAP, {"price": 80_000}, "110003"),
        (SWAP, {"amount": 0.001}, "110094"),
    ]
    for number, (symbol, more, code) in enumerate(cases):
        with pytest.raises(ccxt.BaseError, match=code):
            await place(bench, f"b-bad{number}", symbol, **more)
    for symbol, code in ((SPOT, "170151"), (SWAP, "110066")):
        bench.exchange.halt(symbol)
        with pytest.raises(ccxt.BaseError, match=code):
            await place(bench, "b-halted", symbol)
    raw = {"symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "0.1234567", "price": "49000"}
    for category, code in (("spot", "170137"), ("linear", "Qty invalid")):
        with pytest.raises(ccxt.BaseError, match=code):
            await bench.client.private_post_v5_order_create({**raw, "category": category})


async def test_cancel_all_ends_what_it_names_and_perpetuals_must_name_something(bench: Bench) -> None:
    for number, symbol in enumerate((SPOT, "ETH/USDT", SWAP)):
        await place(bench, f"b-all{number}", symbol, price=2_000 if "ETH" in symbol else 49_000)
    with pytest.raises(ccxt.BadRequest, match="symbol or baseCoin or settleCoin"):
        await bench.client.private_post_v5_order_cancel_all({"category": "linear"})
    done = await bench.client.private_post_v5_order_cancel_all({"category": "spot", "baseCoin": "ETH"})
    assert [row["orderLinkId"] for row in done["result"]["list"]] == ["b-all1"]
    await bench.client.cancel_all_orders(None, {"category": "linear", "settleCoin": "USDT"})
    assert [order.client_id for order in bench.exchange.open_orders()] == ["b-all0"]


async def test_orders_come_by_pages_newest_first_and_none_twice(bench: Bench) -> None:
    for number in range(7):
        await place(bench, f"b-{number}", amount=0.01)
    seen: list[str] = []
    cursor = ""
    for _ in range(4):
        query = "category=spot&limit=3" + (f"&cursor={cursor}" if cursor else "")
        answer = (await bench.ask("/v5/order/realtime", query))["result"]
        seen += [row["orderLinkId"] for row in answer["list"]]
        cursor = answer["nextPageCursor"]
        if not cursor:
            break
        if len(seen) == 3:  # what comes meanwhile shifts nothing
            await place(bench, "b-late", amount=0.01)
    assert seen == [f"b-{number}" for number in range(6, -1, -1)]
    assert (await bench.ask("/v5/order/realtime", "category=spot&cursor=nonsense"))["retCode"] == 10001


async def test_history_is_asked_by_weeks(bench: Bench) -> None:
    await place(bench, "b-old", type="market", price=None)
    bench.clock.at = START + 8 * 24 * HOUR
    assert (await bench.ask("/v5/order/history", "category=spot"))["result"]["list"] == []
    rows = (await bench.ask("/v5/order/history", f"category=spot&startTime={milliseconds(START)}"))["result"]["list"]
    assert [row["orderLinkId"] for row in rows] == ["b-old"]
    end = milliseconds(START + 8 * 24 * HOUR)
    long = await bench.ask("/v5/execution/list", f"category=spot&startTime={milliseconds(START)}&endTime={end}")
    assert (long["retCode"], "7 days" in long["retMsg"]) == (10001, True)


async def test_fills_name_their_order_and_their_fee(bench: Bench) -> None:
    await place(bench, "b-fill", type="market", side="sell", price=None)
    (fill,) = await bench.client.fetch_my_trades(SPOT)
    assert (fill["side"], fill["amount"], fill["takerOrMaker"], fill["info"]["orderLinkId"]) == (
        "sell",
        0.1,
        "taker",
        "b-fill",
    )
    assert fill["fee"] == {"currency": "USDT", "cost": 4.999999, "rate": 0.001}


async def test_funding_is_an_execution_positive_where_it_is_paid(bench: Bench) -> None:
    await place(bench, "b-long", SWAP, type="market", price=None)
    bench.clock.at = START + 9 * HOUR
    (paid,) = await bench.client.fetch_funding_history(SWAP)
    assert (paid["amount"], paid["timestamp"]) == (0.5, milliseconds(START + 8 * HOUR))
    await place(bench, "b-flip", SWAP, type="market", side="sell", amount=0.2, price=None)
    bench.clock.at = START + 17 * HOUR
    assert sorted(row["amount"] for row in await bench.client.fetch_funding_history(SWAP)) == [-0.5, 0.5]


async def test_a_resting_order_fills_as_maker_when_the_price_comes(bench: Bench) -> None:
    await place(bench, "b-maker", params={"postOnly": True})
    bench.scene.moves[START + HOUR] = D(48_000)
    bench.clock.at = START + 2 * HOUR
    done = await found(bench, "b-maker")
    assert (done["status"], done["average"]) == ("closed", 49_000)
    assert [row["takerOrMaker"] for row in await bench.client.fetch_my_trades(SPOT)] == ["maker"]


async def test_what_the_venue_closes_itself_has_no_client_id(bench: Bench) -> None:
    await place(bench, "b-adl", SWAP, type="market", price=None)
    bench.exchange.outside.adl(SWAP)
    rows = (await bench.ask("/v5/execution/list", "category=linear&symbol=BTCUSDT"))["result"]["list"]
    assert [(row["execType"], row["orderLinkId"]) for row in rows] == [("AdlTrade", ""), ("Trade", "b-adl")]
    history = (await bench.ask("/v5/order/history", "category=linear"))["result"]["list"]
    assert [row["createType"] for row in history] == ["CreateByAdl_PassThrough", "CreateByUser"]
