"""Owns how recorded orders and fills look: their JSON form and their tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.table import Table
from rich.text import Text

from bot.core.numbers import jsonable
from bot.ports.store import OrderRow
from bot.render.plan import plain_table
from bot.render.words import amount, instant, money

Body = Mapping[str, Any]
MINUTE: Final = 16  # characters of an instant up to its minute
PREFIX: Final = 8  # of a decision's id: enough for `explain`, and a line stays one line
COLOURS: Final = {"filled": "green", "unknown": "red", "rejected": "red", "denied": "yellow", "partly_filled": "cyan"}


def order_body(row: OrderRow) -> dict[str, Any]:
    """An order as machines see it (plan contract): amounts in unsigned base units, exact, as text."""
    intent = row.intent
    body: dict[str, Any] = {
        "client_id": intent.client_id,
        "symbol": intent.symbol,
        "side": "buy" if intent.qty > 0 else "sell",
        "amount": abs(intent.qty),
        "filled": row.filled,
        "state": row.state.value,
        "decision_id": intent.decision_id,
        "created_at": row.created_at,
        "action_id": intent.action_id,
        "leg": intent.leg,
        "slice": intent.slice,
        "kind": intent.kind,
        "asset": intent.asset,
        "purpose": intent.purpose,
        "price": intent.price,
        "price_avg": row.price_avg,
        "tif": intent.tif,
        "reduce_only": intent.reduce_only,
        "submitted_at": row.submitted_at,
        "sent": None if row.sent_qty is None else abs(row.sent_qty),
        "venue_id": row.venue_id,
        "why": row.why,
    }
    made: dict[str, Any] = jsonable(body)
    return made


def order_words(order: Body) -> str:
    """``sell 0.06 of 0.1 BTC/USDT at 50,000: filled``."""
    part = order["filled"] if order["filled"] != "0" else order["amount"]
    whole = "" if part == order["amount"] else f" of {amount(order['amount'])}"
    at = f" at {money(order['price_avg'])}" if order.get("price_avg") else ""
    why = f" ({order['why']})" if order.get("why") else ""
    return f"{order['side']} {amount(part)}{whole} {order['symbol']}{at}: {order['state'].replace('_', ' ')}{why}"


def orders_view(orders: Sequence[Body]) -> Table:
    """Orders, newest first as given."""
    table = plain_table()
    table.add_column("made", no_wrap=True)
    table.add_column("order", overflow="fold")
    table.add_column("state", no_wrap=True)
    table.add_column("decision", overflow="fold", style="dim")
    for order in orders:
        made = instant(order["created_at"])[:MINUTE]
        colour = COLOURS.get(order["state"], "")
        table.add_row(
            made,
            order_words({**order, "state": order["kind"]}),
            Text(order["state"], style=colour),
            order["decision_id"][:PREFIX],
        )
    return table
