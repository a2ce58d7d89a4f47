"""Owns `ballast compare`: several configurations side by side over the same recorded prices, window by window."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.days import day_of
from bot.cli.options import AsJson
from bot.cli.parts import settings_of
from bot.cli.screen import show, show_json
from bot.cli.told import USAGE, Told

if TYPE_CHECKING:
    from bot.wiring_sweep import Asked

DAY_HELP = "2021-05-10 or with time, UTC."
Data = Annotated[Path, typer.Option("--data", metavar="DIR", help="Recorded candles and funding.")]
Since = Annotated[
    str | None, typer.Option("--from", metavar="DAY", help=f"First decision; else after 210 days. {DAY_HELP}")
]
Until = Annotated[str | None, typer.Option("--to", metavar="DAY", help=f"End, else the last bar. {DAY_HELP}")]
Jobs = Annotated[int, typer.Option("--jobs", min=1, max=256, metavar="N", help="Processes at a time.")]


def compare(
    configs: Annotated[list[Path], typer.Argument(metavar="FILE FILE…", help="Configurations, two or more.")],
    data: Data,
    since: Since = None,
    until: Until = None,
    windows: Annotated[
        int, typer.Option("--windows", min=1, max=60, metavar="N", help="Cut the span into so many windows.")
    ] = 4,
    jobs: Jobs = 1,
    as_json: AsJson = False,
) -> None:
    """Set configurations side by side over the same past.

    Example: ballast compare config/tactical.yaml config/dynamic.yaml --data candles --from 2022-01-01
    """
    from bot.backtest.compare import compared
    from bot.backtest.windows import WindowError
    from bot.backtest.windows import windows as cut
    from bot.render.compare import compare_view
    from bot.venues.simulated.recordings import TapeError
    from bot.wiring_past import Span
    from bot.wiring_sweep import PlayerDied, ends_of, play_all

    asked = _asked(configs)
    begun = day_of("--from", since) if since else None
    ended = day_of("--to", until) if until else None
    try:
        ends = ends_of(Span(data, begun, ended))
        span, cuts = Span(data, *ends), cut(*ends, windows)
        with progress([each.name for each in asked]) as told:
            results = play_all(asked, span, jobs=jobs, told=told)
    except (TapeError, WindowError, ValueError, PlayerDied) as error:
        raise Told(str(error)) from None
    body = compared(results, cuts)
    if as_json:
        show_json(body)
    else:
        show(compare_view(body))


def _asked(configs: Sequence[Path]) -> list[Asked]:
    from bot.settings.layers import read_text
    from bot.wiring_sweep import Asked

    if len(configs) < 2:  # noqa: PLR2004 - one alone is `ballast backtest`
        raise Told("ballast compare: needs two configurations or more; for one there is `ballast backtest`", USAGE)
    for path in configs:
        settings_of(path)  # every fault of every file is told before anything is played
    names = [path.stem for path in configs]
    unique = [str(path) if names.count(path.stem) > 1 else path.stem for path in configs]
    if len(set(unique)) < len(unique):
        raise Told("ballast compare: the same file stands twice", USAGE)
    env = dict(os.environ)
    return [Asked(name, read_text(path), env) for name, path in zip(unique, configs, strict=True)]


@contextmanager
def progress(names: Sequence[str]) -> Iterator[Callable[[Sequence[tuple[int, int]]], None]]:
    """A bar for each name on stderr; where nobody watches, none."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bars:
        tasks = [bars.add_task(name, total=None) for name in names]

        def told(counts: Sequence[tuple[int, int]]) -> None:
            for task, (done, whole) in zip(tasks, counts, strict=True):
                bars.update(task, completed=done, total=whole or None)

        yield told
