"""What a scripted Binance serves by itself, and the paths of it that tests of reads speak about."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.unit.venues.ccxt.scripted import NOW_MS, Stage, a_stage

BOOK_TICKER, PREMIUM = "GET /api/v3/ticker/bookTicker", "GET /fapi/v1/premiumIndex"
ACCOUNT, FUTURES, RISK = "GET /api/v3/account", "GET /fapi/v3/account", "GET /fapi/v3/positionRisk"
HTML = "<html>busy</html>"
HOUR_MS = 3_600_000

QUOTES = [
    {"symbol": "BTCUSDT", "bidPrice": "60000.10000000", "bidQty": "1", "askPrice": "60000.20000000", "askQty": "1"},
    {"symbol": "LDOUSDT", "bidPrice": "0.00000000", "bidQty": "0", "askPrice": "2.10000000", "askQty": "1"},
    {"symbol": "NEWUSDT", "bidPrice": "1", "bidQty": "1", "askPrice": "2", "askQty": "1"},
]
PREMIUMS = [
    {
        "symbol": "BTCUSDT",
        "markPrice": "60001.23456789",
        "indexPrice": "60000",
        "lastFundingRate": "0.00010000",
        "nextFundingTime": NOW_MS + HOUR_MS,
        "time": NOW_MS - 1000,
    },
    {"symbol": "BTCUSDT_260327", "markPrice": "1", "lastFundingRate": "", "nextFundingTime": 0, "time": NOW_MS},
]


@asynccontextmanager
async def serving() -> AsyncIterator[Stage]:
    """A stage that tells quotes, premiums, intervals and volumes."""
    async with a_stage() as made:
        made.script.on(BOOK_TICKER, QUOTES)
        made.script.on(PREMIUM, PREMIUMS)
        made.script.on("GET /fapi/v1/fundingInfo", [{"symbol": "BTCUSDT", "fundingIntervalHours": 4}])
        made.script.on("GET /api/v3/ticker/24hr", [{"symbol": "BTCUSDT", "quoteVolume": "123456.78"}])
        made.script.on("GET /fapi/v1/ticker/24hr", [{"symbol": "BTCUSDT", "quoteVolume": "9"}])
        yield made
