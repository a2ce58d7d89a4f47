"""Owns `ballast shadow`: how far real orders are from what paper makes of them, and what that says of the cost gate."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.days import day_of
from bot.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile
from bot.cli.parts import go, record_of, settings_of
from bot.cli.screen import show, show_json

if TYPE_CHECKING:
    from datetime import datetime

    from bot.settings import Settings


def shadow(
    config: ConfigFile = DEFAULT_CONFIG,
    since: Annotated[
        str | None, typer.Option("--from", metavar="DAY", help="Orders sent since; 2026-05-10 or with time, UTC.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare recorded orders with the paper engine's.

    Example: ballast shadow --config live.yaml --from 2026-05-01
    """
    from bot.render.shadow import shadow_view

    settings = settings_of(config)
    body = go(_gap(settings, day_of("--from", since) if since else None))
    if as_json:
        show_json(body)
    else:
        show(shadow_view(body, settings.accounting_currency))


async def _gap(settings: Settings, since: datetime | None) -> dict[str, Any]:
    from bot.wiring_shadow import shadow as compare

    async with record_of(settings) as record:
        whole = (await record.counts())["decisions"]

        def told(done: int) -> None:
            if sys.stderr.isatty():
                sys.stderr.write(f"\r{done:,} of {whole:,} decisions{chr(10) if done == whole else ''}")
                sys.stderr.flush()

        return await compare(record, settings.policy(), settings.paper.latency, since, told)
