"""R-T2, R-T3, R-T4, R-T5, R-T7: regimes, roles, models, and the order in which they move targets."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from bot.core.assessment import Trend
from bot.core.plan_record import Plan
from bot.core.policy import Policy
from tests.rules.accounts import AT, actions, approved, decide, hold, keys, legs, policy, reads, seen
from tests.rules.days import charts, moves
from tests.rules.market_scenarios import SHARES, storm, with_model
from tests.rules.scenarios import load

NO_HEDGE: dict[str, Any] = {"hedge": {"enabled": False}}
NAMES = ("BTC", "ETH", "SOL")
CASH = {"weight": "0.2", "floor": "0.05"}
THREE = {"BTC": 40, "ETH": 30, "SOL": 10}


def market(drift: float) -> dict[str, Any]:
    """Candles of a bull market (drift over 0) or a bear market."""
    return charts({name: moves(index, drift=drift) for index, name in enumerate(NAMES)})


def targets(made: Plan) -> dict[str, Decimal]:
    return {asset: round(target * 100, 3).normalize() for asset, target in made.assessment.targets.items()}


def overlaid(regimes: dict[str, Any], drift: float, **groups: Any) -> Plan:
    body = keys(THREE, **NO_HEDGE, **groups)
    body["targets"]["regimes"] = regimes
    return decide(seen({**THREE}, 20, candles=market(drift)), Policy.model_validate(body))


# ---- R-T2


def test_r_t2_without_an_overlay_a_bear_market_scales_risk_to_three_fifths() -> None:
    made = overlaid({}, -0.003)
    assert made.assessment.regime == "bear"
    assert targets(made) == {"BTC": 24, "ETH": 18, "SOL": 6}


def test_r_t2_an_overlay_that_names_a_part_scales_the_rest_so_that_the_sum_stays_one() -> None:
    made = overlaid({"bear": {"stables": "0.6"}}, -0.003)
    assert targets(made) == {"BTC": 20, "ETH": 15, "SOL": 5}
    made = overlaid({"bull": {"sleeves": {"btc": "0.55"}}}, 0.003)
    assert targets(made) == {"BTC": 55, "ETH": Decimal("22.5"), "SOL": Decimal("7.5")}  # stables 15
    made = overlaid({"bear": {"stables": "0.5", "sleeves": {"btc": "0.3", "eth": "0.2", "sol": "0"}}}, -0.003)
    assert targets(made) == {"BTC": 30, "ETH": 20, "SOL": 0}


def test_r_t2_the_step_to_the_bear_target_is_sold_by_increments_and_no_futures() -> None:
    made = overlaid({}, -0.003)
    assert {item.rule for item in actions(made)} == {"R-T2"}
    assert {item.asset: legs(item) for item in actions(made)} == {
        "BTC": {"BTC/USDT": Decimal(-5)},
        "ETH": {"ETH/USDT": Decimal(-5)},
        "SOL": {"SOL/USDT": Decimal(-4)},
    }


def test_r_t2_a_step_under_a_point_is_not_sold() -> None:
    made = overlaid({"bear": {"stables": "0.21"}}, -0.003)
    assert targets(made)["BTC"] == Decimal("39.5")
    assert made.actions == ()


def test_r_t2_an_overlay_of_another_regime_leaves_the_skeleton() -> None:
    made = overlaid({"bear": {"stables": "0.6"}}, 0.003)
    assert targets(made) == THREE
    assert made.actions == ()


# ---- R-T3

ROLES = {
    "core": {"weight": "0.6", "assets": ["BTC", "ETH"], "role": "core"},
    "satellite": {"weight": "0.2", "assets": ["SOL"], "role": "satellite"},
}


def by_roles(held: dict[str, Any], stables: Any, table: Any = None, **more: Any) -> Plan:
    wanted = Policy.model_validate(with_model(keys(sleeves=ROLES), "core-satellite"))
    return decide(seen(held, stables, **more), wanted, table or {name: reads() for name in NAMES})


def test_r_t3_the_core_trims_from_ten_points_on_by_four_half_sold_and_half_hedged() -> None:
    made = by_roles({"BTC": 40, "ETH": 30, "SOL": 15}, 10, futures=5)
    assert legs(approved(made, "BTC").wish) == {"BTC/USDT": Decimal(-2), "BTC/USDT:USDT": Decimal(-2)}


def test_r_t3_inside_its_ten_points_the_core_is_left_alone() -> None:
    made = by_roles({"BTC": "39.9", "ETH": 25, "SOL": 15}, "15.1", futures=5)
    assert actions(made, "BTC") == []


def test_r_t3_the_satellite_adds_from_five_points_on_by_a_bridge_where_the_core_never_does() -> None:
    made = by_roles({"BTC": 30, "ETH": 30, "SOL": 15}, 15, futures=10)
    add = approved(made, "SOL").wish
    assert (add.kind, add.legs[0].purpose, add.legs[0].leverage) == ("bridge", "bridge", Decimal(2))
    assert actions(by_roles({"BTC": 30, "ETH": 30, "SOL": "15.1"}, "14.9", futures=10)) == []
    bottoming = {name: reads(Trend.STABILISING_DOWN, bottoming=True) for name in NAMES}
    made = by_roles({"BTC": 20, "ETH": 30, "SOL": 20}, 20, bottoming, futures=10)
    assert [item.kind for item in actions(made)] == ["add"]


# ---- R-T4


def of_momentum(model: str, trend: Trend, btc: int, **flags: Any) -> Plan:
    """BTC (target 50) somewhere, with a trend and flags, under a model."""
    wanted = Policy.model_validate(with_model(keys({"BTC": 50}), model))
    return decide(seen({"BTC": btc}, 92 - btc, futures=8), wanted, {"BTC": reads(trend, **flags)})


def test_r_t4_a_laggard_that_bottoms_enters_by_a_bridge_at_once() -> None:
    made = of_momentum("momentum", Trend.STRONG_DOWN, 40, bottoming=True)
    (add,) = actions(made)
    assert add.kind == "bridge"
    assert legs(add) == {"BTC/USDT:USDT": pytest.approx(Decimal(10), abs=Decimal("0.05"))}


def test_r_t4_under_fixed_targets_the_same_laggard_is_bought_without_a_bridge() -> None:
    (add,) = actions(of_momentum("fixed", Trend.STRONG_DOWN, 40, bottoming=True))
    assert (add.kind, legs(add)) == ("add", {"BTC/USDT": Decimal(5)})


def test_r_t4_a_laggard_that_does_not_bottom_waits_or_is_bought_in_spot() -> None:
    assert hold(of_momentum("momentum", Trend.STRONG_DOWN, 40), "BTC").rule == "R-A10"
    assert [item.kind for item in actions(of_momentum("momentum", Trend.RANGE, 40))] == ["add"]


# ---- R-T5 (with S18)


def standing(without: bool) -> Plan:
    """S18 with a risk short of 10 points that stands; ETH's volatility is doubled, or as it was."""
    state, wanted = load("S18-holds" if without else "S18")
    short = {"symbol": "ETH/USDT:USDT", "purpose": "risk", "contracts": "4", "opened_at": AT, "reason": "R-T5"}
    held = seen({"BTC": 60, "ETH": 30}, 2, futures=8, shorts={"ETH": 10}, memory={"hedges": [short]}, at=state.at)
    return decide(held.model_copy(update={"candles": state.candles}), wanted)


