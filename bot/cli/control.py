"""Owns the commands that ask the running bot for something: kill, resume, adopt, rearm. They only write requests."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.options import DEFAULT_CONFIG, ConfigFile, Yes
from bot.cli.parts import controls_of, go, record_of, settings_of, who
from bot.cli.screen import line, must_type
from bot.cli.told import Told

if TYPE_CHECKING:
    from bot.settings import Settings


class Kill(StrEnum):
    """What can be asked for (R-G1)."""

    FREEZE = "freeze"
    HALT = "halt"
    FLATTEN = "flatten"


DOES = {
    Kill.FREEZE: "only safety and what lowers exposure still acts",
    Kill.HALT: "open orders are cancelled and none is sent",
    Kill.FLATTEN: "open orders are cancelled, then longs and shorts are closed",
}
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for the record.")]


def kill(
    level: Annotated[Kill, typer.Argument(metavar="LEVEL", help="freeze, halt or flatten.")],
    config: ConfigFile = DEFAULT_CONFIG,
    reason: Reason = "",
) -> None:
    """Stop trading within a second, until `ballast resume`.

    Example: ballast kill halt --reason "odd fills"
    """
    go(_ask(config, "kill", level.value, reason or "asked for on the command line"))
    line(f"{level.value} is asked for: {DOES[level]}; `ballast resume` lifts it.")


def resume(config: ConfigFile = DEFAULT_CONFIG, yes: Yes = False, reason: Reason = "") -> None:
    """Let the bot trade again after a kill or a breaker.

    Example: ballast resume
    """
    settings = settings_of(config)
    go(_must_be_read(settings))
    if not yes:
        must_type("resume", "The bot will trade again")
    go(_ask(config, "resume", "", reason or "asked for on the command line"))
    if settings.kill_switch != "off":
        where = settings.origins.get("kill_switch", "file")
        source = str(config) if where == "file" else where
        raise Told(f"{source}: kill_switch still says {settings.kill_switch}, which keeps it so; put it to off too")
    line("resumed.")


def adopt(config: ConfigFile = DEFAULT_CONFIG, yes: Yes = False) -> None:
    """Let the bot trade what a real account held at first start.

    Example: ballast adopt
    """
    if not yes:
        must_type("adopt", "What the account holds will be traded")
    go(_ask(config, "adopt", "", "asked for on the command line"))
    line("adopted: the running bot takes it over with its next cycle.")


def rearm(
    asset: Annotated[str, typer.Argument(metavar="[ASSET]", help="A halted coin; without one, all.")] = "",
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Let an asset be traded again that the bot halted.

    Example: ballast rearm BTC
    """
    known = settings_of(config).policy().assets
    if asset and asset not in known:
        raise Told(f"{asset}: is not configured, must be one of {', '.join(known)}")
    go(_ask(config, "rearm", asset, "asked for on the command line"))
    line(f"re-armed: {asset or 'every halted asset'}, with the running bot's next cycle.")


async def _must_be_read(settings: Settings) -> None:
    """Nothing is resumed over an alert that nobody has looked at; raises Told."""
    from bot.alerts.unread import LOOKED_AT, unread_critical
    from bot.ports.errors import StoreRefused

    try:
        async with record_of(settings) as record:
            rows = await record.alerts(LOOKED_AT)
    except StoreRefused:
        return  # a bot that never ran has told nothing
    async with controls_of(settings) as controls:
        left = unread_critical(rows, await controls.read(0))
    if left:
        last = left[-1].text
        raise Told(
            f"{len(left)} critical alerts are unread, the last: {last}; read them first: `ballast alerts --read`"
        )


async def _ask(config: Path, what: str, value: str, why: str) -> None:
    async with controls_of(settings_of(config)) as controls:
        await controls.request(what, value, who(), why)
