"""Owns `ballast tune`: the search for better values of a configuration, and the honest word on what was found."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.compare import Data, Jobs, Since, Until
from bot.cli.days import day_of, duration_of
from bot.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile
from bot.cli.parts import settings_of
from bot.cli.screen import line, show, show_json
from bot.cli.told import USAGE, Told

if TYPE_CHECKING:
    from bot.wiring_past import Span
    from bot.wiring_tune import Tuning


def tune(  # noqa: PLR0917 - typer passes all by name
    space: Annotated[
        Path, typer.Option("--space", metavar="FILE", help="What to try: keys, each with a range or choices.")
    ],
    storage: Annotated[
        str,
        typer.Option(
            "--storage", metavar="URL", help="The study: sqlite:///tune.db, or postgresql://user@host/db for several."
        ),
    ],
    data: Data,
    config: ConfigFile = DEFAULT_CONFIG,
    since: Since = None,
    until: Until = None,
    trials: Annotated[
        int, typer.Option("--trials", min=1, max=100_000, metavar="N", help="End when the study has so many in all.")
    ] = 50,
    windows: Annotated[
        int, typer.Option("--windows", min=2, max=60, metavar="N", help="Windows for trials; one more is kept unseen.")
    ] = 5,
    aim: Annotated[str, typer.Option("--aim", metavar="FIGURE", help="sharpe, sortino, calmar or cagr.")] = "sharpe",
    study: Annotated[str | None, typer.Option("--study", metavar="NAME", help="Else the file's name.")] = None,
    jobs: Jobs = 1,
    dead_after: Annotated[
        str, typer.Option("--dead-after", metavar="TIME", help="A worker silent for so long has died.")
    ] = "2m",
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="The best configuration; else NAME-tuned.yaml here.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Search for better values of keys, and judge them.

    Example: ballast tune --config config/tactical.yaml --space space.yaml --storage sqlite:///tune.db --data candles
    """
    from bot.backtest.study import StudyRefused
    from bot.render.tune import tune_view
    from bot.venues.simulated.recordings import TapeError
    from bot.wiring_past import Span
    from bot.wiring_tune import tune as work
    from bot.wiring_tune import write_best

    settings_of(config)
    span = Span(data, day_of("--from", since) if since else None, day_of("--to", until) if until else None)
    target = out or Path(f"{config.stem}-tuned.yaml")
    try:
        tuning = _tuning(config, space, span, windows, aim, study, storage, trials, dead_after)
        with _progress(tuning.name, trials) as told:
            body = work(tuning, jobs=jobs, told=told)
        if body["top"]:
            write_best(tuning, body, config, target)
    except (StudyRefused, TapeError, ValueError) as error:
        raise Told(str(error)) from None
    except OSError as error:
        raise Told(f"--out {target}: {error.strerror}") from None
    if as_json:
        show_json({**body, "written": str(target) if body["top"] else None})
    else:
        show(tune_view(body))
        _say(body, config, target)


def _say(body: Mapping[str, Any], config: Path, target: Path) -> None:
    if body["top"]:
        line(f"written: {target}, the configuration of trial {body['best']}; {config} is as it was")


def _tuning(  # noqa: PLR0917 - what the options say, in their order
    config: Path, space: Path, span: Span, windows: int, aim: str, study: str | None, storage: str, trials: int,
    dead_after: str,
) -> Tuning:  # fmt: skip
    """All that is asked for, checked; raises Told, `StudyRefused`, `TapeError`, `WindowError`."""
    from bot.backtest.luck import AIMS
    from bot.backtest.space import SpaceError, check_space, read_space
    from bot.settings import ConfigError
    from bot.settings.layers import read_text
    from bot.wiring_sweep import ends_of
    from bot.wiring_tune import Tuning, about, cuts_of, storage_url

    if aim not in AIMS:
        raise Told(f"--aim: is {aim}, must be {', '.join(AIMS)}", USAGE)
    silent = duration_of("--dead-after", dead_after)
    env = {name: value for name, value in os.environ.items() if name.startswith("BALLAST_")}
    url = storage_url(storage)
    try:
        text = read_text(config)
        wanted = read_space(read_text(space), str(space))
        check_space(wanted, str(space), text, env)
    except (SpaceError, ConfigError) as error:
        raise Told(error.lines) from None
    cuts = cuts_of(*ends_of(span), windows)
    return Tuning(
        name=study or config.stem, text=text, env=env, space=wanted, storage=url, folder=span.folder, cuts=cuts,
        aim=aim, about=about(text, env, span.folder, wanted, cuts, aim), trials=trials, dead_after=silent,
    )  # fmt: skip


@contextmanager
def _progress(name: str, trials: int) -> Iterator[Callable[[int], None]]:
    """A bar of trials on a terminal; elsewhere a line whenever some ended, since such work is long."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    last = -1
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task(f"trials of study {name}", total=trials)

        def told(ended: int) -> None:
            nonlocal last
            bar.update(task, completed=ended)
            if not console.is_terminal and ended != last:
                sys.stderr.write(f"study {name}: {ended} of {trials} trials\n")
                sys.stderr.flush()
            last = ended

        yield told
