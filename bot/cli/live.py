"""Owns `ballast live confirm`: the typed word that an account may be traded with real money. It trades nothing."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from bot.cli.options import DEFAULT_CONFIG, ConfigFile
from bot.cli.parts import controls_of, go, settings_of, who
from bot.cli.screen import line, must_type
from bot.cli.told import Told

if TYPE_CHECKING:
    from bot.ports.venue import KeyReport
    from bot.settings import Settings

app = typer.Typer(no_args_is_help=True)


@app.callback()
def live() -> None:
    """Say that real money may be traded.

    Example: ballast live confirm --config my.yaml
    """


@app.command()
def confirm(config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Ask the venue whose key it is, and take your word that this account may be traded.

    Example: ballast live confirm --config my.yaml
    """
    from bot.wiring import asked_of_key

    settings = settings_of(config)
    if settings.mode != "live":
        raise Told(f"{config}: mode is {settings.mode}, must be live: nothing else needs a confirmation")
    account, report = go(asked_of_key(settings))
    if not account:
        raise Told(f"{settings.venue.id} does not say whose account this is: nothing can be confirmed")
    line(f"portfolio {settings.portfolio} on {settings.venue.id} ({settings.venue.environment}), account {account}")
    line(_may(report))
    if report.can_withdraw:
        raise Told("the key may withdraw, must be one that cannot: make another at the venue")
    if not sys.stdin.isatty():
        raise Told("nobody to ask, since stdin is no terminal: this word is typed by a person")
    must_type(settings.portfolio, f"Orders for {account} will be sent with real money")
    go(_write(settings, account))
    line(f"confirmed: {account} may be traded by portfolio {settings.portfolio}.")


async def _write(settings: Settings, account: str) -> None:
    from bot.engine.live import CONFIRMED

    async with controls_of(settings) as controls:
        await controls.request(CONFIRMED, account, who(), "typed on the command line")


def _may(report: KeyReport) -> str:
    words = {True: "yes", False: "no", None: "the venue does not say"}
    facts = {
        "spot": report.can_trade_spot,
        "futures": report.can_trade_swap,
        "withdraw": report.can_withdraw,
        "bound to an address": report.ip_bound,
    }
    return "the key: " + ", ".join(f"{name} {words[value]}" for name, value in facts.items())
