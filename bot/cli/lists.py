"""Owns `ballast decisions` and `ballast orders`: lists from the record, newest first."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from bot.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile, Limit
from bot.cli.parts import go, record_of, settings_of
from bot.cli.screen import show, show_json

SHOWN = 20


def decisions(
    config: ConfigFile = DEFAULT_CONFIG,
    limit: Limit = SHOWN,
    asset: Annotated[
        str | None, typer.Option("--asset", metavar="ASSET", help="Only those that acted on it or were refused.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List recorded decisions, newest first.

    Example: ballast decisions --limit 5 --asset BTC
    """
    from bot.render.decisions import decisions_view

    bodies = go(_decisions(config, limit, asset))
    if as_json:
        show_json(bodies)
    else:
        show(decisions_view(bodies))


async def _decisions(config: Path, limit: int, asset: str | None) -> list[dict[str, Any]]:
    from bot.render.decisions import decision_body

    async with record_of(settings_of(config)) as record:
        return [decision_body(row) for row in await record.decisions(limit, asset=asset)]


def orders(config: ConfigFile = DEFAULT_CONFIG, limit: Limit = SHOWN, as_json: AsJson = False) -> None:
    """List recorded orders, newest first.

    Example: ballast orders --limit 5
    """
    from bot.render.orders import orders_view

    bodies = go(_orders(config, limit))
    if as_json:
        show_json(bodies)
    else:
        show(orders_view(bodies))


async def _orders(config: Path, limit: int) -> list[dict[str, Any]]:
    from bot.render.orders import order_body

    async with record_of(settings_of(config)) as record:
        return [order_body(row) for row in await record.orders(limit)]
