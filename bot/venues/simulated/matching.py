"""Owns how orders meet the book: takers walk it at once, resting orders are met when the price goes through them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from bot.core.instruments import is_swap
from bot.core.numbers import ONE, ZERO
from bot.venues.simulated.booking import book_fill, book_liquidation
from bot.venues.simulated.liquidity import Bite, opposite, walk, within
from bot.venues.simulated.records import OrderRecord, OrderRequest, OrderStatus, Side
from bot.venues.simulated.state import Eaten
from bot.venues.simulated.view import View


def reducible(view: View, symbol: str, side: Side) -> Decimal:
    """What an order of ``side`` could take off the position, unsigned base units."""
    held = view.state.holdings.get(symbol)
    quantity = held.quantity if held else ZERO
    return max(ZERO, -quantity if side == "buy" else quantity)


def bites_of(view: View, request: OrderRequest | OrderRecord, price: Decimal) -> list[Bite]:
    """What the book gives to an order arriving now; a market order walks no further than the venue's band."""
    book = view.book(request.symbol)
    if book is None:
        return []
    amount = request.amount
    if request.reduce_only:
        amount = min(amount, reducible(view, request.symbol, request.side))
    band = view.rules.market_band
    far = price * (ONE + band) if request.side == "buy" else price * (ONE - band)
    limit = far if request.price is None else request.price
    step = view.market(request.symbol).step
    gone = view.gone(request.symbol, request.side)
    return walk(opposite(book, request.side), request.side, amount, limit, gone, step)


def take(view: View, order: OrderRecord, bites: Sequence[Bite]) -> OrderRecord:
    """Fill an arriving order as taker; what may not rest expires."""
    for price, amount in bites:
        order = _fill(view, order, price, amount, maker=False)
    if order.is_open and (order.type == "market" or order.tif in ("ioc", "fok")):
        order = expire(view, order)
    return order


def touched(order: OrderRecord, low: Decimal, high: Decimal) -> bool:
    """Whether the price went through a resting order; a touch is not enough, we are last in the queue."""
    if order.price is None:
        return False
    return low < order.price if order.side == "buy" else high > order.price


def meet(view: View, order: OrderRecord, after: datetime, latency: timedelta) -> None:
    """Fill a resting order as maker with what came to it in (``after``, now], at its own price."""
    upto = view.state.now
    since = max(after, order.created_at + latency)
    if since >= upto or order.price is None or not view.is_trading(order.symbol):
        return
    span = view.scene.extremes(order.symbol, since, upto)
    book = view.book(order.symbol)
    if span is None or book is None or not touched(order, *span):
        return
    reach = order.price - span[0] if order.side == "buy" else span[1] - order.price
    gone = view.gone(order.symbol, order.side)
    offered = within(opposite(book, order.side), reach, gone, view.market(order.symbol).step)
    amount = min(order.rest, offered)
    if order.reduce_only:
        amount = min(amount, reducible(view, order.symbol, order.side))
    if amount > 0:
        _fill(view, order, order.price, amount, maker=True)


def _fill(view: View, order: OrderRecord, price: Decimal, amount: Decimal, *, maker: bool) -> OrderRecord:
    state = view.state
    gone = view.gone(order.symbol, order.side)
    state.eaten[f"{order.symbol} {order.side}"] = Eaten(gone + amount, state.now)
    order = book_fill(state, order, view.market(order.symbol), price, amount, maker=maker)
    if is_swap(order.symbol):
        state.marks[order.symbol] = view.price(order.symbol)
        _drop_idle(view, order)
    return state.by_id.get(order.order_id, order)


def _drop_idle(view: View, filled: OrderRecord) -> None:
    """Expire reduce-only orders that have nothing left to reduce."""
    for order in view.state.resting(filled.symbol):
        if order.reduce_only and not reducible(view, order.symbol, order.side):
            expire(view, order)


def expire(view: View, order: OrderRecord, status: OrderStatus = OrderStatus.EXPIRED) -> OrderRecord:
    """Close what is left of an order."""
    return view.state.put(replace(order, status=status, updated_at=view.state.now))


def liquidate(view: View) -> None:
    """Close the whole cross account at mark, by the venue; a loss beyond the wallet is the venue's (see `passage`)."""
    state = view.state
    for order in state.resting():
        if is_swap(order.symbol):
            expire(view, order, OrderStatus.CANCELED)
    for symbol, held in sorted(state.holdings.items()):
        number = state.next_id()
        order = OrderRecord(
            order_id=number,
            client_id=f"autoclose-{number}",
            symbol=symbol,
            side="sell" if held.quantity > 0 else "buy",
            type="market",
            amount=abs(held.quantity),
            price=None,
            tif="ioc",
            reduce_only=True,
            status=OrderStatus.NEW,
            filled=ZERO,
            quote_filled=ZERO,
            created_at=state.now,
            updated_at=state.now,
        )
        book_liquidation(state, state.put(order), view.mark(symbol), view.rules.liquidation_fee)
