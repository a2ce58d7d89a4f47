"""Owns reading an order from a request and writing orders and trades in the two dialects, spot and futures. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal, TypeVar

from bot.core.numbers import ZERO, floor_to, from_milliseconds, milliseconds, plain
from bot.local_exchange import errors, refusals
from bot.local_exchange.calls import Call, listing_id, money, text
from bot.local_exchange.errors import WireError
from bot.venues.simulated.exchange import (
    OrderRecord,
    OrderRequest,
    OrderStatus,
    Refusal,
    RefusalCode,
    TradeRecord,
)

Side = Literal["buy", "sell"]
Tif = Literal["gtc", "ioc", "fok", "post_only"]
_SIDES: dict[str, Side] = {"BUY": "buy", "SELL": "sell"}
_TIFS_SPOT: dict[str, Tif] = {"GTC": "gtc", "IOC": "ioc", "FOK": "fok"}
_TIFS_SWAP: dict[str, Tif] = {**_TIFS_SPOT, "GTX": "post_only"}
_TIF_WORDS = {"gtc": "GTC", "ioc": "IOC", "fok": "FOK"}
SPOT_TYPES = ("LIMIT", "LIMIT_MAKER", "MARKET")
SWAP_TYPES = ("LIMIT", "MARKET")
UNSERVED_TYPES = frozenset(
    {
        "STOP",
        "STOP_MARKET",
        "TAKE_PROFIT",
        "TAKE_PROFIT_MARKET",
        "TRAILING_STOP_MARKET",
        "STOP_LOSS",
        "STOP_LOSS_LIMIT",
        "TAKE_PROFIT_LIMIT",
    }
)


def read(call: Call) -> OrderRequest:
    """An order as its client wrote it; raises `WireError` on what the venue's front would refuse."""
    symbol, said = call.symbol(), call.said
    side = _SIDES.get(said.text("side").upper())
    if side is None:
        raise WireError(-1117, "Invalid side.")
    kind = _kind(call)
    client_id = said.client_id("newClientOrderId") or ""  # the engine names what comes without a name
    if kind == "MARKET":
        for name in ("price", "timeInForce"):
            # Futures ignores them; on spot a price with a market order is a mistake that must not go by.
            if not call.swap and name in said:
                raise errors.not_required(name)
        amount = _market_amount(call, symbol, side)
        return OrderRequest(symbol, side, "market", amount, None, "ioc", _reduces(call), client_id)
    tif: Tif
    if kind == "LIMIT_MAKER":
        if "timeInForce" in said:
            raise errors.not_required("timeInForce")
        tif = "post_only"
    else:
        tif = _tif(call)
    amount, price = said.decimal("quantity"), said.decimal("price")
    _positive(amount, price, swap=call.swap)
    return OrderRequest(symbol, side, "limit", amount, price, tif, _reduces(call), client_id)


def _kind(call: Call) -> str:
    kind = call.said.text("type").upper()
    if kind in (SWAP_TYPES if call.swap else SPOT_TYPES):
        return kind
    if kind in UNSERVED_TYPES and call.swap:
        raise WireError(
            -4120, "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead."
        )
    raise WireError(-1116, "Invalid orderType.")


def _tif(call: Call) -> Tif:
    said = call.said.text("timeInForce").upper()
    tif = (_TIFS_SWAP if call.swap else _TIFS_SPOT).get(said)
    if tif is None:
        raise WireError(-1115, "Invalid timeInForce.")
    return tif


def _reduces(call: Call) -> bool:
    if not call.swap:
        return False
    if call.said.get("positionSide", "BOTH").upper() != "BOTH":
        raise WireError(-4061, "Order's position side does not match user's setting.")
    return call.said.flag("reduceOnly")


def _positive(amount: Decimal, price: Decimal, *, swap: bool) -> None:
    if amount <= 0:
        raise WireError(-4003, "Quantity less than or equal to zero.") if swap else errors.filter_failure("LOT_SIZE")
    if price <= 0:
        raise WireError(-4006, "Stop price less than zero.") if swap else errors.filter_failure("PRICE_FILTER")


