"""Owns `ballast approve` and `ballast reject`: an operator's word on what waits for it (R-G17). They only ask."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from bot.cli.options import DEFAULT_CONFIG, ConfigFile
from bot.cli.parts import controls_of, go, record_of, settings_of, who
from bot.cli.screen import line
from bot.cli.told import Told

DecisionId = Annotated[str, typer.Argument(metavar="ID", help="The decision's id, or how it begins.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for the record.")]


def approve(decision_id: DecisionId, config: ConfigFile = DEFAULT_CONFIG, reason: Reason = "") -> None:
    """Say yes to what a decision waits for.

    Example: ballast approve dxk3
    """
    for each in go(_judge(config, "approve", decision_id, reason)):
        line(f"approved: {each}.")
    line("The running bot carries it out with its next cycle, as far as every other gate still lets it.")


def reject(decision_id: DecisionId, config: ConfigFile = DEFAULT_CONFIG, reason: Reason = "") -> None:
    """Say no to what a decision waits for.

    Example: ballast reject dxk3 --reason "after the election"
    """
    for each in go(_judge(config, "reject", decision_id, reason)):
        line(f"rejected: {each}.")


async def _judge(config: Path, what: str, decision_id: str, reason: str) -> list[str]:
    """Ask for it under the decision's whole id; what it was about, in words."""
    from bot.render.decisions import decision_body, waiting_for_yes
    from bot.render.plan import wish_words

    settings = settings_of(config)
    async with record_of(settings) as record:
        row = await record.told(decision_id)
    if row is None:
        raise Told(f"{decision_id}: begins no decision's id, or those of several; `ballast decisions` lists them")
    body: dict[str, Any] = decision_body(row)
    waiting = waiting_for_yes(body)
    if not waiting:
        raise Told(f"{row.decision_id}: nothing in it waits for a yes; `ballast explain {row.decision_id}` shows it")
    async with controls_of(settings) as controls:
        await controls.request(what, row.decision_id, who(), reason or "asked for on the command line")
    return [wish_words(each) for each in waiting]
