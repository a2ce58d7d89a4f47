"""R-G10: a step is worth its cost."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.rules.accounts import approved, decide, policy, reads, seen
from tests.rules.gated import OFF, RANGE, SWAP, episode, stopped, trim


@pytest.mark.parametrize(("volatility", "passes"), [(0.05, False), (0.5, True), (None, True)])
def test_r_g10_benefit_must_be_worth_the_cost(volatility: float | None, passes: bool) -> None:
    made = decide(seen({"BTC": 55}, 45), policy({"BTC": 50}, **OFF), {"BTC": reads(volatility=volatility)})
    assert bool(made.actions) == passes
    assert passes or stopped(made, "R-G10", "veto")


def test_r_g10_a_small_drift_in_a_narrow_band_is_not_worth_its_cost() -> None:
    narrow = policy({"BTC": 50}, triggers={"band": {"points": "0.01"}}, **OFF)
    assert stopped(decide(seen({"BTC": 51}, 49), narrow, RANGE), "R-G10", "veto")
    assert decide(seen({"BTC": 52}, 48), narrow, RANGE).actions != ()


def test_r_g10_is_judged_once_for_the_whole_way() -> None:
    quiet = {"BTC": reads(volatility=0.05)}
    state = seen({"BTC": 55}, 45, **episode(60))
    assert decide(state, policy({"BTC": 50}, **OFF), quiet).actions != ()
    state = seen({"BTC": 55}, 45, **episode(60, judged=None))
    assert stopped(decide(state, policy({"BTC": 50}, **OFF), quiet), "R-G10", "veto")


def test_r_g10_both_figures_are_recorded() -> None:
    wish = approved(trim(55), "BTC").wish
    assert wish.cost is not None
    assert wish.benefit is not None
    assert (wish.cost.fees, wish.cost.spread, wish.cost.impact) == (Decimal(5), Decimal("0.5"), Decimal(0))
    # 3/2 x 0.25 x 0.05^2 x 60/365 x 100,000
    assert wish.benefit == pytest.approx(Decimal("15.41"), abs=Decimal("0.01"))


def test_r_g10_a_futures_leg_pays_for_its_later_close_and_its_funding() -> None:
    rate = {SWAP: {"rate": "-0.0001"}}  # shorts pay 10.95 % a year
    made = decide(seen({"BTC": 58}, 32, futures=10, funding=rate), policy({"BTC": 50}), RANGE)
    cost = approved(made, "BTC").wish.cost
    assert cost is not None
    assert cost.fees == Decimal(3) + 2 * Decimal(1)
    assert cost.funding == pytest.approx(Decimal("8.4"), abs=Decimal("0.01"))  # 2,000 x 10.95 % x 14/365
