"""Owns the public answers that spot and futures share: candles, books, tickers. Reads the scene, changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from bot.core.instruments import base_of, quote_of, spot_symbol
from bot.core.numbers import ZERO, from_milliseconds, milliseconds, plain
from bot.core.snapshot import Book
from bot.local_exchange import errors
from bot.local_exchange.calls import Call, float_text, listing_id, money, text
from bot.local_exchange.parameters import Parameters

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
INTERVALS_MS = {
    "1m": MINUTE_MS,
    "3m": 3 * MINUTE_MS,
    "5m": 5 * MINUTE_MS,
    "15m": 15 * MINUTE_MS,
    "30m": 30 * MINUTE_MS,
    "1h": HOUR_MS,
    "2h": 2 * HOUR_MS,
    "4h": 4 * HOUR_MS,
    "6h": 6 * HOUR_MS,
    "8h": 8 * HOUR_MS,
    "12h": 12 * HOUR_MS,
    "1d": DAY_MS,
    "3d": 3 * DAY_MS,
    "1w": 7 * DAY_MS,
}
HALF = Decimal("0.5")
MANY, ALL = 20, 100  # symbols: where the weight of 24 h tickers steps up


def ping(_call: Call) -> dict[str, Any]:
    """Nothing but that the venue is there."""
    return {}


def venue_time(call: Call) -> dict[str, Any]:
    """The venue's clock."""
    return {"serverTime": call.told_ms}


def klines(call: Call) -> list[list[Any]]:
    """Candles oldest first, the unfinished one included; without ``startTime`` the newest ``limit``."""
    symbol = call.symbol()
    interval = call.said.text("interval")
    span_ms = INTERVALS_MS.get(interval)
    if span_ms is None:
        raise errors.WireError(-1120, "Invalid interval.")
    limit = call.said.limit(500, 1_500 if call.swap else 1_000)
    start, end = call.said.span()
    end = call.at_ms if end is None else min(end, call.at_ms)
    # A window of ``limit`` spans that ends now holds ``limit`` openings, however the scene aligns its bars.
    since = max(0, end - limit * span_ms + 1) if start is None else start
    try:
        rows = call.scene.candles(symbol, interval, since, limit, call.at)
    except ValueError as error:  # a scene has its own, fewer timeframes
        raise errors.WireError(-1120, "Invalid interval.") from error
    return [_kline(row, span_ms) for row in rows.tolist() if row[0] <= end]


def _kline(row: list[float], span_ms: int) -> list[Any]:
    opened, first, high, low, close, volume = row
    turnover = volume * (high + low + close) / 3  # at the typical price: the scene knows no single trades
    return [
        int(opened),
        float_text(first),
        float_text(high),
        float_text(low),
        float_text(close),
        float_text(volume),
        int(opened) + span_ms - 1,
        float_text(turnover),
        0,
        float_text(volume / 2),
        float_text(turnover / 2),
        "0",
    ]


def depth(call: Call) -> dict[str, Any]:
    """The order book; futures adds its two instants."""
    symbol = call.symbol()
    limit = call.said.limit(500 if call.swap else 100, 1_000 if call.swap else 5_000)
    book = book_of(call, symbol)
    answer: dict[str, Any] = {"lastUpdateId": call.at_ms}
    if call.swap:
        answer |= {"E": call.at_ms, "T": call.at_ms}
    for name, side in (("bids", book.bids if book else ()), ("asks", book.asks if book else ())):
        answer[name] = [[plain(price), plain(amount)] for price, amount in side[:limit]]
    return answer


def book_of(call: Call, symbol: str) -> Book | None:
    """What a taker would find now."""
    return call.scene.book(symbol, call.at)


def book_ticker(call: Call) -> Any:
    """Best bid and ask. Only futures says ``time``: clients tell the two sides apart by it."""
    symbols, single = call.symbols()
    return one_or_all([row for symbol in symbols if (row := _book_ticker(call, symbol))], single=single)


def _book_ticker(call: Call, symbol: str) -> dict[str, Any] | None:
    book = book_of(call, symbol)
    if book is None or not (book.bids and book.asks):
        return None
    (bid, bid_amount), (ask, ask_amount) = book.bids[0], book.asks[0]
    row: dict[str, Any] = {
        "symbol": listing_id(symbol),
        "bidPrice": plain(bid),
        "bidQty": plain(bid_amount),
        "askPrice": plain(ask),
        "askQty": plain(ask_amount),
    }
    return row | {"lastUpdateId": call.at_ms, "time": call.at_ms} if call.swap else row


def price_ticker(call: Call) -> Any:
    """The last price. Only futures says ``time``."""
    symbols, single = call.symbols()
    rows = []
    for symbol in symbols:
        price = call.scene.price(symbol, call.at)
        if price is not None:
            row: dict[str, Any] = {"symbol": listing_id(symbol), "price": plain(price)}
            rows.append(row | {"time": call.at_ms} if call.swap else row)
    return one_or_all(rows, single=single)


def day_ticker(call: Call) -> Any:
    """24 hours of one symbol or all. Only spot says bid and ask."""
    symbols, single = call.symbols()
    return one_or_all([row for symbol in symbols if (row := _day_ticker(call, symbol))], single=single)


