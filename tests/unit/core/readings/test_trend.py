from __future__ import annotations

import numpy as np
import pytest

from bot.core.assessment import Trend
from bot.core.readings import columns
from bot.core.readings.runs import equal_runs, run_lengths
from bot.core.readings.trend import TRENDS, Codes, confirmed, raw_trend
from tests.unit.core.readings.series import asked, bars_of

STRONG_UP, WEAKENING_UP, RANGE, STRONG_DOWN, STABILISING_DOWN = range(5)


def codes(*values: int) -> Codes:
    return np.array(values, dtype=np.int8)


def said(
    close: float = 110,
    fast: float = 105,
    slow: float = 100,
    slope: float = 0.001,
    histogram: tuple[float, float] = (0.5, 0.6),
    atr: float = 2,
) -> Trend | None:
    """What the second of two bars says."""
    code = raw_trend(
        np.full(2, close), np.full(2, fast), np.full(2, slow), np.full(2, slope), np.array(histogram), np.full(2, atr)
    )[-1]
    return None if code < 0 else TRENDS[code]


def test_close_over_a_rising_fast_over_the_slow_average_is_strong_up() -> None:
    assert said() is Trend.STRONG_UP
    assert said(histogram=(-0.6, -0.5)) is Trend.STRONG_UP
    assert said(histogram=(0.6, 0.5)) is Trend.STRONG_UP


def test_an_uptrend_that_lacks_one_part_is_weakening() -> None:
    assert said(close=104) is Trend.WEAKENING_UP
    assert said(slope=0.0) is Trend.WEAKENING_UP
    assert said(histogram=(-0.5, -0.6)) is Trend.WEAKENING_UP


def test_the_mirror_is_strong_down_and_stabilising() -> None:
    down = {"close": 90, "fast": 95, "slow": 100, "slope": -0.001}
    assert said(**down, histogram=(-0.5, -0.6)) is Trend.STRONG_DOWN
    assert said(**down, histogram=(0.6, 0.5)) is Trend.STRONG_DOWN
    assert said(**down, histogram=(0.5, 0.6)) is Trend.STABILISING_DOWN
    assert said(**(down | {"close": 96}), histogram=(-0.5, -0.6)) is Trend.STABILISING_DOWN


def test_averages_nearer_than_half_an_atr_are_a_range_and_at_half_are_not() -> None:
    assert said(fast=101.9, atr=4) is Trend.RANGE
    assert said(fast=102, atr=4) is Trend.STRONG_UP
    assert said(close=90, fast=98.1, slope=-0.001, atr=4) is Trend.RANGE


def test_a_known_fast_beside_an_unknown_slow_average_is_a_range() -> None:
    assert said(slow=np.nan) is Trend.RANGE
    assert said(fast=np.nan, slow=np.nan) is None


def test_what_is_unknown_is_no_trend() -> None:
    assert said(histogram=(np.nan, np.nan)) is None
    assert said(slope=np.nan) is None
    assert said(atr=np.nan) is None


def test_a_market_that_stands_still_is_a_range() -> None:
    assert columns(bars_of([0.1] * 300), asked()).trend[-1] == RANGE


@pytest.mark.parametrize(("bars", "state"), [(49, None), (50, RANGE), (199, RANGE)])
def test_between_fifty_and_two_hundred_bars_the_trend_is_a_range(bars: int, state: int | None) -> None:
    trend = columns(bars_of(np.linspace(100, 200, bars), wick=0.001), asked()).trend
    assert trend[-1] == (-1 if state is None else state)


def test_a_steady_rise_is_strong_up_and_a_steady_fall_strong_down() -> None:
    rise = [100 * 1.002**bar for bar in range(300)]
    assert columns(bars_of(rise, wick=0.001), asked()).trend[-1] == STRONG_UP
    assert columns(bars_of(rise[::-1], wick=0.001), asked()).trend[-1] == STRONG_DOWN


def test_a_state_changes_after_three_equal_bars() -> None:
    slow = np.ones(6)
    read = confirmed(codes(RANGE, STRONG_UP, STRONG_UP, STRONG_UP, STRONG_UP, RANGE), slow, 3)
    assert read.state.tolist() == [RANGE, RANGE, RANGE, STRONG_UP, STRONG_UP, STRONG_UP]
    assert read.changed_bars.tolist() == [-1, -1, -1, 0, 1, 2]
    assert read.previous.tolist() == [-1, -1, -1, RANGE, RANGE, RANGE]


def test_two_equal_bars_do_not_change_the_state() -> None:
    raw = codes(RANGE, STRONG_UP, STRONG_UP, RANGE, STRONG_UP, STRONG_UP, WEAKENING_UP, STRONG_UP)
    assert set(confirmed(raw, np.ones(8), 3).state.tolist()) == {RANGE}


def test_the_first_known_state_stands_at_once_and_only_as_a_start() -> None:
    read = confirmed(codes(-1, -1, STRONG_DOWN, RANGE, RANGE, RANGE), np.ones(6), 3)
    assert read.state.tolist() == [-1, -1, STRONG_DOWN, STRONG_DOWN, STRONG_DOWN, RANGE]
    assert read.previous[-1] == STRONG_DOWN


def test_one_equal_bar_makes_the_state_what_the_bar_says() -> None:
    raw = codes(RANGE, STRONG_UP, RANGE, WEAKENING_UP)
    assert confirmed(raw, np.ones(4), 1).state.tolist() == raw.tolist()


def test_the_end_of_a_range_for_want_of_bars_is_no_change() -> None:
    slow = np.array([np.nan, np.nan, 1, 1, 1, 1, 1, 1])
    raw = codes(RANGE, RANGE, STRONG_UP, STRONG_UP, STRONG_UP, RANGE, RANGE, RANGE)
    read = confirmed(raw, slow, 3)
    assert read.state.tolist() == [RANGE] * 4 + [STRONG_UP] * 3 + [RANGE]
    assert read.changed_bars.tolist() == [-1] * 7 + [0]


def test_the_state_is_what_a_loop_over_the_bars_would_say() -> None:
    rng = np.random.default_rng(7)
    for bars in (1, 2, 3, 5):
        raw = rng.integers(0, 3, 400).astype(np.int8)
        raw[:5] = -1
        expected, state = [], -1
        for at in range(raw.size):
            window = raw[max(0, at - bars + 1) : at + 1]
            if state == -1 or (window.size == bars and (window == raw[at]).all() and raw[at] != -1):
                state = int(raw[at])
            expected.append(state)
        assert confirmed(raw, np.ones(raw.size), bars).state.tolist() == expected


def test_run_lengths_count_and_start_again() -> None:
    assert run_lengths(np.array([True, True, False, True])).tolist() == [1, 2, 0, 1]
    assert equal_runs(codes(1, 1, 2, 2, 2, 1)).tolist() == [1, 2, 1, 2, 3, 1]
    assert run_lengths(np.zeros(0, dtype=np.bool_)).size == 0
