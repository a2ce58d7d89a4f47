"""Plants one-line bugs into copies of the bot, one at a time, and lets the simulation find each; tells a table.

    make planted ARGS="[--only WORDS] [--seeds 12] [--jobs 2]"

A bug is caught when a history breaks an invariant that the unchanged bot keeps. Single faults of the kinds that a bug
names are tried first, at every call of the reference histories; then the seeds of a campaign, whose first failing plan
is shrunk. What is told is the invariant, the faults that are left, and how many histories it took.
"""

from __future__ import annotations

import argparse
import compileall
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.planted_bugs import Bug
    from bot.simulation.faults import Plan

ROOT = Path(__file__).resolve().parent.parent
DAYS, CYCLE_S = 0.75, 3_600
SHRINK_RUNS = 30
EACH_KIND = 6  # plans of one kind and reference history, spread over its calls


def copied(home: Path) -> Path:
    """A copy of the bot, compiled once for all that are made of it."""
    shutil.copytree(ROOT / "bot", home / "bot", ignore=shutil.ignore_patterns("__pycache__"))
    compileall.compile_dir(home / "bot", quiet=2)
    return home


def planted(bug: Bug, clean: Path, home: Path) -> Path:
    """A copy of the bot with the bug in it; raises ValueError where the bug's place is not there exactly once."""
    shutil.copytree(clean / "bot", home / "bot")
    place = home / bug.file
    text = place.read_text(encoding="utf-8")
    if text.count(bug.old) != 1:
        raise ValueError(f"{bug.name}: {bug.file} has its place {text.count(bug.old)} times, must be once")
    place.write_text(text.replace(bug.old, bug.new), encoding="utf-8")
    return home


def caught(bug: Bug, clean: Path, seeds: int) -> dict[str, Any]:
    """Hunt one bug in a process of its own; what it said last is the finding."""
    with tempfile.TemporaryDirectory(prefix="planted-") as folder:
        home = planted(bug, clean, Path(folder))
        hunted = ["--hunt", ",".join(bug.kinds), "--cycle", str(bug.cycle_s), "--seeds", str(seeds)]
        command = [sys.executable, str(Path(__file__)), *hunted]
        known = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        env = {**known, "PYTHONPATH": str(home), "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
        env.pop("PYTHONPYCACHEPREFIX", None)
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, cwd=home)  # noqa: S603
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        return {"broke": f"the hunt itself failed: {done.stderr.strip().splitlines()[-1:]}", "faults": [], "runs": 0}
    found: dict[str, Any] = json.loads(lines[-1])
    print(bug.name, found, file=sys.stderr, flush=True)
    return found


def hunt(kinds: list[str], seeds: int, cycle_s: int) -> dict[str, Any]:
    """The first history that breaks an invariant, made small. Runs in the copy."""
    from bot.simulation.campaign import shrink  # noqa: PLC0415 - the copy's, on the path of this process alone
    from bot.simulation.history import play  # noqa: PLC0415 - the same

    runs = 0
    for plan in _plans(kinds, seeds, cycle_s):
        runs += 1
        result = play(plan)
        if not result.violations:
            continue
        smallest, more = shrink(result, runs_max=SHRINK_RUNS) if len(plan.faults) > 1 else (plan, 0)
        faults = [str(each) for each in smallest.faults]
        return {"broke": result.violations[0], "faults": faults, "runs": runs + more}
    return {"broke": "", "faults": [], "runs": runs}


def _plans(kinds: list[str], seeds: int, cycle_s: int) -> Iterator[Plan]:
    """Nothing wrong at all; each named kind all over the reference histories; then a campaign."""
    from bot.simulation.campaign import plans  # noqa: PLC0415 - the copy's
    from bot.simulation.exhaustive import every_fault, every_step, references  # noqa: PLC0415 - the same
    from bot.simulation.faults import KINDS  # noqa: PLC0415 - the same

    bases = [replace(base, cycle_s=cycle_s, days=base.days * cycle_s / CYCLE_S) for base in references()]
    yield from bases
    for kind in kinds:
        for base in bases:
            if KINDS[kind].component == "process":
                made = every_step(base, kind=kind)
            else:
                made = every_fault(base, kinds=[kind])
            most = float(KINDS[kind].most)
            spread = made[:: max(1, len(made) // EACH_KIND)]
            yield from (base.only([replace(each.faults[0], size=most)]) for each in spread)
    yield from plans(range(1, seeds + 1), DAYS * cycle_s / CYCLE_S, cycle_s)


def main() -> int:
    """The table on stdout; 1 where a bug was not caught."""
    asked = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    asked.add_argument("--only", default="", help="hunt the bugs whose names hold these words")
    asked.add_argument("--seeds", type=int, default=12, help="of the campaign, per bug")
    asked.add_argument("--jobs", type=int, default=2)
    asked.add_argument("--cycle", type=int, default=CYCLE_S, help=argparse.SUPPRESS)
    asked.add_argument("--hunt", default=None, help=argparse.SUPPRESS)
    wanted = asked.parse_args()
    if wanted.hunt is not None:
        print(json.dumps(hunt([kind for kind in wanted.hunt.split(",") if kind], wanted.seeds, wanted.cycle)))
        return 0
    sys.path.insert(0, str(ROOT))
    from benchmarks.planted_bugs import BUGS  # noqa: PLC0415 - after the path is known

    bugs = [bug for bug in BUGS if wanted.only in bug.name]
    free = 0
    print("| planted bug | breaks | faults left | histories |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="planted-") as folder, ThreadPoolExecutor(wanted.jobs) as pool:
        clean = copied(Path(folder))
        for bug, found in zip(bugs, pool.map(lambda each: caught(each, clean, wanted.seeds), bugs), strict=True):
            free += not found["broke"] or not found["runs"]
            faults = "; ".join(found["faults"]) or "none needed"
            print(f"| {bug.name} | {found['broke'] or '**not caught**'} | {faults} | {found['runs']} |", flush=True)
    print(f"\n{len(bugs) - free} of {len(bugs)} caught")
    return 1 if free else 0


if __name__ == "__main__":
    sys.exit(main())
