"""Owns `ballast config show` and `ballast config schema`."""

from __future__ import annotations

import typer

from bot.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile
from bot.cli.parts import settings_of
from bot.cli.screen import line, show, show_json

app = typer.Typer(no_args_is_help=False)


@app.callback()
def config() -> None:
    """Show the configuration in force, or its JSON schema.

    Example: ballast config show
    """


@app.command("show")
def show_config(config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Print every setting in force and where it came from, secrets hidden.

    Example: ballast config show --config config/tactical.yaml
    """
    from bot.render.settings import settings_view

    rows = settings_of(config).rows()
    if as_json:
        show_json({row.key: {"value": row.value, "from": row.origin} for row in rows})
    else:
        show(settings_view([(row.key, row.value, row.origin) for row in rows]))


@app.command()
def schema() -> None:
    """Print the JSON schema of the configuration, as editors use it.

    Example: ballast config schema > schema.json
    """
    import json

    from bot.settings import config_schema

    line(json.dumps(config_schema(), indent=2, ensure_ascii=False))
