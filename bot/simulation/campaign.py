"""Owns a campaign: many seeds over worker processes, what they add up to, and its tables. Plays none itself."""

from __future__ import annotations

import multiprocessing
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field

from bot.core.orders import TRANSITIONS
from bot.simulation.faults import KINDS, Plan, drawn
from bot.simulation.history import Result, play
from bot.simulation.loop import MODES
from bot.simulation.shrink import Shrinker, same_failure

EDGES = tuple(f"{before}>{after}" for before, roads in TRANSITIONS.items() for after in sorted(roads))


@dataclass(slots=True)
class Totals:
    """What all histories of a campaign add up to."""

    histories: int = 0
    cycles: int = 0
    days: float = 0.0
    steps: int = 0
    starts: int = 0
    deaths: int = 0
    orders: int = 0
    fills: int = 0
    filled_histories: int = 0
    failed: list[Result] = field(default_factory=list)
    marks: Counter[str] = field(default_factory=Counter)
    edges: Counter[str] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)
    bands: Counter[str] = field(default_factory=Counter)
    digests: dict[int, str] = field(default_factory=dict)

    def add(self, result: Result) -> None:
        """Count one history in."""
        self.histories += 1
        self.days += result.plan.days
        for name in ("cycles", "steps", "starts", "deaths", "orders", "fills"):
            setattr(self, name, getattr(self, name) + getattr(result, name))
        self.filled_histories += result.fills > 0
        self.marks += result.marks
        self.edges += result.edges
        self.done += result.done
        self.bands += result.bands
        self.digests[result.plan.seed] = result.digest
        if result.violations:
            self.failed.append(result)

    def faults(self) -> list[tuple[str, int]]:
        """How often each kind of fault bit."""
        return [(kind, self.marks[kind]) for kind in KINDS if KINDS[kind].drawn]

    def roads(self) -> list[tuple[str, int]]:
        """How often each road of the order table was taken."""
        return [(edge, self.edges[edge]) for edge in EDGES]


def plans(seeds: Iterable[int], days: float, cycle_s: int) -> list[Plan]:
    """A plan per seed."""
    return [drawn(seed, days, cycle_s, MODES) for seed in seeds]


def campaign(wanted: Sequence[Plan], jobs: int, told: Callable[[Result], None]) -> Totals:
    """Play all plans on ``jobs`` processes; ``told`` hears each result as it comes, the totals are in order of seed."""
    totals = Totals()
    results: list[Result] = []
    for result in _results(wanted, jobs):
        told(result)
        results.append(result)
    for result in sorted(results, key=lambda one: (one.plan.seed, one.plan.cycle_s)):
        totals.add(result)
    return totals


def _results(wanted: Sequence[Plan], jobs: int) -> Iterator[Result]:
    if jobs <= 1 or len(wanted) <= 1:
        yield from map(play, wanted)
        return
    # Workers start anew with one hash seed, so that nothing hangs on the order of a set.
    os.environ.setdefault("PYTHONHASHSEED", "0")
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        under_way = {pool.submit(play, plan): plan for plan in wanted}
        try:
            for done in as_completed(under_way):
                error = done.exception()
                yield done.result() if error is None else broken(under_way[done], error)
        finally:
            for each in under_way:
                each.cancel()


def broken(plan: Plan, error: BaseException) -> Result:
    """A history that the simulation itself could not play: a failure of its own, and the others go on."""
    why = f"the simulation itself broke: {type(error).__name__}: {error}"
    return Result(
        plan, [why], Counter(), Counter(), "", cycles=0, starts=0, deaths=0, steps=0, fills=0, orders=0
    )  # fmt: skip


def shrink(result: Result, *, runs_max: int) -> tuple[Plan, int]:
    """The smallest plan that still breaks what a result broke, and how many runs that took."""

    def fails(plan: Plan) -> bool:
        return same_failure(result.violations, play(plan).violations)

    shrinker = Shrinker(fails, runs_max=runs_max)
    return shrinker.shrunk(result.plan), shrinker.runs
