"""Soaks the whole bot: many cycles against the local exchange through ccxt, memory, files and tasks written down.

    make soak ARGS="[--cycles 10000] [--folder DIR] [--plot docs/img/soak.svg] [--figures FILE]"

The daemon runs in this process, the exchange in one of its own; over HTTP, hourly cycles, orders in most of them.
Every ``--every`` cycles: resident memory of both, what the garbage collector still tracks, open file descriptors, tasks
and threads. Slopes are least squares over the second half of the run, when every cache has been filled.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import gc
import json
import subprocess
import sys
import tempfile
import threading
import tracemalloc
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from time import monotonic

import matplotlib as mpl  # noqa: TID253 - it draws
import numpy as np
from matplotlib import pyplot as plt  # noqa: TID253 - the same

import bot.clocks
from benchmarks.soak_exchange import Stepped, beside, open_files, resident_mb
from benchmarks.soak_memory import made_of
from bot.core.plan_record import Plan
from bot.daemon import Daemon
from bot.engine.cycle import Outcome
from bot.settings import load
from bot.wiring import compose
from bot.wiring_host import set_up_logging

CONFIG = """
mode: testnet
cycle: 1h
venue: {id: binance, environment: local}
targets:
  stables: {weight: 0.10, floor: 0.05}
  sleeves:
    majors: {weight: 0.60, assets: {BTC: 0.5, ETH: 0.5}, band: {points: null, relative: 0.01}}
    others: {weight: 0.30, assets: [SOL, BNB], band: {points: null, relative: 0.01}}
costs: {risk_aversion: 1000}
pace: {cooldown: 0s, increment_interval: 1h, turnover_per_day: 1.0}
execution: {slice_max: 0.003}
limits: {fees_per_day: 0.05}
log: {level: warning, format: json}
"""
MOST_MB = 1.0  # per 1,000 cycles
SEED = 7
FRAMES, TOLD = 2, 25


@dataclass(frozen=True, slots=True)
class Sample:
    """What the bot's process held after a cycle; ``traced`` are objects that the garbage collector tracks.

    ``exchange_mb`` and ``exchange_files`` are those of the exchange's process; `PARTS` as `soak_memory.Made` has them.
    """

    cycle: int
    minutes: float
    rss_mb: float
    exchange_mb: float
    traced: int
    files: int
    exchange_files: int
    tasks: int
    threads: int
    orders: int
    ms: float
    file_mb: float
    python_mb: float
    python_used_mb: float
    heap_mb: float
    heap_free_mb: float
    mapped_mb: float
    sqlite_mb: float


#: What resident memory is made of, as figures name it.
PARTS = ("file_mb", "python_mb", "python_used_mb", "heap_mb", "heap_free_mb", "mapped_mb", "sqlite_mb")


class Watch:
    """Samples the process as cycles end, and keeps what each cycle's length was."""

    def __init__(self, every: int, exchange: int, begun: float, trace: int = 0) -> None:
        self.samples: list[Sample] = []
        self._every = every
        self._exchange = exchange
        self._trace = trace
        self._traced: tracemalloc.Snapshot | None = None
        self._begun = begun
        self._last = begun
        self._took: list[float] = []
        self._cycles = 0
        self._orders = 0

    def __call__(self, _plan: Plan, outcome: Outcome) -> None:
        """After each cycle."""
        now = monotonic()
        self._took.append((now - self._last) * 1e3)
        self._last = now
        self._cycles += 1
        self._orders += len(outcome.sent)
        if self._cycles % self._every:
            return
        gc.collect()
        made = made_of()
        sample = Sample(
            self._cycles, (now - self._begun) / 60, resident_mb("self"), resident_mb(self._exchange),
            len(gc.get_objects()), open_files("self"), open_files(self._exchange), len(asyncio.all_tasks()),
            threading.active_count(), self._orders, float(np.median(self._took)),
            made.file, made.python, made.python_used, made.heap, made.heap_free, made.mapped, made.sqlite,
        )  # fmt: skip
        self._took.clear()
        self.samples.append(sample)
        print(" ".join(f"{field.name}={getattr(sample, field.name):.6g}" for field in fields(sample)), flush=True)
        if self._trace and not self._cycles % self._trace:
            self._tell_growth()

    def _tell_growth(self) -> None:
        """Where what was allocated since the last time, and lives, was allocated."""
        now = tracemalloc.take_snapshot().filter_traces(
            [tracemalloc.Filter(inclusive=False, filename_pattern=tracemalloc.__file__)]
        )
        if self._traced is not None:
            for stat in now.compare_to(self._traced, "traceback")[:TOLD]:
                print(
                    f"{stat.size_diff / 1e3:+.0f} kB, {stat.count_diff:+} objects:", *stat.traceback.format(), sep="\n"
                )
        self._traced = now


async def soak(cycles: int, every: int, folder: Path, trace: int = 0) -> list[Sample]:
    """Run the daemon beside its exchange; ``trace`` tells by so many cycles what was allocated and kept."""
    file = folder / "portfolio.yaml"
    file.write_text(CONFIG, encoding="utf-8")
    async with beside(folder, SEED) as exchange:
        env = {
            "BALLAST_STORE__URL": f"sqlite+aiosqlite:///{folder}/ballast.db",
            "BALLAST_LOCAL__URL": exchange.url,
            "BALLAST_LOCAL__SPEED": "1",
            "BALLAST_SECRETS_DIR": str(folder / "keys"),
        }
        # No setting leads to venue time that a program puts forward: it would be slower than the program by nothing.
        bot.clocks.OffsetClock = lambda start, _speed: Stepped(start, exchange)  # type: ignore[assignment,misc]
        settings = load(file, env)
        set_up_logging(settings)
        body = await compose(settings, config_path=file, env=env)
        if not isinstance(body.parts.clock, Stepped):
            raise SystemExit(f"soak: the clock is {type(body.parts.clock).__name__}, must be Stepped")
        if trace:
            tracemalloc.start(FRAMES)
        watch = Watch(every, exchange.pid, monotonic(), trace)
        code = await Daemon(body, on_cycle=watch).run(cycles)
        if code or not watch.samples:
            raise SystemExit(f"soak: the daemon ended with {code} after {len(watch.samples) * every} cycles")
        return watch.samples


