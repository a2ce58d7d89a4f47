"""The same histories with the record on PostgreSQL: every invariant holds, faults around its commits bite."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bot.simulation.faults import Fault, Plan, drawn
from bot.simulation.history import play
from bot.simulation.loop import MODES
from tests.server import a_server

HOUR_S = 3_600
DAYS = 0.4


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with a_server() as made:
        yield made.url("postgres")


def test_every_invariant_holds_under_faults_and_the_same_seed_is_the_same_history(server: str) -> None:
    plan = drawn(2, DAYS, HOUR_S, MODES)
    first = play(plan, server)
    assert first.violations == []
    assert first.fills > 0
    assert first.deaths > 0
    again = play(plan, server)
    assert (again.digest, again.steps) == (first.digest, first.steps)


@pytest.mark.parametrize("kind", ["full_before", "answer_lost", "crash_before", "crash_after"])
def test_whatever_strikes_at_a_commit_nothing_is_lost_or_doubled(server: str, kind: str) -> None:
    size = 30.0 if kind.startswith("crash") else 1.0
    faults = [Fault("store", "commit", nth, kind, size) for nth in (12, 28, 44)]
    result = play(Plan(5, DAYS, HOUR_S, "fifo", tuple(sorted(faults))), server)
    assert result.violations == []
    assert result.marks[kind] == 3
    assert result.fills > 0
    assert result.deaths == (3 if kind.startswith("crash") else 0)