def _market_amount(call: Call, symbol: str, side: Side) -> Decimal:
    """Base units of a market order: as said, or on spot what ``quoteOrderQty`` buys through the book as it stands."""
    said = call.said
    if call.swap or "quoteOrderQty" not in said:
        amount = said.decimal("quantity")
        _positive(amount, Decimal(1), swap=call.swap)
        return amount
    if "quantity" in said:
        raise WireError(-1128, "Combination of optional parameters invalid.")
    money_left = said.decimal("quoteOrderQty")
    book = call.scene.book(symbol, call.at)
    amount = ZERO
    for price, there in (book.asks if side == "buy" else book.bids) if book else ():
        taken = min(there, money_left / price)
        amount, money_left = amount + taken, money_left - taken * price
        if money_left <= 0:
            break
    amount = floor_to(amount, call.listing.markets[symbol].step)
    if amount <= 0:
        raise errors.filter_failure("LOT_SIZE" if book else "MARKET_LOT_SIZE")
    return amount


def place(call: Call) -> OrderRecord:
    """Read and place; raises `WireError`."""
    request = read(call)
    try:
        return call.exchange.place(request)
    except Refusal as refusal:
        raise refusals.of_order(refusal, call, request.symbol) from refusal


def find(call: Call) -> OrderRecord:
    """The order that ``orderId`` or ``origClientOrderId`` names; raises `WireError` -2013."""
    symbol, order_id, client_id = _named(call)
    try:
        return call.exchange.order(symbol, client_id=client_id, order_id=order_id)
    except Refusal as refusal:
        raise refusals.of(refusal, swap=call.swap) from refusal


def cancel(call: Call) -> OrderRecord:
    """Cancel it; raises `WireError` -2011 when it is not open."""
    symbol, order_id, client_id = _named(call)
    try:
        return call.exchange.cancel(symbol, client_id=client_id, order_id=order_id)
    except Refusal as refusal:
        if refusal.code is RefusalCode.ORDER_NOT_FOUND:
            raise errors.unknown_order() from refusal
        raise refusals.of(refusal, swap=call.swap) from refusal


