"""Owns `ballast status`: the bot's last beat, glanceable, and whether it is fresh."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile
from bot.cli.parts import controls_of, go, record_of, settings_of
from bot.cli.screen import show, show_json
from bot.cli.told import Told

if TYPE_CHECKING:
    from bot.ports.store import ControlRow
    from bot.settings import Settings

LEAST_FRESH_S = 60.0
CYCLES_FRESH = 3


def status(
    config: ConfigFile = DEFAULT_CONFIG,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Fail where the last word is older than 3 cycles and 60 s.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show what the bot does, holds and waits for.

    Example: ballast status
    """
    from bot.render.status import status_view

    settings = settings_of(config)
    body = go(_status(config))
    if as_json:
        show_json(body)
    else:
        show(status_view(body, settings.accounting_currency))
    if fresh:
        must_be_fresh(body, settings)


async def _status(config: Path) -> dict[str, Any]:
    from bot.render.status import status_body

    settings = settings_of(config)
    async with record_of(settings) as record:
        body = status_body(await record.status() or {"waiting_for": ["a first cycle"]})
    async with controls_of(settings) as controls:
        rows = await controls.read(0)
        asked = await controls.kill()
    return {**body, "kill": _standing(body["kill"], rows, asked, settings.kill_switch)}


def _standing(
    beat: Mapping[str, Any], rows: Sequence[ControlRow], asked: ControlRow | None, switch: str
) -> Mapping[str, Any]:
    """The kill level as it stands now: requests since the last beat count, whether a bot has taken them up or not."""
    from bot.core.numbers import utc_text
    from bot.core.snapshot import KILL_LEVELS

    resumed = [row.at for row in rows if row.what == "resume"]
    if beat["at"] and resumed and resumed[-1] > datetime.fromisoformat(beat["at"]):
        beat = {"level": switch, "reason": None if switch == "off" else "kill_switch", "by": None, "at": None}
    # A level nobody knows counts as the highest.
    ranks: dict[str, int] = {level: rank for rank, level in enumerate(KILL_LEVELS)}
    if asked is not None and ranks.get(asked.value, len(ranks)) > ranks.get(beat["level"], len(ranks)):
        return {"level": asked.value, "reason": asked.why, "by": asked.who, "at": utc_text(asked.at)}
    return beat


def must_be_fresh(body: Mapping[str, Any], settings: Settings) -> None:
    """Raise Told where the bot's last word is too old, by the machine's own clock."""
    from bot.clocks import host_utc_now

    if body.get("beat_at") is None:
        raise Told("the record does not say when the bot last spoke; start it: `ballast run`")
    old_s = (host_utc_now() - datetime.fromisoformat(body["beat_at"])).total_seconds()
    most_s = max(CYCLES_FRESH * cycle_s(settings), LEAST_FRESH_S)
    if old_s > most_s:
        raise Told(f"the bot last spoke {old_s:,.0f} s ago, must be at most {most_s:,.0f} s; is it running?")


def cycle_s(settings: Settings) -> float:
    """A cycle's length in the machine's seconds: the local exchange's time runs faster."""
    speed = settings.local.speed if settings.venue.environment == "local" else 1
    return settings.cycle.total_seconds() / float(speed) if speed != "step" else 0.0
