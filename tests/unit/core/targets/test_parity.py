"""Weights from risk (R-T1, R-T5) and the risk view between refreshes, with the numbers of S18."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest

from bot.core.targets.history import DAY_MS, Floats, daily_returns
from bot.core.targets.parity import RiskView, risk_view, weights_within
from tests.unit.core.targets.days import AT, a_market, a_policy, days_of

D = Decimal
POLICY = a_policy({"all": {"weight": "0.9", "assets": ["BTC", "ETH", "SOL"]}}, "0.1")
NAMES = ("BTC", "ETH", "SOL")
VOLATILITIES = {"BTC": 0.02, "ETH": 0.03, "SOL": 0.05}


def upto_refresh(market: dict[str, Floats]) -> Floats:
    moves = daily_returns(market, NAMES, datetime(2026, 3, 1, tzinfo=UTC).timestamp() * 1000, 90)
    assert moves is not None
    return moves


def test_inverse_volatility_weighs_by_the_inverse_of_each_deviation() -> None:
    market = a_market(VOLATILITIES)
    made, known = weights_within("inverse-volatility", NAMES, market, AT, POLICY)
    inverse = 1 / upto_refresh(market).std(axis=0, ddof=1)
    assert known
    np.testing.assert_allclose([float(made[name]) for name in NAMES], inverse / inverse.sum(), atol=2e-9)
    assert sum(made.values()) == 1


def test_risk_parity_weighs_so_that_each_contributes_the_same() -> None:
    made, known = weights_within("risk-parity", NAMES, a_market(VOLATILITIES, rho=0.3), AT, POLICY)
    assert known
    assert sum(made.values()) == 1
    assert made["BTC"] > made["ETH"] > made["SOL"] > 0


@pytest.mark.parametrize("weighting", ["inverse-volatility", "risk-parity"])
def test_weights_move_at_the_refresh_and_never_between(weighting: str) -> None:
    market = a_market(VOLATILITIES)
    at_refresh = weights_within(weighting, NAMES, market, datetime(2026, 3, 1, tzinfo=UTC), POLICY)
    assert weights_within(weighting, NAMES, market, AT, POLICY) == at_refresh
    wild = {name: bars.copy() for name, bars in market.items()}
    wild["BTC"][-4:, 1:5] *= 3  # days opened on and after the first of March
    assert weights_within(weighting, NAMES, wild, AT, POLICY) == at_refresh
    assert weights_within(weighting, NAMES, market, AT - timedelta(days=5), POLICY) != at_refresh


@pytest.mark.parametrize("weighting", ["inverse-volatility", "risk-parity"])
def test_an_unknown_history_gives_equal_weights_and_says_so(weighting: str) -> None:
    market = a_market(VOLATILITIES) | {"SOL": a_market({"SOL": 0.05}, days=30)["SOL"]}
    assert weights_within(weighting, NAMES, market, AT, POLICY) == (dict.fromkeys(NAMES, D(1) / 3), False)


def test_equal_weights_need_no_history() -> None:
    assert weights_within("equal", NAMES, {}, AT, POLICY) == (dict.fromkeys(NAMES, D(1) / 3), True)


def two_of_opposite_rhythm(days: int, volatility: float) -> Floats:
    return volatility * np.where(np.arange(days) % 2 == 0, 1.0, -1.0)


def s18(later: float) -> RiskView:
    """BTC at 60 and ETH at 30, of twice its volatility until the last 20 days, when it is ``later`` times as high."""
    phase = np.where(np.arange(120) % 10 < 2, -1.0, 1.0)  # opposite moves on 2 days of 10: correlation 0.6
    btc = two_of_opposite_rhythm(120, 0.02)
    eth = 2 * btc * phase
    eth[-20:] *= later
    names = ("BTC", "ETH")
    policy = a_policy({"all": {"weight": "0.9", "assets": names}}, "0.1", model="risk-parity")
    made = risk_view(names, {"BTC": days_of(btc), "ETH": days_of(eth)}, AT, policy, {})
    assert made is not None
    return made


def test_s18_at_equal_budgets_60_and_30_each_bear_half_the_risk() -> None:
    view = s18(later=1)
    shares = view.shares({"BTC": 0.6, "ETH": 0.3})
    assert shares == pytest.approx({"BTC": 0.5, "ETH": 0.5}, abs=1e-9)
    assert view.weight_at_budget("ETH", {"BTC": 0.6, "ETH": 0.3}) == pytest.approx(0.3)


def test_s18_when_the_volatility_of_the_30_doubles_its_budget_is_at_15() -> None:
    view, net = s18(later=2), {"BTC": 0.6, "ETH": 0.3}
    share = view.shares(net)["ETH"]
    assert share > 1.25 * 0.5
    # rho 0.6: c = n2 (S n)2 / n'Sn with 0.6 x 1 and 0.3 x 4 in volatilities of BTC
    correlation = view.covariance[0, 1] / np.sqrt(view.covariance[0, 0] * view.covariance[1, 1])
    assert correlation == pytest.approx(0.6, abs=0.06)  # shrunk
    assert share == pytest.approx((1.44 + 0.72 * correlation) / (0.36 + 1.44 + 1.44 * correlation))
    assert view.weight_at_budget("ETH", net) == pytest.approx(0.15)
    assert view.shares({"BTC": 0.6, "ETH": 0.15})["ETH"] == pytest.approx(0.5)


def test_shares_sum_to_one_and_an_asset_not_held_has_none() -> None:
    view = risk_view(NAMES, a_market(VOLATILITIES), AT, POLICY, {"BTC": D("0.5"), "ETH": D("0.3"), "SOL": D("0.2")})
    assert view is not None
    shares = view.shares({"BTC": 0.5, "SOL": 0.2})
    assert shares["ETH"] == 0.0
    assert sum(shares.values()) == pytest.approx(1.0)
    assert view.budgets == {"BTC": 0.5, "ETH": 0.3, "SOL": 0.2}


def test_the_view_is_unknown_where_an_asset_has_no_history_or_a_hole_in_the_last_days() -> None:
    market = a_market(VOLATILITIES)
    assert risk_view(NAMES, {**market, "SOL": market["SOL"][-40:]}, AT, POLICY, {}) is None
    holes = np.delete(market["SOL"], slice(-12, -2), axis=0)
    assert risk_view(NAMES, {**market, "SOL": holes}, AT, POLICY, {}) is None
    assert risk_view((), market, AT, POLICY, {}) is None


def test_the_view_does_not_see_bars_that_close_after_the_instant() -> None:
    market = a_market(VOLATILITIES)
    later = {
        name: np.vstack([bars, [bars[-1, 0] + DAY_MS, 1, 2, 1, 2, 1]]) for name, bars in market.items()
    }  # the running day
    one, two = (risk_view(NAMES, series, AT, POLICY, {}) for series in (market, later))
    assert one is not None
    assert two is not None
    np.testing.assert_array_equal(one.covariance, two.covariance)
