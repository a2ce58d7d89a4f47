"""Betas against the index (R-A9): known, unknown, and what a gap does."""

from __future__ import annotations

import numpy as np
import pytest

from bot.core.readings.bars import Floats
from bot.core.readings.beta import beta
from tests.unit.core.readings.series import REGIME_MS, bars_of


def days(moves: Floats) -> Floats:
    return bars_of(100 * np.exp(np.cumsum(moves)), REGIME_MS)


MARKET = np.random.default_rng(1).normal(0, 0.02, 120)
OWN = np.random.default_rng(2).normal(0, 0.01, 120)


def test_an_asset_that_moves_twice_as_much_has_a_beta_of_two() -> None:
    assert beta(days(2 * MARKET), days(MARKET), 60) == pytest.approx(2.0)
    assert beta(days(MARKET), days(MARKET), 60) == 1.0
    assert beta(days(-MARKET), days(MARKET), 60) == pytest.approx(-1.0)


def test_it_is_the_covariance_over_the_variance_of_the_last_sixty_days() -> None:
    asset = 1.4 * MARKET + OWN
    expected = np.cov(asset[-60:], MARKET[-60:])[0, 1] / MARKET[-60:].var(ddof=1)
    assert beta(days(asset), days(MARKET), 60) == pytest.approx(expected)


def test_days_that_one_of_the_two_lacks_are_left_out() -> None:
    asset = days(2 * MARKET)
    assert beta(np.delete(asset, [-3, -30], axis=0), days(MARKET), 60) == pytest.approx(2.0)


def test_less_than_half_the_window_is_unknown() -> None:
    asset = days(2 * MARKET)
    assert beta(asset[-31:], days(MARKET), 60) == pytest.approx(2.0)
    assert beta(asset[-30:], days(MARKET), 60) is None
    assert beta(asset, days(MARKET)[-30:], 60) is None
    assert beta(np.empty((0, 6)), days(MARKET), 60) is None
    assert beta(asset, np.empty((0, 6)), 60) is None


def test_an_index_that_stands_still_measures_nothing_and_an_asset_that_does_has_none() -> None:
    assert beta(days(MARKET), days(np.zeros(120)), 60) is None
    assert beta(days(np.zeros(120)), days(MARKET), 60) == pytest.approx(0.0)
