"""Owns the endpoints under /fapi that list, quote and trade perpetuals; the account's own are in `futures_account`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from bot.core.instruments import Market, base_of, quote_of
from bot.core.numbers import ONE, ZERO, plain
from bot.local_exchange import market_data, orders, weights
from bot.local_exchange.calls import Call, Endpoint, Routes, listing_id
from bot.local_exchange.errors import WireError
from bot.local_exchange.spot import MOST_AMOUNT, MOST_PRICE, PRECISION, rate_limits
from bot.venues.simulated.exchange import TradeRecord

FOREVER_MS = 4_133_404_800_000  # 2100-12-25: the delivery date Binance gives to what is never delivered
WEEK = timedelta(days=7)


def exchange_info(call: Call) -> dict[str, Any]:
    """Every perpetual with its filters; there is no parameter."""
    symbols = list(call.listing.swap.values())
    return {
        "timezone": "UTC",
        "serverTime": call.told_ms,
        "futuresType": "U_MARGINED",
        "rateLimits": rate_limits(weights.FUTURES),
        "exchangeFilters": [],
        "assets": [
            {"asset": asset, "marginAvailable": True, "autoAssetExchange": "-10000"}
            for asset in sorted({quote_of(symbol) for symbol in symbols})
        ],
        "symbols": [_symbol(call, symbol, call.listing.markets[symbol]) for symbol in symbols],
    }


def _symbol(call: Call, symbol: str, market: Market) -> dict[str, Any]:
    rules = call.exchange.rules
    quote = quote_of(symbol)
    maintenance = (market.maintenance_rate or rules.maintenance_rate) * 100
    return {
        "symbol": listing_id(symbol),
        "pair": listing_id(symbol),
        "contractType": "PERPETUAL",
        "deliveryDate": FOREVER_MS,
        "onboardDate": 0,
        "status": "TRADING" if call.exchange.is_trading(symbol) else "SETTLING",
        "maintMarginPercent": plain(maintenance),
        "requiredMarginPercent": plain(2 * maintenance),
        "baseAsset": base_of(symbol),
        "quoteAsset": quote,
        "marginAsset": quote,
        "pricePrecision": _places(market.tick),
        "quantityPrecision": _places(market.step),
        "baseAssetPrecision": PRECISION,
        "quotePrecision": PRECISION,
        "underlyingType": "COIN",
        "underlyingSubType": [],
        "triggerProtect": "0.0500",
        "liquidationFee": plain(rules.liquidation_fee),
        "marketTakeBound": plain(rules.market_band),
        "maxMoveOrderLimit": 10_000,
        "filters": _filters(call, market),
        "orderTypes": list(orders.SWAP_TYPES),
        "timeInForce": ["GTC", "IOC", "FOK", "GTX"],
    }


def _places(step: Any) -> int:
    return PRECISION if step is None else max(0, -int(step.normalize().as_tuple().exponent))


def _filters(call: Call, market: Market) -> list[dict[str, Any]]:
    band = call.exchange.rules.swap_band
    tick, step = plain(market.tick or ZERO), plain(market.step or ZERO)
    least = plain(max(market.min_amount or ZERO, market.step or ZERO))
    return [
        {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": MOST_PRICE, "tickSize": tick},
        {"filterType": "LOT_SIZE", "minQty": least, "maxQty": MOST_AMOUNT, "stepSize": step},
        {"filterType": "MARKET_LOT_SIZE", "minQty": least, "maxQty": MOST_AMOUNT, "stepSize": step},
        {"filterType": "MAX_NUM_ORDERS", "limit": call.exchange.rules.open_orders_max},
        {"filterType": "MIN_NOTIONAL", "notional": plain(market.min_notional or ZERO)},
        {
            "filterType": "PERCENT_PRICE",
            "multiplierUp": plain(ONE + band),
            "multiplierDown": plain(ONE - band),
            "multiplierDecimal": "4",
        },
    ]


def place(call: Call) -> dict[str, Any]:
    """RESULT where it is asked for, else ACK: the order as it came in."""
    wanted = call.said.get("newOrderRespType", "ACK").upper()
    order = orders.place(call)
    return orders.swap_order(order, placed=True) if wanted == "RESULT" else orders.swap_order_ack(order)


def cancel(call: Call) -> dict[str, Any]:
    """The cancelled order, as a POST would answer it."""
    return orders.swap_order(orders.cancel(call), placed=True)


def cancel_all(call: Call) -> dict[str, Any]:
    """Every open order of a symbol; none open is fine here."""
    call.exchange.cancel_all(call.symbol())
    return {"code": 200, "msg": "The operation of cancel all open order is done."}


def cancel_after(call: Call) -> dict[str, Any]:
    """Cancel every open order of a symbol unless asked again in time; 0 ends the countdown."""
    symbol, span_ms = call.symbol(), call.said.whole("countdownTime")
    if span_ms:
        call.countdowns.begin(symbol, (symbol,), call.at, timedelta(milliseconds=span_ms))
    else:
        call.countdowns.stop(symbol)
    return {"symbol": listing_id(symbol), "countdownTime": str(span_ms)}


def open_orders(call: Call) -> list[dict[str, Any]]:
    """Open futures orders of one symbol or all."""
    symbol = call.symbol_or_none()
    found = call.exchange.open_orders(symbol)
    return [orders.swap_order(order) for order in found if order.symbol in call.listing.swap.values()]


def all_orders(call: Call) -> list[dict[str, Any]]:
    """Open and closed orders of a symbol, oldest first."""
    found = call.exchange.orders(call.symbol(gone=True), limit=2 * call.exchange.rules.history_max)
    first = call.said.whole_or_none("orderId")
    if first is not None:
        found = [order for order in found if order.order_id >= first][: call.said.limit(500, 1_000)]
    else:
        orders.refuse_long_spans(call, WEEK, _more_than_a_week())
        found = orders.window(found, lambda order: order.created_at, call, 500, 1_000)
    return [orders.swap_order(order) for order in found]


def user_trades(call: Call) -> list[dict[str, Any]]:
    """Own trades of a symbol, oldest first; without a start the last seven days, else seven days from it."""
    trades = call.exchange.trades(call.symbol(gone=True), limit=call.exchange.rules.history_max)
    order_id, from_id = call.said.whole_or_none("orderId"), call.said.whole_or_none("fromId")
    if order_id is not None:
        trades = [trade for trade in trades if trade.order_id == order_id]
    if from_id is not None:
        trades = [trade for trade in trades if trade.trade_id >= from_id][: call.said.limit(500, 1_000)]
    else:
        orders.refuse_long_spans(call, WEEK, _more_than_a_week())
        trades = orders.window(_one_week(trades, call), lambda trade: trade.at, call, 500, 1_000)
    return [orders.swap_trade(trade) for trade in trades]


def _one_week(trades: list[TradeRecord], call: Call) -> list[TradeRecord]:
    start, end = call.said.span()
    if start is None:
        first_ms = (call.at_ms if end is None else end) - WEEK / timedelta(milliseconds=1)
        return [trade for trade in trades if trade.at.timestamp() * 1_000 >= first_ms]
    last_ms = start + WEEK / timedelta(milliseconds=1)
    return [trade for trade in trades if trade.at.timestamp() * 1_000 <= last_ms]


def _more_than_a_week() -> WireError:
    return WireError(-4166, "Search window is restricted to recent 7 days only.")


def no_conditional_orders(_call: Call) -> dict[str, Any]:
    """Conditional orders are not served here; a client that asks is told so."""
    raise WireError(-4120, "Order type not supported for this endpoint.")


ROUTES: Routes = {
    ("GET", "/fapi/v1/ping"): Endpoint(market_data.ping),
    ("GET", "/fapi/v1/time"): Endpoint(market_data.venue_time),
    ("GET", "/fapi/v1/exchangeInfo"): Endpoint(exchange_info),
    ("GET", "/fapi/v1/klines"): Endpoint(market_data.klines, market_data.klines_weight_swap),
    ("GET", "/fapi/v1/depth"): Endpoint(market_data.depth, market_data.depth_weight_swap),
    ("GET", "/fapi/v1/premiumIndex"): Endpoint(market_data.premium_index, market_data.by_symbol(1, 10)),
    ("GET", "/fapi/v1/fundingInfo"): Endpoint(market_data.funding_info),
    ("GET", "/fapi/v1/fundingRate"): Endpoint(market_data.funding_rates),
    ("GET", "/fapi/v1/ticker/bookTicker"): Endpoint(market_data.book_ticker, market_data.by_symbol(2, 5)),
    ("GET", "/fapi/v1/ticker/24hr"): Endpoint(market_data.day_ticker, market_data.by_symbol(1, 40)),
    ("GET", "/fapi/v1/ticker/price"): Endpoint(market_data.price_ticker, market_data.by_symbol(1, 2)),
    ("GET", "/fapi/v2/ticker/price"): Endpoint(market_data.price_ticker, market_data.by_symbol(1, 2)),
    ("POST", "/fapi/v1/order"): Endpoint(place, 0, signed=True, orders=1),
    ("POST", "/fapi/v1/algoOrder"): Endpoint(no_conditional_orders, 0, signed=True),
    ("GET", "/fapi/v1/order"): Endpoint(lambda call: orders.swap_order(orders.find(call)), signed=True),
    ("DELETE", "/fapi/v1/order"): Endpoint(cancel, signed=True),
    ("GET", "/fapi/v1/openOrders"): Endpoint(open_orders, market_data.by_symbol(1, 40), signed=True),
    ("DELETE", "/fapi/v1/allOpenOrders"): Endpoint(cancel_all, signed=True),
    ("POST", "/fapi/v1/countdownCancelAll"): Endpoint(cancel_after, 10, signed=True),
    ("GET", "/fapi/v1/allOrders"): Endpoint(all_orders, 5, signed=True),
    ("GET", "/fapi/v1/userTrades"): Endpoint(user_trades, 5, signed=True),
}
