"""Owns how an acceptance run looks: what it would cost, and the table of what it found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.console import Group, RenderableType
from rich.text import Text

from bot.render.plan import plain_table
from bot.render.words import instant, money

if TYPE_CHECKING:
    from bot.engine.certify import Report, Terms
    from bot.engine.certify.run import Cost

COLOURS: Final = {"pass": "green", "fail": "bold red", "unknown": "yellow"}


def cost_words(where: str, terms: Terms, cost: Cost) -> str:
    """The sentence before the question."""
    what = f"{terms.spot} and {terms.swap}" if terms.swap else f"{terms.spot}, no perpetual"
    return (
        f"{where}: the smallest orders on {what}; about {money(cost.at_stake)} {terms.quote} at stake at any moment, "
        f"never more than {money(terms.limit)}; fees and spread may cost up to {money(cost.cost)} {terms.quote}. "
        "It sells, closes and cancels what it made."
    )


def certificate_view(report: Report) -> RenderableType:
    """The table, and the verdict over it."""
    table = plain_table()
    for name, style in (("item", "bold"), ("verdict", ""), ("what was seen", "")):
        table.add_column(name, style=style, overflow="fold")
    for item in report.items:
        word = str(item.verdict) if item.needed else f"{item.verdict} (not needed)"
        table.add_row(item.name, Text(word, COLOURS[str(item.verdict)]), item.evidence)
    verdict = ("passed", "bold green") if report.passed else ("did not pass", "bold red")
    head = Text.assemble(
        f"{report.venue} ({report.environment}), account {report.account or '?'}, {instant(report.at)}: ", verdict
    )
    return Group(table, Text(""), head)