def test_r_t5_a_risk_short_that_is_no_longer_needed_is_undone_by_increments() -> None:
    (undone,) = actions(standing(without=True), "ETH")
    assert (undone.rule, undone.kind, undone.legs[0].reduce_only) == ("R-T5", "risk_hedge", True)
    assert legs(undone) == {"ETH/USDT:USDT": Decimal(5)}


def test_r_t5_while_it_is_needed_it_is_not_undone() -> None:
    (more,) = [item for item in actions(standing(without=False), "ETH") if item.rule == "R-T5"]
    assert legs(more)["ETH/USDT:USDT"] < 0


def test_r_t5_a_risk_short_somebody_closed_is_not_closed_again() -> None:
    state, wanted = load("S18-holds")
    short = {"symbol": "ETH/USDT:USDT", "purpose": "risk", "contracts": "4", "opened_at": AT, "reason": "R-T5"}
    held = seen({"BTC": 60, "ETH": 30}, 2, futures=8, shorts={"ETH": 1}, memory={"hedges": [short]}, at=state.at)
    (undone,) = actions(decide(held.model_copy(update={"candles": state.candles}), wanted), "ETH")
    assert legs(undone) == {"ETH/USDT:USDT": Decimal(1)}


def test_r_t5_a_portfolio_that_is_being_filled_is_not_shorted() -> None:
    state, wanted = load("S18")
    filling = seen({"BTC": 10, "ETH": 25}, 57, futures=8, at=state.at).model_copy(update={"candles": state.candles})
    made = decide(filling, wanted)
    assert made.assessment.risk["ETH"].share > Decimal("0.8")
    assert [item for item in actions(made) if item.rule == "R-T5"] == []


