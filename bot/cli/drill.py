"""Owns `ballast drill`: the bot killed for real and started again, told as a table, before money depends on it."""

from __future__ import annotations

import asyncio
import signal
import sys
import tempfile
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.options import AsJson
from bot.cli.screen import line, show, show_json
from bot.cli.told import FAILED, Told

if TYPE_CHECKING:
    from rich.console import RenderableType

    from bot.simulation.drill import Report


def drill(
    kills: Annotated[int, typer.Option("--kills", min=1, max=100_000, metavar="N", help="How often to kill.")] = 20,
    seed: Annotated[int, typer.Option("--seed", min=0, metavar="N", help="Draws the moments and the markets.")] = 1,
    keep: Annotated[
        Path | None, typer.Option("--keep", metavar="FOLDER", help="Keep records and ledgers here (a new folder).")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Kill the bot at random, and prove that nothing was lost.

    It runs on an exchange of its own on this machine; no configuration, record or account of yours is touched.

    Example: ballast drill --kills 200
    """
    with _folder(keep) as folder:
        report = _drilled(kills, seed, folder, quiet=as_json)
    if as_json:
        show_json(_body(report))
    else:
        _tell(report)
    if report.violations:
        raise typer.Exit(FAILED)


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="ballast-drill-", ignore_cleanup_errors=True) as made:
            yield Path(made)
        return
    try:
        keep.mkdir(parents=True)
    except OSError as error:
        raise Told(f"--keep {keep}: {error.strerror}, must be a folder that is not there yet") from None
    yield keep


def _drilled(kills: int, seed: int, folder: Path, *, quiet: bool) -> Report:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from bot.simulation.drill import Drill
    from bot.simulation.processes import EndedByItself

    screen = Console(stderr=True, markup=False, emoji=False, highlight=False)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=screen, transient=True, disable=quiet or not sys.stderr.isatty()) as bar:
        task = bar.add_task("kills", total=kills)

        def told(violation: str | None) -> None:
            if violation is None:
                bar.advance(task)
            elif not quiet:
                line(violation)
                sys.stdout.flush()

        try:
            return asyncio.run(_until_told(Drill(kills, seed, folder, told=told).run()))
        except asyncio.CancelledError:
            raise Told("the drill was told to end; nothing is proven") from None
        except (EndedByItself, OSError) as error:
            raise Told(f"the drill could not go on: {error}") from None


async def _until_told(work: Coroutine[Any, Any, Report]) -> Report:
    """Run to the end, or until a signal asks for an end: the processes it started must not stay behind."""
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, task.cancel)
    return await task


def _tell(report: Report) -> None:
    show(_table(report))
    if report.violations:
        line(f"{len(report.violations)} violations; --keep FOLDER --seed {report.seed} keeps the files of another run")
    else:
        line("no duplicate, no orphan, no fill lost or booked twice, nothing short, the floor kept, every file whole")


def _table(report: Report) -> RenderableType:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for name, value in _rows(report):
        table.add_row(name, value)
    return table


def _rows(report: Report) -> Iterator[tuple[str, str]]:
    yield "kills", f"{report.kills:,}"
    for moment, count in sorted(report.moments.items()):
        yield f"  {moment}", f"{count:,}"
    yield "found dead with", ""
    for state, count in sorted(report.left.items(), key=lambda item: (-item[1], item[0])):
        yield f"  {state}", f"{count:,}"
    yield "accounts", f"{report.rounds:,}"
    yield "starts", f"{report.starts:,}"
    yield "decisions", f"{report.decisions:,}"
    yield "orders", f"{report.orders:,}"
    yield "fills", f"{report.fills:,}"
    for share in (0.5, 0.99, 1.0):
        name = "longest" if share == 1 else f"p{share * 100:.0f}"
        took = report.restart_s(share)
        yield f"from a start to its first decision, {name}", "unknown" if took is None else f"{took:.2f} s"
    yield "violations", f"{len(report.violations):,}"


def _body(report: Report) -> dict[str, Any]:
    times = {name: report.restart_s(share) for name, share in (("p50", 0.5), ("p99", 0.99), ("longest", 1.0))}
    return {
        "seed": report.seed,
        "kills": report.kills,
        "moments": dict(sorted(report.moments.items())),
        "left": dict(sorted(report.left.items())),
        "accounts": report.rounds,
        "starts": report.starts,
        "decisions": report.decisions,
        "orders": report.orders,
        "fills": report.fills,
        "restarts": len(report.restarts_s),
        "restart_s": {name: None if took is None else f"{took:.3f}" for name, took in times.items()},
        "violations": report.violations,
    }
