"""Owns how recorded fills look: their JSON form, their list, their CSV."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.table import Table
from rich.text import Text

from bot.core.numbers import plain, utc_text
from bot.render.orders import MINUTE, PREFIX
from bot.render.plan import plain_table
from bot.render.spreadsheet import sheet
from bot.render.words import amount, instant, money

COLUMNS: Final = (
    "at", "symbol", "side", "amount", "price", "notional", "fee", "fee_asset", "fee_value",
    "asset", "purpose", "decision_id", "client_id", "trade_id",
)  # fmt: skip
Body = Mapping[str, Any]


def trade_body(fill: Mapping[str, Any]) -> dict[str, Any]:
    """One fill with its amounts as exact text; ``fee_value`` in accounting currency, None where it had no price."""
    qty, price = fill["qty"], fill["price"]
    value = fill["fee_value"]
    return {
        "at": utc_text(fill["at"]),
        "symbol": fill["symbol"],
        "side": "buy" if qty > 0 else "sell",
        "amount": plain(abs(qty)),
        "price": plain(price),
        "notional": f"{abs(qty) * price:.2f}",
        "fee": plain(fill["fee"]),
        "fee_asset": fill["fee_asset"],
        "fee_value": None if value is None else plain(value),
        "asset": fill["asset"],
        "purpose": fill["purpose"],
        "decision_id": fill["decision_id"],
        "client_id": fill["client_id"],
        "trade_id": fill["trade_id"],
    }


def trades_csv(bodies: Sequence[Body]) -> str:
    """All of it, one row per fill."""
    return sheet(COLUMNS, bodies)


def trades_view(bodies: Sequence[Body]) -> Table:
    """Fills, newest first as given."""
    table = plain_table()
    table.add_column("at", no_wrap=True)
    table.add_column("what", no_wrap=True)
    for title in ("amount", "price", "notional", "fee"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("decision", no_wrap=True, style="cyan")
    for body in bodies:
        sold = body["side"] == "sell"
        table.add_row(
            instant(body["at"])[:MINUTE],
            Text(f"{body['side']} {body['symbol']}", style="red" if sold else "green"),
            amount(body["amount"]),
            amount(body["price"]),
            money(body["notional"]),
            f"{amount(body['fee'])} {body['fee_asset']}",
            (body["decision_id"] or "")[:PREFIX],
        )
    return table