def slope(samples: Sequence[Sample], name: str) -> float:
    """Growth of one column per 1,000 cycles over the second half, least squares."""
    half = samples[len(samples) // 2 :]
    if len(half) < 2:  # noqa: PLR2004 - a line needs two points
        return float("nan")
    return float(np.polyfit([each.cycle / 1_000 for each in half], [getattr(each, name) for each in half], 1)[0])


def figures(samples: Sequence[Sample]) -> dict[str, float | int | str]:
    """What docs/reliability.md quotes."""
    half = samples[len(samples) // 2 :]
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)  # noqa: S607
    return {
        "commit": done.stdout.strip() or "unknown",
        "cycles": samples[-1].cycle,
        "orders": samples[-1].orders,
        "minutes": round(samples[-1].minutes, 1),
        "rss_first_mb": round(samples[0].rss_mb, 1),
        "rss_half_mb": round(half[0].rss_mb, 1),
        "rss_last_mb": round(samples[-1].rss_mb, 1),
        "rss_slope_mb_per_1000": round(slope(samples, "rss_mb"), 3),
        **{
            f"{name}_first_half_last": " ".join(
                f"{getattr(each, name):.1f}" for each in (samples[0], half[0], samples[-1])
            )
            for name in PARTS
        },
        **{f"{name}_slope_per_1000": round(slope(samples, name), 3) for name in PARTS},
        "exchange_first_mb": round(samples[0].exchange_mb, 1),
        "exchange_last_mb": round(samples[-1].exchange_mb, 1),
        "exchange_slope_mb_per_1000": round(slope(samples, "exchange_mb"), 3),
        "objects_slope_per_1000": round(slope(samples, "traced")),
        "files": f"{min(each.files for each in half)}..{max(each.files for each in half)}",
        "exchange_files": f"{min(each.exchange_files for each in half)}..{max(each.exchange_files for each in half)}",
        "tasks": f"{min(each.tasks for each in half)}..{max(each.tasks for each in half)}",
        "threads": f"{min(each.threads for each in half)}..{max(each.threads for each in half)}",
        "cycle_ms_median": round(float(np.median([each.ms for each in samples])), 1),
    }


def plot(samples: Sequence[Sample], path: Path) -> None:
    mpl.use("Agg")
    mpl.rcParams["svg.hashsalt"] = "soak"
    at = [each.cycle for each in samples]
    sheet, (memory, counts) = plt.subplots(2, 1, figsize=(8, 5), sharex=True, height_ratios=[2, 1])
    memory.plot(at, [each.rss_mb for each in samples], lw=1.2, label="the bot's resident memory, MB")
    memory.plot(at, [each.exchange_mb for each in samples], lw=1.2, label="the exchange's")
    memory.set_ylim(bottom=0)
    memory.set_title(f"{slope(samples, 'rss_mb'):+.2f} MB per 1,000 cycles (second half)", fontsize=10)
    for name, label in (("files", "file descriptors"), ("tasks", "tasks"), ("threads", "threads")):
        counts.plot(at, [getattr(each, name) for each in samples], lw=1.2, label=label)
    counts.set_ylim(bottom=0)
    counts.set_xlabel("cycles")
    for axes in (memory, counts):
        axes.legend(loc="lower right", fontsize=8, frameon=False)
        axes.grid(alpha=0.3)
    sheet.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def written(samples: Sequence[Sample], path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow([field.name for field in fields(Sample)])
        rows.writerows(astuple(each) for each in samples)


def main() -> int:
    options = argparse.ArgumentParser(description="Many cycles against the local exchange: what grows?")
    options.add_argument("--cycles", type=int, default=10_000)
    options.add_argument("--every", type=int, default=50, help="cycles between two samples")
    options.add_argument("--folder", type=Path, help="where the record is made (default: a temporary one)")
    options.add_argument("--trace", type=int, default=0, help="every so many cycles tell what was kept (slow)")
    options.add_argument("--samples", type=Path, help="CSV of all samples")
    options.add_argument("--plot", type=Path, help="SVG or PNG")
    options.add_argument("--figures", type=Path, help="JSON")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (given.folder or Path(temporary)).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        samples = asyncio.run(soak(given.cycles, given.every, folder, given.trace))
    found = figures(samples)
    print(json.dumps(found, indent=2))
    if given.samples:
        written(samples, given.samples)
    if given.plot:
        plot(samples, given.plot)
    if given.figures:
        given.figures.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    ends = {
        name: {getattr(each, name) for each in samples[len(samples) // 2 :]}
        for name in ("files", "tasks", "exchange_files")
    }
    grew = [name for name, seen in ends.items() if max(seen) - min(seen) > 1]
    held = not grew and not slope(samples, "rss_mb") >= MOST_MB
    print("held" if held else f"not held: {', '.join(grew) or 'memory'} grew")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
