"""Owns `ballast decisions`, `orders` and `trades`: lists from the record, newest first, or as CSV."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile, Limit
from bot.cli.parts import go, record_of, settings_of
from bot.cli.screen import show, show_json, text
from bot.cli.told import Told

if TYPE_CHECKING:
    from bot.core.events import Event

SHOWN = 20
ALL = 100_000


def decisions(
    config: ConfigFile = DEFAULT_CONFIG,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit", min=1, max=ALL, metavar="N", help="How many, newest first.", show_default="20; all with --fired"
        ),
    ] = None,
    asset: Annotated[
        str | None, typer.Option("--asset", metavar="ASSET", help="Only those that acted on it or were refused.")
    ] = None,
    fired: Annotated[
        bool,
        typer.Option("--fired", help="Count kinds of action and rules instead: what spoke, how often, what never."),
    ] = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print one row per action, refusal and hold as CSV.")] = False,
    as_json: AsJson = False,
) -> None:
    """List recorded decisions, or what spoke in them.

    Example: ballast decisions --limit 5 --asset BTC
    """
    from bot.render.decisions import decisions_csv, decisions_view

    if fired:
        _show_fired(*go(_fired(config, limit or ALL, asset)), as_json=as_json)
        return
    _one_form(csv=csv, as_json=as_json)
    bodies = go(_decisions(config, limit or (ALL if csv else SHOWN), asset))
    if csv:
        text(decisions_csv(bodies))
    elif as_json:
        show_json(bodies)
    else:
        show(decisions_view(bodies))


def _show_fired(newest_first: list[dict[str, Any]], events: list[Event], *, as_json: bool) -> None:
    from bot.render.fired import fired_body, fired_of, fired_view

    made = fired_of(reversed(newest_first), events)
    if as_json:
        show_json(fired_body(made))
    else:
        show(fired_view(made))


async def _fired(config: Path, limit: int, asset: str | None) -> tuple[list[dict[str, Any]], list[Event]]:
    from bot.render.decisions import decision_body

    async with record_of(settings_of(config)) as record:
        bodies = [decision_body(row) for row in await record.decisions(limit, asset=asset)]
        return bodies, [event async for event in record.events()]


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


def trades(
    config: ConfigFile = DEFAULT_CONFIG,
    limit: Annotated[
        int | None,
        typer.Option("--limit", min=1, max=ALL, metavar="N", help="How many, newest first.", show_default="20"),
    ] = None,
    csv: Annotated[bool, typer.Option("--csv", help="Print all of them as CSV, oldest first.")] = False,
    as_json: AsJson = False,
) -> None:
    """List recorded fills with their fees.

    Example: ballast trades --csv > trades.csv
    """
    from bot.render.trades import trade_body, trades_csv, trades_view

    _one_form(csv=csv, as_json=as_json)
    bodies = [trade_body(fill) for fill in go(_fills(config))]
    if csv:
        text(trades_csv(bodies))
        return
    newest = bodies[::-1][: limit or SHOWN]
    if as_json:
        show_json(newest)
    else:
        show(trades_view(newest))


async def _fills(config: Path) -> Sequence[Mapping[str, Any]]:
    async with record_of(settings_of(config)) as record:
        return await record.fills()


def _one_form(*, csv: bool, as_json: bool) -> None:
    if csv and as_json:
        raise Told("--csv and --json: must be one of the two")
