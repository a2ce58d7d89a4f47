from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.backtest.windows import HOUR, LEAST, WindowError, windows

BEGUN = datetime(2022, 1, 1, tzinfo=UTC)


@given(st.integers(1, 12), st.integers(72 * 12, 20_000))
def test_windows_follow_one_another_and_leave_nothing_of_the_span_out(count: int, hours: int) -> None:
    made = windows(BEGUN, BEGUN + timedelta(hours=hours), count)
    assert len(made) == count
    assert (made[0].since, made[-1].until) == (BEGUN, BEGUN + timedelta(hours=hours))
    assert all(one.until == other.since for one, other in pairwise(made))
    lengths = {each.until - each.since for each in made[:-1]}
    assert len(lengths) <= 1
    assert all(length % HOUR == timedelta(0) and length >= LEAST for length in lengths)
    assert all(made[-1].until - made[-1].since >= length for length in lengths)


def test_windows_too_short_to_say_anything_are_refused_with_what_would_do() -> None:
    with pytest.raises(WindowError, match=r"4 windows of 10\.0 days in all have 2\.5 days each, must have at least 3"):
        windows(BEGUN, BEGUN + timedelta(days=10), 4)
