"""Owns the exhaustive modes: one reference history, disturbed once in every way and at every place there is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from bot.simulation.faults import KINDS, Fault, Plan
from bot.simulation.history import play
from bot.simulation.portfolios import REFERENCES

Mode = Literal["steps", "faults"]
REFERENCE_SEED = 3
QUIET = 4  # cycles after the faults
CYCLE_S = 3_600
DAY_S = 86_400
DOWN_S = 1.0


def references(seed: int = REFERENCE_SEED) -> list[Plan]:
    """The reference histories: a spot rebalance of four legs, a trim with its hedge, a hedge that becomes a sale."""
    return [
        Plan(seed, (cycles + QUIET) * CYCLE_S / DAY_S, CYCLE_S, "fifo", (), name, QUIET)
        for name, (_, cycles) in REFERENCES.items()
    ]


def every_step(base: Plan, *, stride: int = 1, first: int = 1, kind: str = "crash") -> list[Plan]:
    """A kill -9, or another ``kind`` of fault, at each step that the undisturbed history takes until it is quiet."""
    last = play(base.only(())).calls["process.step"]
    size = DOWN_S if kind == "crash" else middle(kind)
    return [base.only([Fault("process", "step", step, kind, size)]) for step in range(first, last + 1, stride)]


def every_fault(base: Plan, *, kinds: Sequence[str] = tuple(KINDS)) -> list[Plan]:
    """Each kind of fault at each call it can strike, at its middle size."""
    calls = play(base.only(())).calls
    made: list[Plan] = []
    for name in kinds:
        kind = KINDS[name]
        if kind.component == "process":
            continue  # at every step, above
        size = middle(name)
        for operation in kind.operations:
            times = calls[f"{kind.component}.{operation}"]
            made += [base.only([Fault(kind.component, operation, nth, name, size)]) for nth in range(1, times + 1)]
    return made


def middle(kind: str) -> float:
    """A kind's middle size, by orders of magnitude."""
    known = KINDS[kind]
    return float(f"{(known.least * known.most) ** 0.5:.4g}")
