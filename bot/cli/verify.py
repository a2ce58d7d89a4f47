"""Owns `ballast verify`: the proof of the record, told line by line."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile
from bot.cli.parts import go, record_of, settings_of
from bot.cli.screen import line, show_json
from bot.cli.told import FAILED, Told

if TYPE_CHECKING:
    from bot.engine.verify import Report
    from bot.settings import Settings

TOLD_EVERY = 100  # decisions


def verify(
    config: ConfigFile = DEFAULT_CONFIG,
    any_version: Annotated[
        bool, typer.Option("--with-this-version", help="Compare decisions of other versions too.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Prove the record: decide everything again, and compare.

    Example: ballast verify
    """
    report = go(_verified(settings_of(config), any_version=any_version))
    if as_json:
        show_json({"clean": report.clean, **asdict(report)})
    else:
        for each in report.lines:
            line(each)
    if not report.clean:
        raise typer.Exit(FAILED)


async def _verified(settings: Settings, *, any_version: bool) -> Report:
    from bot.engine.verify import verify as prove

    async with record_of(settings) as record:
        whole = (await record.counts())["decisions"]
        if not whole:
            raise Told("nothing is decided yet; `ballast run --cycles 1` decides once")
        return await prove(record, progress=_Progress(whole), any_version=any_version)


class _Progress:
    """Counts up on a terminal; silent elsewhere, so that a log holds the findings alone."""

    def __init__(self, whole: int) -> None:
        self._whole = whole
        self._seen = sys.stderr.isatty()

    def __call__(self, done: int) -> None:
        """Told after each decision."""
        if self._seen and (done % TOLD_EVERY == 0 or done == self._whole):
            end = "\n" if done == self._whole else ""
            sys.stderr.write(f"\r{done:,} of {self._whole:,} decisions{end}")
            sys.stderr.flush()
