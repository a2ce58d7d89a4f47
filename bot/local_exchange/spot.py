"""Owns the endpoints under /api/v3: the spot side."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from bot.core.instruments import Market, base_of, quote_of
from bot.core.numbers import ZERO, plain
from bot.local_exchange import errors, market_data, orders, weights
from bot.local_exchange.calls import Call, Endpoint, Routes, knows, listing_id
from bot.local_exchange.errors import WireError
from bot.local_exchange.market_data import MINUTE_MS
from bot.venues.simulated.exchange import Exchange, OrderRecord, SpotBalance, TradeRecord

PRECISION = 8
MOST_PRICE = "1000000.00000000"
MOST_AMOUNT = "9000000.00000000"
MOST_NOTIONAL = "9000000.00000000"


def exchange_info(call: Call) -> dict[str, Any]:
    """Symbols with their filters, and the limits that `weights` holds."""
    symbols, _ = call.symbols()
    return {
        "timezone": "UTC",
        "serverTime": call.told_ms,
        "rateLimits": rate_limits(weights.SPOT),
        "exchangeFilters": [],
        "symbols": [_symbol(call, symbol, call.listing.markets[symbol]) for symbol in symbols],
    }


def rate_limits(budget: weights.Budget) -> list[dict[str, Any]]:
    """A budget as exchangeInfo shows it."""
    units = {1_000: "SECOND", MINUTE_MS: "MINUTE", 1_440 * MINUTE_MS: "DAY"}
    rows: list[dict[str, Any]] = [
        {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": budget.weight_1m}
    ]
    for limit in budget.orders:
        unit = max(span for span in units if limit.span_ms % span == 0)
        number = limit.span_ms // unit
        row = {"rateLimitType": "ORDERS", "interval": units[unit], "intervalNum": number, "limit": limit.most}
        rows.append(row)
    return rows


def _symbol(call: Call, symbol: str, market: Market) -> dict[str, Any]:
    return {
        "symbol": listing_id(symbol),
        "status": "TRADING" if call.exchange.is_trading(symbol) else "BREAK",
        "baseAsset": base_of(symbol),
        "baseAssetPrecision": PRECISION,
        "quoteAsset": quote_of(symbol),
        "quotePrecision": PRECISION,
        "quoteAssetPrecision": PRECISION,
        "baseCommissionPrecision": PRECISION,
        "quoteCommissionPrecision": PRECISION,
        "orderTypes": list(orders.SPOT_TYPES),
        "icebergAllowed": False,
        "ocoAllowed": False,
        "otoAllowed": False,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": False,
        "cancelReplaceAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": _filters(call.exchange, market),
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
        "allowedSelfTradePreventionModes": ["EXPIRE_MAKER"],
    }


def _filters(exchange: Exchange, market: Market) -> list[dict[str, Any]]:
    rules = exchange.rules
    tick, step = plain(market.tick or ZERO), plain(market.step or ZERO)
    least = plain(max(market.min_amount or ZERO, market.step or ZERO))
    up, down = plain(rules.spot_up), plain(rules.spot_down)
    return [
        {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": MOST_PRICE, "tickSize": tick},
        {"filterType": "LOT_SIZE", "minQty": least, "maxQty": MOST_AMOUNT, "stepSize": step},
        {"filterType": "MARKET_LOT_SIZE", "minQty": "0", "maxQty": MOST_AMOUNT, "stepSize": "0"},
        {
            "filterType": "PERCENT_PRICE_BY_SIDE",
            "bidMultiplierUp": up,
            "bidMultiplierDown": down,
            "askMultiplierUp": up,
            "askMultiplierDown": down,
            "avgPriceMins": 5,
        },
        {
            "filterType": "NOTIONAL",
            "minNotional": plain(market.min_notional or ZERO),
            "applyMinToMarket": True,
            "maxNotional": MOST_NOTIONAL,
            "applyMaxToMarket": False,
            "avgPriceMins": 5,
        },
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": rules.open_orders_max},
    ]


def account(call: Call) -> dict[str, Any]:
    """Balances of the spot wallet and of savings."""
    fees = next(
        (market for symbol, market in call.listing.markets.items() if symbol in call.listing.spot.values()), None
    )
    maker, taker = (fees.maker, fees.taker) if fees else (ZERO, ZERO)
    hide = call.said.flag("omitZeroBalances")
    return {
        "makerCommission": int(maker * 10_000),
        "takerCommission": int(taker * 10_000),
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": {"maker": plain(maker), "taker": plain(taker), "buyer": "0", "seller": "0"},
        "canTrade": True,
        "canWithdraw": True,
        "canDeposit": True,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": call.at_ms,
        "accountType": "SPOT",
        "balances": [
            {"asset": asset, "free": plain(balance.free), "locked": plain(balance.locked)}
            for asset, balance in sorted(_held(call).items())
            if not hide or balance.free or balance.locked
        ],
        "permissions": ["SPOT"],
        "uid": 1,
    }


def _held(call: Call) -> dict[str, SpotBalance]:
    """The spot wallet, and what is saved as coins of another name: ``LDUSDT`` is USDT in flexible savings."""
    saved = {f"LD{asset}": SpotBalance(amount, ZERO) for asset, amount in call.exchange.earn().items()}
    return {**call.exchange.balances(), **saved}


def place(call: Call) -> dict[str, Any]:
    """ACK, RESULT or FULL, as ``newOrderRespType`` asks; limit and market orders answer FULL unless told otherwise."""
    wanted = call.said.get("newOrderRespType", "").upper()
    order = orders.place(call)
    if not wanted:
        wanted = "ACK" if order.tif == "post_only" else "FULL"
    row = orders.spot_order(order) | {"transactTime": call.at_ms}
    if wanted == "ACK":
        return {name: row[name] for name in ("symbol", "orderId", "orderListId", "clientOrderId", "transactTime")}
    return row if wanted == "RESULT" else row | {"fills": [orders.spot_fill(trade) for trade in _fills(call, order)]}


def _fills(call: Call, order: OrderRecord) -> list[TradeRecord]:
    if not order.filled:
        return []
    trades = call.exchange.trades(order.symbol, since=order.created_at)
    return [trade for trade in trades if trade.order_id == order.order_id]


def try_order(call: Call) -> dict[str, Any]:
    """Refused or not as the order itself would be, on a copy of the exchange: nothing is placed nor counted."""
    copy = Exchange(call.scene, state=call.exchange.dump(), settle=call.exchange.settle, rules=call.exchange.rules)
    orders.place(replace(call, exchange=copy))
    return {}


def cancel(call: Call) -> dict[str, Any]:
    """The cancelled order; ``clientOrderId`` is the cancel's own id here, the order's is ``origClientOrderId``."""
    return _cancelled(call, orders.cancel(call))


def _cancelled(call: Call, order: OrderRecord) -> dict[str, Any]:
    own = call.said.client_id("newClientOrderId") or f"cancel-{order.order_id}"
    row = orders.spot_order(order)
    del row["workingTime"]
    return row | {"origClientOrderId": order.client_id, "clientOrderId": own, "transactTime": call.at_ms}


def cancel_all(call: Call) -> list[dict[str, Any]]:
    """Every open order of a symbol; none open is an error, as on the venue."""
    cancelled = call.exchange.cancel_all(call.symbol())
    if not cancelled:
        raise errors.unknown_order()
    return [_cancelled(call, order) for order in cancelled]


def open_orders(call: Call) -> list[dict[str, Any]]:
    """Open spot orders of one symbol or all."""
    symbol = call.symbol_or_none()
    found = call.exchange.open_orders(symbol)
    return [orders.spot_order_read(order) for order in found if order.symbol in call.listing.spot.values()]


def all_orders(call: Call) -> list[dict[str, Any]]:
    """Open and closed orders of a symbol, oldest first; from ``orderId`` on where it is said."""
    most = call.exchange.rules.history_max
    found = call.exchange.orders(call.symbol(gone=True), limit=2 * most)
    first = call.said.whole_or_none("orderId")
    if first is not None:
        found = [order for order in found if order.order_id >= first][: call.said.limit(500, 1_000)]
    else:
        orders.refuse_long_spans(call, timedelta(days=1), _more_than_a_day())
        found = orders.window(found, lambda order: order.created_at, call, 500, 1_000)
    return [orders.spot_order_read(order) for order in found]


def my_trades(call: Call) -> list[dict[str, Any]]:
    """Own trades of a symbol, oldest first, a day at a time."""
    trades = call.exchange.trades(call.symbol(gone=True), limit=call.exchange.rules.history_max)
    order_id, from_id = call.said.whole_or_none("orderId"), call.said.whole_or_none("fromId")
    if order_id is not None:
        trades = [trade for trade in trades if trade.order_id == order_id]
    if from_id is not None:
        trades = [trade for trade in trades if trade.trade_id >= from_id][: call.said.limit(500, 1_000)]
    else:
        orders.refuse_long_spans(call, timedelta(days=1), _more_than_a_day())
        trades = orders.window(trades, lambda trade: trade.at, call, 500, 1_000)
    return [orders.spot_trade(trade) for trade in trades]


def _more_than_a_day() -> WireError:
    return WireError(-1127, "More than 24 hours between startTime and endTime.")


_ORDER = knows(
    "symbol side type timeInForce quantity quoteOrderQty price newClientOrderId newOrderRespType "
    "selfTradePreventionMode strategyId strategyType",
    signed=True,
)
_ONE = knows("symbol orderId origClientOrderId", signed=True)
_SYMBOLS = knows("symbol symbols")
_ROWS = "symbol startTime endTime limit orderId"

ROUTES: Routes = {
    ("GET", "/api/v3/ping"): Endpoint(market_data.ping, knows=knows()),
    ("GET", "/api/v3/time"): Endpoint(market_data.venue_time, knows=knows()),
    ("GET", "/api/v3/exchangeInfo"): Endpoint(
        exchange_info, 20, knows=knows("symbol symbols permissions showPermissionSets symbolStatus")
    ),
    ("GET", "/api/v3/klines"): Endpoint(
        market_data.klines, 2, knows=knows("symbol interval startTime endTime limit timeZone")
    ),
    ("GET", "/api/v3/depth"): Endpoint(market_data.depth, market_data.depth_weight_spot, knows=knows("symbol limit")),
    ("GET", "/api/v3/ticker/bookTicker"): Endpoint(
        market_data.book_ticker, market_data.by_symbol(2, 4), knows=_SYMBOLS
    ),
    ("GET", "/api/v3/ticker/24hr"): Endpoint(
        market_data.day_ticker, market_data.day_weight_spot, knows=_SYMBOLS | {"type"}
    ),
    ("GET", "/api/v3/ticker/price"): Endpoint(market_data.price_ticker, market_data.by_symbol(2, 4), knows=_SYMBOLS),
    ("GET", "/api/v3/account"): Endpoint(account, 20, signed=True, knows=knows("omitZeroBalances", signed=True)),
    ("POST", "/api/v3/order"): Endpoint(place, 1, signed=True, orders=1, knows=_ORDER),
    ("POST", "/api/v3/order/test"): Endpoint(try_order, 1, signed=True, knows=_ORDER | {"computeCommissionRates"}),
    ("GET", "/api/v3/order"): Endpoint(
        lambda call: orders.spot_order_read(orders.find(call)), 4, signed=True, knows=_ONE
    ),
    ("DELETE", "/api/v3/order"): Endpoint(
        cancel, 1, signed=True, knows=_ONE | {"newClientOrderId", "cancelRestrictions"}
    ),
    ("GET", "/api/v3/openOrders"): Endpoint(
        open_orders, market_data.by_symbol(6, 80), signed=True, knows=knows("symbol", signed=True)
    ),
    ("DELETE", "/api/v3/openOrders"): Endpoint(cancel_all, 1, signed=True, knows=knows("symbol", signed=True)),
    ("GET", "/api/v3/allOrders"): Endpoint(all_orders, 20, signed=True, knows=knows(_ROWS, signed=True)),
    ("GET", "/api/v3/myTrades"): Endpoint(my_trades, 20, signed=True, knows=knows(_ROWS + " fromId", signed=True)),
}