def _day_ticker(call: Call, symbol: str) -> dict[str, Any] | None:
    last = call.scene.price(symbol, call.at)
    if last is None:
        return None
    begun = call.at - timedelta(days=1)
    earlier = call.scene.price(symbol, begun)
    first = last if earlier is None else earlier
    lowest, highest = call.scene.extremes(symbol, begun, call.at) or (min(first, last), max(first, last))
    turnover = call.scene.quote_volume(symbol, call.at)
    middle = (first + last) * HALF
    row: dict[str, Any] = {
        "symbol": listing_id(symbol),
        "priceChange": plain(last - first),
        "priceChangePercent": f"{(last / first - 1) * 100:.3f}",
        "weightedAvgPrice": money(middle),
        "lastPrice": plain(last),
        "lastQty": "0",
        "openPrice": plain(first),
        "highPrice": plain(highest),
        "lowPrice": plain(lowest),
        "volume": money(turnover / middle),
        "quoteVolume": money(turnover),
        "openTime": milliseconds(begun),
        "closeTime": call.at_ms,
        "firstId": -1,
        "lastId": -1,
        "count": 0,
    }
    if call.swap:
        return row
    best = _book_ticker(call, symbol) or {"bidPrice": "0", "bidQty": "0", "askPrice": "0", "askQty": "0"}
    return row | {"prevClosePrice": plain(first)} | {key: value for key, value in best.items() if key != "symbol"}


def one_or_all(rows: Sequence[dict[str, Any]], *, single: bool) -> Any:
    """One object where one symbol was asked for, a list otherwise; a symbol without a price yet is no symbol."""
    if not single:
        return list(rows)
    if not rows:
        raise errors.bad_symbol()
    return rows[0]


def premium_index(call: Call) -> Any:
    """Mark and index price, the rate that the next settlement will charge, and when; an unknown rate is empty."""
    symbols, single = call.symbols()
    return one_or_all([row for symbol in symbols if (row := _premium(call, symbol))], single=single)


def _premium(call: Call, symbol: str) -> dict[str, Any] | None:
    mark, funding = call.scene.price(symbol, call.at), call.scene.funding(symbol, call.at)
    if mark is None:
        return None
    spot = spot_symbol(base_of(symbol), quote_of(symbol))
    index = call.scene.price(spot, call.at) if spot in call.listing.markets else None
    return {
        "symbol": listing_id(symbol),
        "markPrice": plain(mark),
        "indexPrice": plain(index or mark),
        "estimatedSettlePrice": plain(index or mark),
        "lastFundingRate": plain(funding.rate) if funding is not None else "",
        "interestRate": "0.0001",
        "nextFundingTime": milliseconds(funding.next_at) if funding is not None and funding.next_at else 0,
        "time": call.at_ms,
    }


def funding_info(call: Call) -> list[dict[str, Any]]:
    """Only the contracts whose interval is not the usual eight hours, as the venue does it."""
    rows = []
    for symbol in call.listing.swap.values():
        funding = call.scene.funding(symbol, call.at)
        if funding is not None and funding.interval_hours != 8:  # noqa: PLR2004 - hours; what clients assume unsaid
            rows.append(
                {
                    "symbol": listing_id(symbol),
                    "adjustedFundingRateCap": "0.03",
                    "adjustedFundingRateFloor": "-0.03",
                    "fundingIntervalHours": int(funding.interval_hours),
                    "disclaimer": False,
                }
            )
    return rows


def funding_rates(call: Call) -> list[dict[str, Any]]:
    """Past settlements oldest first: from ``startTime`` the first ``limit``, without it the newest."""
    symbol = call.symbol_or_none()
    limit = call.said.limit(100, 1_000)
    start, end = call.said.span()
    upto = call.at if end is None else min(call.at, from_milliseconds(end))
    # Settlements are at least hourly: ``limit`` of them never need more hours than this, eight a piece at the slowest.
    after = upto - timedelta(hours=8 * limit) if start is None else from_milliseconds(start - 1)
    rows = []
    for one in [symbol] if symbol else list(call.listing.swap.values()):
        for at, rate in call.scene.settled(one, after, upto):
            mark = call.scene.price(one, at)
            rows.append(
                {
                    "symbol": listing_id(one),
                    "fundingTime": milliseconds(at),
                    "fundingRate": plain(rate),
                    "markPrice": text(mark if mark is not None else ZERO),
                }
            )
    rows.sort(key=lambda row: (row["fundingTime"], row["symbol"]))
    return rows[:limit] if start is not None else rows[-limit:]


def depth_weight_spot(said: Parameters) -> int:
    """5 up to 100 levels, then 25, 50 and 250."""
    return _stepped(said, 100, ((100, 5), (500, 25), (1_000, 50)), 250)


def depth_weight_swap(said: Parameters) -> int:
    """2 up to 50 levels, then 5, 10 and 20."""
    return _stepped(said, 500, ((50, 2), (100, 5), (500, 10)), 20)


def klines_weight_swap(said: Parameters) -> int:
    """1 below 100 candles, 2 below 500, 5 up to 1000, then 10."""
    return _stepped(said, 500, ((99, 1), (499, 2), (1_000, 5)), 10)


def _stepped(said: Parameters, default: int, steps: Sequence[tuple[int, int]], top: int) -> int:
    wanted = said.get("limit", "")
    rows = int(wanted) if wanted.isdecimal() else default
    return next((weight for most, weight in steps if rows <= most), top)


def day_weight_spot(said: Parameters) -> int:
    """2 up to 20 symbols, 40 up to 100, 80 for all."""
    if "symbol" in said:
        return 2
    if "symbols" not in said:
        return 80
    count = said["symbols"].count(",") + 1
    return 2 if count <= MANY else 40 if count <= ALL else 80


def by_symbol(one: int, every: int) -> Any:
    """A weight that depends on whether one symbol is named."""
    return lambda said: one if "symbol" in said else every
