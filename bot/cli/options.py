"""Owns the options that several commands share; imports nothing heavy, since every --help reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from bot import folder

DEFAULT_CONFIG: Final = folder("config") / "paper.yaml"

ConfigFile = Annotated[
    Path,
    typer.Option(
        "--config",
        envvar="BALLAST_CONFIG",
        metavar="FILE",
        help="The portfolio's configuration.",
        show_default="config/paper.yaml",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=100_000, metavar="N", help="How many, newest first.")]
Yes = Annotated[bool, typer.Option("--yes", help="Don't ask.")]
