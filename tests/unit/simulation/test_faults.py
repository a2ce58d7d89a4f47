"""Plans of faults: the same for a seed, different between seeds, JSON there and back."""

from __future__ import annotations

from collections import Counter

import pytest

from bot.simulation.faults import KINDS, Fault, Plan, drawn, read_plan

MODES = ("fifo", "random")


def plan_of(seed: int = 1) -> Plan:
    return drawn(seed, 7, 3_600, MODES)


def test_a_seed_is_one_plan() -> None:
    assert plan_of(4) == plan_of(4)
    assert len({plan_of(seed) for seed in range(50)}) == 50


def test_a_plan_survives_its_json() -> None:
    assert read_plan(plan_of(9).to_json()) == plan_of(9)


def test_every_kind_is_drawn_and_most_plans_leave_most_kinds_out() -> None:
    drawn_kinds: Counter[str] = Counter()
    for seed in range(300):
        kinds = {fault.kind for fault in plan_of(seed).faults}
        assert len(kinds) < len(KINDS)
        drawn_kinds.update(kinds)
    assert set(drawn_kinds) == {name for name, kind in KINDS.items() if kind.drawn}


def test_sizes_are_spread_over_their_decades() -> None:
    sizes = [fault.size for seed in range(400) for fault in plan_of(seed).faults if fault.kind == "late_visibility"]
    assert all(1 <= size <= 110 for size in sizes)
    assert sum(size < 10.5 for size in sizes) > len(sizes) / 3
    assert sum(size > 10.5 for size in sizes) > len(sizes) / 3


def test_no_operation_is_struck_twice_at_once() -> None:
    for seed in range(50):
        places = Counter((fault.component, fault.operation, fault.nth) for fault in plan_of(seed).faults)
        assert max(places.values()) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "Expecting property name"),
        ("[]", "no plan of faults"),
        ('{"seed":1}', "no plan of faults"),
        (
            Plan(1, 1, 60, "fifo", (Fault("venue", "place", 1, "gremlins"),)).to_json(),
            "venue.place#1 gremlins 1: there is no such fault",
        ),
        (
            Plan(1, 1, 60, "fifo", (Fault("venue", "quotes", 1, "timeout_after"),)).to_json(),
            "there is no such fault",
        ),
    ],
)
def test_what_is_no_plan_is_refused_in_a_line(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words.replace(".", r"\.")):
        read_plan(text)
