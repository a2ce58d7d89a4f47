"""Owns `ballast snapshot`: all that a decision would see now, as JSON."""

from __future__ import annotations

from bot.cli.options import DEFAULT_CONFIG, ConfigFile
from bot.cli.parts import settings_of
from bot.cli.plan import observed
from bot.cli.screen import line


def snapshot(config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Print all that a decision would see now, as JSON.

    Example: ballast snapshot --config config/paper.yaml > snapshot.json
    """
    line(observed(settings_of(config)).to_json())
