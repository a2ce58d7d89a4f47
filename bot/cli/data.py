"""Owns `ballast data`: recorded prices for backtests, fetched from a venue and looked at before they are believed."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.days import day_of
from bot.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile
from bot.cli.parts import go, settings_of
from bot.cli.screen import show, show_json
from bot.cli.told import FAILED, Told

if TYPE_CHECKING:
    from bot.backtest.fetch import Fetched
    from bot.settings import Settings

app = typer.Typer(no_args_is_help=False)


@app.callback()
def data() -> None:
    """Fetch recorded prices for backtests, and check them.

    Example: ballast data check candles
    """


@app.command()
def check(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder with files like BTCUSDT.parquet.")],
    as_json: AsJson = False,
) -> None:
    """Look for gaps, doubles and absurd bars; the exit code is 1 where something cannot be played.

    Example: ballast data check candles
    """
    from rich.table import Table

    from bot.backtest.soundness import checked
    from bot.venues.simulated.recordings import TapeError

    try:
        found = checked(folder)
    except (TapeError, OSError) as error:
        raise Told(str(error)) from None
    if as_json:
        show_json([item.body() for item in found])
    else:
        table = Table("file", "coin", "bars", "from", "to", "found", box=None, pad_edge=False)
        for item in found:
            said = [
                f"{'REFUSED: ' if one.fatal else ''}{one.what} ({one.count}, first {one.first or '?'})"
                for one in item.findings
            ]
            table.add_row(
                item.file, item.coin, f"{item.rows:,}", item.first[:16], item.last[:16], "; ".join(said) or "nothing"
            )
        show(table)
    if not all(item.sound for item in found):
        raise typer.Exit(FAILED)


@app.command()
def fetch(
    symbols: Annotated[str, typer.Option("--symbols", metavar="COINS", help="Such as BTC,ETH,SOL.")],
    since: Annotated[str, typer.Option("--from", metavar="DAY", help="2021-05-10, UTC.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Goes on with what lies there.")],
    until: Annotated[str | None, typer.Option("--to", metavar="DAY", help="Else up to now.")] = None,
    venue: Annotated[
        str | None, typer.Option("--venue", metavar="ID", help="Public data of it; else as configured.")
    ] = None,
    spot: Annotated[bool, typer.Option("--spot", help="Spot prices; else perpetuals, and their funding.")] = False,
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Fetch hourly candles and funding from a venue, as far as they are not there yet.

    Example: ballast data fetch --venue binance --symbols BTC,ETH --from 2024-01-01 --out candles
    """
    from rich.table import Table

    settings = _looking(settings_of(config), venue)
    coins = [coin.strip().upper() for coin in symbols.split(",") if coin.strip()]
    if not coins:
        raise Told("--symbols: is empty, must name coins such as BTC,ETH")
    begun = day_of("--from", since)
    try:
        made = go(_fetched(settings, coins, (begun, day_of("--to", until) if until else None), out, swap=not spot))
    except OSError as error:
        raise Told(f"--out {out}: {error.strerror}") from None
    body: list[dict[str, Any]] = [
        {"coin": item.coin, "bars": item.rows, "fresh": item.fresh, "missing": item.missing} for item in made
    ]
    if as_json:
        show_json(body)
        return
    table = Table("coin", "bars", "new", "hours the venue has not", box=None, pad_edge=False)
    for item in made:
        table.add_row(item.coin, f"{item.rows:,}", f"{item.fresh:,}", f"{item.missing:,}")
    show(table)


def _looking(settings: Settings, venue: str | None) -> Settings:
    """The settings of somebody who only looks: no keys, no account of the venue's."""
    update: dict[str, Any] = {"mode": "paper"}
    if venue is not None:
        update["venue"] = settings.venue.model_copy(update={"id": venue, "environment": "production"})
    return settings.model_copy(update=update)


async def _fetched(
    settings: Settings, coins: list[str], span: tuple[datetime, datetime | None], out: Path, *, swap: bool
) -> list[Fetched]:
    from bot.backtest.fetch import Wanted, fetch
    from bot.venues.simulated.recordings import TapeError
    from bot.wiring_data import market_of

    async with market_of(settings) as (market, now):
        wanted = Wanted(coins, swap, span[0], min(span[1] or now, now), out)
        try:
            return await fetch(market, wanted)
        except TapeError as error:
            raise Told(str(error)) from None
