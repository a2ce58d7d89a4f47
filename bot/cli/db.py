"""Owns `ballast db`: the schema, the record as tables for other programs, and what leaves it for its archive."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.days import day_of, duration_of
from bot.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile
from bot.cli.parts import go, identity_of, settings_of
from bot.cli.screen import line, show_json
from bot.cli.told import Told

MEGABYTE = 1024 * 1024
app = typer.Typer(no_args_is_help=False)


@app.callback()
def db() -> None:
    """Look after the record's database.

    Example: ballast db upgrade
    """


@app.command()
def upgrade(config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Bring the record to this version's schema, making it if need be.

    Example: ballast db upgrade
    """
    from bot.clocks import host_utc_now
    from bot.store.sql import upgrade as migrate

    changed = go(migrate(settings_of(config).store.url, host_utc_now))
    line("upgraded." if changed else "nothing to do: the schema is this version's.")


@app.command()
def export(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the files go, one a table.")],
    config: ConfigFile = DEFAULT_CONFIG,
    since: Annotated[str | None, typer.Option("--since", metavar="DAY", help="Only from then on, UTC.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write the record as Parquet files, also while the bot runs.

    Numbers that are money are text, digit by digit; instants are UTC.

    Example: ballast db export --out exported --since 2026-01-01
    """
    from rich.console import Console
    from rich.progress import Progress, TextColumn

    from bot.store.sql.export import export as written

    settings = settings_of(config)
    first = None if since is None else day_of("--since", since)
    shown = TextColumn("{task.description}: {task.completed:,.0f} rows")
    with Progress(shown, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("reading", total=None)
        made = go(
            written(
                settings.store.url, identity_of(settings), out, since=first,
                told=lambda table, rows: bar.update(task, description=table, completed=rows),
            )
        )  # fmt: skip
    if as_json:
        show_json({"folder": str(out), "rows": made})
    else:
        line(f"{out}: " + ", ".join(f"{name} {rows:,}" for name, rows in made.items()))


@app.command()
def compact(
    config: ConfigFile = DEFAULT_CONFIG,
    older_than: Annotated[
        str, typer.Option("--older-than", metavar="TIME", help="Whole months that ended this long ago, such as 90d.")
    ] = "90d",
    archive: Annotated[
        Path | None,
        typer.Option("--archive", metavar="DIR", show_default="archive beside the record", help="Where they go."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Move old decisions that did nothing to Parquet files, a month each.

    What acted stays, and so do orders, fills and facts. The bot must be stopped meanwhile.

    Example: ballast db compact --older-than 90d
    """
    from rich.console import Console
    from rich.progress import Progress

    from bot.clocks import host_utc_now
    from bot.store.sql.compact import compact as moved
    from bot.store.sql.engine import Database

    settings = settings_of(config)
    span = duration_of("--older-than", older_than)
    file = Database(settings.store.url).file
    if archive is None and file is None:
        raise Told("--archive: must name a folder, since the record is on a server and has none beside it")
    where = archive or (file or Path()).parent / "archive" / settings.portfolio
    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("looking", total=None)
        made = go(
            moved(
                settings.store.url, identity_of(settings), where, span, host_utc_now,
                lambda month, rows, whole: bar.update(task, description=month, completed=rows, total=whole),
            )
        )  # fmt: skip
    count = sum(made.months.values())
    if as_json:
        sizes = {"before_bytes": made.before_bytes, "after_bytes": made.after_bytes}
        show_json({"archive": str(where), "months": made.months, **sizes})
    elif not count:
        line(f"nothing to move: no whole month that ended {older_than} before the last decision holds any.")
    else:
        sizes_mb = f"{made.before_bytes / MEGABYTE:.1f} to {made.after_bytes / MEGABYTE:.1f} MB"
        line(f"{where}: {count:,} decisions of {len(made.months)} months; the record went from {sizes_mb}")