def test_r_t5_without_history_the_skeleton_stands() -> None:
    wanted = Policy.model_validate(with_model(keys(sleeves=SHARES), "risk-parity"))
    made = decide(seen({"BTC": 60, "ETH": 30}, 10), wanted)
    assert targets(made) == {"BTC": 60, "ETH": 30}
    assert "history for risk parity: the skeleton stands" in made.assessment.unknown


# ---- R-T7


def ordered(*, volatile: bool = True, cap: str = "0.25") -> Plan:
    """A sleeve whose bull overlay of 40 is over its cap, in stress or not."""
    body = keys(
        sleeves={
            "core": {"weight": "0.4", "assets": ["BTC", "ETH"]},
            "ai": {"weight": "0.2", "assets": ["SOL"], "narrative": True, "cap": cap},
            "other": {"weight": "0.2", "assets": ["XRP"]},
        },
        **NO_HEDGE,
    )
    body["targets"]["regimes"] = {"bull": {"sleeves": {"ai": "0.4", "other": "0.1", "core": "0.4"}}}
    days = storm(volatile=volatile, joint=False)
    return decide(seen({"BTC": 20, "ETH": 20, "SOL": 20, "XRP": 20}, 20, candles=charts(days)), Policy(**body))


def test_r_t7_regime_comes_before_the_narrative_cap_and_that_before_stress() -> None:
    made = ordered()
    assert (made.assessment.regime, made.assessment.stress) == ("bull", 1)
    # 40 by the overlay, capped to 25, times 0.9; the majors keep 30 % of what stress freed: 0.1 x 75 x 0.3 = 2.25
    assert targets(made) == {"BTC": Decimal("19.125"), "ETH": Decimal("19.125"), "SOL": Decimal("22.5"), "XRP": 9}


def test_r_t7_what_a_step_takes_goes_to_stables_and_every_target_stands_without_one() -> None:
    made = ordered(volatile=False)
    assert targets(made) == {"BTC": 20, "ETH": 20, "SOL": 25, "XRP": 10}  # stables 10 + 15
    made = ordered(volatile=False, cap="0.4")
    assert targets(made)["SOL"] == 40
    assert 1 - sum(made.assessment.targets.values()) == Decimal("0.1")


def test_r_t7_a_cap_that_is_not_reached_moves_nothing() -> None:
    wanted = policy(sleeves={"ai": {"weight": "0.2", "assets": ["SOL"], "narrative": True, "cap": "0.25"}})
    assert targets(decide(seen({"SOL": 20}, 80), wanted)) == {"SOL": 20}