def _named(call: Call) -> tuple[str, int | None, str | None]:
    """Symbol, order id, client id; where both ids are sent the venue's own counts."""
    symbol = call.symbol(gone=True)
    order_id, client_id = call.said.whole_or_none("orderId"), call.said.client_id("origClientOrderId")
    if order_id is None and client_id is None:
        raise WireError(-1102, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!")
    return symbol, order_id, None if order_id is not None else client_id


Row = TypeVar("Row")


def window(rows: Sequence[Row], at: Callable[[Row], datetime], call: Call, default: int, most: int) -> list[Row]:
    """Rows of ``startTime`` to ``endTime``: with a start the first ``limit``, without it the newest."""
    start, end = call.said.span()
    limit = call.said.limit(default, most)
    first = from_milliseconds(start) if start is not None else None
    # A millisecond's end belongs to it: instants have microseconds, the wire has none.
    last = from_milliseconds(end + 1) if end is not None else None
    kept = [row for row in rows if (first is None or at(row) >= first) and (last is None or at(row) < last)]
    return kept[:limit] if start is not None else kept[-limit:]


def refuse_long_spans(call: Call, most: timedelta, said: WireError) -> None:
    """A venue serves histories in windows; a longer one is refused with ``said``."""
    start, end = call.said.span()
    if start is not None and end is not None and end - start > most / timedelta(milliseconds=1):
        raise said


def status_word(order: OrderRecord) -> str:
    """Binance's status: ``NEW``, ``PARTIALLY_FILLED``, ``FILLED``, ``CANCELED``, ``EXPIRED``."""
    return order.status.value.upper()


def _tif_word(order: OrderRecord, *, swap: bool) -> str:
    if order.tif == "post_only":
        return "GTX" if swap else "GTC"
    return "GTC" if order.type == "market" else _TIF_WORDS[order.tif]


def spot_order(order: OrderRecord) -> dict[str, Any]:
    """The fields that all spot order answers share."""
    kind = "LIMIT_MAKER" if order.tif == "post_only" else order.type.upper()
    return {
        "symbol": listing_id(order.symbol),
        "orderId": order.order_id,
        "orderListId": -1,
        "clientOrderId": order.client_id,
        "price": text(order.price),
        "origQty": plain(order.amount),
        "executedQty": plain(order.filled),
        "origQuoteOrderQty": "0",
        "cummulativeQuoteQty": money(order.quote_filled),
        "status": status_word(order),
        "timeInForce": _tif_word(order, swap=False),
        "type": kind,
        "side": order.side.upper(),
        "workingTime": milliseconds(order.created_at),
        "selfTradePreventionMode": "EXPIRE_MAKER",
    }


def spot_order_read(order: OrderRecord) -> dict[str, Any]:
    """A spot order as lookups and lists answer it."""
    return spot_order(order) | {
        "stopPrice": "0",
        "icebergQty": "0",
        "time": milliseconds(order.created_at),
        "updateTime": milliseconds(order.updated_at),
        "isWorking": True,
    }


def spot_fill(trade: TradeRecord) -> dict[str, Any]:
    """A fill inside a FULL answer."""
    return {
        "price": plain(trade.price),
        "qty": plain(trade.amount),
        "commission": plain(trade.fee),
        "commissionAsset": trade.fee_asset,
        "tradeId": trade.trade_id,
    }


def spot_trade(trade: TradeRecord) -> dict[str, Any]:
    """A row of myTrades; ``orderListId`` and ``isMaker`` tell clients that it is spot."""
    return {
        "symbol": listing_id(trade.symbol),
        "id": trade.trade_id,
        "orderId": trade.order_id,
        "orderListId": -1,
        "price": plain(trade.price),
        "qty": plain(trade.amount),
        "quoteQty": plain(trade.quote),
        "commission": plain(trade.fee),
        "commissionAsset": trade.fee_asset,
        "time": milliseconds(trade.at),
        "isBuyer": trade.side == "buy",
        "isMaker": trade.maker,
        "isBestMatch": True,
    }


def swap_order(order: OrderRecord, *, placed: bool = False) -> dict[str, Any]:
    """A futures order; the answer to a POST has no ``time``."""
    row: dict[str, Any] = {
        "orderId": order.order_id,
        "symbol": listing_id(order.symbol),
        "status": status_word(order),
        "clientOrderId": order.client_id,
        "price": text(order.price),
        "avgPrice": "0.00" if order.average is None else money(order.average),
        "origQty": plain(order.amount),
        "executedQty": plain(order.filled),
        "cumQty": plain(order.filled),
        "cumQuote": money(order.quote_filled),
        "timeInForce": _tif_word(order, swap=True),
        "type": order.type.upper(),
        "reduceOnly": order.reduce_only,
        "closePosition": False,
        "side": order.side.upper(),
        "positionSide": "BOTH",
        "stopPrice": "0",
        "workingType": "CONTRACT_PRICE",
        "priceProtect": False,
        "origType": order.type.upper(),
        "priceMatch": "NONE",
        "selfTradePreventionMode": "EXPIRE_MAKER",
        "goodTillDate": 0,
        "updateTime": milliseconds(order.updated_at),
    }
    return row if placed else row | {"time": milliseconds(order.created_at)}


def swap_order_ack(order: OrderRecord) -> dict[str, Any]:
    """What ACK answers: the order as it came in, whatever has become of it since."""
    unfilled = {
        "status": OrderStatus.NEW.value.upper(),
        "executedQty": "0",
        "cumQty": "0",
        "cumQuote": "0",
        "avgPrice": "0.00",
    }
    return swap_order(order, placed=True) | unfilled


def swap_trade(trade: TradeRecord) -> dict[str, Any]:
    """A row of userTrades."""
    return {
        "symbol": listing_id(trade.symbol),
        "id": trade.trade_id,
        "orderId": trade.order_id,
        "side": trade.side.upper(),
        "price": plain(trade.price),
        "qty": plain(trade.amount),
        "realizedPnl": plain(trade.realised),
        "quoteQty": plain(trade.quote),
        "commission": plain(trade.fee),
        "commissionAsset": trade.fee_asset,
        "time": milliseconds(trade.at),
        "positionSide": "BOTH",
        "buyer": trade.side == "buy",
        "maker": trade.maker,
    }
