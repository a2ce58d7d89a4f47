"""Owns how a fill, a payment or a flow changes wallets and positions, to the last unit, and its record."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Literal

from bot.core.instruments import Market, base_of, is_swap, quote_of
from bot.core.numbers import ZERO
from bot.venues.simulated.fees import at_least, at_most, evenly, fee_of
from bot.venues.simulated.records import (
    FlowRecord,
    IncomeKind,
    IncomeRecord,
    OrderRecord,
    OrderStatus,
    TradeKind,
    TradeRecord,
)
from bot.venues.simulated.state import Holding, State


def book_fill(
    state: State,
    order: OrderRecord,
    market: Market,
    price: Decimal,
    amount: Decimal,
    *,
    maker: bool,
    fees_in_base: bool = True,
) -> OrderRecord:
    """Book one fill of an order; answers with the order as it then stands."""
    quote = at_most(price * amount)
    if order.side == "buy" and fees_in_base and not is_swap(order.symbol):
        fee, asset = fee_of(market, amount, maker=maker), base_of(order.symbol)
    else:
        fee, asset = fee_of(market, quote, maker=maker), quote_of(order.symbol)
    return _book(state, order, price, amount, fee=(fee, asset), maker=maker, kind="TRADE")


def book_forced(state: State, order: OrderRecord, price: Decimal, fee_rate: Decimal, kind: TradeKind) -> OrderRecord:
    """Take a position, or a part of it, at ``price``, with the venue's fee for it.

    An isolated position loses no more than its own margin: what is beyond, the venue takes over.
    """
    fee = at_least(order.amount * price * fee_rate)
    kept = state.wallet - state.pockets.get(order.symbol, ZERO)
    isolated = order.symbol in state.isolated
    done = _book(state, order, price, order.amount, fee=(fee, quote_of(order.symbol)), maker=False, kind=kind)
    left = state.wallet - state.pockets.get(order.symbol, ZERO)
    if isolated and left < kept:
        book_income(state, IncomeKind.INSURANCE_CLEAR, quote_of(order.symbol), kept - left, order.symbol)
    return done


def _book(
    state: State,
    order: OrderRecord,
    price: Decimal,
    amount: Decimal,
    *,
    fee: tuple[Decimal, str],
    maker: bool,
    kind: TradeKind,
) -> OrderRecord:
    quote = at_most(price * amount)
    realised = ZERO
    if is_swap(order.symbol):
        realised = _move_position(state, order, amount, quote)
    else:
        _move_coins(state, order, amount, quote)
        add(state, fee[1], -fee[0])
    trade = TradeRecord(
        trade_id=state.next_id(),
        order_id=order.order_id,
        client_id=order.client_id,
        symbol=order.symbol,
        side=order.side,
        amount=amount,
        price=price,
        quote=quote,
        fee=fee[0],
        fee_asset=fee[1],
        maker=maker,
        at=state.now,
        realised=realised,
        kind=kind,
    )
    state.trades.append(trade)
    if is_swap(order.symbol):
        book_income(state, IncomeKind.REALISED_PNL, fee[1], realised, order.symbol, trade.trade_id)
        book_income(state, IncomeKind.COMMISSION, fee[1], -fee[0], order.symbol, trade.trade_id)
    filled = order.filled + amount
    status = OrderStatus.FILLED if filled == order.amount else OrderStatus.PARTIALLY_FILLED
    return state.put(
        replace(
            order,
            filled=filled,
            quote_filled=order.quote_filled + quote,
            # What was cancelled stays so, whatever comes to it later.
            status=status if order.is_open else order.status,
            updated_at=state.now,
        )
    )


def _move_coins(state: State, order: OrderRecord, amount: Decimal, quote: Decimal) -> None:
    sign = 1 if order.side == "buy" else -1
    add(state, base_of(order.symbol), sign * amount)
    add(state, quote_of(order.symbol), -sign * quote)


def _move_position(state: State, order: OrderRecord, amount: Decimal, quote: Decimal) -> Decimal:
    """Move a position by a fill and return what it realised; what closes takes its share of the cost along."""
    sign = 1 if order.side == "buy" else -1
    held = state.holdings.get(order.symbol) or Holding(ZERO, ZERO, state.now)
    closing = ZERO if held.quantity * sign >= 0 else min(amount, abs(held.quantity))
    released = closed_for = ZERO
    if closing:
        whole = closing == abs(held.quantity)
        released = held.cost if whole else evenly(held.cost * closing / abs(held.quantity))
        closed_for = quote if closing == amount else at_most(quote * closing / amount)
    quantity = held.quantity + sign * amount
    cost = held.cost - released + sign * (quote - closed_for)
    if order.symbol in state.isolated:
        _move_margin(state, order.symbol, closing, held.quantity, quote - closed_for)
    if quantity:
        state.holdings[order.symbol] = Holding(quantity, cost, state.now)
    else:
        state.holdings.pop(order.symbol, None)
        state.pockets.pop(order.symbol, None)
    return -sign * closed_for - released


def _move_margin(state: State, symbol: str, closing: Decimal, held: Decimal, opened_for: Decimal) -> None:
    """What closes takes its share of an isolated position's margin along; what opens brings its initial margin."""
    pocket = state.pockets.get(symbol, ZERO)
    if closing:
        pocket -= pocket if closing == abs(held) else evenly(pocket * closing / abs(held))
    state.pockets[symbol] = pocket + at_least(opened_for / state.leverage_of(symbol))


def book_income(
    state: State, kind: IncomeKind, asset: str, amount: Decimal, symbol: str = "", trade_id: int | None = None
) -> None:
    """Change the futures wallet and say why; nothing is said of nothing."""
    if not amount:
        return
    state.touch()
    state.wallet += amount
    state.income.append(IncomeRecord(state.next_id(), state.now, kind, asset, amount, symbol, trade_id))


def book_funding(state: State, symbol: str, mark: Decimal, rate: Decimal) -> None:
    """Charge or pay one settlement on the position as it stands: longs pay a positive rate."""
    held = state.holdings.get(symbol)
    if held is not None:
        amount = at_most(-held.quantity * mark * rate)
        if symbol in state.pockets:
            state.pockets[symbol] += amount
        book_income(state, IncomeKind.FUNDING_FEE, quote_of(symbol), amount, symbol)


def book_interest(state: State, asset: str, amount: Decimal) -> None:
    """Say that savings were paid ``amount``; `savings` adds it to them."""
    state.touch()
    state.interest.append(IncomeRecord(state.next_id(), state.now, IncomeKind.INTEREST, asset, amount))


def book_flow(
    state: State, asset: str, amount: Decimal, kind: Literal["deposit", "withdrawal"], at: datetime
) -> FlowRecord:
    """Money from or to outside, ``amount`` unsigned."""
    add(state, asset, amount if kind == "deposit" else -amount)
    record = FlowRecord(state.next_id(), at, asset, amount, kind)
    state.flows.append(record)
    return record


def add(state: State, asset: str, amount: Decimal) -> None:
    """Change a spot coin's total."""
    state.touch()
    state.spot[asset] = state.spot.get(asset, ZERO) + amount
