"""Runs the plain job on every engine in turn and writes the table and the plot of docs/performance.md.

    make peers ARGS="[--coins 10 20 100] [--rounds 3] [--pairs 20 100 500] [--page docs/performance.md]"

Each engine runs in a process of its own, in turn, ROUNDS times; medians of processor seconds, prices read before.
`apart` is how far its equity curve is from the reference's at most. Peers live in environments of their own, made by
the target from requirements*.txt beside this file; one that is not there is left out.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import resource
import shlex
import subprocess
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks import cycle
from benchmarks.peers.job import BARS, prices
from benchmarks.peers.plot import bars

NOWHERE = subprocess.DEVNULL
ROOT = Path(__file__).parents[2]
PEERS, FREQTRADE = (ROOT / name / "bin" / "python" for name in (".venv-peers", ".venv-freqtrade"))
DAEMON = "bot.daemon, bot.wiring, bot.engine.cycle, bot.store.sql, bot.venues.ccxt.client"
ENGINES = ("numba loop", "vectorbt", "ballast", "bt", "ballast, every bar")


@dataclass(frozen=True)
class Seen:
    """One engine on one width of the job."""

    seconds: float
    apart: float
    note: str = ""


def lines_of(python: Path, module: str, *arguments: str) -> list[dict[str, object]]:
    """The JSON lines that a module prints; nothing where its environment is not there."""
    if not python.exists():
        print(f"left out: {module}, {python} is not there", file=sys.stderr)
        return []
    command = [str(python), "-m", f"benchmarks.peers.{module}", *arguments]
    made = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    if made.returncode:
        print(f"{module}: {made.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
    return [json.loads(line) for line in made.stdout.splitlines() if line.startswith("{")]


def job(coins: list[int], rounds: int, *, every_bar: int) -> dict[int, dict[str, Seen]]:
    """Every engine on every width, engines in turn within a round; at `every_bar` coins ours also decides every bar."""
    seconds: dict[tuple[int, str], list[float]] = defaultdict(list)
    made: dict[int, dict[str, Seen]] = defaultdict(dict)
    mine = Path(sys.executable)
    with tempfile.TemporaryDirectory() as folder:
        for count in coins:
            path = f"{folder}/{count}.npy"
            np.save(path, prices(count))
            runs = [(mine, "on_ours", path, "1"), (PEERS, "on_vectorbt", path, "2"), (PEERS, "on_bt", path, "1")]
            asked = [run for _ in range(rounds) for run in runs]
            asked += [(mine, "on_ours", path, "1", "every")] if count == every_bar else []
            for python, module, *arguments in asked:
                for line in lines_of(python, module, *arguments):
                    name = str(line["engine"])
                    seconds[count, name] += line["seconds"]  # type: ignore[operator]
                    note = f"{line['decided']:,} of {BARS:,} bars decided" if "decided" in line else ""
                    if "first" in line and name == "vectorbt":
                        note = f"its first call compiles: {line['first']:.0f} s"
                    made[count][name] = Seen(median(seconds[count, name]), float(line["apart"]), note)  # type: ignore[arg-type]
                    print(f"{count:4} {name:20} {made[count][name].seconds:9.4f} s", file=sys.stderr)
    return made


def of_process(command: str) -> tuple[float, float]:
    """Processor seconds and megabytes of a whole process, the median of three."""
    found = []
    for _ in range(3):
        process = subprocess.Popen(shlex.split(command), cwd=ROOT, stdout=NOWHERE, stderr=NOWHERE)  # noqa: S603 - our own
        _, status, used = os.wait4(process.pid, 0)
        if status:
            raise SystemExit(f"{command}: ended with {status}")
        found.append((used.ru_utime + used.ru_stime, used.ru_maxrss / 1024))
    return median(each[0] for each in found), median(each[1] for each in found)


def job_table(found: dict[int, dict[str, Seen]]) -> list[str]:
    """A row per engine and width: seconds, times the fastest that records, how far apart."""
    lines = ["| coins | engine | processor time | ours is | equity apart | |", "| --: | --- | --: | --: | --: | --- |"]
    for count, engines in found.items():
        ours = engines["ballast"].seconds
        for name in (each for each in ENGINES if each in engines):
            seen = engines[name]
            ratio = "" if name == "ballast" else versus(seen.seconds / ours)
            took = f"{seen.seconds * 1e3:,.1f} ms" if seen.seconds < 1 else f"{seen.seconds:,.2f} s"
            lines.append(f"| {count} | {name} | {took} | {ratio} | {seen.apart:.0e} | {seen.note} |")
    return lines


def versus(ratio: float) -> str:
    """How many times faster ours is."""
    return f"{ratio:,.1f} × faster" if ratio >= 1 else f"{1 / ratio:,.1f} × slower"


def live_table(pairs: list[int]) -> list[str]:
    """Our whole cycle beside freqtrade's process(), new candle; then start-up and memory."""
    lines = [
        "| pairs | freqtrade, new candle | our cycle, new bar | of freqtrade | our cycle, no new bar | of freqtrade |",
        "| --: | --: | --: | --: | --: | --: |",
    ]
    for count in pairs:
        theirs = lines_of(FREQTRADE, "on_freqtrade", str(count), "5")
        if not theirs:
            return []
        with tempfile.TemporaryDirectory() as folder:
            ours = asyncio.run(cycle.measured(count, 9, Path(folder), profile=False))
        theirs_ms = median(theirs[0]["seconds"]) * 1e3  # type: ignore[call-overload]
        parts = [f"{theirs_ms:,.0f} ms"]
        for mine in (ours.new_bar_ms, ours.quiet_ms):
            parts += [f"{mine:,.1f} ms", f"1/{theirs_ms / mine:,.1f}"]
        lines.append(f"| {count} | {' | '.join(parts)} |")
        print(lines[-1], file=sys.stderr)
    return lines


