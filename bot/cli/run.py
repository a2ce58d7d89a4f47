"""Owns `ballast run`: starts the daemon, and tells a terminal what each decision was."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.options import DEFAULT_CONFIG, ConfigFile
from bot.cli.parts import go, settings_of
from bot.cli.screen import console
from bot.cli.told import FAILED

if TYPE_CHECKING:
    from bot.engine.cycle import Outcome
    from bot.engine.execute import Sent
    from bot.settings import Settings


def run(
    config: ConfigFile = DEFAULT_CONFIG,
    cycles: Annotated[int | None, typer.Option("--cycles", min=1, metavar="N", help="End after N cycles.")] = None,
) -> None:
    """Start the bot; Ctrl-C ends it.

    Example: ballast run --cycles 3
    """
    settings = settings_of(config)
    if go(_run(settings, config, cycles)):
        raise typer.Exit(FAILED)


async def _run(settings: Settings, path: Path, cycles: int | None) -> int:
    from bot.daemon import Daemon
    from bot.wiring import compose
    from bot.wiring_host import set_up_logging
    from bot.wiring_web import dashboard_beside

    shown = settings.log.format == "text" or (settings.log.format == "auto" and sys.stdout.isatty())
    set_up_logging(_quieter(settings) if shown else settings)
    if shown:
        from bot.render.header import header_view

        console().print(header_view(_header(settings), cycles))
    body = await compose(settings, config_path=path)
    tell = _Told(settings.accounting_currency, sends=not body.standing) if shown else None
    async with dashboard_beside(settings):
        return await Daemon(body, on_cycle=tell).run(cycles)


class _Told:
    """Prints each decision and what became of it."""

    def __init__(self, currency: str, *, sends: bool) -> None:
        from bot.render.cycle import Teller

        self._console = console()
        self._teller = Teller(currency, sends=sends)
        self._sends = sends

    def __call__(self, _plan: object, outcome: Outcome) -> None:
        """Tell one cycle."""
        did = [_order(sent) for sent in outcome.sent] if self._sends else []
        notes = [f"could not read {gap}" for gap in outcome.snapshot.gaps]
        self._console.print(self._teller.block(outcome.plan.body(), did, notes))


def _order(sent: Sent) -> dict[str, Any]:
    side = "move" if "/" not in sent.symbol else "buy" if sent.asked > 0 else "sell"
    amounts = {"amount": f"{abs(sent.asked):f}", "filled": f"{abs(sent.filled):f}"}
    return {"side": side, "symbol": sent.symbol, **amounts, "state": sent.state.value, "why": sent.why}


def _header(settings: Settings) -> dict[str, str]:
    return {
        "mode": settings.mode,
        "portfolio": settings.portfolio,
        "venue": settings.venue.id,
        "environment": settings.venue.environment,
        "store": next(str(row.value) for row in settings.rows() if row.key == "store.url"),
    }


def _quieter(settings: Settings) -> Settings:
    """On a terminal each decision is told in full, so that log lines are for what went wrong."""
    level = settings.log.level if settings.log.level == "error" else "warning"
    return settings.model_copy(update={"log": {"level": level, "format": settings.log.format}})
