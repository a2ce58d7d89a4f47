"""Owns `ballast alerts`: what the bot told people, and the word that it was read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile, Limit
from bot.cli.parts import controls_of, go, record_of, settings_of, who
from bot.cli.screen import line, show, show_json

if TYPE_CHECKING:
    from bot.ports.store import AlertRow
    from bot.settings import Settings

STYLES = {"critical": "bold red", "warning": "yellow"}


def alerts(
    config: ConfigFile = DEFAULT_CONFIG,
    read: Annotated[bool, typer.Option("--read", help="Say that you have read them; `resume` asks for that.")] = False,
    limit: Limit = 20,
    as_json: AsJson = False,
) -> None:
    """List what the bot told people, newest first.

    Example: ballast alerts --read
    """
    rows, upto = go(_alerts(settings_of(config), limit, read=read))
    if as_json:
        show_json([_body(row, upto) for row in rows])
        return
    if not rows:
        line("no alerts.")
        return
    show(_table(rows, upto))
    fresh = [row for row in rows if row.number > upto]
    if read:
        line("all of them count as read now.")
    elif any(row.level == "critical" for row in fresh):
        line("`ballast resume` waits until the critical ones are read: `ballast alerts --read`")


async def _alerts(settings: Settings, limit: int, *, read: bool) -> tuple[Sequence[AlertRow], int]:
    """The alerts and up to which number they had been read before."""
    from bot.alerts.unread import READ, read_upto

    async with record_of(settings) as record:
        rows = await record.alerts(limit)
    async with controls_of(settings) as controls:
        upto = read_upto(await controls.read(0))
        if read and rows and rows[0].number > upto:
            await controls.request(READ, str(rows[0].number), who(), "asked for on the command line")
    return rows, upto


def _body(row: AlertRow, upto: int) -> dict[str, Any]:
    return {"number": row.number, "at": row.at, "level": row.level, "text": row.text, "read": row.number <= upto}


def _table(rows: Sequence[AlertRow], upto: int) -> Any:
    from rich.table import Table
    from rich.text import Text

    from bot.core.numbers import utc_text

    table = Table("at", "level", "", "what", box=None, pad_edge=False)
    for row in rows:
        fresh = "" if row.number <= upto else "unread"
        style = STYLES.get(row.level, "")
        table.add_row(utc_text(row.at), Text(row.level, style=style), Text(fresh, style="bold"), Text(row.text))
    return table