def start_table() -> list[str]:
    """Whole processes: processor seconds and resident memory."""
    if not FREQTRADE.exists():
        return []
    here = shlex.quote(sys.executable)
    commands = {
        "`ballast --help`": f"{here} -m bot --help",
        "`freqtrade --version`": f"{FREQTRADE} -m freqtrade --version",
        "the daemon's imports, ccxt with them": f"{here} -c 'import {DAEMON}'",
        "freqtrade's bot, imported": f"{FREQTRADE} -c 'import freqtrade.freqtradebot, freqtrade.exchange'",
    }
    lines = ["| process | processor time | resident |", "| --- | --: | --: |"]
    for name, command in commands.items():
        seconds, memory = of_process(command)
        least = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # a child is told no less than its parent
        told = f"{memory:.0f} MB" if memory > least else f"under {least:.0f} MB"
        lines.append(f"| {name} | {seconds:.2f} s | {told} |")
    return lines


def written(page: Path, name: str, lines: list[str]) -> None:
    """Put lines between a page's markers of this name, and show them; no lines leave the page as it is."""
    print("\n".join(lines), "\n", flush=True)
    if not lines:
        return
    marker = f"<!-- {name} -->"
    text = page.read_text(encoding="utf-8")
    pattern = re.compile(f"{marker}\n.*?{marker}", re.DOTALL)
    if not pattern.search(text):
        raise SystemExit(f"{page}: has no two lines {marker}")
    page.write_text(pattern.sub(lambda _: "\n".join([marker, "", *lines, "", marker]), text), encoding="utf-8")


def main() -> None:
    """Measure, print, write."""
    options = argparse.ArgumentParser(description="Our backtest and live cycle beside their peers.")
    options.add_argument("--coins", type=int, nargs="*", default=[10, 20, 100])
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--every-bar", type=int, default=10, help="the width at which ours also decides every bar")
    options.add_argument("--pairs", type=int, nargs="*", default=[20, 100, 500])
    options.add_argument("--start", action=argparse.BooleanOptionalAction, default=True, help="start-up and memory")
    options.add_argument("--page", type=Path, default=ROOT / "docs" / "performance.md")
    options.add_argument("--plot", type=Path, default=ROOT / "docs" / "img" / "peers.svg")
    given = options.parse_args()
    if given.coins:
        found = job(given.coins, given.rounds, every_bar=given.every_bar)
        picture = {count: {name: each.seconds for name, each in engines.items()} for count, engines in found.items()}
        given.plot.write_text(bars(picture, ENGINES), encoding="utf-8")
        written(given.page, "peers", job_table(found))
    if given.start:
        written(given.page, "start", start_table())
    if given.pairs:
        written(given.page, "live", live_table(given.pairs))
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"{used.ru_utime + used.ru_stime:,.0f} s of processor time in all", file=sys.stderr)


if __name__ == "__main__":
    main()
