"""Owns how the exchange's records become the bot's nouns, and intents its requests. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from bot.core.events import Event
from bot.core.instruments import Market
from bot.core.numbers import ONE, plain
from bot.core.orders import Fill, OrderIntent, OrderState, OrderView
from bot.core.snapshot import Position
from bot.venues.simulated.exchange import (
    Exchange,
    IncomeKind,
    OrderRecord,
    OrderRequest,
    OrderStatus,
    PositionRecord,
    Refusal,
    RefusalCode,
    TradeRecord,
)
from bot.venues.simulated.records import WalletName

STATES: Mapping[OrderStatus, OrderState] = {
    OrderStatus.NEW: OrderState.OPEN,
    OrderStatus.PARTIALLY_FILLED: OrderState.PARTLY_FILLED,
    OrderStatus.FILLED: OrderState.FILLED,
    OrderStatus.CANCELED: OrderState.CANCELLED,
    OrderStatus.EXPIRED: OrderState.EXPIRED,
}


def request_of(intent: OrderIntent) -> OrderRequest:
    """A limit order, as every order of ours is."""
    return OrderRequest(
        symbol=intent.symbol,
        side="buy" if intent.qty > 0 else "sell",
        type="limit",
        amount=abs(intent.qty),
        price=intent.price,
        tif=intent.tif,
        reduce_only=intent.reduce_only,
        client_id=intent.client_id,
    )


def view_of(order: OrderRecord) -> OrderView:
    """An order as the bot sees it."""
    return OrderView(
        client_id=order.client_id,
        venue_id=str(order.order_id),
        state=STATES[order.status],
        filled=order.filled,
        price_avg=order.average,
        symbol=order.symbol,
        amount=order.amount,
        side=order.side,
        price=order.price,
        reduce_only=order.reduce_only,
    )


def fill_of(trade: TradeRecord) -> Fill:
    """A trade with a signed amount."""
    return Fill(
        trade_id=str(trade.trade_id),
        client_id=trade.client_id,
        symbol=trade.symbol,
        qty=trade.amount if trade.side == "buy" else -trade.amount,
        price=trade.price,
        fee=trade.fee,
        fee_asset=trade.fee_asset,
        at=trade.at,
        venue_order_id=str(trade.order_id),
    )


def position_of(record: PositionRecord, market: Market | None, at: datetime) -> Position:
    """A position in contracts."""
    size = market.contract_size if market else ONE
    return Position(
        symbol=record.symbol,
        side="long" if record.quantity > 0 else "short",
        contracts=abs(record.quantity) / size,
        contract_size=size,
        entry_price=record.entry_price,
        mark_price=record.mark_price,
        leverage=record.leverage,
        margin_mode=record.margin_mode,
        liquidation_price=record.liquidation_price,
        initial_margin=record.initial_margin,
        maintenance_margin=record.maintenance_margin,
        unrealised_pnl=record.unrealised,
        at=at,
    )


def events_of(exchange: Exchange, since: datetime) -> list[Event]:
    """Funding (``paid`` + = by us) and flows (``amount`` + = in), oldest first; keys are the exchange's own numbers."""
    most = exchange.rules.history_max
    made: list[tuple[int, Event]] = []
    for income in exchange.income(since, most):
        if income.kind == IncomeKind.FUNDING_FEE:
            body = {"symbol": income.symbol, "paid": plain(-income.amount)}
            made.append((income.income_id, Event(f"venue:{income.income_id}", income.at, "funding", body)))
        if income.kind == IncomeKind.INSURANCE_CLEAR:
            body = {"asset": income.asset, "amount": plain(income.amount), "kind": "other"}
            made.append((income.income_id, Event(f"venue:{income.income_id}", income.at, "flow", body)))
    for paid in exchange.interest(since, most):
        body = {"asset": paid.asset, "amount": plain(paid.amount), "kind": "interest"}
        made.append((paid.income_id, Event(f"venue:{paid.income_id}", paid.at, "flow", body)))
    for flow in exchange.flows(since, most):
        amount = flow.amount if flow.kind == "deposit" else -flow.amount
        body = {"asset": flow.asset, "amount": plain(amount), "kind": flow.kind}
        made.append((flow.flow_id, Event(f"venue:{flow.flow_id}", flow.at, "flow", body)))
    for move in exchange.transfers(since, most):
        body = {"asset": move.asset, "amount": plain(move.amount), "kind": "transfer"}
        made.append((move.transfer_id, Event(f"venue:{move.transfer_id}", move.at, "flow", body)))
    return [event for _, event in sorted(made, key=lambda item: item[0])]


def wallet_name(name: str) -> WalletName:
    """One of the three wallets; raises `Refusal`."""
    if name == "spot":
        return "spot"
    if name == "futures":
        return "futures"
    if name == "earn":
        return "earn"
    raise Refusal(RefusalCode.BAD_PARAMETER, f"there is no wallet {name!r} here, only spot, futures and earn")
