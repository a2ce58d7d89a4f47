"""Owns how the cards of venues look: one beside the other, and one alone with what is done instead. Reads bodies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bot.core.numbers import plain

Body = Mapping[str, Any]
#: Worlds without real money: in its words and in the settings'.
ENVIRONMENTS = {"a testnet": "testnet", "a demo account": "demo", "the local exchange": "local"}
YES, NO = Text("yes", style="green"), Text("–", style="dim")


def venues_view(bodies: Sequence[Body]) -> Table:
    """What works where, a column for each venue."""
    table = _table("", *(str(body["id"]) for body in bodies))
    for name in bodies[0]["works"]:
        table.add_row(name, *(YES if body["works"][name] else NO for body in bodies))
    table.add_row("requests a cycle", *(str(len(body["requests_a_cycle"])) for body in bodies))
    table.add_row("their weight", *(_number(body["weight_a_cycle"]) for body in bodies))
    table.add_row("spread over, s", *(_number(body["paced_s"]) for body in bodies))
    table.add_row("least order, spot", *(_number(body["least_order"].get("spot")) for body in bodies))
    table.add_row("least order, perpetual", *(_number(body["least_order"].get("swap")) for body in bodies))
    table.add_row("equity for 1 % steps", *(_number(body["least_balance"]) for body in bodies))
    for name, environment in ENVIRONMENTS.items():
        table.add_row(name, *(YES if environment in body["environments"] else NO for body in bodies))
    return table


def venue_view(body: Body) -> RenderableType:
    """One venue whole."""
    instead = _table("missing", "what the bot does instead")
    for row in body["instead"]:
        instead.add_row(row["lacks"], row["instead"])
    asked = _table("a cycle asks for", "weight")
    for name, weight in body["requests_a_cycle"].items():
        asked.add_row(name, _number(weight))
    head = Text(f"{body['id']}: modes {', '.join(body['modes'])}", style="bold")
    if not body["own_profile"]:
        head.append("  (no profile of its own: read through ccxt's unified calls)", style="yellow")
    parts: list[RenderableType] = [head, "", venues_view([body]), "", instead]
    return Group(*parts, "", asked) if body["requests_a_cycle"] else Group(*parts)


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=not column)
    return table


def _number(value: Decimal | None) -> str:
    return "–" if value is None else plain(value)
