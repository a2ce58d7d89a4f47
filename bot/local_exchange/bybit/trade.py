"""Owns the v5 endpoints of orders: placed, cancelled, looked up, listed, and what they and funding came to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, Literal

from bot.core.instruments import base_of, quote_of
from bot.core.numbers import ZERO, floor_to, milliseconds
from bot.local_exchange.bybit import errors, refusals, rows
from bot.local_exchange.bybit.calls import Call, Endpoint, Routes, order_number, order_text
from bot.venues.simulated.exchange import IncomeKind, OrderRecord, OrderRequest, Refusal, RefusalCode

Side = Literal["buy", "sell"]
Tif = Literal["gtc", "ioc", "fok", "post_only"]
SIDES: dict[str, Side] = {"Buy": "buy", "Sell": "sell"}
TIFS: dict[str, Tif] = {"GTC": "gtc", "IOC": "ioc", "FOK": "fok", "PostOnly": "post_only"}
CLOSED_MOST = 500  # closed orders that realtime still knows
EXECUTED = {**{word: word for word in rows.KINDS.values()}, "Funding": "Funding"}


def create(call: Call) -> dict[str, str]:
    """Take an order; the answer is an acknowledgement and tells nothing of what became of it."""
    swap = call.swap()
    request = _read(call, swap=swap)
    if request.client_id and _known(call, request.symbol, None, request.client_id) is not None:
        raise errors.twice(swap=swap)
    try:
        order = _place(call, request, swap=swap)
    except Refusal as refusal:
        if not (swap and refusal.code is RefusalCode.WOULD_TAKE):
            raise refusals.of(refusal, swap=swap, buys=request.side == "buy") from refusal
        order = call.stillborn.add(call.exchange, request)
    return _named(order)


def _place(call: Call, request: OrderRequest, *, swap: bool) -> OrderRecord:
    if swap:
        call.purse.for_margin()
        return call.exchange.place(request)
    if request.side == "buy" and quote_of(request.symbol) == call.purse.coin:
        with call.purse.for_spot():
            return call.exchange.place(request)
    return call.exchange.place(request)


def _named(order: OrderRecord) -> dict[str, str]:
    return {
        "orderId": order_text(order.order_id, order.symbol),
        "orderLinkId": rows.link_id(order.client_id, order.order_id),
    }


def _read(call: Call, *, swap: bool) -> OrderRequest:
    said = call.said
    symbol = call.symbol(swap=swap)
    side = SIDES[said.one_of("side", tuple(SIDES))]
    kind = said.one_of("orderType", ("Limit", "Market"))
    client_id = said.link_id() or ""
    if swap and (said.text_or_none("positionIdx") or "0") != "0":
        raise errors.V5Error(10001, "position idx not match position mode")
    reduces = swap and said.flag("reduceOnly")
    if said.text_or_none("triggerPrice") is not None:
        raise errors.bad("conditional orders are not served here")
    if kind == "Market":
        amount = said.decimal("qty") if swap else _market_amount(call, symbol, side)
        _positive(amount)
        return OrderRequest(symbol, side, "market", amount, None, "ioc", reduces, client_id)
    amount, price = said.decimal("qty"), said.decimal("price")
    _positive(amount, price)
    tif = TIFS[said.one_of("timeInForce", tuple(TIFS), "GTC")]
    return OrderRequest(symbol, side, "limit", amount, price, tif, reduces, client_id)


def _positive(*numbers: Decimal) -> None:
    if any(number <= 0 for number in numbers):
        raise errors.bad("qty and price must be above 0")


def _market_amount(call: Call, symbol: str, side: Side) -> Decimal:
    """Base units of a spot market order; unless ``marketUnit`` says otherwise a buy's ``qty`` is money."""
    quantity = call.said.decimal("qty")
    unit = call.said.one_of("marketUnit", ("baseCoin", "quoteCoin"), "quoteCoin" if side == "buy" else "baseCoin")
    if unit == "baseCoin":
        return quantity
    book, amount, left = call.scene.book(symbol, call.at), ZERO, quantity
    for price, there in (book.asks if side == "buy" else book.bids) if book else ():
        taken = min(there, left / price)
        amount, left = amount + taken, left - taken * price
        if left <= 0:
            break
    amount = floor_to(amount, call.listing.markets[symbol].step)
    if amount <= 0:
        raise errors.V5Error(170136, "Order quantity exceeded lower limit.")
    return amount


