"""Owns `ballast check`: what the configuration says about itself."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from bot.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile
from bot.cli.parts import settings_of
from bot.cli.screen import line, show, show_json
from bot.cli.told import FAILED, Told

if TYPE_CHECKING:
    from bot.settings import Settings


def check(config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Say what is wrong or unwise in a configuration.

    Example: ballast check --config config/tactical.yaml
    """
    from bot.core.advice import advice, bands
    from bot.render.check import bands_view, check_body

    try:
        settings = settings_of(config)
    except Told as told:
        _refused(told, as_json=as_json)
        raise typer.Exit(FAILED) from None
    policy = settings.policy()
    found = advice(policy, kill=settings.kill_switch, around=changed_around(settings))
    rows = bands(policy)
    if as_json:
        show_json(check_body(found, rows))
    else:
        show(bands_view(rows))
        for each in found:
            line(each.line())
    if any(each.level == "error" for each in found):
        raise typer.Exit(FAILED)


def changed_around(settings: Settings) -> list[tuple[str, object]]:
    """The keys of the program around the decisions that differ from their defaults."""
    sections = {"feeds": settings.feeds, "web": settings.web, "alerts": settings.alerts}
    return [
        (f"{name}.{key}", value)
        for name, section in sections.items()
        for key, value in section
        if value != getattr(type(section)(), key)
    ]


def _refused(told: Told, *, as_json: bool) -> None:
    """A configuration that cannot be read is a finding like any other, and a failure where findings go to a file."""
    if as_json:
        show_json({"errors": [{"key": "", "text": each} for each in told.lines], "warnings": [], "bands": []})
    else:
        for each in told.lines:
            line(f"error: {each}")
    if not sys.stdout.isatty():
        sys.stderr.writelines(f"{each}\n" for each in told.lines)
