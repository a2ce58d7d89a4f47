"""Owns the shrinking of a failing plan: fewer faults, then milder ones, while it still fails in the same way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from bot.simulation.faults import KINDS, Fault, Plan

RUNS_MAX = 200


class Shrinker:
    """Delta debugging over a plan's faults. ``fails`` says whether a plan still breaks what it broke."""

    def __init__(self, fails: Callable[[Plan], bool], *, runs_max: int = RUNS_MAX) -> None:
        self._fails = fails
        self._most = runs_max
        self.runs = 0

    def shrunk(self, plan: Plan) -> Plan:
        """The smallest plan found; the given one where nothing can be left out."""
        faults = self._fewer(plan, list(plan.faults))
        return self._milder(plan.only(faults))

    def _still(self, plan: Plan) -> bool:
        if self.runs >= self._most:
            return False
        self.runs += 1
        return self._fails(plan)

    def _fewer(self, plan: Plan, faults: list[Fault]) -> list[Fault]:
        """Leave out halves, quarters and so on, until no single one can be left out."""
        parts = 2
        if not faults or self._still(plan.only(())):
            return []
        while len(faults) >= 2:  # noqa: PLR2004 - one alone is what is left
            kept = self._without_one_part(plan, faults, parts)
            if kept is not None:
                faults, parts = kept, max(2, parts - 1)
            elif parts >= len(faults):
                break
            else:
                parts = min(len(faults), parts * 2)
        return faults

    def _without_one_part(self, plan: Plan, faults: Sequence[Fault], parts: int) -> list[Fault] | None:
        size = -(-len(faults) // parts)
        for begin in range(0, len(faults), size):
            rest = [*faults[:begin], *faults[begin + size :]]
            if rest and self._still(plan.only(rest)):
                return rest
        return None

    def _milder(self, plan: Plan) -> Plan:
        """Each fault at its kind's least size, where that is enough."""
        for fault in plan.faults:
            least = replace(fault, size=float(KINDS[fault.kind].least))
            if least == fault:
                continue
            tried = plan.only([least if each == fault else each for each in plan.faults])
            if self._still(tried):
                plan = tried
        return plan


def same_failure(before: Sequence[str], after: Sequence[str]) -> bool:
    """Whether one of the invariants broken before is broken again: ids and names of orders may differ."""
    return bool({_invariant(each) for each in before} & {_invariant(each) for each in after})


def _invariant(violation: str) -> str:
    """Its number and, of a failed cycle or a death, the error's name."""
    words = violation.split()
    named = [word.rstrip(":") for word in words if word.rstrip(":").endswith("Error")]
    return " ".join([words[0], *named[:1]])
