"""The real ccxt client against the local exchange in Bybit's dialect: what anybody may ask."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal

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
        yield made


async def test_markets_of_both_sides_load_with_their_filters(bench: Bench) -> None:
    markets = await bench.client.load_markets()
    spot, swap = markets[SPOT], markets[SWAP]
    assert len(markets) == 4
    assert (spot["spot"], spot["active"], swap["swap"], swap["linear"], swap["active"]) == (True,) * 5
    assert (spot["precision"]["amount"], spot["precision"]["price"], spot["limits"]["cost"]["min"]) == (1e-05, 0.01, 5)
    assert (swap["precision"]["amount"], swap["precision"]["price"], swap["limits"]["cost"]["min"]) == (0.001, 0.1, 100)
    assert (swap["contractSize"], swap["settle"], swap["info"]["fundingInterval"]) == (1, "USDT", 480)


async def test_a_halted_symbol_is_listed_as_closed(bench: Bench) -> None:
    bench.exchange.halt(SPOT)
    assert (await bench.client.load_markets())[SPOT]["active"] is False


async def test_time_and_status_are_told_and_a_skew_shows_in_the_time(bench: Bench) -> None:
    bench.clock.at = START + HOUR
    bench.exchange.advance(START + HOUR)
    bench.exchange.outside.skew(HOUR)
    assert await bench.client.fetch_time() == milliseconds(START + 2 * HOUR)
    assert (await bench.client.fetch_status())["status"] == "ok"


async def test_tickers_tell_spot_and_perpetuals_apart(bench: Bench) -> None:
    await bench.client.load_markets()
    spot = await bench.client.fetch_tickers(None, {"type": "spot"})
    swap = await bench.client.fetch_tickers(None, {"type": "swap"})
    assert (set(spot), set(swap)) == ({SPOT, "ETH/USDT"}, {SWAP, "ETH/USDT:USDT"})
    assert (spot[SPOT]["bid"], spot[SPOT]["ask"], spot[SPOT]["quoteVolume"]) == (49_999.99, 50_000.01, 1_000_000)
    assert (swap[SWAP]["bid"], swap[SWAP]["markPrice"]) == (49_999.9, 50_000)


async def test_a_book_gives_as_many_levels_as_were_asked_for(bench: Bench) -> None:
    book = await bench.client.fetch_order_book(SWAP, 3)
    assert book["bids"] == [[49_999.9, 2], [49_999.8, 2], [49_999.7, 2]]
    assert len((await bench.client.fetch_order_book(SPOT))["asks"]) == 20


async def test_candles_come_newest_first_on_the_wire_and_are_put_in_order_by_the_client(bench: Bench) -> None:
    bench.clock.at = START + 3 * HOUR
    bars = await bench.client.fetch_ohlcv(SPOT, "1h", limit=3)
    assert [bar[0] for bar in bars] == [milliseconds(START + n * HOUR) for n in (1, 2, 3)]
    raw = await bench.ask("/v5/market/kline", "category=spot&symbol=BTCUSDT&interval=60&limit=2")
    assert [int(row[0]) for row in raw["result"]["list"]] == [milliseconds(START + n * HOUR) for n in (3, 2)]
    assert len(raw["result"]["list"][0]) == 7


async def test_an_unknown_interval_is_a_parameter_error(bench: Bench) -> None:
    for interval in ("7", "3"):
        raw = await bench.ask("/v5/market/kline", f"category=spot&symbol=BTCUSDT&interval={interval}")
        assert raw["retCode"] == 10001


async def test_funding_is_told_with_its_interval_and_its_past(bench: Bench) -> None:
    bench.clock.at = START + 20 * HOUR
    rates = await bench.client.fetch_funding_rates()
    assert (rates[SWAP]["fundingRate"], rates[SWAP]["interval"]) == (0.0001, "8h")
    assert rates[SWAP]["fundingTimestamp"] == milliseconds(START + 24 * HOUR)
    past = await bench.client.fetch_funding_rate_history(SWAP, milliseconds(START + HOUR), 10)
    assert [row["timestamp"] for row in past] == [milliseconds(START + n * HOUR) for n in (8, 16)]


async def test_a_past_of_funding_needs_an_end_with_its_start(bench: Bench) -> None:
    raw = await bench.ask("/v5/market/funding/history", "category=linear&symbol=BTCUSDT&startTime=1767571200000")
    assert raw["retCode"] == 10001


async def test_the_risk_tier_tells_the_maintenance_rate(bench: Bench) -> None:
    tiers = await bench.client.fetch_market_leverage_tiers(SWAP)
    assert [(tier["maintenanceMarginRate"], tier["maxLeverage"]) for tier in tiers] == [(0.005, 125)]


async def test_what_is_not_listed_or_not_served_is_said_in_the_venues_words(bench: Bench) -> None:
    for path, query, code in (
        ("/v5/market/orderbook", "category=linear&symbol=XYZUSDT", 10001),
        ("/v5/market/orderbook", "category=spot&symbol=XYZUSDT", 170121),
        ("/v5/market/tickers", "category=option&symbol=BTCUSDT", 10001),
        ("/v5/market/tickers", "symbol=BTCUSDT", 10001),
    ):
        assert (await bench.ask(path, query))["retCode"] == code, (path, query)
    with pytest.raises(ccxt.ExchangeError, match="10017"):
        await bench.client.public_get_v5_market_insurance()


async def test_instruments_come_by_pages(bench: Bench) -> None:
    first = (await bench.ask("/v5/market/instruments-info", "category=linear&limit=1"))["result"]
    cursor = first["nextPageCursor"]
    second = (await bench.ask("/v5/market/instruments-info", f"category=linear&limit=1&cursor={cursor}"))["result"]
    names = [row["symbol"] for page in (first, second) for row in page["list"]]
    assert (sorted(names), second["nextPageCursor"]) == (["BTCUSDT", "ETHUSDT"], "")
