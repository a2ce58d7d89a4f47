"""Shrinking: what does not matter is left out, what does stays, and it ends."""

from __future__ import annotations

from bot.simulation.faults import KINDS, Fault, Plan, drawn
from bot.simulation.shrink import Shrinker, same_failure


def long_plan() -> Plan:
    return next(plan for plan in (drawn(seed, 7, 3_600, ["fifo"]) for seed in range(99)) if len(plan.faults) > 25)


def test_the_two_faults_that_matter_are_found_and_made_mild() -> None:
    plan = long_plan()
    guilty = {plan.faults[3].kind, plan.faults[-2].kind}

    def fails(tried: Plan) -> bool:
        return guilty <= {fault.kind for fault in tried.faults}

    shrunk = Shrinker(fails).shrunk(plan)
    assert {fault.kind for fault in shrunk.faults} == guilty
    assert len(shrunk.faults) == 2
    assert all(fault.size == KINDS[fault.kind].least for fault in shrunk.faults)


def test_a_size_that_matters_is_kept() -> None:
    fault = Fault("venue", "place", 3, "timeout_after", 40.0)

    def fails(tried: Plan) -> bool:
        return any(each.size >= 30 for each in tried.faults)

    assert Shrinker(fails).shrunk(Plan(1, 1, 60, "fifo", (fault,))).faults == (fault,)


def test_a_plan_that_fails_without_any_fault_shrinks_to_none() -> None:
    assert Shrinker(lambda _plan: True).shrunk(long_plan()).faults == ()


def test_it_stops_after_its_runs() -> None:
    shrinker = Shrinker(lambda plan: len(plan.faults) > 1, runs_max=5)
    assert shrinker.shrunk(long_plan()).faults
    assert shrinker.runs == 5


def test_a_failure_is_the_same_by_its_invariant() -> None:
    assert same_failure(["I5 trade 3 is not booked"], ["I2 x", "I5 trade 9 is not booked"])
    assert not same_failure(["I5 trade 3 is not booked"], ["I3 trade 3"])
    assert not same_failure(["L6 a cycle failed with TypeError: a"], ["L6 a cycle failed with KeyError: b"])
