"""Regime overlays (R-T2), S19's first step among them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from bot.core.assessment import Regime
from bot.core.targets.regime import sleeve_weights
from tests.unit.core.targets.days import a_policy

D = Decimal
SLEEVES = {"majors": {"weight": "0.6", "assets": ["BTC"]}, "alts": {"weight": "0.3", "assets": ["SOL"]}}


def test_a_bear_regime_without_an_overlay_scales_risk_by_six_tenths() -> None:
    assert sleeve_weights(a_policy(SLEEVES, "0.1"), "bear") == {"majors": D("0.36"), "alts": D("0.18")}


@pytest.mark.parametrize("regime", ["bull", "neutral", "unknown"])
def test_other_regimes_without_an_overlay_are_the_skeleton(regime: Regime) -> None:
    assert sleeve_weights(a_policy(SLEEVES, "0.1"), regime) == {"majors": D("0.6"), "alts": D("0.3")}


def test_an_overlay_scales_what_it_does_not_name_so_that_the_sum_stays_one() -> None:
    policy = a_policy(SLEEVES, "0.1", regimes={"bear": {"stables": "0.55"}})
    assert sleeve_weights(policy, "bear") == {"majors": D("0.3"), "alts": D("0.15")}
    policy = a_policy(SLEEVES, "0.1", regimes={"bear": {"sleeves": {"alts": "0.02"}}})
    weights = sleeve_weights(policy, "bear")
    assert weights["alts"] == D("0.02")
    assert weights["majors"] == pytest.approx(D("0.84"))  # 0.6 and 0.1 share 0.98
    assert sleeve_weights(policy, "neutral")["majors"] == D("0.6")


def test_an_unknown_regime_takes_the_neutral_overlay() -> None:
    policy = a_policy(SLEEVES, "0.1", regimes={"neutral": {"stables": "0.55"}})
    assert (
        sleeve_weights(policy, "unknown")
        == sleeve_weights(policy, "neutral")
        == {"majors": D("0.3"), "alts": D("0.15")}
    )


def test_an_overlay_may_hold_a_sleeve_that_the_skeleton_does_not() -> None:
    sleeves = {"majors": {"weight": "0.9", "assets": ["BTC"]}, "gold": {"weight": "0", "assets": ["PAXG"]}}
    policy = a_policy(sleeves, "0.1", regimes={"bear": {"stables": "0.4", "sleeves": {"majors": "0.4", "gold": "0.2"}}})
    assert sleeve_weights(policy, "bear") == {"majors": D("0.4"), "gold": D("0.2")}
    assert sleeve_weights(policy, "neutral") == {"majors": D("0.9"), "gold": 0}
