"""Owns `ballast simulate`: histories of the whole bot under faults, told line by line, and the way to repeat one."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.options import AsJson
from bot.cli.screen import line, show, show_json
from bot.cli.told import FAILED, Told

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.progress import Progress, TaskID

    from bot.simulation.campaign import Totals
    from bot.simulation.faults import Plan
    from bot.simulation.history import Result

SHOWN = 3  # violations of one history
UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
SHRINK_RUNS = 60
CYCLE_LEAST_S = 10
NARROW = 20  # names that fit three times into eighty columns


def simulate(  # noqa: PLR0917 - typer passes all by name
    seeds: Annotated[str, typer.Option("--seeds", metavar="A..B", help="Seeds to play.")] = "1..20",
    seed: Annotated[int | None, typer.Option("--seed", min=0, metavar="N", help="One seed; shrinks a failure.")] = None,
    plan: Annotated[
        Path | None, typer.Option("--plan", metavar="FILE", help="Play a plan of faults as written.")
    ] = None,
    days: Annotated[float, typer.Option("--days", min=0.05, max=400, metavar="D", help="Days of each history.")] = 2.0,
    cycle: Annotated[str, typer.Option("--cycle", metavar="TIME", help="The bot's cycle, such as 60s or 1h.")] = "1h",
    exhaustive: Annotated[
        str | None, typer.Option("--exhaustive", metavar="WHAT", help="steps or faults, of the reference histories.")
    ] = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", min=1, max=256, metavar="N", help="Processes.", show_default="cores")
    ] = None,
    write_plan: Annotated[
        Path | None, typer.Option("--write-plan", metavar="FILE", help="Write the (shrunk) plan of --seed here.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Play the whole bot in virtual time against faults.

    Example: ballast simulate --seeds 1..500 --days 7
    """
    wanted = _exhaustive(exhaustive) if exhaustive else _wanted(seeds, seed, plan, days, _seconds(cycle))
    alone = len(wanted) == 1
    workers = 1 if alone else min(len(wanted), jobs or os.cpu_count() or 1)
    before_s = _processor_s()
    totals = _played(wanted, workers, quiet=as_json)
    spent_s = _processor_s() - before_s
    shrunk = _shrunk(totals, quiet=as_json) if alone and totals.failed else None
    if write_plan is not None and alone:
        _write(write_plan, shrunk or wanted[0])
    if as_json:
        show_json(_body(totals, shrunk, spent_s))
    else:
        _tell(totals, shrunk, write_plan, spent_s)
    if totals.failed:
        raise typer.Exit(FAILED)


# ---- what is asked for


def _wanted(seeds: str, seed: int | None, plan: Path | None, days: float, cycle_s: int) -> list[Plan]:
    from bot.simulation.campaign import plans
    from bot.simulation.faults import read_plan

    if plan is not None:
        try:
            return [read_plan(plan.read_text(encoding="utf-8"))]
        except (OSError, ValueError) as error:
            raise Told(f"--plan {plan}: {' '.join(str(error).split())}") from None
    if seed is not None:
        return plans([seed], days, cycle_s)
    found = re.fullmatch(r"(\d{1,9})(?:\.\.(\d{1,9}))?", seeds.strip())
    first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
    if last < first:
        raise typer.BadParameter(f"{seeds}, must be two numbers such as 1..500", param_hint="'--seeds'")
    return plans(range(first, last + 1), days, cycle_s)


def _exhaustive(what: str) -> list[Plan]:
    from bot.simulation.exhaustive import every_fault, every_step, references

    if what not in ("steps", "faults"):
        raise typer.BadParameter(f"{what}, must be steps or faults", param_hint="'--exhaustive'")
    return [plan for base in references() for plan in (every_step(base) if what == "steps" else every_fault(base))]


def _seconds(text: str) -> int:
    found = re.fullmatch(r"(\d{1,6})([smhd])", text.strip())
    length = int(found[1]) * UNITS[found[2]] if found else 0
    if not CYCLE_LEAST_S <= length <= UNITS["d"]:
        raise typer.BadParameter(f"{text}, must be a time from 10s to 1d, such as 1h", param_hint="'--cycle'")
    return length


# ---- playing


def _played(wanted: list[Plan], jobs: int, *, quiet: bool) -> Totals:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from bot.simulation.campaign import campaign

    screen = Console(stderr=True, markup=False, emoji=False, highlight=False)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=screen, transient=True, disable=quiet or not sys.stderr.isatty()) as bar:
        teller = _Teller(bar, bar.add_task("histories", total=len(wanted)), quiet=quiet)
        return campaign(wanted, jobs, teller)


