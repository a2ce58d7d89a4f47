"""Owns v5's public answers: time, instruments, tickers, books, candles, funding. Reads the scene, changes nothing."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from bot.core.instruments import base_of, is_swap, quote_of, spot_symbol
from bot.core.numbers import ONE, ZERO, from_milliseconds, milliseconds, plain
from bot.core.snapshot import Book, Funding
from bot.local_exchange.bybit import errors
from bot.local_exchange.bybit.calls import LINEAR, SPOT, Call, Endpoint, Routes
from bot.local_exchange.calls import float_text, listing_id, money, text
from bot.local_exchange.market_data import DAY_MS, INTERVALS_MS, MINUTE_MS

# v5 names minutes by their number, days and weeks by a letter; a month has no fixed length and is not served.
INTERVALS = {
    **{str(span // MINUTE_MS): (name, span) for name, span in INTERVALS_MS.items() if span < DAY_MS},
    "D": ("1d", DAY_MS),
    "W": ("1w", 7 * DAY_MS),
}
HOURS_USUAL = Decimal(8)
MOST = "10000000"
RISK_SYMBOLS = 15  # a page of risk limits, where no symbol is named
RISK_LIMIT = "1000000000"


def venue_time(call: Call) -> dict[str, Any]:
    """The venue's clock, in two units."""
    return {"timeSecond": str(call.told_ms // 1_000), "timeNano": str(call.told_ms * 1_000_000)}


def instruments(call: Call) -> dict[str, Any]:
    """Every symbol of a category with its filters; ``status`` PreLaunch has none."""
    category = call.category()
    swap = category == LINEAR
    symbol = call.symbol_or_none(swap=swap)
    status, base = call.said.text_or_none("status"), call.said.text_or_none("baseCoin")
    named = [symbol] if symbol else sorted(call.listed(swap=swap))
    made = [_perpetual(call, one) if swap else _pair(call, one) for one in named if base in (None, base_of(one))]
    rows = [row for row in made if status in (None, row["status"])]
    if not swap:
        return {"category": category, "list": rows}
    given, cursor = call.said.page(list(enumerate(rows))[::-1], lambda row: row[0], 500, 1_000)
    return {"category": category, "list": [row for _, row in given], "nextPageCursor": cursor}


def _status(call: Call, symbol: str) -> str:
    return "Trading" if call.exchange.is_trading(symbol) else "Closed"


def _pair(call: Call, symbol: str) -> dict[str, Any]:
    market = call.listing.markets[symbol]
    step = plain(market.step or ZERO)
    least = plain(max(market.min_amount or ZERO, market.step or ZERO))
    return {
        "symbol": listing_id(symbol),
        "baseCoin": base_of(symbol),
        "quoteCoin": quote_of(symbol),
        "innovation": "0",
        "status": _status(call, symbol),
        "marginTrading": "none",
        "stTag": "0",
        "lotSizeFilter": {
            "basePrecision": step,
            "quotePrecision": "0.00000001",
            "minOrderQty": least,
            "maxOrderQty": MOST,
            "minOrderAmt": plain(market.min_notional or ZERO),
            "maxOrderAmt": MOST,
            "maxLimitOrderQty": MOST,
            "maxMarketOrderQty": MOST,
            "postOnlyMaxLimitOrderSize": MOST,
        },
        "priceFilter": {"tickSize": plain(market.tick or ZERO)},
        "riskParameters": {"priceLimitRatioX": "0.05", "priceLimitRatioY": "0.05"},
    }


def _perpetual(call: Call, symbol: str) -> dict[str, Any]:
    market, rules = call.listing.markets[symbol], call.exchange.rules
    tick, step = plain(market.tick or ZERO), plain(market.step or ZERO)
    funding = call.scene.funding(symbol, call.at)
    return {
        "symbol": listing_id(symbol),
        "contractType": "LinearPerpetual",
        "status": _status(call, symbol),
        "baseCoin": base_of(symbol),
        "quoteCoin": quote_of(symbol),
        "settleCoin": quote_of(symbol),
        "launchTime": str(milliseconds(call.scene.start) - 365 * DAY_MS),
        "deliveryTime": "0",
        "deliveryFeeRate": "",
        "priceScale": str(max(0, -int((market.tick or ONE).normalize().as_tuple().exponent))),
        "leverageFilter": {
            "minLeverage": "1",
            "maxLeverage": f"{rules.leverage_max}.00",
            "leverageStep": "1.00",
        },
        "priceFilter": {"minPrice": tick, "maxPrice": "1999999.98", "tickSize": tick},
        "lotSizeFilter": {
            "maxOrderQty": MOST,
            "minOrderQty": plain(max(market.min_amount or ZERO, market.step or ZERO)),
            "qtyStep": step,
            "postOnlyMaxOrderQty": MOST,
            "maxMktOrderQty": MOST,
            "minNotionalValue": plain(market.min_notional or ZERO),
        },
        "unifiedMarginTrade": True,
        "fundingInterval": int((funding.interval_hours if funding else HOURS_USUAL) * 60),
        "copyTrading": "none",
        "upperFundingRate": "0.03",
        "lowerFundingRate": "-0.03",
        "isPreListing": False,
        "preListingInfo": None,
        "displayName": "",
    }


def tickers(call: Call) -> dict[str, Any]:
    """One symbol or all of a category; what has no price yet is not told."""
    category = call.category()
    swap = category == LINEAR
    symbol, base = call.symbol_or_none(swap=swap), call.said.text_or_none("baseCoin")
    asked = [symbol] if symbol else [one for one in call.listed(swap=swap) if base in (None, base_of(one))]
    return {"category": category, "list": [row for one in asked if (row := _ticker(call, one))]}


def _ticker(call: Call, symbol: str) -> dict[str, Any] | None:
    last = call.scene.price(symbol, call.at)
    if last is None:
        return None
    begun = call.at - timedelta(days=1)
    first = call.scene.price(symbol, begun) or last
    lowest, highest = call.scene.extremes(symbol, begun, call.at) or (min(first, last), max(first, last))
    turnover = call.scene.quote_volume(symbol, call.at)
    row = {
        "symbol": listing_id(symbol),
        **_best(call.scene.book(symbol, call.at)),
        "lastPrice": plain(last),
        "prevPrice24h": plain(first),
        "price24hPcnt": f"{last / first - 1:.4f}",
        "highPrice24h": plain(highest),
        "lowPrice24h": plain(lowest),
        "turnover24h": money(turnover),
        "volume24h": money(2 * turnover / (first + last)),
    }
    return row | (_premium(call, symbol, last) if is_swap(symbol) else {"usdIndexPrice": plain(last)})


def _best(book: Book | None) -> dict[str, str]:
    """Best bid and ask; a side without anybody is empty."""
    sides = {"bid1": book.bids if book else (), "ask1": book.asks if book else ()}
    row: dict[str, str] = {}
    for name, side in sides.items():
        row |= {f"{name}Price": plain(side[0][0]) if side else "", f"{name}Size": plain(side[0][1]) if side else ""}
    return row


def _premium(call: Call, symbol: str, mark: Decimal) -> dict[str, str]:
    """What only a perpetual has; clients know it by its open interest."""
    funding = call.scene.funding(symbol, call.at)
    spot = spot_symbol(base_of(symbol), quote_of(symbol))
    index = call.scene.price(spot, call.at) if spot in call.listing.markets else None
    return {
        "indexPrice": plain(index or mark),
        "markPrice": plain(mark),
        "prevPrice1h": plain(call.scene.price(symbol, call.at - timedelta(hours=1)) or mark),
        "openInterest": "0",
        "openInterestValue": "0",
        "fundingRate": plain(funding.rate) if funding else "",
        "nextFundingTime": str(milliseconds(funding.next_at)) if funding and funding.next_at else "0",
        "fundingIntervalHour": plain(_hours(funding)),
        "fundingCap": "0.03",
        "predictedDeliveryPrice": "",
        "basisRate": "",
        "basis": "",
        "deliveryFeeRate": "",
        "deliveryTime": "0",
        "preOpenPrice": "",
        "preQty": "",
        "curPreListingPhase": "",
    }


def _hours(funding: Funding | None) -> Decimal:
    return Decimal(funding.interval_hours) if funding else HOURS_USUAL


def orderbook(call: Call) -> dict[str, Any]:
    """The book, ``limit`` levels a side."""
    swap = call.swap()
    symbol = call.symbol(swap=swap)
    limit = call.said.limit(25 if swap else 1, 500 if swap else 200)
    book = call.scene.book(symbol, call.at)
    sides = {
        name: [[plain(price), plain(amount)] for price, amount in side[:limit]]
        for name, side in (("b", book.bids if book else ()), ("a", book.asks if book else ()))
    }
    return {"s": listing_id(symbol)} | sides | {"ts": call.at_ms, "u": call.at_ms, "seq": call.at_ms, "cts": call.at_ms}


def kline(call: Call) -> dict[str, Any]:
    """Candles, newest first, the unfinished one included; without ``start`` the newest ``limit``."""
    category = call.category(default=LINEAR)
    symbol = call.symbol(swap=category == LINEAR)
    name, span_ms = INTERVALS.get(call.said.text("interval"), ("", 0))
    limit = call.said.limit(200, 1_000)
    start, end = call.said.whole_or_none("start"), call.said.whole_or_none("end")
    end = call.at_ms if end is None else min(end, call.at_ms)
    # Between two ends the venue gives the newest ``limit``, which a window of as many spans holds.
    window = max(0, end - limit * span_ms + 1)
    since = window if start is None else max(start, window)
    try:
        rows = call.scene.candles(symbol, name, since, limit, call.at) if name else None
    except ValueError:  # a scene has its own, fewer timeframes
        rows = None
    if rows is None:
        raise errors.bad("interval invalid")
    made = [_candle(row) for row in rows.tolist() if row[0] <= end]
    return {"category": category, "symbol": listing_id(symbol), "list": made[::-1]}


def _candle(row: list[float]) -> list[str]:
    opened, first, high, low, close, volume = row
    turnover = volume * (high + low + close) / 3  # at the typical price: the scene knows no single trades
    return [str(int(opened)), *(float_text(one) for one in (first, high, low, close, volume, turnover))]


def funding_history(call: Call) -> dict[str, Any]:
    """Settlements, newest first; ``startTime`` alone is refused, as the venue does it."""
    category = call.category()
    if category == SPOT:
        raise errors.bad("category invalid")
    symbol = call.symbol(swap=True)
    limit = call.said.limit(200, 200)
    start, end = call.said.span_ms()
    if start is not None and end is None:
        raise errors.bad("endTime is required with startTime")
    upto = call.at if end is None else min(call.at, from_milliseconds(end))
    after = upto - timedelta(hours=int(_hours(call.scene.funding(symbol, call.at)) * limit))
    if start is not None:
        after = max(after, from_milliseconds(start - 1))
    settled = call.scene.settled(symbol, after, upto) if upto > after else ()
    rows = [
        {
            "symbol": listing_id(symbol),
            "fundingRate": plain(rate),
            "fundingRateTimestamp": str(milliseconds(at)),
        }
        for at, rate in settled
    ]
    return {"category": category, "list": rows[::-1][:limit]}


def risk_limit(call: Call) -> dict[str, Any]:
    """One tier a symbol: the engine's maintenance rate does not grow with size."""
    category = call.category()
    if category == SPOT:
        raise errors.bad("category invalid")
    symbol = call.symbol_or_none(swap=True)
    rules = call.exchange.rules
    rows = [
        {
            "id": 1,
            "symbol": listing_id(one),
            "riskLimitValue": RISK_LIMIT,
            "maintenanceMargin": text(call.listing.markets[one].maintenance_rate or rules.maintenance_rate),
            "initialMargin": plain(ONE / rules.leverage_max),
            "isLowestRisk": 1,
            "maxLeverage": f"{rules.leverage_max}.00",
            "mmDeduction": "",
        }
        for one in ([symbol] if symbol else sorted(call.listed(swap=True)))
    ]
    given, cursor = call.said.page(list(enumerate(rows))[::-1], lambda row: row[0], RISK_SYMBOLS, RISK_SYMBOLS)
    return {"category": category, "list": [row for _, row in given], "nextPageCursor": cursor}


def announcements(_call: Call) -> dict[str, Any]:
    """No maintenance is planned or under way."""
    return {"list": []}


ROUTES: Routes = {
    ("GET", "/v5/market/time"): Endpoint(venue_time),
    ("GET", "/v5/market/instruments-info"): Endpoint(instruments),
    ("GET", "/v5/market/tickers"): Endpoint(tickers),
    ("GET", "/v5/market/orderbook"): Endpoint(orderbook),
    ("GET", "/v5/market/kline"): Endpoint(kline),
    ("GET", "/v5/market/funding/history"): Endpoint(funding_history),
    ("GET", "/v5/market/risk-limit"): Endpoint(risk_limit),
    ("GET", "/v5/system/status"): Endpoint(announcements),
}
