"""Owns how orders meet the book: takers walk it at once, resting orders are met when the price goes through them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from bot.core.instruments import base_of, is_swap, quote_of
from bot.core.numbers import ONE, ZERO, floor_to
from bot.venues.simulated.booking import book_fill, book_forced
from bot.venues.simulated.liquidity import Bite, opposite, walk, within
from bot.venues.simulated.records import OrderRecord, OrderRequest, OrderStatus, Side, TradeKind
from bot.venues.simulated.state import Eaten
from bot.venues.simulated.view import View

# As Binance names the orders it makes itself: none of them is a client's.
FORCED_NAMES = {"LIQUIDATION": "autoclose", "ADL": "adl_autoclose", "SETTLEMENT": "settlement_autoclose"}


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
    market = view.market(order.symbol)
    in_base = view.rules.fees_in_base
    order = book_fill(state, order, market, price, amount, maker=maker, fees_in_base=in_base)
    if is_swap(order.symbol):
        state.marks[order.symbol] = view.mark(order.symbol)
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


def fill_rest(view: View, order: OrderRecord, amount: Decimal) -> OrderRecord:
    """Fill up to ``amount`` of what a limit order still lacks, as maker at its own price, open or already cancelled.

    Cut to the step, to what it may still reduce, and to what the account has: nobody fills an order it cannot pay.
    """
    market = view.scene.markets().get(order.symbol)
    if order.price is None or market is None:
        return order
    amount = min(amount, order.rest)
    if order.reduce_only:
        amount = min(amount, reducible(view, order.symbol, order.side))
    if not order.is_open:
        amount = min(amount, _affordable(view, order, order.price))
    amount = floor_to(amount, market.step)
    return _fill(view, order, order.price, amount, maker=True) if amount > 0 else order


def _affordable(view: View, order: OrderRecord, price: Decimal) -> Decimal:
    """What the coins that are free now would pay; a perpetual's margin gives way first and is judged afterwards."""
    if is_swap(order.symbol):
        return order.rest
    if order.side == "sell":
        return max(ZERO, view.state.free(base_of(order.symbol)))
    return max(ZERO, view.state.free(quote_of(order.symbol)) / (price * (ONE + view.state.quote_fee)))


def liquidate(view: View, symbols: Iterable[str]) -> None:
    """Close positions at mark, by the venue; a loss beyond the wallet is the venue's (see `passage`).

    Orders of theirs are cancelled first; where cross positions go, those of every cross symbol.
    """
    state = view.state
    gone = sorted(symbols)
    cross = any(symbol not in state.isolated for symbol in gone)
    for order in state.resting():
        if is_swap(order.symbol) and (order.symbol in gone or (cross and order.symbol not in state.isolated)):
            expire(view, order, OrderStatus.CANCELED)
    for symbol in gone:
        force(view, symbol, abs(state.holdings[symbol].quantity), kind="LIQUIDATION")


def force(view: View, symbol: str, amount: Decimal, *, kind: TradeKind) -> OrderRecord:
    """Take ``amount`` (unsigned base units) off a position at mark, by the venue; only a liquidation costs a fee."""
    state = view.state
    number = state.next_id()
    order = OrderRecord(
        order_id=number,
        client_id=f"{FORCED_NAMES[kind]}-{number}",
        symbol=symbol,
        side="sell" if state.holdings[symbol].quantity > 0 else "buy",
        type="market",
        amount=amount,
        price=None,
        tif="ioc",
        reduce_only=True,
        status=OrderStatus.NEW,
        filled=ZERO,
        quote_filled=ZERO,
        created_at=state.now,
        updated_at=state.now,
    )
    rate = view.rules.liquidation_fee if kind == "LIQUIDATION" else ZERO
    done = book_forced(state, state.put(order), view.mark(symbol), rate, kind)
    _drop_idle(view, done)
    return done
