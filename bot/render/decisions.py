"""Owns how recorded decisions look: their JSON form, their list, one explained, and the word on one asset."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bot.ports.store import DecisionRow
from bot.render.bar import drift_bar
from bot.render.orders import order_words
from bot.render.plan import plain_table, plan_view, words_on
from bot.render.spreadsheet import sheet
from bot.render.words import amount, instant, money, percent, points, reading

Body = Mapping[str, Any]
APPROVAL = "R-G17"
CSV_COLUMNS = (
    "at", "decision_id", "equity", "what", "kind", "asset", "rule", "exposure_change", "why", "gates", "nearest",
)  # fmt: skip


def decision_body(row: DecisionRow) -> dict[str, Any]:
    """The plan as recorded, with `number` and `outcome`, and in `recorded` which version decided it in which mode."""
    body: dict[str, Any] = json.loads(row.plan_json)
    recorded = {"cycle_id": row.cycle_id, "version": row.version, "mode": row.mode}
    return {**body, "number": row.number, "outcome": row.outcome, "recorded": recorded}


def decisions_view(bodies: Sequence[Body]) -> Table:
    """Decisions, newest first as given."""
    table = plain_table()
    table.add_column("decided", no_wrap=True)
    table.add_column("decision", no_wrap=True, style="cyan")
    table.add_column("equity", justify="right", no_wrap=True)
    table.add_column("what", overflow="fold")
    for body in bodies:
        table.add_row(instant(body["at"])[:19], body["decision_id"], money(body["equity"]), _what(body))
    return table


def decisions_csv(bodies: Sequence[Body]) -> str:
    """Oldest first, one row per action, refusal and hold, with its reason and what would have let it through."""
    return sheet(CSV_COLUMNS, (row for body in reversed(bodies) for row in _csv_rows(body)))


def _csv_rows(body: Body) -> Iterator[Body]:
    common = {"at": body["at"], "decision_id": body["decision_id"], "equity": body["equity"]}
    for item in body["actions"]:
        yield {**common, **item, "what": "action", "gates": None}
    for item in body["blocked"]:
        nearest = "; ".join(each["nearest"] for each in item["gates"]["not_passed"] if each["nearest"])
        yield {**common, **item, "what": "refused", "gates": _gates(item), "nearest": nearest}
    for item in body["holds"]:
        yield {**common, **item, "what": "hold"}


def _what(body: Body) -> Text:
    made = Text()
    done = [f"{item['kind']} {item['asset']} {points(item['exposure_change'])}" for item in body["actions"]]
    held = [f"{item['kind']} {item['asset']} ({_gates(item)})" for item in body["blocked"]]
    if done:
        made.append(", ".join(done), style="green")
    if held:
        made.append(f"{'; ' if done else ''}refused {', '.join(held)}", style="yellow")
    return made or Text("hold", style="dim")


def _gates(item: Body) -> str:
    return ", ".join(each["gate"] for each in item["gates"]["not_passed"] if each["verdict"] != "resize")


def explained(body: Body, orders: Sequence[Body], fills: Sequence[Body], currency: str = "") -> RenderableType:
    """A recorded decision as it was, then the orders and fills that followed."""
    parts: list[RenderableType] = [plan_view(body, currency), Text()]
    if not orders:
        return Group(*parts, Text("No order followed.", style="dim"))
    parts.append(Text("What followed", style="bold"))
    parts += [Text(order_words(order)) for order in orders]
    parts += [Text(f"   filled {fill_words(fill)}", style="dim") for fill in fills]
    return Group(*parts)


def waiting_for_yes(body: Body) -> list[Body]:
    """The wishes of a decision that wait for an operator's yes (R-G17)."""
    return [
        item
        for item in body["blocked"]
        if any(each["gate"] == APPROVAL and each["verdict"] == "defer" for each in item["gates"]["not_passed"])
    ]


def fill_words(fill: Body) -> str:
    """``0.06 BTC/USDT at 50,000.00, fee 3.00 USDT``; a sale has a minus."""
    fee = f", fee {amount(fill['fee'])} {fill['fee_asset']}" if fill.get("fee") and fill.get("fee_asset") else ""
    return f"{amount(fill['qty'])} {fill['symbol']} at {money(fill['price'])}{fee}"


def why_view(body: Body, asset: str) -> RenderableType:
    """A decision's word on one asset: where it stands, its readings, and what would change the word."""
    item = next(each for each in body["exposures"] if each["asset"] == asset)
    low, high = item["band"]
    bar = drift_bar(item["net"], item["target"], (low, high), width=41)
    where = Text.assemble(
        (f"{asset}  ", "bold"),
        f"net {percent(item['net'])} (spot {percent(item['spot'])}, futures {percent(item['futures'])}), ",
        f"target {percent(item['target'])}, drift {points(item['drift'])} points",
    )
    edges = Text.assemble(f"{percent(low)} ", bar.text(), f" {percent(high)}")
    known = [reading(name, value) for name, value in item["readings"].items() if value is not False]
    read = f"Readings  trend {item['trend'] or 'unknown'}{''.join(f', {each}' for each in known)}"
    parts: list[RenderableType] = [where, edges, Text(read)]
    parts += [Text(f"Note      {note}", style="yellow") for note in item.get("notes", ())]
    said = Text(f"Decision {body['decision_id']} at {instant(body['at'])} says:", style="dim")
    return Group(*parts, said, *words_on(body, asset))
