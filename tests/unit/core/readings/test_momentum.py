from __future__ import annotations

import numpy as np
import pytest

from bot.core.readings import momentum
from bot.core.readings.truth import at_least, both, either, spoken, truth
from tests.unit.core.readings.series import SIGNAL_MS

DAY_BARS = 6


def rolling(*histogram: float) -> list[int]:
    return [int(code) for code in momentum.rolling_over(np.array(histogram))]


def test_three_lower_bars_above_zero_after_a_high_roll_over() -> None:
    assert rolling(1, 5, 4, 3, 2)[-1] == 1
    assert rolling(1, 5, 4, 3, 2, 1)[-1] == 1


def test_two_lower_bars_do_not_roll_over() -> None:
    assert rolling(1, 2, 5, 4, 3)[-1] == 0


def test_a_fall_through_zero_has_rolled_over_already() -> None:
    assert rolling(1, 5, 4, 3, 0)[-1] == 0
    assert rolling(1, 5, 4, 3, -1)[-1] == 0


def test_an_equal_bar_breaks_the_run() -> None:
    assert rolling(1, 5, 4, 4, 3)[-1] == 0


def test_a_fall_whose_high_was_not_seen_does_not_roll_over() -> None:
    assert rolling(np.nan, 5, 4, 3, 2)[-1] == 0


def test_rolling_over_is_unknown_until_four_bars_are_known() -> None:
    assert rolling(np.nan, np.nan, 5, 4, 3) == [-1, -1, -1, -1, -1]


def test_recovery_needs_two_closes_above_the_fast_average_with_a_positive_histogram() -> None:
    fast = np.full(3, 10.0)
    assert momentum.recovered(np.array([9.0, 11, 11]), fast, np.ones(3)).tolist() == [-1, 0, 1]
    assert momentum.recovered(np.array([11.0, 11, 10]), fast, np.ones(3))[-1] == 0
    assert momentum.recovered(np.array([11.0, 11, 11]), fast, np.array([1.0, 0, 1]))[-1] == 0
    assert momentum.recovered(np.array([11.0, 11, 11]), fast, np.array([np.nan, np.nan, 1]))[-1] == -1


def climbing(last: float, gap_bars: int = 0) -> int:
    """Whether a close of 100 that stands for 14 days and then is `last` is parabolic."""
    at = np.arange(14 * DAY_BARS + 1, dtype=np.int64)
    at[1:] += gap_bars
    close = np.full(at.size, 100.0)
    close[-1] = last
    return int(momentum.parabolic(at * SIGNAL_MS, close, 1.0, 14 * DAY_BARS * SIGNAL_MS)[-1])


def test_a_close_that_doubled_in_fourteen_days_is_parabolic_inclusive() -> None:
    assert climbing(200.0) == 1
    assert climbing(199.9) == 0


def test_a_small_gap_leaves_the_return_known_and_a_long_one_does_not() -> None:
    assert climbing(200.0, gap_bars=8) == 1
    assert climbing(200.0, gap_bars=9) == -1


def test_a_series_shorter_than_the_window_is_not_known_to_be_parabolic() -> None:
    at = np.arange(10, dtype=np.int64) * SIGNAL_MS
    assert momentum.parabolic(at, np.linspace(1, 9, 10), 1.0, 14 * DAY_BARS * SIGNAL_MS).tolist() == [-1] * 10


@pytest.mark.parametrize(
    ("parts", "two_of_four"), [((1, 1, 0, 0), 1), ((1, 0, 0, -1), 0), ((1, 1, -1, -1), 1), ((-1, -1, -1, -1), -1)]
)
def test_unknown_is_no_confirmation_and_all_unknown_is_unknown(parts: tuple[int, ...], two_of_four: int) -> None:
    assert at_least(2, *(np.array([part], dtype=np.int8) for part in parts))[0] == two_of_four


def test_either_and_both_combine_and_a_code_is_spoken() -> None:
    yes, no, unknown = (np.array([code], dtype=np.int8) for code in (1, 0, -1))
    assert (either(yes, unknown)[0], either(no, unknown)[0], either(unknown, unknown)[0]) == (1, 0, -1)
    assert (both(yes, yes)[0], both(yes, unknown)[0], both(unknown, unknown)[0]) == (1, 0, -1)
    assert truth(np.array([True, True, False]), np.array([True, False, True])).tolist() == [1, -1, 0]
    assert [spoken(code) for code in (1, 0, -1)] == [True, False, None]
