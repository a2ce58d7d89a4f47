"""Which turn a cycle is, what it is called, and which one a record ran last."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.engine.turns import due_at, last_turn, named, turn_at

HOUR, TEN = timedelta(hours=1), timedelta(minutes=10)
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
TURN = turn_at(NOON, HOUR)


@given(turn=st.integers(0, 10_000_000), minutes=st.integers(1, 1_440), part=st.floats(0, 0.999))
def test_a_turn_lasts_until_the_next_one_is_due(turn: int, minutes: int, part: float) -> None:
    cycle = timedelta(minutes=minutes)
    assert turn_at(due_at(turn, cycle), cycle) == turn
    assert turn_at(due_at(turn, cycle) + cycle * part, cycle) == turn


def test_a_name_says_how_long_the_cycle_is_and_which_turn_it_has() -> None:
    assert named(TURN, HOUR) == f"3600000:{TURN}"
    assert named(TURN, HOUR, NOON) == f"3600000:{TURN}:1767268800000"


@pytest.mark.parametrize("early_at", [None, NOON])
@given(back_s=st.integers(-7_200, 7_200))
def test_a_turn_that_ran_is_never_due_again_wherever_the_clock_was_set(early_at: datetime | None, back_s: int) -> None:
    at = NOON - timedelta(seconds=back_s)
    assert last_turn(named(TURN, HOUR, early_at), at, HOUR) >= max(TURN, turn_at(at, HOUR))


@pytest.mark.parametrize("name", [named(TURN, TEN), "", "c1", "3600000:", "3600000:next"])
def test_a_name_of_other_cycles_tells_nothing_and_the_time_does(name: str) -> None:
    assert last_turn(name, NOON - HOUR, HOUR) == TURN - 1
