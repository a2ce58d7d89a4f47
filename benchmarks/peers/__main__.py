"""Puts our backtest, live cycle, start and memory beside the peers' and writes docs/performance.md.

    make peers ARGS="[--coins 10,20,100] [--pairs 20,100,500] [--rounds 3] [--extras] [--only NAME ...] [--table]"

Each step is a process of its own, engines in turn within a round, prices read before; what counts is processor time.
What was measured is kept after each step, so that an interrupted run goes on where it was: the same command again.
Figures of ours are dropped when the bot's code has changed, a peer's when its pins or its driver have. `--fresh` drops
all, `--table` measures nothing and makes tables and plot of what is kept.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import cast

import numpy as np

from benchmarks.peers import steps as asked
from benchmarks.peers import tables
from benchmarks.peers.environments import ROOT, Environment, last_line, made
from benchmarks.peers.job import BARS, prices
from benchmarks.peers.kept import Kept, Sample
from benchmarks.peers.page import must_have, written
from benchmarks.peers.plot import bars as bars_plot
from benchmarks.peers.steps import Step

MOST_S = 4 * 3_600
USAGE, INTERRUPTED = 64, 130


def tell(text: str) -> None:
    """On the terminal."""
    print(text, file=sys.stderr, flush=True)


def numbers(text: str) -> list[int]:
    """10,20,100."""
    found = [int(each) for each in text.split(",") if each]
    if any(each < 2 for each in found):  # noqa: PLR2004 - a band needs two coins
        raise argparse.ArgumentTypeError(f"{text}: each must be 2 or more")
    return found


def commit() -> str:
    """The checkout's, and whether what is measured differs from it."""
    git = ["git", "-C", str(ROOT)]
    head = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)  # noqa: S603
    changed = subprocess.run(  # noqa: S603 - our own
        [*git, "status", "--porcelain", "--", "bot", "benchmarks"], capture_output=True, text=True, check=False
    )
    return (head.stdout.strip() or "no commit") + (", changed" if changed.stdout.strip() else "")


def laid(step: Step, folder: Path, bars: int) -> None:
    """The prices and candles that a step reads, made once."""
    for name in (each.removeprefix("FOLDER/") for each in step.arguments if each.startswith("FOLDER/")):
        path = folder / name
        if path.exists():
            continue
        if name.startswith("candles"):
            command = [sys.executable, "-m", "benchmarks.peers.candles", str(step.width), str(path)]
            subprocess.run(command, cwd=ROOT, check=True)  # noqa: S603 - our own
        else:
            np.save(path, prices(step.width, bars))


