"""The regime of the index (R-S14): votes, confirmation, unknown."""

from __future__ import annotations

import numpy as np
import pytest

from bot.core.readings.bars import Floats
from bot.core.readings.regime import (
    BEAR,
    BULL,
    DAY_MS,
    NEUTRAL,
    UNKNOWN,
    RegimeAsked,
    as_of,
    raw_regime,
    regime_column,
    rolling_high,
    standing,
)
from tests.unit.core.readings.series import REGIME_MS, a_walk, bars_of

ASKED = RegimeAsked(fast=50, slow=200, drawdown=0.35, sentiment=20, confirm=3)


def days(closes: Floats) -> Floats:
    return bars_of(closes, REGIME_MS)


def raw(closes: Floats, sentiment: float = np.nan) -> np.ndarray[tuple[int], np.dtype[np.int8]]:
    bars = days(closes)
    return raw_regime(bars, ASKED, np.full(len(bars), sentiment))


RISING, FALLING = np.linspace(100, 200, 300), np.linspace(200, 100, 300)


def test_under_200_closes_the_regime_is_unknown() -> None:
    column = regime_column(days(RISING), ASKED)
    assert (column[:199] == UNKNOWN).all()
    assert column[199] == BULL
    assert (regime_column(days(RISING[:199]), ASKED) == UNKNOWN).all()
    assert regime_column(np.empty((0, 6)), ASKED).size == 0


def test_above_both_averages_without_a_vote_is_bull_and_below_them_bear() -> None:
    assert regime_column(days(RISING), ASKED)[-1] == BULL
    assert regime_column(days(FALLING), ASKED)[-1] == BEAR


def test_one_vote_alone_is_neither() -> None:
    assert raw(RISING, sentiment=20)[-1] == NEUTRAL  # at the limit, inclusive
    assert raw(RISING, sentiment=20.1)[-1] == BULL
    dipped = np.append(RISING, 140.0)  # under its average of 200, over 35 % is not lost
    assert raw(dipped)[-1] == NEUTRAL
    assert raw(dipped, sentiment=10)[-1] == BEAR


def test_a_fall_from_the_high_of_the_year_votes_and_one_from_before_it_does_not() -> None:
    spiked = np.linspace(100, 120, 700)
    spiked[150] = 200.0  # closes later are 45 % under it, and over both averages once those have forgotten it
    made = raw(spiked)
    assert made[150 + 364] == NEUTRAL
    assert made[150 + 366] == BULL  # the bar after the spike opened at it


def test_a_market_that_stands_still_is_no_bear_whatever_averages_round_to() -> None:
    for price in (100.1, 0.1, 1e-7, 33333.3):
        assert (raw(np.full(500, price))[199:] == NEUTRAL).all()


def test_it_changes_after_three_equal_closes_and_not_after_two() -> None:
    said = np.array([-1, NEUTRAL, BEAR, BEAR, BULL, BULL, BULL, NEUTRAL, BULL, BEAR, BEAR, BEAR], dtype=np.int8)
    stood = standing(said, 3).tolist()
    assert stood == [-1, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2]
    assert standing(said, 1).tolist() == said.tolist()


def test_unknown_sentiment_is_no_vote_and_old_sentiment_is_unknown() -> None:
    bars = days(RISING)
    close = float(bars[-1, 0]) + DAY_MS
    last_three = tuple((close - back * DAY_MS, 10.0) for back in (0, 1, 2))
    assert regime_column(bars, ASKED, last_three)[-1] == NEUTRAL
    assert regime_column(bars, ASKED, last_three[:2])[-1] == BULL
    assert regime_column(bars, ASKED, ((close - 20 * DAY_MS, 10.0),))[-1] == BULL
    after = tuple((at + 1, value) for at, value in last_three)
    assert regime_column(bars, ASKED, after)[-1] == BULL  # two closes have heard of it


def test_a_point_counts_from_its_instant_until_it_is_too_old() -> None:
    points = ((30.0, 3.0), (10.0, 1.0))
    made = as_of(points, np.array([9.0, 10.0, 29.0, 30.0, 50.0, 51.0]), 20.0)
    np.testing.assert_array_equal(made, [np.nan, 1, 1, 3, 3, np.nan])
    assert np.isnan(as_of((), np.array([1.0]), 20.0)).all()


@pytest.mark.parametrize("count", [0, 1, 4, 5, 6, 40])
def test_the_rolling_high_is_the_highest_of_as_many_as_there_are(count: int) -> None:
    highs = a_walk(count)[:, 2] if count else np.empty(0)
    expected = [highs[max(0, row - 4) : row + 1].max() for row in range(count)]
    np.testing.assert_array_equal(rolling_high(highs, 5), expected)


def test_periods_of_one_close_are_the_close_itself() -> None:
    one = RegimeAsked(fast=1, slow=2, drawdown=0.35, sentiment=20, confirm=1)
    assert raw_regime(days(RISING), one, np.full(300, np.nan))[-1] == BULL
