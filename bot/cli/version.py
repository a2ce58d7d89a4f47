"""Owns `ballast version`."""

from __future__ import annotations

from bot import __version__
from bot.cli.screen import line


def version() -> None:
    """Print the version.

    Example: ballast version
    """
    line(__version__)
