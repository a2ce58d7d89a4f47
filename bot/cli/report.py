"""Owns `ballast report`: was it worth it? The attribution of a record, or of an earlier backtest, and its page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.days import day_of
from bot.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile
from bot.cli.parts import go, panorama_of, settings_of
from bot.cli.screen import line, show, show_json
from bot.cli.told import Told

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from bot.backtest.result import Result
    from bot.settings import Settings

PAGE = "report.html"
NOTHING = "nothing is decided yet; `ballast run` decides, and what it came to is told here"


def report(
    config: ConfigFile = DEFAULT_CONFIG,
    since: Annotated[str | None, typer.Option("--from", metavar="DAY", help="First decision; else the first.")] = None,
    until: Annotated[str | None, typer.Option("--to", metavar="DAY", help="Last decision; else the last.")] = None,
    of: Annotated[
        Path | None, typer.Option("--of", metavar="DIR", help="Of a backtest's folder instead of the record.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write a page there, with charts.")] = None,
    as_json: AsJson = False,
) -> None:
    """Tell whether it was worth it, and why.

    Example: ballast report --from 2026-01-01 --out report.html
    """
    from bot.backtest.report import report as judged
    from bot.render.report.tables import report_view

    first, last = (None if text is None else day_of(name, text) for name, text in (("--from", since), ("--to", until)))
    if of is not None and (first or last):
        raise Told("--of: tells the whole of a backtest, so --from and --to must be left out")
    result = go(_lived(settings_of(config), first, last)) if of is None else _past(of)
    if result is None:
        if as_json:
            show_json({"cycles": 0})
        else:
            line(NOTHING if first is None and last is None else "nothing was decided between --from and --to")
        return
    body = judged(result, lived=of is None)
    if out is not None:
        write_page(body, out)
    if as_json:
        show_json(body)
    else:
        show(report_view(body))


def write_page(body: Mapping[str, Any], path: Path) -> None:
    """One file that needs nobody else; raises Told."""
    from bot.render.report.page import page

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page(body), encoding="utf-8")
    except OSError as error:
        raise Told(f"--out {path}: {error.strerror}") from None


def write_all(result: Result, folder: Path) -> None:
    """Page and pictures of a run over the past into its folder; raises Told."""
    from bot.backtest.report import report as judged
    from bot.render.report.pictures import write_pictures

    body = judged(result)
    write_page(body, folder / PAGE)
    try:
        write_pictures(body, folder)
    except OSError as error:
        raise Told(f"--out {folder}: {error.strerror}") from None


def _past(folder: Path) -> Result:
    from bot.backtest.result import ResultError, read

    try:
        return read(folder)
    except ResultError as error:
        raise Told(f"--of: {error}") from None


async def _lived(settings: Settings, since: datetime | None, until: datetime | None) -> Result | None:
    from bot.backtest.lived import lived

    async with panorama_of(settings) as record:
        return await lived(
            record,
            name=settings.portfolio,
            currency=settings.accounting_currency,
            config={row.key: row.value for row in settings.rows()},
            since=since,
            until=until,
        )
