"""Owns a report as tables for a terminal: what was gained, from where, and beside what. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bot.render.report.page import parts_to_the_cent, signed_money
from bot.render.words import money, percent


def report_view(body: Mapping[str, Any]) -> RenderableType:
    """The whole report but its charts."""
    head = Text.assemble((str(body["name"]), "bold"), f"   {body['since'][:16]} to {body['until'][:16]}   ")
    head.append(f"{body['counts'].get('decisions', body['cycles']):,} decisions, amounts in {body['currency']}")
    parts: list[RenderableType] = [head, Text()]
    if body["attribution"] is not None:
        parts += [_verdict(body), Text(), _attribution(body["attribution"]), Text()]
    parts += [_beside(body), Text()]
    return Group(*parts, *(Text(f"note: {each}", style="yellow") for each in body["unknown"]))


def _verdict(body: Mapping[str, Any]) -> Text:
    told = body["attribution"]
    words = Text.assemble("gained ", (f"{signed_money(told['change'])}", "bold"))
    words.append(f"; against targets bought and held {signed_money(told['against_held'])}")
    words.append(f"; hedges brought {signed_money(told['hedging'])}, all their costs and funding counted")
    return words


def _attribution(told: Mapping[str, Any]) -> Table:
    table = Table("where it came from", told["opened"] and "", box=None, pad_edge=False)
    table.columns[1].justify = "right"
    table.add_row("equity at first", money(told["opened"]))
    for name in ("flows", "rescoped"):
        if told[name] != "0":
            words = {"flows": "came from outside", "rescoped": "came by a change of the configuration"}
            table.add_row(words[name], signed_money(told[name]))
    for name, _, value in parts_to_the_cent(told):
        table.add_row(f"  {name}", signed_money(value))
    table.add_row("change, flows taken out", signed_money(told["change"]), style="bold")
    table.add_row("equity at the end", money(told["closed"]))
    return table


def _beside(body: Mapping[str, Any]) -> Table:
    table = Table("", "at the end", "gain", "deepest drawdown", "Sharpe", "turnover", box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    mine = {"name": "this", "last": body["equity"]["last"], "figures": body["figures"]}
    for line in (mine, *body["rivals"]):
        found = line["figures"]
        sharpe = "too short" if found["sharpe"] is None else f"{found['sharpe']:.2f}"
        turnover = line.get("turnover", body["traded"]["turnover_per_year"])
        times = "" if not turnover else f"{turnover:.1f} ×"
        table.add_row(
            line["name"], money(line["last"]), percent(found["total"]), percent(found["drawdown"]), sharpe, times
        )
    return table
