"""The real ccxt client against the local exchange over HTTP: public data, wallets, and who may come in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import aiohttp
import ccxt.async_support as ccxt
import pytest

from bot.core.numbers import milliseconds
from bot.local_exchange.app import Terms
from bot.local_exchange.server import LocalExchange
from bot.local_exchange.signing import sign
from bot.local_exchange.weights import Budget
from tests.unit.local_exchange.still_scene import SPOT, START, SWAP, SetClock, StillScene, an_exchange
from tests.wire.bench import HOUR, KEYS, Bench, Client, a_bench

pytestmark = pytest.mark.asyncio
D = Decimal


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with a_bench() as made:
        yield made


# ---- public data


async def test_markets_of_both_sides_load_with_their_filters(bench: Bench) -> None:
    markets = await bench.client.load_markets()
    spot, swap = markets[SPOT], markets[SWAP]
    assert (spot["spot"], spot["active"], swap["swap"], swap["linear"], swap["active"]) == (
        True,
        True,
        True,
        True,
        True,
    )
    assert spot["precision"]["amount"] == 0.00001
    assert spot["precision"]["price"] == 0.01
    assert spot["limits"]["cost"]["min"] == 5
    assert spot["limits"]["amount"]["min"] == 0.00001
    assert swap["precision"]["amount"] == 0.001
    assert swap["precision"]["price"] == 0.1
    assert swap["limits"]["cost"]["min"] == 100
    assert swap["contractSize"] == 1
    assert len(markets) == 4


async def test_the_default_load_with_currencies_finds_the_coins(bench: Bench) -> None:
    client = Client(bench.url, bench.clock)
    client.options["fetchCurrencies"] = True
    try:
        await client.load_markets()
        assert {"BTC", "ETH", "USDT"} <= client.currencies.keys()
    finally:
        await client.close()


async def test_time_and_status(bench: Bench) -> None:
    bench.clock.at = START + HOUR
    assert await bench.client.fetch_time() == milliseconds(START + HOUR)
    assert (await bench.client.fetch_status())["status"] == "ok"


async def test_best_prices_come_in_bulk_for_each_side(bench: Bench) -> None:
    spot = await bench.client.fetch_bids_asks(params={"type": "spot"})
    assert set(spot) == {SPOT, "ETH/USDT"}
    assert (spot[SPOT]["bid"], spot[SPOT]["ask"]) == (49_999.99, 50_000.01)
    swap = await bench.client.fetch_bids_asks(params={"type": "swap"})
    assert set(swap) == {SWAP, "ETH/USDT:USDT"}
    assert (swap[SWAP]["bid"], swap[SWAP]["ask"]) == (49_999.9, 50_000.1)
    one = await bench.client.fetch_bids_asks([SPOT])
    assert set(one) == {SPOT}


async def test_day_tickers_say_bid_and_ask_on_spot_only(bench: Bench) -> None:
    bench.clock.at = START + timedelta(days=2)
    spot = await bench.client.fetch_tickers([SPOT, "ETH/USDT"])
    assert spot[SPOT]["last"] == 50_000
    assert spot[SPOT]["bid"] == 49_999.99
    assert spot[SPOT]["quoteVolume"] == 1_000_000
    swap = await bench.client.fetch_tickers(None, {"type": "swap"})
    assert swap[SWAP]["last"] == 50_000
    assert swap[SWAP]["bid"] is None
    assert set(swap) == {SWAP, "ETH/USDT:USDT"}


async def test_last_prices_of_both_sides(bench: Bench) -> None:
    spot = await bench.client.fetch_last_prices(params={"type": "spot"})
    swap = await bench.client.fetch_last_prices(params={"type": "swap"})
    assert spot[SPOT]["price"] == 50_000
    assert swap[SWAP]["price"] == 50_000


async def test_funding_rates_come_in_bulk_with_mark_and_index(bench: Bench) -> None:
    rates = await bench.client.fetch_funding_rates()
    assert set(rates) == {SWAP, "ETH/USDT:USDT"}
    assert rates[SWAP]["fundingRate"] == 0.0001
    assert rates[SWAP]["markPrice"] == 50_000
    assert rates[SWAP]["indexPrice"] == 50_000
    assert rates[SWAP]["fundingTimestamp"] == milliseconds(START + timedelta(hours=8))
    assert await bench.client.fetch_funding_intervals() == {}  # only what is not eight-hourly is listed


async def test_past_funding_rates_oldest_first(bench: Bench) -> None:
    bench.clock.at = START + timedelta(hours=25)
    history = await bench.client.fetch_funding_rate_history(SWAP, limit=3)
    assert [row["timestamp"] for row in history] == [milliseconds(START + timedelta(hours=h)) for h in (8, 16, 24)]
    from_start = await bench.client.fetch_funding_rate_history(SWAP, milliseconds(START + timedelta(hours=8)), 2)
    assert [row["timestamp"] for row in from_start] == [milliseconds(START + timedelta(hours=h)) for h in (8, 16)]


async def test_the_book_of_each_side(bench: Bench) -> None:
    book = await bench.client.fetch_order_book(SWAP, 5)
    assert len(book["bids"]) == len(book["asks"]) == 5
    assert book["bids"][0] == [49_999.9, 2.0]
    assert (await bench.client.fetch_order_book(SPOT, 5))["asks"][0] == [50_000.01, 2.0]


async def test_candles_are_the_newest_or_those_from_a_time_on(bench: Bench) -> None:
    bench.clock.at = START + timedelta(hours=2, minutes=30)
    newest = await bench.client.fetch_ohlcv(SPOT, "1h", limit=1000)
    assert len(newest) == 1000
    assert newest[-1][0] == milliseconds(START + 2 * HOUR)  # the unfinished one
    since = await bench.client.fetch_ohlcv(SWAP, "1h", since=milliseconds(START), limit=2)
    assert [row[0] for row in since] == [milliseconds(START), milliseconds(START + HOUR)]
    assert since[0][1:] == [50_000, 50_010, 49_990, 50_000, 12.5]
    until = await bench.client.fetch_ohlcv(SPOT, "4h", limit=3, params={"until": milliseconds(START)})
    assert [row[0] for row in until] == [milliseconds(START - n * 4 * HOUR) for n in (2, 1, 0)]


async def test_a_timeframe_that_the_scene_does_not_know_is_an_invalid_interval(bench: Bench) -> None:
    with pytest.raises(ccxt.BadRequest, match="-1120"):
        await bench.client.fetch_ohlcv(SPOT, "3d")


# ---- account


async def test_balances_of_both_wallets_and_a_transfer_between_them(bench: Bench) -> None:
    spot = await bench.client.fetch_balance({"type": "spot"})
    assert (spot["USDT"]["free"], spot["BTC"]["total"]) == (40_000, 0.6)
    moved = await bench.client.transfer("USDT", 10_000, "spot", "swap")
    assert moved["id"]
    assert (await bench.client.fetch_balance({"type": "spot"}))["USDT"]["free"] == 30_000
    swap = await bench.client.fetch_balance({"type": "swap"})
    assert (swap["USDT"]["free"], swap["USDT"]["total"]) == (10_000, 10_000)
    assert swap["info"]["totalMarginBalance"] == "10000.00000000"
    rows = await bench.client.fetch_transfers("USDT", params={"fromAccount": "spot", "toAccount": "swap"})
    assert [(row["amount"], row["status"], row["id"]) for row in rows] == [(10_000, "ok", moved["id"])]
    assert (await bench.client.fetch_balance({"type": "funding"}))["total"] == {}


async def test_a_transfer_of_more_than_there_is_is_refused(bench: Bench) -> None:
    with pytest.raises(ccxt.InsufficientFunds, match="-5013"):
        await bench.client.transfer("USDT", 50_000, "spot", "swap")


async def test_the_key_may_trade_and_move_but_not_withdraw(bench: Bench) -> None:
    may = await bench.client.sapi_get_account_apirestrictions()
    assert (may["enableWithdrawals"], may["enableFutures"], may["permitsUniversalTransfer"]) == (False, True, True)


async def test_fees_are_told_per_symbol_and_in_bulk(bench: Bench) -> None:
    assert (await bench.client.fetch_trading_fee(SPOT))["taker"] == 0.001
    assert (await bench.client.fetch_trading_fee(SWAP))["taker"] == 0.0005
    assert set(await bench.client.fetch_trading_fees()) == {SPOT, "ETH/USDT"}


# ---- at the door


def signed(path: str, said: str, secret: str = KEYS.secret) -> str:
    return f"{path}?{said}&signature={sign(secret, said.encode())}"


async def asked(bench: Bench, path: str, key: str | None = KEYS.key, method: str = "GET") -> tuple[int, Any, Any]:
    headers = {"X-MBX-APIKEY": key} if key else {}
    async with aiohttp.ClientSession() as session, session.request(method, bench.url + path, headers=headers) as answer:
        return answer.status, await answer.json(content_type=None), answer.headers


NOW_MS = milliseconds(START)


@pytest.mark.parametrize(
    ("path", "key", "status", "code"),
    [
        (signed("/api/v3/account", f"timestamp={NOW_MS}"), KEYS.key, 200, None),
        (signed("/api/v3/account", f"timestamp={NOW_MS}", "not the secret"), KEYS.key, 400, -1022),
        (f"/api/v3/account?timestamp={NOW_MS}", KEYS.key, 400, -1102),
        (signed("/api/v3/account", "recvWindow=5000"), KEYS.key, 400, -1102),
        (signed("/api/v3/account", f"timestamp={NOW_MS - 5_001}"), KEYS.key, 400, -1021),
        (signed("/api/v3/account", f"timestamp={NOW_MS + 1_000}"), KEYS.key, 400, -1021),
        (signed("/api/v3/account", f"timestamp={NOW_MS}&recvWindow=60001"), KEYS.key, 400, -1131),
        (signed("/api/v3/account", f"timestamp={NOW_MS}"), None, 401, -2014),
        (signed("/api/v3/account", f"timestamp={NOW_MS}"), "x" * 64, 401, -2015),
        ("/api/v3/klines?symbol=BTCUSDT", None, 400, -1102),
        ("/api/v3/klines?symbol=NOPE&interval=1h", None, 400, -1121),
        ("/api/v3/depth?symbol=BTCUSDT&limit=abc", None, 400, -1100),
        ("/api/v3/depth?symbol=BTCUSDT&depth=5", None, 400, -1104),
        ("/fapi/v1/depth?symbol=BTCUSDT&depth=5", None, 200, None),
        ("/api/v3/depth?symbol=BTCUSDT&symbol=ETHUSDT", None, 400, -1101),
        ("/api/v3/nothing", None, 404, -5000),
        ("/nothing", None, 404, -5000),
    ],
)
async def test_the_door(bench: Bench, path: str, key: str | None, status: int, code: int | None) -> None:
    got, body, _ = await asked(bench, path, key)
    assert got == status, body
    assert (body.get("code") if isinstance(body, dict) else None) == code


async def test_a_post_may_be_signed_in_its_query_as_the_vendors_own_client_does(bench: Bench) -> None:
    said = f"symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.01&price=49000&timestamp={NOW_MS}"
    status, body, _ = await asked(bench, signed("/api/v3/order", said), method="POST")
    assert (status, body["status"]) == (200, "NEW")
    assert bench.server.order_requests == 1
    assert bench.server.requests_by_path["POST /api/v3/order"] == 1


async def test_what_an_order_changed_is_saved_before_it_is_answered(bench: Bench) -> None:
    await bench.client.load_markets()
    before = len(bench.saved)
    await bench.client.create_order(SPOT, "limit", "buy", 0.1, 49_000, {"clientOrderId": "kept"})
    assert len(bench.saved) == before + 1
    assert b"kept" in bench.saved[-1]
    await bench.client.fetch_open_orders()
    assert len(bench.saved) == before + 1


async def test_weight_is_counted_by_venue_minutes_then_refused_then_banned() -> None:
    clock = SetClock()
    terms = Terms(spot=Budget(weight_1m=5, abuse=2))
    server = LocalExchange(an_exchange(), clock, key=KEYS.key, secret=KEYS.secret, save=None, terms=terms)
    url = await server.start()
    bench = Bench(url, Client(url, clock), clock, server, StillScene(), [])
    try:
        seen = [await asked(bench, "/api/v3/klines?symbol=BTCUSDT&interval=1h") for _ in range(3)]
        assert [status for status, _, _ in seen] == [200, 200, 429]
        assert [headers["X-MBX-USED-WEIGHT-1M"] for _, _, headers in seen] == ["2", "4", "6"]
        assert seen[-1][1]["code"] == -1003
        assert seen[-1][2]["Retry-After"] == "60"
        with pytest.raises(ccxt.DDoSProtection):
            await bench.client.fetch_time()
        status, body, headers = await asked(bench, "/api/v3/time")
        assert (status, body["code"], headers["Retry-After"]) == (418, -1003, "120")
        clock.at = START + timedelta(minutes=1)
        assert (await asked(bench, "/api/v3/time"))[0] == 418
        assert (await asked(bench, "/fapi/v1/time"))[0] == 200
        clock.at = START + timedelta(minutes=2)
        assert (await asked(bench, "/api/v3/time"))[0] == 200
    finally:
        await bench.client.close()
        await server.stop()


async def test_our_own_endpoints_tell_time_symbols_and_feeds_and_no_secret(bench: Bench) -> None:
    status, body, _ = await asked(bench, "/local/health", None)
    assert status == 200
    assert body == {
        "venue_time": "2026-01-05T00:00:00Z",
        "speed": 1.0,
        "symbols": sorted(bench.scene.markets()),
        "order_requests": 0,
    }
    _, feeds, _ = await asked(bench, "/local/feeds", None)
    assert feeds["dominance"] == [[float(NOW_MS), "52.5"]]
    assert (await asked(bench, "/local/keys", None))[0] == 404


async def test_a_client_that_hangs_up_in_the_middle_of_its_order_placed_nothing(bench: Bench) -> None:
    host, _, port = bench.url.removeprefix("http://").partition(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"POST /api/v3/order HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\nsymbol=BTCUSDT&side=BUY")
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    assert await bench.client.fetch_open_orders() == []
    assert bench.server.order_requests == 0


async def test_a_body_that_is_too_long_is_not_read_to_its_end(bench: Bench) -> None:
    sent = b"x" * 200_000
    async with aiohttp.ClientSession() as session, session.post(f"{bench.url}/api/v3/order", data=sent) as answer:
        assert answer.status == 413
    assert bench.server.order_requests == 0
