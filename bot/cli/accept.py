"""Owns `ballast accept`: an operator's yes to an edit of the configuration that raises risk. It only asks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.options import DEFAULT_CONFIG, ConfigFile, Yes
from bot.cli.parts import controls_of, go, record_of, settings_of, who
from bot.cli.screen import line, must_type, show
from bot.cli.told import Told

if TYPE_CHECKING:
    from bot.settings import Settings

Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for the record.")]


def accept(config: ConfigFile = DEFAULT_CONFIG, yes: Yes = False, reason: Reason = "") -> None:
    """Say yes to an edit that raises risk.

    Until then a live bot goes on under what was in force before.

    Example: ballast accept --config my.yaml
    """
    from bot.render.difference import difference_view
    from bot.settings.watch import edit_of

    settings = settings_of(config)
    edit, bodies = go(_waiting(settings))
    if edit is None:
        raise Told("no edit of the configuration waits for a yes")
    if edit["id"] != edit_of(Path(config)):
        raise Told(f"{config}: was edited again since the bot looked; try again after its next cycle")
    for each in edit["raises"]:
        line(f"raises risk: {each}")
    if bodies is not None:
        show(difference_view(*bodies))
    if not yes:
        must_type("accept", f"The bot will trade under this edit ({edit['id']})")
    go(_ask(settings, str(edit["id"]), reason or "asked for on the command line"))
    line("accepted: the running bot takes the edit over with one of its next two cycles.")


async def _waiting(settings: Settings) -> tuple[dict[str, Any] | None, tuple[dict[str, Any], dict[str, Any]] | None]:
    """The edit that waits, and the last decision's plan as it was beside what it would be."""
    from bot.core.plan import plan
    from bot.engine.arithmetic import exact

    async with record_of(settings) as record:
        edit = (await record.status() or {}).get("edit")
        rows = await record.decisions(1) if edit else ()
        found = await record.decision(rows[0].decision_id) if rows else None
    if found is None:
        return edit, None
    _, snapshot, policy = found
    with exact():
        return edit, (plan(snapshot, policy).body(), plan(snapshot, settings.policy()).body())


async def _ask(settings: Settings, edit_id: str, why: str) -> None:
    from bot.engine.controls import ACCEPTS

    async with controls_of(settings) as controls:
        await controls.request(ACCEPTS, edit_id, who(), why)
