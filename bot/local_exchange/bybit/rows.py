"""Owns how v5 writes orders, fills and funding payments. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from bot.core.instruments import is_swap, quote_of
from bot.core.numbers import ZERO, milliseconds, plain
from bot.local_exchange.bybit.calls import order_text
from bot.local_exchange.calls import listing_id, text
from bot.venues.simulated.exchange import IncomeRecord, OrderRecord, OrderStatus, TradeRecord

TIFS = {"gtc": "GTC", "ioc": "IOC", "fok": "FOK", "post_only": "PostOnly"}
PLACES, RATE_PLACES = Decimal("1e-10"), Decimal("1e-6")
SIDES = {"buy": "Buy", "sell": "Sell"}
FORCED = {
    "autoclose-": "CreateByLiq",
    "adl_autoclose-": "CreateByAdl_PassThrough",
    "settlement_autoclose-": "CreateBySettle",
}
KINDS = {"TRADE": "Trade", "LIQUIDATION": "BustTrade", "ADL": "AdlTrade", "SETTLEMENT": "Settle"}
STATUSES = {
    OrderStatus.NEW: "New",
    OrderStatus.PARTIALLY_FILLED: "PartiallyFilled",
    OrderStatus.FILLED: "Filled",
    OrderStatus.CANCELED: "Cancelled",
    OrderStatus.EXPIRED: "Cancelled",
}


def order(one: OrderRecord, fills: Sequence[TradeRecord], *, stillborn: bool = False) -> dict[str, Any]:
    """A row of realtime and history; ``tpslMode`` tells clients that it is a perpetual's."""
    swap = is_swap(one.symbol)
    fees: dict[str, Any] = {}
    for fill in fills:
        fees[fill.fee_asset] = fees.get(fill.fee_asset, ZERO) + fill.fee
    rest = one.rest if one.is_open else ZERO
    row = {
        "orderId": order_text(one.order_id, one.symbol),
        "orderLinkId": link_id(one.client_id, one.order_id),
        "blockTradeId": "",
        "symbol": listing_id(one.symbol),
        "price": text(one.price),
        "qty": plain(one.amount),
        "side": SIDES[one.side],
        "isLeverage": "" if swap else "0",
        "positionIdx": 0,
        "orderStatus": status(one),
        "createType": _made_by(one.client_id),
        "cancelType": "UNKNOWN" if one.status is OrderStatus.FILLED or one.is_open else "CancelByUser",
        "rejectReason": "EC_PostOnlyWillTakeLiquidity" if stillborn else "EC_NoError",
        "avgPrice": "" if one.average is None else plain(one.average.quantize(PLACES)),
        "leavesQty": plain(rest),
        "leavesValue": plain(rest * one.price) if one.price is not None else "0",
        "cumExecQty": plain(one.filled),
        "cumExecValue": plain(one.quote_filled),
        "cumExecFee": plain(sum(fees.values(), ZERO)),
        "timeInForce": "IOC" if one.type == "market" else TIFS[one.tif],
        "orderType": one.type.capitalize(),
        "stopOrderType": "",
        "orderIv": "",
        "marketUnit": "baseCoin" if not swap and one.type == "market" else "",
        "triggerPrice": "",
        "takeProfit": "",
        "stopLoss": "",
        "tpTriggerBy": "",
        "slTriggerBy": "",
        "triggerDirection": 0,
        "triggerBy": "",
        "lastPriceOnCreated": "",
        "reduceOnly": one.reduce_only,
        "closeOnTrigger": False,
        "placeType": "",
        "smpType": "None",
        "smpGroup": 0,
        "smpOrderId": "",
        "cumFeeDetail": {asset: plain(fee) for asset, fee in sorted(fees.items())},
        "createdTime": str(milliseconds(one.created_at)),
        "updatedTime": str(milliseconds(one.updated_at)),
    }
    return row | {"tpslMode": "", "tpLimitPrice": "", "slLimitPrice": ""} if swap else row


def status(one: OrderRecord) -> str:
    """The venue's word; only spot says of a cancelled order that it was partly filled."""
    if one.filled and not one.is_open and one.status is not OrderStatus.FILLED and not is_swap(one.symbol):
        return "PartiallyFilledCanceled"
    return STATUSES[one.status]


def link_id(client_id: str, order_id: int) -> str:
    """What its client called the order: nothing where nobody did, or where it is the venue's own."""
    return "" if client_id == f"auto-{order_id}" or client_id.startswith(tuple(FORCED)) else client_id


def _made_by(client_id: str) -> str:
    return next((word for start, word in FORCED.items() if client_id.startswith(start)), "CreateByUser")


def exec_id(number: int) -> str:
    """A fill's number as this venue writes it."""
    return str(UUID(int=number))


def _rate(fill: TradeRecord) -> Decimal:
    """The fee as a fraction of what it was counted in."""
    counted = fill.quote if fill.fee_asset == quote_of(fill.symbol) else fill.amount
    return (fill.fee / counted).quantize(RATE_PLACES) if counted else ZERO


def by_order(fills: Sequence[TradeRecord]) -> Mapping[int, list[TradeRecord]]:
    """Fills by the number of their order."""
    found: dict[int, list[TradeRecord]] = {}
    for fill in fills:
        found.setdefault(fill.order_id, []).append(fill)
    return found


def fill_row(fill: TradeRecord, placed: OrderRecord | None) -> dict[str, Any]:
    """A row of the execution list; its order may be forgotten."""
    return {
        "symbol": listing_id(fill.symbol),
        "orderId": order_text(fill.order_id, fill.symbol),
        "orderLinkId": link_id(fill.client_id, fill.order_id),
        "side": SIDES[fill.side],
        "orderPrice": text(placed.price) if placed else "0",
        "orderQty": plain(placed.amount if placed else fill.amount),
        "leavesQty": "0" if placed is None else plain(placed.rest if placed.is_open else ZERO),
        "createType": _made_by(fill.client_id),
        "orderType": placed.type.capitalize() if placed else "UNKNOWN",
        "stopOrderType": "UNKNOWN",
        "execFee": plain(fill.fee),
        "execFeeV2": "",
        "feeCurrency": fill.fee_asset,
        "feeCoin": fill.fee_asset,
        "execId": exec_id(fill.trade_id),
        "execPrice": plain(fill.price),
        "execQty": plain(fill.amount),
        "execType": KINDS[fill.kind],
        "execValue": plain(fill.quote),
        "execTime": str(milliseconds(fill.at)),
        "isMaker": fill.maker,
        "feeRate": plain(_rate(fill)),
        "closedSize": "",
        "execPnl": plain(fill.realised),
        "seq": fill.trade_id,
    }


def funding_row(paid: IncomeRecord) -> dict[str, Any]:
    """A funding payment in the execution list: what was paid is positive, what was received negative.

    The engine keeps what was paid, not on what position at which mark: those two are left empty.
    """
    return {
        "symbol": listing_id(paid.symbol),
        "orderId": "",
        "orderLinkId": "",
        "side": "",
        "orderPrice": "0",
        "orderQty": "0",
        "leavesQty": "0",
        "createType": "",
        "orderType": "UNKNOWN",
        "stopOrderType": "UNKNOWN",
        "execFee": plain(-paid.amount),
        "feeCurrency": paid.asset,
        "feeCoin": paid.asset,
        "execId": exec_id(paid.income_id),
        "execPrice": "",
        "execQty": "",
        "execType": "Funding",
        "execValue": "0",
        "execTime": str(milliseconds(paid.at)),
        "isMaker": False,
        "feeRate": "0",
        "closedSize": "",
        "seq": paid.income_id,
    }