# ---- cancelled


def cancel(call: Call) -> dict[str, str]:
    """Cancel one by the venue's id or the client's; the venue's counts where both are sent."""
    swap = call.swap()
    symbol = call.symbol(swap=swap, gone=True)
    number, client_id = _ids(call)
    if number is None and not client_id:
        raise errors.bad("orderId or orderLinkId is required")
    try:
        return _named(call.exchange.cancel(symbol, order_id=number, client_id=client_id))
    except Refusal as refusal:
        raise refusals.of(refusal, swap=swap) from refusal


def cancel_all(call: Call) -> dict[str, Any]:
    """Cancel what is open of a symbol, a base coin or all of a category."""
    swap = call.swap()
    wanted = _wanted(call, swap=swap)
    done: list[OrderRecord] = []
    for symbol in sorted({order.symbol for order in call.exchange.open_orders() if wanted(order.symbol)}):
        done += call.exchange.cancel_all(symbol)
    return {"list": [_named(order) for order in done], "success": "1"}


def _ids(call: Call) -> tuple[int | None, str | None]:
    """The venue's number, else the client's id; a number that was never given out names nothing."""
    text = call.said.text_or_none("orderId")
    if text is None:
        return None, call.said.link_id()
    number = order_number(text)
    return (0 if number is None else number), None


def _wanted(call: Call, *, swap: bool) -> Callable[[str], bool]:
    """Which symbols a list is asked for; perpetuals demand that something is named."""
    symbol, said = call.symbol_or_none(swap=swap, gone=True), call.said
    base, settle = said.text_or_none("baseCoin"), said.text_or_none("settleCoin")
    if swap and not (symbol or base or settle):
        raise errors.bad("Missing some parameters that must be filled in, symbol or baseCoin or settleCoin")
    side = call.listed(swap=swap)

    def wanted(one: str) -> bool:
        if symbol is not None:
            return one == symbol
        return one in side and base in (None, base_of(one)) and (not swap or settle in (None, quote_of(one)))

    return wanted


# ---- looked up


def realtime(call: Call) -> dict[str, Any]:
    """Open orders; by id, or with ``openOnly`` 1, the newest closed ones too."""
    swap = call.swap()
    if call.said.text_or_none("orderId") or call.said.text_or_none("orderLinkId"):
        return _page(call, _by_id(call, swap=swap), 20, 50)
    wanted = _wanted(call, swap=swap)
    if call.said.one_of("openOnly", ("0", "1", "2"), "0") != "0":
        closed = [order for order in _orders(call, wanted, swap=swap) if not order.is_open]
        return _page(call, closed[:CLOSED_MOST], 20, 50)
    return _page(call, [order for order in call.exchange.open_orders() if wanted(order.symbol)], 20, 50)


def history(call: Call) -> dict[str, Any]:
    """Open and closed orders that were made in a span of at most seven days, newest first."""
    swap = call.swap()
    if call.said.text_or_none("orderId") or call.said.text_or_none("orderLinkId"):
        return _page(call, _by_id(call, swap=swap), 20, 50)
    symbol, base = call.symbol_or_none(swap=swap, gone=True), call.said.text_or_none("baseCoin")
    side = call.listed(swap=swap)

    def wanted(one: str) -> bool:
        return one == symbol if symbol else one in side and base in (None, base_of(one))

    first, last = call.week_ms()
    status = call.said.text_or_none("orderStatus")
    found = [
        order
        for order in _orders(call, wanted, swap=swap)
        if first <= milliseconds(order.created_at) <= last and status in (None, rows.status(order))
    ]
    return _page(call, found, 20, 50)


def _by_id(call: Call, *, swap: bool) -> list[OrderRecord]:
    """The order by its id, in a list that may be empty: no answer here is an error."""
    number, client_id = _ids(call)
    symbol = call.symbol_or_none(swap=swap, gone=True)
    for one in [symbol] if symbol else call.listed(swap=swap):
        found = _known(call, one, number, client_id)
        if found is not None:
            return [found]
    return []


