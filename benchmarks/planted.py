"""Plants one-line bugs into copies of the bot, one at a time, and lets the simulation find each; tells a table.

    make planted ARGS="[--only WORDS] [--seeds 12] [--jobs 2]"

A bug is caught when a history breaks an invariant that the unchanged bot keeps. The reference histories come first as
they are, then with single faults of the kinds that a bug names, spread over their calls, then the seeds of a campaign;
a plan of several faults that fails is shrunk. What is told is the invariant, the faults that are left, and how many
histories it took. The checker knows nothing of the bugs, and what the unchanged bot breaks too does not count.
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
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.planted_bugs import Bug
    from bot.simulation.faults import Fault, Plan

ROOT = Path(__file__).resolve().parent.parent
DAYS, CYCLE_S, DAY_S = 0.75, 3_600, 86_400
LONGER = 0.8  # days of the histories that seeds open with, when they are hunted in
SHRINK_RUNS = 30
EACH_KIND = 4  # plans of one kind and history, spread over its calls


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
        how = {"kinds": bug.kinds, "beside": bug.beside, "cycle_s": bug.cycle_s, "seeds": seeds}
        done = _run(home, "--hunt", json.dumps({**how, "clean": str(clean)}))
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        return {"broke": f"the hunt itself failed: {done.stderr.strip().splitlines()[-1:]}", "faults": [], "runs": 0}
    found: dict[str, Any] = json.loads(lines[-1])
    print(bug.name, found, file=sys.stderr, flush=True)
    return found


def _run(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """This very script over the bot in ``home``."""
    known = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONPYCACHEPREFIX")}
    env = {**known, "PYTHONPATH": str(home), "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, str(Path(__file__)), *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False, cwd=home)  # noqa: S603


def judge(text: str) -> list[str]:
    """What the bot on the path breaks in a plan."""
    from bot.simulation.faults import read_plan  # noqa: PLC0415 - the bot that is asked about
    from bot.simulation.history import play  # noqa: PLC0415 - the same

    return play(read_plan(text)).violations


def hunt(kinds: list[str], beside: list[str], seeds: int, cycle_s: int, clean: str) -> dict[str, Any]:
    """The first history that breaks an invariant which the bot in ``clean`` keeps, made small. Runs in the copy."""
    from bot.simulation.campaign import plans, shrink  # noqa: PLC0415 - the copy's, on the path of this process alone
    from bot.simulation.history import play  # noqa: PLC0415 - the same

    runs = 0
    always = [_fault(text) for text in beside]
    bases = [base.only(always) for base in _bases(cycle_s)]
    calls: list[Mapping[str, int]] = []

    def wanted() -> Iterator[Plan]:
        yield from bases
        for kind in kinds:
            yield from _struck(kind, bases, calls)
        yield from plans(range(1, seeds + 1), DAYS, CYCLE_S)

    for plan in wanted():
        runs += 1
        result = play(plan)
        if result.violations:
            smallest, more = shrink(result, runs_max=SHRINK_RUNS) if len(plan.faults) > 1 else (plan, 0)
            runs += more + 1
            asked = _run(Path(clean), "--judge", smallest.to_json())
            if asked.stdout.strip() == "[]":
                faults = [str(each) for each in smallest.faults]
                return {"broke": result.violations[0], "faults": faults, "runs": runs}
        if len(calls) < len(bases):
            calls.append(result.calls)
    return {"broke": "", "faults": [], "runs": runs}


def _bases(cycle_s: int) -> list[Plan]:
    """The references, and longer ones of other portfolios; as many cycles however long one is."""
    from bot.simulation.exhaustive import REFERENCE_SEED, references  # noqa: PLC0415 - the copy's
    from bot.simulation.faults import Plan  # noqa: PLC0415 - the same
    from bot.simulation.portfolios import DRAWN, NARROW  # noqa: PLC0415 - the same

    longer = [Plan(REFERENCE_SEED, LONGER, CYCLE_S, "fifo", (), name) for name in (*DRAWN, *NARROW)]
    made = (replace(base, cycle_s=cycle_s, days=base.days * cycle_s / CYCLE_S) for base in (*references(), *longer))
    return list(made)


def _struck(kind: str, bases: Sequence[Plan], calls: Sequence[Mapping[str, int]]) -> Iterator[Plan]:
    """One kind of fault, as hard as it comes, here and there in each history, beside what is wrong there anyway."""
    from bot.simulation.faults import KINDS, Fault  # noqa: PLC0415 - the copy's

    name, _, one = kind.partition("@")
    known = KINDS[name]
    parts = EACH_KIND * (3 if one else 1)
    for part in range(parts):
        for base, times in zip(bases, calls, strict=True):
            for operation in (one,) if one else known.operations:
                most = times.get(f"{known.component}.{operation}", 0)
                nth = 1 + most * part // parts
                if nth <= most and (part == 0 or nth > 1 + most * (part - 1) // parts):
                    yield base.only([*base.faults, Fault(known.component, operation, nth, name, float(known.most))])


def _fault(text: str) -> Fault:
    """A fault from its words: `venue.place#1 slow_answer 30`."""
    from bot.simulation.faults import Fault  # noqa: PLC0415 - the copy's

    place, kind, size = text.split()
    component, _, rest = place.partition(".")
    operation, _, nth = rest.partition("#")
    return Fault(component, operation, int(nth), kind, float(size))


def main() -> int:
    """The table on stdout; 1 where a bug was not caught."""
    asked = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    asked.add_argument("--only", default="", help="hunt the bugs whose names hold these words")
    asked.add_argument("--seeds", type=int, default=8, help="of the campaign, per bug")
    asked.add_argument("--jobs", type=int, default=2)
    asked.add_argument("--hunt", default=None, help=argparse.SUPPRESS)
    asked.add_argument("--judge", default=None, help=argparse.SUPPRESS)
    wanted = asked.parse_args()
    if wanted.judge is not None:
        print(json.dumps(judge(wanted.judge)))
        return 0
    if wanted.hunt is not None:
        print(json.dumps(hunt(**json.loads(wanted.hunt))))
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
