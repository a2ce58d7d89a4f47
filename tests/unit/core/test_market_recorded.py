"""Regime and stress over recorded perpetuals: what everybody remembers of 2021 and 2022 must be in them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from bot.core.assessment import Market
from bot.core.market import view
from tests.unit.core.recorded import perpetuals

FIRST, LAST = datetime(2021, 5, 12, 0, 0, 10, tzinfo=UTC), datetime(2022, 12, 31, 0, 0, 10, tzinfo=UTC)


@pytest.fixture(scope="module")
def days(market_data: Path) -> Mapping[str, Market]:
    """The view just after each midnight, an equal share of every perpetual held."""
    recorded = perpetuals(market_data)
    policy = recorded.policy()
    weights = dict.fromkeys(recorded.bars, 0.9 / len(recorded.bars))
    made, at = {}, FIRST
    while at <= LAST:
        made[f"{at:%Y-%m-%d}"] = view(recorded.at(at), policy, weights)
        at += timedelta(days=1)
    return made


def test_the_regime_is_bear_from_june_to_december_2022_and_bull_in_october_2021(days: Mapping[str, Market]) -> None:
    assert {made.regime for day, made in days.items() if day >= "2022-06-01"} == {"bear"}
    assert {made.regime for day, made in days.items() if "2021-10-05" <= day <= "2021-11-30"} == {"bull"}


def test_the_regime_changes_seldom(days: Mapping[str, Market]) -> None:
    regimes = [made.regime for made in days.values()]
    assert "unknown" not in regimes
    assert sum(one != other for one, other in pairwise(regimes)) <= 12


def test_crashes_alarm_on_the_day_after(days: Mapping[str, Market]) -> None:
    assert "volatility" in days["2021-05-20"].alarms  # 19 May 2021
    assert days["2021-05-20"].stress >= 1
    assert days["2022-05-13"].stress >= 2  # LUNA
    assert {"funding", "correlation"} <= set(days["2022-11-10"].alarms)  # FTX
    assert days["2022-11-10"].stress >= 2
    assert days["2022-11-11"].stress == 3


def test_alarms_are_the_exception(days: Mapping[str, Market]) -> None:
    def share(alarm: str) -> float:
        return sum(alarm in made.alarms for made in days.values()) / len(days)

    assert 0.02 < share("volatility") < 0.15
    assert 0.05 < share("correlation") < 0.30
    assert 0 < share("funding") < 0.05
    assert share("liquidity") < 0.15
    assert 0.02 < sum(made.stress >= 2 for made in days.values()) / len(days) < 0.25
    assert sum(made.stress == 0 for made in days.values()) / len(days) > 0.3


def test_betas_of_altcoins_lie_about_one(days: Mapping[str, Market]) -> None:
    betas = [float(value) for made in days.values() for name, value in made.betas.items() if name != "BTC"]
    assert len(betas) == 21 * len(days)
    assert 1.0 < sorted(betas)[len(betas) // 2] < 1.5
    assert all(made.betas["BTC"] == 1 for made in days.values())