def _known(call: Call, symbol: str, number: int | None, client_id: str | None) -> OrderRecord | None:
    try:
        return call.exchange.order(symbol, order_id=number, client_id=client_id)
    except Refusal:
        found = call.stillborn.find(number, client_id)
        return found if found is not None and found.symbol == symbol else None


def _orders(call: Call, wanted: Callable[[str], bool], *, swap: bool) -> list[OrderRecord]:
    """Open and remembered orders, newest first."""
    most = 2 * call.exchange.rules.history_max
    named = call.symbol_or_none(swap=swap, gone=True)
    symbols = [named] if named else call.listed(swap=swap)
    found: list[OrderRecord] = []
    for symbol in symbols:
        if wanted(symbol):
            found += call.exchange.orders(symbol, limit=most)
            found += call.stillborn.of(symbol)
    return sorted(found, key=lambda order: order.order_id, reverse=True)


def _page(call: Call, found: Iterable[OrderRecord], default: int, most: int) -> dict[str, Any]:
    newest = sorted(found, key=lambda order: order.order_id, reverse=True)
    given, cursor = call.said.page(newest, lambda order: order.order_id, default, most)
    fills = {
        symbol: rows.by_order(call.exchange.trades(symbol, limit=call.exchange.rules.history_max))
        for symbol in {order.symbol for order in given if order.filled}
    }
    listed = [
        rows.order(
            order,
            fills.get(order.symbol, {}).get(order.order_id, ()),
            stillborn=call.stillborn.find(order.order_id, None) is not None,
        )
        for order in given
    ]
    return {"category": call.said["category"], "list": listed, "nextPageCursor": cursor}


# ---- executed


def executions(call: Call) -> dict[str, Any]:
    """Fills and funding payments of a span of at most seven days, newest first."""
    swap = call.swap()
    said = call.said
    symbol, base = call.symbol_or_none(swap=swap, gone=True), said.text_or_none("baseCoin")
    kind = said.text_or_none("execType")
    kind = None if kind is None else said.one_of("execType", tuple(EXECUTED))
    by_id = said.text_or_none("orderId") or said.text_or_none("orderLinkId")
    asked = [symbol] if symbol else [one for one in call.listed(swap=swap) if base in (None, base_of(one))]
    found: list[tuple[int, dict[str, Any]]] = []
    if kind != "Funding":
        found += _fills(call, asked)
    if swap and kind in (None, "Funding") and not by_id:
        found += _funding(call, set(asked))
    first, last = call.week_ms()
    kept = [
        (number, row)
        for number, row in found
        if kind in (None, row["execType"]) and (by_id or first <= int(row["execTime"]) <= last)
    ]
    given, cursor = said.page(sorted(kept, key=lambda one: one[0], reverse=True), lambda one: one[0], 50, 100)
    return {"category": said["category"], "list": [row for _, row in given], "nextPageCursor": cursor}


def _fills(call: Call, asked: Iterable[str]) -> list[tuple[int, dict[str, Any]]]:
    by_id = bool(call.said.text_or_none("orderId") or call.said.text_or_none("orderLinkId"))
    number, client_id = _ids(call) if by_id else (None, None)
    most = call.exchange.rules.history_max
    return [
        (fill.trade_id, rows.fill_row(fill, _known(call, symbol, fill.order_id, None)))
        for symbol in asked
        for fill in call.exchange.trades(symbol, limit=most)
        if number in (None, fill.order_id) and client_id in (None, fill.client_id)
    ]


def _funding(call: Call, asked: set[str]) -> list[tuple[int, dict[str, Any]]]:
    most = call.exchange.rules.history_max
    return [
        (paid.income_id, rows.funding_row(paid))
        for paid in call.exchange.income(limit=most)
        if paid.kind is IncomeKind.FUNDING_FEE and paid.symbol in asked
    ]


ROUTES: Routes = {
    ("POST", "/v5/order/create"): Endpoint(create, signed=True, orders=1),
    ("POST", "/v5/order/cancel"): Endpoint(cancel, signed=True),
    ("POST", "/v5/order/cancel-all"): Endpoint(cancel_all, signed=True),
    ("GET", "/v5/order/realtime"): Endpoint(realtime, signed=True),
    ("GET", "/v5/order/history"): Endpoint(history, signed=True),
    ("GET", "/v5/execution/list"): Endpoint(executions, signed=True),
}