class _Teller:
    """Tells each failure as it comes, with the command that repeats it."""

    def __init__(self, bar: Progress, task: TaskID, *, quiet: bool) -> None:
        self._bar = bar
        self._task = task
        self._quiet = quiet

    def __call__(self, result: Result) -> None:
        """One history is over."""
        self._bar.advance(self._task)
        if result.violations and not self._quiet:
            for text in _failure(result):
                line(text)
            sys.stdout.flush()


def _failure(result: Result) -> list[str]:
    plan, more = result.plan, len(result.violations) - 1
    rest = f" (and {more} more)" if more else ""
    return [f"seed {plan.seed}: {result.violations[0]}{rest}; repeat: {repeated(plan)}"]


def repeated(plan: Plan) -> str:
    """The command that plays a plan again; one with few faults, that no seed draws, is written out."""
    from bot.simulation.campaign import plans

    if plan != plans([plan.seed], plan.days, plan.cycle_s)[0]:
        return f"ballast simulate --plan FILE, with {plan.to_json()}"
    return f"ballast simulate --seed {plan.seed} --days {plan.days:g} --cycle {plan.cycle_s}s"


def _shrunk(totals: Totals, *, quiet: bool) -> Plan:
    from bot.simulation.campaign import shrink

    result = totals.failed[0]
    smallest, runs = shrink(result, runs_max=SHRINK_RUNS)
    if not quiet:
        before = len(result.plan.faults)
        line(f"shrunk from {before} faults to {len(smallest.faults)} in {runs} runs:")
        for fault in smallest.faults:
            line(f"  {fault}")
        for text in result.violations[:SHOWN]:
            line(f"  breaks {text}")
    return smallest


def _write(path: Path, plan: Plan) -> None:
    try:
        path.write_text(plan.to_json() + "\n", encoding="utf-8")
    except OSError as error:
        raise Told(f"--write-plan {path}: {error.strerror}") from None


def _processor_s() -> float:
    """Seconds of processor time that this process and those of its children that ended took."""
    return sum(os.times()[:4])


# ---- telling


def _tell(totals: Totals, shrunk: Plan | None, written: Path | None, spent_s: float) -> None:
    show(_table("fault", totals.faults(), "bit"))
    show(_table("road of an order", totals.roads(), "taken"))
    show(_table("done", sorted(totals.done.items()), "filled"))
    show(_table("in the end", totals.bands.most_common(), "assets"))
    share = totals.filled_histories / max(1, totals.histories)
    line(
        f"{totals.histories} histories, {totals.days:g} days, {totals.cycles} cycles, {totals.starts} starts, "
        f"{totals.deaths} deaths, {totals.orders} creates, {totals.fills} fills; {share:.0%} of them traded"
    )
    line(f"{totals.days / spent_s:.2g} simulated days a second of processor time, {spent_s:.0f} s in all")
    if len(totals.digests) == 1:
        line(f"digest {next(iter(totals.digests.values()))}")
    if shrunk is not None:
        again = f"ballast simulate --plan {written}" if written else "add --write-plan FILE, then --plan FILE"
        line(f"to repeat the shrunk plan: {again}")
    line(f"{len(totals.failed)} histories broke an invariant" if totals.failed else "every invariant held")


def _table(title: str, rows: list[tuple[str, int]], count: str) -> RenderableType:
    from rich.table import Table

    widest = max((len(name) for name, _ in rows), default=0)
    beside = 3 if widest < NARROW else 2
    table = Table(*(title, count) * beside, box=None, pad_edge=False)
    height = -(-len(rows) // beside)
    for index in range(height):
        cells: list[str] = []
        for name, number in rows[index::height]:
            cells += [name, f"{number:,}"]
        table.add_row(*cells)
    return table


def _body(totals: Totals, shrunk: Plan | None, spent_s: float) -> dict[str, Any]:
    return {
        "histories": totals.histories,
        "days": str(totals.days),
        "processor_s": round(spent_s, 1),
        "cycles": totals.cycles,
        "starts": totals.starts,
        "deaths": totals.deaths,
        "creates": totals.orders,
        "fills": totals.fills,
        "traded": totals.filled_histories,
        "faults": dict(totals.faults()),
        "roads": dict(totals.roads()),
        "done": dict(sorted(totals.done.items())),
        "in the end": dict(totals.bands.most_common()),
        "digests": {str(seed): digest for seed, digest in totals.digests.items()},
        "failed": [
            {"seed": one.plan.seed, "violations": one.violations, "repeat": repeated(one.plan)} for one in totals.failed
        ],
        "shrunk": None if shrunk is None else [str(fault) for fault in shrunk.faults],
    }
