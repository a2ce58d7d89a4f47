"""Owns how a fill, a payment or a flow changes wallets and positions, to the last unit, and its record."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Literal

from bot.core.instruments import Market, base_of, is_swap, quote_of
from bot.core.numbers import ZERO
from bot.venues.simulated.fees import at_least, at_most, evenly, fee_of
from bot.venues.simulated.records import FlowRecord, IncomeKind, IncomeRecord, OrderRecord, OrderStatus, TradeRecord
from bot.venues.simulated.state import Holding, State


def book_fill(
    state: State, order: OrderRecord, market: Market, price: Decimal, amount: Decimal, *, maker: bool
) -> OrderRecord:
    """Book one fill of an order; answers with the order as it then stands."""
    quote = at_most(price * amount)
    if is_swap(order.symbol):
        fee, asset = fee_of(market, quote, maker=maker), quote_of(order.symbol)
    elif order.side == "buy":
        fee, asset = fee_of(market, amount, maker=maker), base_of(order.symbol)
    else:
        fee, asset = fee_of(market, quote, maker=maker), quote_of(order.symbol)
    return _book(state, order, price, amount, fee=(fee, asset), maker=maker, kind="TRADE")


def book_liquidation(state: State, order: OrderRecord, price: Decimal, fee_rate: Decimal) -> OrderRecord:
    """Close a whole position at ``price``, with the venue's fee for it."""
    fee = at_least(order.amount * price * fee_rate)
    return _book(state, order, price, order.amount, fee=(fee, quote_of(order.symbol)), maker=False, kind="LIQUIDATION")


def _book(
    state: State,
    order: OrderRecord,
    price: Decimal,
    amount: Decimal,
    *,
    fee: tuple[Decimal, str],
    maker: bool,
    kind: Literal["TRADE", "LIQUIDATION"],
) -> OrderRecord:
    quote = at_most(price * amount)
    realised = ZERO
    if is_swap(order.symbol):
        realised = _move_position(state, order, amount, quote)
    else:
        _move_coins(state, order, amount, quote, fee[0])
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
    return state.put(
        replace(
            order,
            filled=filled,
            quote_filled=order.quote_filled + quote,
            status=OrderStatus.FILLED if filled == order.amount else OrderStatus.PARTIALLY_FILLED,
            updated_at=state.now,
        )
    )


def _move_coins(state: State, order: OrderRecord, amount: Decimal, quote: Decimal, fee: Decimal) -> None:
    base, currency = base_of(order.symbol), quote_of(order.symbol)
    if order.side == "buy":
        add(state, base, amount - fee)
        add(state, currency, -quote)
    else:
        add(state, base, -amount)
        add(state, currency, quote - fee)


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
    if quantity:
        state.holdings[order.symbol] = Holding(quantity, cost, state.now)
    else:
        state.holdings.pop(order.symbol, None)
    return -sign * closed_for - released


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
