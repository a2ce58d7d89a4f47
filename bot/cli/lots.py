"""Owns `ballast lots`: what was paid for the coins held and what each sale gained, from recorded fills."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile
from bot.cli.parts import go, record_of, settings_of
from bot.cli.screen import show, show_json, text
from bot.cli.told import Told

if TYPE_CHECKING:
    from collections.abc import Collection

    from bot.core.events import Event
    from bot.core.lots import Entry
    from bot.settings import Settings


class Method(StrEnum):
    """Which coins a sale is of."""

    FIFO = "fifo"
    HIGHEST_COST = "highest-cost"


def lots(
    config: ConfigFile = DEFAULT_CONFIG,
    method: Annotated[
        Method, typer.Option("--method", help="Which coins a sale is of: the oldest, or the dearest.")
    ] = Method.FIFO,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV for a spreadsheet or a tax program.")] = False,
    as_json: AsJson = False,
) -> None:
    """List tax lots: what coins cost, and what each sale gained.

    Example: ballast lots --method highest-cost --csv > lots.csv
    """
    from bot.core.lots import lot_book
    from bot.render.lots import lots_body, lots_csv, lots_view

    if csv and as_json:
        raise Told("--csv and --json: must be one of the two")
    settings = settings_of(config)
    try:
        book = lot_book(go(_entries(settings)), method.value)
    except ValueError as error:
        raise Told(str(error)) from None
    if csv:
        text(lots_csv(book))
    elif as_json:
        show_json(lots_body(book))
    else:
        show(lots_view(book, settings.accounting_currency))


async def _entries(settings: Settings) -> list[Entry]:
    """Spot fills, and coins that came or went without a trade: what was paid for those is not in this record."""
    from bot.core.lots import entries_of

    policy = settings.policy()
    cash = {settings.accounting_currency, *policy.targets.stables.assets}
    async with record_of(settings) as record:
        fills = await record.fills()
        came = [_came(event) async for event in record.events() if _is_of_coins(event, cash)]
    return [*entries_of(fills, settings.accounting_currency), *came]


def _is_of_coins(event: Event, cash: Collection[str]) -> bool:
    body = event.body
    return event.kind == "flow" and body["kind"] in ("deposit", "withdrawal") and body["asset"] not in cash


def _came(event: Event) -> Entry:
    from decimal import Decimal

    from bot.core.lots import Entry

    return Entry(event.at, str(event.body["asset"]), Decimal(str(event.body["amount"])), None, transfer=True)