def processor() -> float:
    """Seconds of all processes that have ended under this one."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def sampled(step: Step, folder: Path) -> Sample:
    """Run one step."""
    sample = Sample(at=datetime.now(UTC).isoformat(timespec="seconds"))
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    env["PYTHONPATH"] = str(ROOT)
    before = processor()
    try:
        done = subprocess.run(  # noqa: S603 - our own
            step.command(folder), cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=MOST_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Sample(**sample, failed=str(error))
    lines = [{"engine": step.name, **json.loads(each)} for each in done.stdout.splitlines() if each.startswith("{")]
    if done.returncode or not lines:
        return Sample(**sample, failed=last_line(done.stderr) or f"ended with {done.returncode}, told nothing")
    return Sample(**sample, lines=lines, took=processor() - before)


def environments(steps: Sequence[Step]) -> dict[Environment, str]:
    """Make those of these steps; why one could not be."""
    absent = {}
    for environment in dict.fromkeys(step.environment for step in steps if step.environment):
        if reason := made(environment, tell):
            absent[environment] = f"could not be installed: {reason}"
            tell(f"{environment.name}: {absent[environment]}")
    return absent


def outdated(steps: Sequence[Step], kept: Kept, stamps: Mapping[str, str]) -> None:
    """Forget what other code or pins gave, and with ours the quick peers beside it: ratios are of one hour."""
    lost = kept.drop_others(stamps)
    beside = {(step.section, step.width) for step in steps if step.key in lost and not step.environment}
    quick = [step.key for step in steps if (step.section, step.width) in beside and not kept.long(step.key)]
    kept.drop(quick)
    for key in dict.fromkeys((*lost, *quick)):
        tell(f"{key}: was measured with other code or pins, or beside such, is measured anew")


def measured(steps: Sequence[Step], kept: Kept, rounds: int, bars: int) -> None:
    """Every step that has not had its rounds, a round of all before the next of any."""
    stamps = {step.key: step.stamp() for step in steps}
    outdated(steps, kept, stamps)
    at_commit, absent, failed = commit(), environments(steps), set[Step]()
    turns = [step for turn in range(rounds) for step in steps if not (turn and step.once)]
    with tempfile.TemporaryDirectory() as folder:
        for number, step in enumerate(turns, 1):
            if step in failed or kept.enough(step.key, 1 if step.once else rounds):
                continue
            head = f"[{number:3}/{len(turns)}] {step.section} {step.width or ''} {step.name}"
            tell(f"{head} ...")
            begun = time.monotonic()
            if step.environment in absent:
                sample = Sample(failed=absent[step.environment], stamp=stamps[step.key])
            else:
                laid(step, Path(folder), bars)
                if step.section == "start" and not kept.good(step.key):
                    sampled(step, Path(folder))  # what is imported is compiled once, and not counted
                sample = Sample(**sampled(step, Path(folder)), stamp=stamps[step.key], commit=at_commit)
            kept.add(step.key, sample)
            failed |= {step} if "failed" in sample else set()
            tell(f"{head}: {summary(sample)} ({time.monotonic() - begun:.0f} s passed)")


def summary(sample: Sample) -> str:
    """One line of what a step told."""
    if "failed" in sample:
        return f"not measured: {sample['failed']}"
    seconds = {str(line["engine"]): cast("list[float]", line["seconds"]) for line in sample["lines"]}
    told = [f"{engine} {median(each):,.4g} s" for engine, each in seconds.items() if each]
    return ", ".join(told) or "done"


def write(steps: Sequence[Step], kept: Kept, given: argparse.Namespace) -> None:
    """All tables and the plot; what was not measured is left on the page as it is."""
    of_all = (
        tables.backtest(kept, steps, given.bars), tables.live(kept, steps), tables.start(kept, steps),
        tables.requests(given.venues),
    )  # fmt: skip
    for name, lines in zip(tables.NAMES, of_all, strict=True):
        if lines:
            print("\n".join(lines), "\n", flush=True)
            written(given.page, name, lines)
    if seconds := tables.picture(kept, steps):
        given.plot.write_text(bars_plot(seconds, tables.ENGINES), encoding="utf-8")
    tell(f"written: {given.page}{f', {given.plot}' if seconds else ''}")


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options."""
    options = argparse.ArgumentParser(prog="make peers", description="This bot beside its peers, on the same work.")
    options.add_argument("--coins", type=numbers, default=[10, 20, 100], help="widths of the backtest")
    options.add_argument("--pairs", type=numbers, default=[20, 100, 500], help="widths of the live cycle")
    options.add_argument("--rounds", type=int, default=3, help="of each engine; one where a round takes minutes")
    options.add_argument("--bars", type=int, default=BARS, help="hours of the backtest: fewer, for a trial")
    options.add_argument("--only", nargs="+", default=[], metavar="NAME", help="these sections or engines")
    options.add_argument("--extras", action="store_true", help="NautilusTrader, backtrader, freqtrade's backtest too")
    options.add_argument("--table", action="store_true", help="measure nothing, make tables and plot of what is kept")
    options.add_argument("--fresh", action="store_true", help="drop what is kept and begin anew")
    options.add_argument("--kept", type=Path, default=ROOT / "data" / "peers.json", help="where figures are kept")
    options.add_argument("--page", type=Path, default=ROOT / "docs" / "performance.md")
    options.add_argument("--venues", type=Path, default=ROOT / "docs" / "venues.md", help="whose requests are quoted")
    options.add_argument("--plot", type=Path, default=ROOT / "docs" / "img" / "peers.svg")
    return options.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, keep, write."""
    given = parsed(arguments)
    every = [*asked.backtests(given.coins, given.bars), *asked.lives(given.pairs), *asked.starts()]
    if unknown := sorted(set(given.only) - set(asked.names(every))):
        tell(f"--only: {', '.join(unknown)} is no section or engine, must be of {', '.join(asked.names(every))}")
        return USAGE
    must_have(given.page, tables.NAMES)
    if given.fresh:
        given.kept.unlink(missing_ok=True)
    kept = Kept(given.kept)
    chosen = [step for step in every if step.wanted(given.only, extras=given.extras)]
    try:
        if not given.table:
            measured(chosen, kept, given.rounds, given.bars)
    except KeyboardInterrupt:
        tell(f"\ninterrupted; what was measured is in {given.kept}: the same command goes on from there")
        return INTERRUPTED
    write(every, kept, given)
    tell(f"{processor():,.0f} s of processor time")
    return 0


if __name__ == "__main__":
    sys.exit(main())
