"""Owns whether the account may have an order: filters first, then what it holds. Changes nothing; raises `Refusal`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from bot.core.instruments import base_of, is_swap, quote_of
from bot.core.numbers import ZERO, plain
from bot.venues.simulated.fees import at_least
from bot.venues.simulated.filters import check_at_price, check_request
from bot.venues.simulated.liquidity import Bite, opposite
from bot.venues.simulated.matching import bites_of, reducible
from bot.venues.simulated.records import OrderRecord, OrderRequest, OrderStatus, Refusal, RefusalCode
from bot.venues.simulated.view import View


def admit(view: View, request: OrderRequest) -> tuple[OrderRecord, list[Bite]]:
    """The order to be taken in (not yet numbered) and what the book gives it at once."""
    market = view.market(request.symbol)
    check_request(request, market)
    price = view.price(request.symbol)
    check_at_price(request, market, price, view.rules)
    _check_place(view, request)
    bites = bites_of(view, request, price)
    if request.tif == "post_only" and _would_take(view, request):
        raise Refusal(RefusalCode.WOULD_TAKE, f"a post-only {request.side} at {request.price} would take at once")
    order = _record(view, request)
    if is_swap(request.symbol):
        _check_margin(view, order, bites, price)
    else:
        _check_coins(view, request, bites)
    if request.tif == "fok" and sum((bite.amount for bite in bites), ZERO) < request.amount:
        bites = []
    return order, bites


def _check_place(view: View, request: OrderRequest) -> None:
    """A free client id, a free place among the open orders, and something to reduce."""
    swap = is_swap(request.symbol)
    for order in view.state.open.values():
        if request.client_id and order.client_id == request.client_id and is_swap(order.symbol) == swap:
            raise Refusal(RefusalCode.DUPLICATE_CLIENT_ID, f"an order {request.client_id} is still open")
    if len(view.state.resting(request.symbol)) >= view.rules.open_orders_max:
        raise Refusal(RefusalCode.TOO_MANY_ORDERS, f"{view.rules.open_orders_max} orders are open on {request.symbol}")
    if request.reduce_only and not reducible(view, request.symbol, request.side):
        raise Refusal(RefusalCode.REDUCE_ONLY_REJECTED, f"a {request.side} reduces nothing on {request.symbol}")


def _would_take(view: View, request: OrderRequest) -> bool:
    book = view.book(request.symbol)
    levels = opposite(book, request.side) if book else ()
    if not levels or request.price is None:
        return False
    return request.price >= levels[0][0] if request.side == "buy" else request.price <= levels[0][0]


def _record(view: View, request: OrderRequest) -> OrderRecord:
    return OrderRecord(
        order_id=view.state.serial + 1,
        client_id=request.client_id,
        symbol=request.symbol,
        side=request.side,
        type=request.type,
        amount=request.amount,
        price=request.price,
        tif=request.tif,
        reduce_only=request.reduce_only,
        status=OrderStatus.NEW,
        filled=ZERO,
        quote_filled=ZERO,
        created_at=view.state.now,
        updated_at=view.state.now,
    )


def _check_coins(view: View, request: OrderRequest, bites: Sequence[Bite]) -> None:
    """A buy needs its cost at the limit (at market: of its walk), a sale its coins; fees come off what is got."""
    if request.side == "sell":
        asset, needed = base_of(request.symbol), request.amount
    elif request.price is not None:
        asset, needed = quote_of(request.symbol), view.state.cost(request.amount, request.price)
    else:
        asset = quote_of(request.symbol)
        needed = sum((view.state.cost(bite.amount, bite.price) for bite in bites), ZERO)
    free = view.state.free(asset)
    if needed > free:
        raise Refusal(RefusalCode.INSUFFICIENT_BALANCE, f"needs {plain(needed)} {asset}, {plain(free)} are free")


def _check_margin(view: View, order: OrderRecord, bites: Sequence[Bite], mark: Decimal) -> None:
    """An order that adds to a position needs its initial margin, its fee and its loss at opening beyond mark."""
    if order.reduce_only:
        return
    worst = order.price if order.price is not None else (bites[-1].price if bites else mark)
    as_limit = replace(order, price=worst)
    margin = view.margin()
    before = margin.wallet()
    after = margin.wallet([*view.state.open.values(), as_limit])
    bound = after.order_margin - before.order_margin
    if not bound:
        return
    opening = min(order.amount, at_least(bound * margin.leverage(order.symbol) / max(worst, mark)))
    beyond = max(ZERO, worst - mark if order.side == "buy" else mark - worst)
    fee = at_least(opening * worst * view.market(order.symbol).taker)
    needed = bound + fee + at_least(opening * beyond)
    if needed > before.available:
        why = f"needs {plain(needed)} {view.settle} of margin, {plain(before.available)} are available"
        raise Refusal(RefusalCode.INSUFFICIENT_MARGIN, why)
