"""The returns that targets are computed from: closed days, on one grid, unknown when too few."""

from __future__ import annotations

import numpy as np

from bot.core.numbers import milliseconds
from bot.core.targets.history import DAY_MS, daily_returns
from tests.unit.core.targets.days import AT, a_market, days_of

UPTO = float(milliseconds(AT))


def test_the_last_returns_closed_by_the_instant_and_none_after_it() -> None:
    market = a_market({"BTC": 0.02, "ETH": 0.04}, days=120)
    moves = daily_returns(market, ("BTC", "ETH"), UPTO, 90)
    assert moves is not None
    assert moves.shape == (90, 2)
    np.testing.assert_allclose(moves[:, 0], np.diff(np.log(market["BTC"][-91:, 4])))
    earlier = daily_returns(market, ("BTC", "ETH"), UPTO - 10 * DAY_MS, 90)
    assert earlier is not None
    np.testing.assert_array_equal(earlier[-80:], moves[:80])


def test_a_day_that_closes_at_the_instant_counts_and_one_that_closes_later_does_not() -> None:
    market = {"BTC": days_of(np.linspace(-0.02, 0.03, 30))}
    last_close = market["BTC"][-1, 0] + DAY_MS
    at_close = daily_returns(market, ("BTC",), last_close, 20)
    just_before = daily_returns(market, ("BTC",), last_close - 1, 20)
    assert at_close is not None
    assert just_before is not None
    assert at_close[-1] != just_before[-1]
    np.testing.assert_array_equal(at_close[-2], just_before[-1])


def test_a_gap_before_the_last_bar_hides_no_bar() -> None:
    bars = days_of(np.linspace(-0.02, 0.03, 40))
    whole = daily_returns({"BTC": bars}, ("BTC",), UPTO, 20)
    gapped = daily_returns({"BTC": np.delete(bars, -2, axis=0)}, ("BTC",), UPTO, 20)
    assert whole is not None
    assert gapped is not None
    # The move over the gap is two days' and is left out; the days before it are all there.
    np.testing.assert_allclose(gapped[-1], whole[-3])


def test_days_that_one_asset_lacks_are_left_out_for_all() -> None:
    market = a_market({"BTC": 0.02, "ETH": 0.04}, days=60)
    market["ETH"] = np.delete(market["ETH"], [-5, -20], axis=0)
    moves = daily_returns(market, ("BTC", "ETH"), UPTO, 30)
    assert moves is not None
    assert moves.shape == (26, 2)  # each hole takes the day it is and the day after it
    assert np.abs(moves[:, 0]).max() < 0.1


def test_too_short_a_history_is_unknown() -> None:
    market = a_market({"BTC": 0.02, "ETH": 0.04}, days=120)
    market["ETH"] = market["ETH"][-50:]
    assert daily_returns(market, ("BTC", "ETH"), UPTO, 90) is None
    assert daily_returns(market, ("BTC",), UPTO, 90) is not None
    assert daily_returns(market, ("BTC", "SOL"), UPTO, 20) is None
    assert daily_returns(market, (), UPTO, 20) is None
    assert daily_returns({"BTC": np.empty((0, 6))}, ("BTC",), UPTO, 20) is None


def test_an_asset_that_stood_still_has_no_risk_to_read() -> None:
    market = a_market({"BTC": 0.02}, days=120) | {"FLAT": days_of(np.zeros(120))}
    assert daily_returns(market, ("BTC", "FLAT"), UPTO, 90) is None
