"""Owns `ballast db upgrade`."""

from __future__ import annotations

import typer

from bot.cli.options import DEFAULT_CONFIG, ConfigFile
from bot.cli.parts import go, settings_of
from bot.cli.screen import line

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
