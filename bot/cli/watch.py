"""Owns `ballast watch`: status and the last decisions, live in a terminal. It reads the record and touches nothing."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.options import DEFAULT_CONFIG, ConfigFile
from bot.cli.parts import go, record_of, settings_of
from bot.cli.screen import console

if TYPE_CHECKING:
    from rich.console import RenderableType

    from bot.ports.store import Record
    from bot.settings import Settings

DECISIONS = 8
ALERTS = 3
STYLES = {"critical": "bold red", "warning": "yellow", "info": "dim"}


def watch(
    config: ConfigFile = DEFAULT_CONFIG,
    every: Annotated[float, typer.Option("--every", min=0.2, max=3600, metavar="S", help="Seconds between looks.")] = 1,
    once: Annotated[bool, typer.Option("--once", help="Show it once and end, as where nobody watches.")] = False,
) -> None:
    """Watch the bot live: status, decisions, alerts.

    Ctrl-C ends the watching; the bot goes on.

    Example: ballast watch
    """
    go(_watch(settings_of(config), every, once=once or not sys.stdout.isatty()))


async def _watch(settings: Settings, every: float, *, once: bool) -> None:
    from rich.live import Live

    async with record_of(settings) as record:
        if once:
            console().print(await _view(record, settings))
            return
        with Live(await _view(record, settings), console=console(), screen=True, auto_refresh=False) as live:
            while True:
                await asyncio.sleep(every)
                live.update(await _view(record, settings), refresh=True)


async def _view(record: Record, settings: Settings) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    from bot.render.decisions import decision_body, decisions_view
    from bot.render.status import status_body, status_view

    body = status_body(await record.status() or {"waiting_for": ["a first cycle"]})
    told = await record.alerts(ALERTS)
    parts: list[Any] = [status_view(body, settings.accounting_currency), Text()]
    parts.append(decisions_view([decision_body(row) for row in await record.decisions(DECISIONS)]))
    if told:
        parts.append(Text())
        parts += [Text(f"{row.at:%Y-%m-%d %H:%M}  {row.level}: {row.text}", style=STYLES[row.level]) for row in told]
    return Group(*parts)
