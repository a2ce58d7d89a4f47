"""The way of a request without a socket: shapes that clients tell the sides by, commits, turns, faults."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from bot.core.numbers import milliseconds
from bot.local_exchange.app import ROUTES, Answer, App, Asked, Faults, Save, Terms
from bot.local_exchange.signing import KeyPair, sign
from bot.venues.simulated.exchange import Exchange
from tests.unit.local_exchange.still_scene import START, SetClock, StillScene, an_exchange

KEYS = KeyPair("k" * 64, "s" * 64)  # fixed: test ids must be the same in every worker


def an_app(
    exchange: Exchange | None = None,
    clock: SetClock | None = None,
    save: Save | None = None,
    faults: Faults | None = None,
) -> App:
    return App(exchange or an_exchange(), clock or SetClock(), KEYS, save, Terms(), faults)


async def ask(app: App, method: str, path: str, **said: Any) -> tuple[int, Any]:
    """Ask, signed where the endpoint wants it."""
    at_ms = said.pop("at_ms", milliseconds(START))
    query = "&".join(f"{name}={value}" for name, value in said.items())
    endpoint = ROUTES.get((method, path))
    if endpoint and endpoint.signed:
        query = "&".join(part for part in (query, f"timestamp={at_ms}") if part)
        query += "&signature=" + sign(KEYS.secret, query.encode())
    answer = await app.answer(Asked(method, path, query.encode(), b"", {"x-mbx-apikey": KEYS.key}))
    return answer.status, json.loads(answer.body)


NEEDS: dict[str, dict[str, Any]] = {
    "/api/v3/klines": {"symbol": "BTCUSDT", "interval": "1h"},
    "/fapi/v1/klines": {"symbol": "BTCUSDT", "interval": "1h"},
    "/sapi/v1/asset/transfer": {"type": "MAIN_UMFUTURE"},
    "/sapi/v1/simple-earn/flexible/personalLeftQuota": {"productId": "USDT001"},
    "/sapi/v1/simple-earn/flexible/history/rewardsRecord": {"type": "ALL"},
}


@pytest.mark.parametrize("path", sorted(path for method, path in ROUTES if method == "GET"))
async def test_every_read_answers_a_fresh_account(path: str) -> None:
    status, body = await ask(
        an_app(), "GET", path, **NEEDS.get(path, {"symbol": "BTCUSDT"} if _one_symbol(path) else {})
    )
    if path.endswith("/order"):
        assert (status, body["code"]) == (400, -1102)
    else:
        assert status == 200, body


def _one_symbol(path: str) -> bool:
    return path.endswith(("/depth", "/order", "allOrders", "Trades", "commissionRate"))


async def test_only_futures_says_time_in_its_quick_tickers() -> None:
    app = an_app()
    for path in ("ticker/bookTicker", "ticker/price"):
        _, spot = await ask(app, "GET", f"/api/v3/{path}", symbol="BTCUSDT")
        _, swap = await ask(app, "GET", f"/fapi/v1/{path}", symbol="BTCUSDT")
        assert "time" not in spot
        assert swap["time"] == milliseconds(START)


async def test_only_spot_says_bid_and_ask_in_its_day_ticker() -> None:
    app = an_app()
    _, spot = await ask(app, "GET", "/api/v3/ticker/24hr", symbol="BTCUSDT")
    _, swap = await ask(app, "GET", "/fapi/v1/ticker/24hr", symbol="BTCUSDT")
    assert spot["bidQty"] == "2"
    assert "bidQty" not in swap
    assert "time" not in spot


async def test_spot_trades_name_the_order_list_and_futures_trades_the_maker() -> None:
    app = an_app()
    await ask(app, "POST", "/sapi/v1/asset/transfer", type="MAIN_UMFUTURE", asset="USDT", amount="20000")
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.1"}
    _, full = await ask(app, "POST", "/api/v3/order", **order)
    _, ack = await ask(app, "POST", "/fapi/v1/order", **order)
    _, result = await ask(app, "POST", "/fapi/v1/order", **order, newOrderRespType="RESULT")
    assert [fill["commissionAsset"] for fill in full["fills"]] == ["BTC"]
    assert (ack["status"], result["status"]) == ("NEW", "FILLED")
    assert "time" not in ack
    assert "time" not in result
    (spot,) = (await ask(app, "GET", "/api/v3/myTrades", symbol="BTCUSDT"))[1]
    swap = (await ask(app, "GET", "/fapi/v1/userTrades", symbol="BTCUSDT"))[1]
    assert spot.keys() >= {"orderListId", "isMaker"}
    assert len(swap) == 2
    assert swap[0].keys() >= {"maker", "buyer", "side", "realizedPnl"}
    assert not swap[0].keys() & {"isMaker", "isIsolated", "orderListId"}


async def test_an_order_may_answer_less_than_everything() -> None:
    app = an_app()
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.1"}
    _, ack = await ask(app, "POST", "/api/v3/order", **order, newOrderRespType="ACK")
    _, result = await ask(app, "POST", "/api/v3/order", **order, newOrderRespType="RESULT")
    assert set(ack) == {"symbol", "orderId", "orderListId", "clientOrderId", "transactTime"}
    assert result["status"] == "FILLED"
    assert "fills" not in result


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"side": "HOLD"}, -1117),
        ({"type": "STOP_LOSS"}, -1116),
        ({"timeInForce": "GTX"}, -1115),
        ({"quantity": "0.000001"}, -1013),
        ({"price": "49000.001"}, -1013),
        ({"quantity": "0"}, -1013),
        ({"newClientOrderId": "no spaces"}, -1100),
        ({"symbol": "DOGEUSDT"}, -1121),
        ({"type": "MARKET"}, -1106),
        ({"type": "LIMIT_MAKER"}, -1106),
        ({"stopPrice": "1"}, -1104),
    ],
)
async def test_a_malformed_spot_order_never_reaches_the_engine(said: dict[str, str], code: int) -> None:
    exchange = an_exchange()
    good = {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "quantity": "0.1",
        "price": "49000",
    }
    sent = {name: value.replace(" ", "%20") for name, value in (good | said).items()}
    status, body = await ask(an_app(exchange), "POST", "/api/v3/order", **sent)
    assert (status, body["code"]) == (400, code), body
    assert exchange.open_orders() == []


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"type": "STOP_MARKET"}, -4120),
        ({"quantity": "0"}, -4003),
        ({"quantity": "0.0015"}, -1111),
        ({"price": "49000.05"}, -4014),
        ({"positionSide": "LONG"}, -4061),
    ],
)
async def test_a_malformed_futures_order_is_refused_in_its_own_codes(said: dict[str, str], code: int) -> None:
    good = {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "quantity": "0.1",
        "price": "49000",
    }
    status, body = await ask(an_app(), "POST", "/fapi/v1/order", **(good | said))
    assert (status, body["code"]) == (400, code), body


async def test_a_halted_market_says_so_and_is_listed_as_broken() -> None:
    exchange = an_exchange()
    exchange.halt("BTC/USDT")
    app = an_app(exchange)
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.1"}
    assert (await ask(app, "POST", "/api/v3/order", **order))[1] == {"code": -1013, "msg": "Market is closed."}
    _, info = await ask(app, "GET", "/api/v3/exchangeInfo", symbol="BTCUSDT")
    assert info["symbols"][0]["status"] == "BREAK"


async def test_history_comes_in_the_venues_windows() -> None:
    clock = SetClock()
    app = an_app(clock=clock)
    await ask(app, "POST", "/sapi/v1/asset/transfer", type="MAIN_UMFUTURE", asset="USDT", amount="20000")
    order = {"symbol": "BTCUSDT", "side": "SELL", "type": "MARKET", "quantity": "0.1"}
    await ask(app, "POST", "/api/v3/order", **order)
    await ask(app, "POST", "/fapi/v1/order", **order)
    clock.at = START + timedelta(days=8)
    now, begun = milliseconds(clock.at), milliseconds(START)
    days = 86_400_000
    _, recent = await ask(app, "GET", "/fapi/v1/userTrades", at_ms=now, symbol="BTCUSDT")
    _, old = await ask(app, "GET", "/fapi/v1/userTrades", at_ms=now, symbol="BTCUSDT", startTime=begun)
    assert (len(recent), len(old)) == (0, 1)
    _, spot = await ask(app, "GET", "/api/v3/myTrades", at_ms=now, symbol="BTCUSDT")
    assert len(spot) == 1
    span = {"symbol": "BTCUSDT", "startTime": begun}
    assert (await ask(app, "GET", "/api/v3/myTrades", at_ms=now, **span, endTime=begun + days + 1))[1]["code"] == -1127
    _, refused = await ask(app, "GET", "/fapi/v1/userTrades", at_ms=now, **span, endTime=begun + 7 * days + 1)
    assert refused["code"] == -4166
    _, within = await ask(app, "GET", "/api/v3/myTrades", at_ms=now, **span, endTime=begun)
    assert [row["id"] for row in within] == [spot[0]["id"]]


async def test_deposits_and_withdrawals_are_told() -> None:
    exchange = an_exchange()
    exchange.deposit("USDT", Decimal(500))
    exchange.withdraw("BTC", Decimal("0.1"))
    app = an_app(exchange)
    ((_, (deposit,)), (_, (withdrawal,))) = (
        await ask(app, "GET", "/sapi/v1/capital/deposit/hisrec"),
        await ask(app, "GET", "/sapi/v1/capital/withdraw/history"),
    )
    assert (deposit["coin"], deposit["amount"], deposit["insertTime"]) == ("USDT", "500", milliseconds(START))
    assert (withdrawal["coin"], withdrawal["amount"], withdrawal["applyTime"]) == ("BTC", "0.1", "2026-01-05 00:00:00")


async def test_a_version_two_position_list_holds_every_symbol_with_its_leverage() -> None:
    app = an_app()
    await ask(app, "POST", "/fapi/v1/leverage", symbol="BTCUSDT", leverage=7)
    _, rows = await ask(app, "GET", "/fapi/v2/positionRisk")
    assert {row["symbol"]: row["leverage"] for row in rows} == {"BTCUSDT": "7", "ETHUSDT": "20"}
    _, held = await ask(app, "GET", "/fapi/v3/positionRisk")
    assert held == []


async def test_every_change_is_committed_before_its_answer_and_reads_commit_nothing() -> None:
    saved: list[bytes] = []
    exchange = an_exchange()

    async def save(state: bytes) -> None:
        await asyncio.sleep(0)
        saved.append(state)

    app = an_app(exchange, save=save)
    await ask(app, "GET", "/api/v3/account")
    assert len(saved) == 1  # the opening balances
    changes: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "/sapi/v1/asset/transfer", {"type": "MAIN_UMFUTURE", "asset": "USDT", "amount": "20000"}),
        ("POST", "/fapi/v1/leverage", {"symbol": "BTCUSDT", "leverage": "5"}),
        ("POST", "/fapi/v1/order", {"symbol": "BTCUSDT", "side": "SELL", "type": "MARKET", "quantity": "0.1"}),
        ("DELETE", "/fapi/v1/allOpenOrders", {"symbol": "BTCUSDT"}),
    ]
    for method, path, said in changes:
        before = len(saved)
        status, body = await ask(app, method, path, **said)
        assert status == 200, body
        assert len(saved) == before + 1, path
        assert saved[-1] == exchange.dump()
        await ask(app, "GET", "/fapi/v3/account")
        await ask(app, "GET", "/api/v3/ticker/price")
        assert len(saved) == before + 1


async def test_a_fill_that_time_brought_is_committed_before_anybody_reads_it() -> None:
    saved: list[bytes] = []
    clock = SetClock()

    async def save(state: bytes) -> None:
        saved.append(state)

    app = an_app(an_exchange(StillScene({START + timedelta(hours=1): Decimal(48_000)})), clock, save)
    order = {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "quantity": "0.1",
        "price": "49000",
    }
    await ask(app, "POST", "/api/v3/order", **order)
    before = len(saved)
    clock.at = START + timedelta(hours=2)
    _, opened = await ask(app, "GET", "/api/v3/openOrders", at_ms=milliseconds(clock.at))
    assert opened == []
    assert len(saved) == before + 1
    assert Exchange(StillScene(), state=saved[-1]).balances()["BTC"].free > Decimal("0.69")


async def test_nobody_reads_what_is_not_yet_committed() -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()
    saved: list[bytes] = []

    async def save(state: bytes) -> None:
        saved.append(state)
        begun.set()
        await go_on.wait()

    app = an_app(save=save)
    order = {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "quantity": "0.1",
        "price": "49000",
    }
    placing = asyncio.create_task(ask(app, "POST", "/api/v3/order", **order))
    await begun.wait()
    reading = asyncio.create_task(ask(app, "GET", "/api/v3/openOrders"))
    public, _ = await ask(app, "GET", "/api/v3/ticker/price")
    assert public == 200
    for _ in range(10):  # every chance to go ahead
        await asyncio.sleep(0)
    assert not reading.done()
    assert len(saved) == 1  # and nobody saves beside it
    go_on.set()
    assert (await placing)[1]["status"] == "NEW"
    assert len((await reading)[1]) == 1


async def test_a_save_that_fails_answers_nothing() -> None:
    async def save(state: bytes) -> None:
        message = "no space left on device"
        raise OSError(message)

    with pytest.raises(OSError, match="no space left"):
        await ask(an_app(save=save), "GET", "/api/v3/account")


async def test_settling_commits_the_present() -> None:
    saved: list[bytes] = []
    clock, exchange = SetClock(), an_exchange()

    async def save(state: bytes) -> None:
        saved.append(state)

    app = an_app(exchange, clock, save)
    clock.at = START + timedelta(hours=5)
    await app.settle()
    assert Exchange(StillScene(), state=saved[-1]).now == START + timedelta(hours=5)


async def test_a_clock_that_was_set_back_does_not_take_the_engine_back() -> None:
    clock = SetClock(START + timedelta(hours=1))
    exchange = an_exchange()
    app = an_app(exchange, clock)
    await ask(app, "GET", "/api/v3/account", at_ms=milliseconds(clock.at))
    clock.at = START
    status, body = await ask(app, "GET", "/api/v3/time")
    assert (status, body["serverTime"]) == (200, milliseconds(START + timedelta(hours=1)))


async def test_faults_stand_before_and_after_the_exchange() -> None:
    class Lost:
        async def before(self, asked: Asked) -> Answer | None:
            return Answer(503, b'{"msg":"not seen"}') if asked.method == "DELETE" else None

        async def after(self, asked: Asked, answer: Answer) -> Answer:
            return Answer(504, b'{"msg":"done but lost"}') if asked.method == "POST" else answer

    exchange = an_exchange()
    app = an_app(exchange, faults=Lost())
    order = {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "quantity": "0.1",
        "price": "49000",
    }
    assert (await ask(app, "POST", "/api/v3/order", **order))[0] == 504
    assert len(exchange.open_orders()) == 1
    assert (await ask(app, "DELETE", "/api/v3/openOrders", symbol="BTCUSDT"))[0] == 503
    assert len(exchange.open_orders()) == 1
    assert (await ask(app, "GET", "/api/v3/openOrders"))[0] == 200
