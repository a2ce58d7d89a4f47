"""Owns `ballast backtest`: the decisions of a configuration over recorded prices, and what they came to."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from bot.cli.days import day_of, duration_of
from bot.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile
from bot.cli.parts import go, settings_of
from bot.cli.screen import show, show_json
from bot.cli.told import Told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bot.backtest.result import Result
    from bot.settings import Settings
    from bot.wiring_past import Span

T = TypeVar("T")
DAY_HELP = "2021-05-10 or with time, UTC."


def backtest(  # noqa: PLR0917 - typer passes all by name
    config: ConfigFile = DEFAULT_CONFIG,
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="DIR", help="Recorded candles and funding; else local.tape of the file."),
    ] = None,
    since: Annotated[
        str | None, typer.Option("--from", metavar="DAY", help=f"First decision; else after 210 days. {DAY_HELP}")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", metavar="DAY", help=f"End, else the last bar. {DAY_HELP}")
    ] = None,
    cycle: Annotated[
        str | None, typer.Option("--cycle", metavar="TIME", help="How often; else as configured, at least hourly.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Write report.html, pictures, curve, decisions and fills there."),
    ] = None,
    record: Annotated[
        str | None,
        typer.Option(
            "--record", metavar="URL", help="Keep the record in this new database, for explain and decisions."
        ),
    ] = None,
    screen: Annotated[
        bool,
        typer.Option("--screen/--no-screen", help="Pass hours at which nothing could happen; the result is the same."),
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Decide over recorded prices as the bot would have.

    Example: ballast backtest --config config/tactical.yaml --data candles --from 2022-01-01
    """
    from bot.backtest.result import write
    from bot.backtest.summary import summary, summary_view
    from bot.cli.report import write_all
    from bot.wiring_past import Span

    settings = settings_of(config)
    folder = data or (Path(settings.local.tape) if settings.local.tape else None)
    if folder is None:
        raise Told("--data: is missing, must be a folder with files like BTCUSDT.parquet")
    span = Span(
        folder, _maybe(day_of, "--from", since), _maybe(day_of, "--to", until), _maybe(duration_of, "--cycle", cycle)
    )
    result = _result(settings, config.stem, span, record, screen=screen)
    if out is not None:
        try:
            write(result, out)
        except OSError as error:
            raise Told(f"--out {out}: {error.strerror}") from None
        write_all(result, out)
    body = summary(result)
    if as_json:
        show_json(body)
    else:
        show(summary_view(body))


def _result(settings: Settings, name: str, span: Span, record: str | None, *, screen: bool) -> Result:
    from bot.backtest.run import run
    from bot.venues.simulated.recordings import TapeError
    from bot.wiring_host import set_up_logging
    from bot.wiring_past import past

    async def work() -> Result:
        job = await past(settings, span, name=name, record_url=record, screen=screen)
        with _progress(name) as told:
            return await run(job, told=told)

    set_up_logging(settings.model_copy(update={"log": settings.log.model_copy(update={"level": "error"})}))
    try:
        return go(work())
    except (TapeError, ValueError) as error:
        raise Told(str(error)) from None


def _maybe(read: Callable[[str, str], T], option: str, text: str | None) -> T | None:
    return None if text is None else read(option, text)


@contextmanager
def _progress(name: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr with bars per second; where nobody watches, none."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[pace]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task(name, total=None, pace="")

        def told(done: int, whole: int) -> None:
            speed = progress.tasks[0].speed
            progress.update(task, completed=done, total=whole, pace=f"{speed:,.0f} bars/s" if speed else "")

        yield told
