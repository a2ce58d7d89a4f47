"""Owns `ballast backup` and `ballast restore`: the record as one file, taken while the bot runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile, Yes
from bot.cli.parts import settings_of
from bot.cli.screen import line, must_type, show_json
from bot.cli.told import Told

if TYPE_CHECKING:
    from bot.store.sql.copies import Copy

MEGABYTE = 1024 * 1024


def backup(
    to: Annotated[Path, typer.Argument(metavar="FILE", help="Where the copy goes; it must not be there yet.")],
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Copy the record into one file, also while the bot runs.

    Example: ballast backup backups/2026-01-05.db
    """
    from rich.console import Console
    from rich.progress import Progress

    from bot.ports.errors import StoreError
    from bot.store.sql.copies import backup as copied

    settings = settings_of(config)
    try:
        with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
            task = bar.add_task("copying", total=None)
            made = copied(
                settings.store.url, to, lambda left, whole: bar.update(task, total=whole, completed=whole - left)
            )
    except StoreError as error:
        raise Told(str(error)) from None
    if as_json:
        show_json(_body(made))
    else:
        line(f"{to}: {_words(made)}")


def restore(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="A copy that `ballast backup` made.")],
    config: ConfigFile = DEFAULT_CONFIG,
    yes: Yes = False,
) -> None:
    """Put a copy in the place of the record, which is kept.

    The bot must be stopped. At its next start it compares the record with the venue before it trades.

    Example: ballast restore backups/2026-01-05.db
    """
    from bot.clocks import host_utc_now
    from bot.ports.errors import Fenced, StoreError
    from bot.store.sql.copies import look
    from bot.store.sql.copies import restore as put_back
    from bot.wiring import data_folder
    from bot.wiring_host import locked

    settings = settings_of(config)
    try:
        found = look(source)
        mine = (settings.portfolio, settings.mode, settings.venue.id, settings.venue.environment)
        whose = {(each.portfolio, each.mode, each.venue, each.environment) for each in found.books}
        if mine not in whose:
            named = "; ".join(" ".join(each) for each in sorted(whose)) or "nobody"
            raise Told(f"{source}: is the record of {named}, the configuration is of {' '.join(mine)}")
        lock, _ = locked(settings, data_folder(settings))
        with lock:
            if not yes:
                must_type("restore", f"{source} ({_words(found)}) takes the place of the present record")
            _, kept = put_back(settings.store.url, source, host_utc_now())
    except (StoreError, Fenced) as error:
        raise Told(str(error)) from None
    line(f"restored: {_words(found)}" + (f"; the record before it is {kept}" if kept else ""))


def _words(copy: Copy) -> str:
    from bot.render.words import counted, instant

    last = f"the last at {instant(copy.last_at)}" if copy.last_at else "none yet"
    size = copy.size_bytes / MEGABYTE
    books = counted(len(copy.books), "portfolio")
    return f"{counted(copy.decisions, 'decision')}, {last}, {books}, {size:,.1f} MB, sound"


def _body(copy: Copy) -> dict[str, object]:
    return {
        "file": str(copy.path),
        "bytes": copy.size_bytes,
        "decisions": copy.decisions,
        "last_at": copy.last_at,
        "portfolios": [
            {"portfolio": each.portfolio, "mode": each.mode, "venue": each.venue, "environment": each.environment}
            for each in copy.books
        ],
    }
