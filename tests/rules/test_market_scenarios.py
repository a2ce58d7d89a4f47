"""S12, S15, S17, S18, S19 and S22 from their stored snapshots: the market as a whole, each acting and holding still."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from bot.core.assess import assess
from bot.core.exposure import drawdown, unit_value
from bot.core.facts import Doubt
from bot.core.plan_record import Plan
from bot.core.snapshot import Snapshot
from tests.rules.accounts import actions, after, approved, blocked, decide, hold, legs, net, run, verdicts
from tests.rules.market_scenarios import MARKET
from tests.rules.scenarios import load
from tests.rules.test_scenarios_cli import ballast_plan

HOLDING = ("S12-holds", "S15-holds", "S17-holds", "S18-holds", "S19-holds", "S22-holds")
NEAR = Decimal("0.02")


def planned(name: str) -> Plan:
    snapshot, wanted = load(name)
    return decide(snapshot, wanted)


def targets(made: Plan) -> dict[str, Decimal]:
    return {asset: (target * 100).normalize() for asset, target in made.assessment.targets.items()}


def followed(name: str, plans: int, **later: float) -> Iterator[tuple[Snapshot, Plan]]:
    snapshot, wanted = load(name)
    yield from run(snapshot, wanted, plans) if not later else _slowly(name, plans, timedelta(**later))


def _slowly(name: str, plans: int, later: timedelta) -> Iterator[tuple[Snapshot, Plan]]:
    snapshot, wanted = load(name)
    for _ in range(plans):
        made = decide(snapshot, wanted)
        yield snapshot, made
        snapshot = after(snapshot, made, later=later)


@pytest.mark.parametrize("name", sorted(MARKET))
def test_a_market_scenario_reads_the_same_from_the_command_line(name: str, tmp_path: Path) -> None:
    code, out = ballast_plan(name, tmp_path)
    assert out == planned(name).to_json() + "\n"
    assert code == (0 if name in HOLDING else 2)


@pytest.mark.parametrize("name", HOLDING)
def test_a_scenario_that_holds_trades_nothing(name: str) -> None:
    made = planned(name)
    assert made.actions == ()
    assert made.blocked == ()


# ---- S12: stress


def test_s12_r_a16_two_alarms_scale_the_sleeves_and_lift_the_majors_part() -> None:
    made = planned("S12")
    seen = made.assessment
    assert (seen.stress, seen.alarms) == (2, ("correlation", "volatility"))
    found = targets(made)
    assert found["BTC"] + found["ETH"] == Decimal("36.75")
    assert (found["SOL"], found["XRP"]) == (Decimal("22.5"), Decimal(15))
    assert 100 - sum(found.values()) == Decimal("25.75")


def test_s12_r_a16_assets_over_by_half_a_band_are_trimmed_highest_beta_first_without_any_add() -> None:
    made = planned("S12")
    betas = made.assessment.market.betas
    assert [item.asset for item in actions(made)] == ["XRP", "SOL"]
    assert betas["XRP"] > betas["SOL"]
    assert betas["BTC"] > betas["XRP"]  # and yet a major stays: 1.6 points over, half a band is 2.3
    assert {item.cls for item in actions(made)} == {"derisk"}
    assert [legs(item) for item in actions(made)] == [{"XRP/USDT": Decimal(-5)}, {"SOL/USDT": Decimal(-5)}]


def test_s12_the_increments_go_on_to_the_scaled_targets_and_then_nothing_moves() -> None:
    *_, (_state, made) = followed("S12", 4)
    assert made.actions == ()
    shares = {item.asset: round(item.net * 100, 1) for item in made.assessment.exposures}
    assert shares == {"BTC": 20, "ETH": 20, "SOL": Decimal("22.5"), "XRP": 15}


def test_s12_r_w5_one_alarm_is_level_one_and_a_small_excess_waits() -> None:
    made = planned("S12-one")
    assert (made.assessment.stress, made.assessment.alarms) == (1, ("volatility",))
    assert [item.asset for item in actions(made)] == ["SOL"]  # 30 against 27, half a band is 2.5
    assert hold(made, "XRP").rule == "R-W2"  # 20 against 18, half a band is 2.25


def test_s12_in_a_calm_market_the_targets_stand() -> None:
    made = planned("S12-holds")
    assert (made.assessment.stress, made.assessment.alarms) == (0, ())
    assert targets(made) == {"BTC": 20, "ETH": 20, "SOL": 30, "XRP": 20}


# ---- S15: a narrative that tripled


def test_s15_r_a18_a_tripled_narrative_is_trimmed_by_increments_over_two_days_turnover() -> None:
    sold = []
    snapshot, wanted = load("S15")
    for _state, made in run(snapshot, wanted, 5):
        sold += [legs(item)["XRP/USDT"] for item in actions(made, "XRP")]
        snapshot = after(snapshot, made)
    assert sold == pytest.approx([Decimal(-5)] * 4, abs=NEAR)
    assert sum(sold) == pytest.approx(Decimal(-20), abs=NEAR)  # the day's turnover
    refused = blocked(decide(snapshot, wanted), "XRP")
    assert "R-G6" in verdicts(refused)
    tomorrow = after(snapshot, decide(snapshot, wanted), later=timedelta(hours=12))
    last = decide(tomorrow, wanted)
    assert legs(approved(last, "XRP").wish)["XRP/USDT"] == pytest.approx(Decimal("-0.41"), abs=NEAR)
    ended = decide(after(tomorrow, last), wanted)
    assert actions(ended, "XRP") == []
    assert ended.assessment.exposure("XRP").net == pytest.approx(Decimal("0.225"), abs=Decimal("0.0005"))


def test_s15_r_a18_the_strong_narrative_takes_the_proceeds_and_a_falling_knife_does_not() -> None:
    snapshot, wanted = load("S15")
    (_, first), (_, second), (_, third) = run(snapshot, wanted, 3)
    add = approved(first, "SOL").wish
    assert legs(add) == {"SOL/USDT": Decimal(5)}
    assert add.funded_by == (first.action_id(0),)
    # Inside its band it has no trigger of its own any more: freed weight brings it up to its target.
    top = approved(second, "SOL").wish
    assert "weight freed by a flagged narrative" in top.why
    assert legs(top)["SOL/USDT"] == pytest.approx(Decimal("0.7"), abs=NEAR)
    # Then nobody is left: the rest stays in stables.
    assert [item.asset for item in actions(third)] == ["XRP"]
    for made in (first, second, third):
        assert hold(made, "BTC").rule == "R-A10"


def test_s15_r_w4_under_its_cap_and_not_parabolic_a_narrative_is_left_alone() -> None:
    made = planned("S15-holds")
    assert made.assessment.triggers == ()
    assert made.assessment.exposure("XRP").drift == Decimal("0.04")


# ---- S17: a quarterly slot


def test_s17_r_w1_the_core_goes_to_its_target_and_the_satellite_is_untouched() -> None:
    made = planned("S17")
    trim = approved(made, "BTC").wish
    assert legs(trim) == {"BTC/USDT": Decimal("-1.5"), "BTC/USDT:USDT": Decimal("-1.5")}  # half sold, half hedged
    assert net(made, "BTC") == 30
    assert [item.asset for item in actions(made)] == ["BTC"]
    assert hold(made, "SOL").rule == "R-W2"  # as far over its target, but its sleeve keeps no calendar
    assert {event.body["sleeve"] for event in made.events if event.kind == "slot.fired"} == {"core"}


def test_s17_r_w1_half_a_point_off_waits_for_more() -> None:
    assert hold(planned("S17"), "ETH").rule == "R-W2"


def test_s17_r_w1_a_slot_fires_once_and_then_nothing_is_due() -> None:
    (_, _first), (_, second) = followed("S17", 2)
    assert second.actions == ()
    assert [event.kind for event in second.events if event.kind.startswith(("slot", "episode"))] == ["episode.ended"]
    assert planned("S17-holds").assessment.triggers == ()


# ---- S18: shares of risk


def test_s18_r_t5_a_risk_short_by_increments_brings_the_share_of_risk_to_its_budget() -> None:
    sizes, shares = [], []
    for _state, made in followed("S18", 3):
        (short,) = actions(made)
        assert (short.kind, short.asset, short.legs[0].purpose) == ("risk_hedge", "ETH", "risk")
        sizes.append(legs(short)["ETH/USDT:USDT"])
        shares.append(made.assessment.risk["ETH"].share)
    assert sizes == pytest.approx([Decimal(-5), Decimal(-5), Decimal(-5)], abs=Decimal("0.15"))
    assert net(made, "ETH") == pytest.approx(Decimal(15), abs=Decimal("0.15"))
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > Decimal("0.625") > shares[2]  # under 1.25 x its budget it goes on to the budget itself


def test_s18_r_t5_while_the_risk_short_stands_bands_look_at_spot_and_nothing_moves() -> None:
    *_, (state, made) = followed("S18", 5)
    assert made.actions == ()
    assert net(made, "ETH") == pytest.approx(Decimal(15), abs=Decimal("0.15"))
    assert [(item.purpose, item.contracts) for item in state.memory.hedges] != []


def test_s18_r_t5_targets_of_equal_risk_stand_while_volatility_does() -> None:
    made = planned("S18-holds")
    assert {asset: round(target * 100, 1) for asset, target in made.assessment.targets.items()} == {
        "BTC": 60, "ETH": 30,
    }  # fmt: skip
    shares = [made.assessment.risk[name].share for name in ("BTC", "ETH")]
    assert shares == pytest.approx([Decimal("0.5")] * 2, abs=NEAR)
    assert made.actions == ()


# ---- S19: a bear market


def test_s19_r_t2_in_a_bear_market_risk_goes_to_three_fifths_by_increments() -> None:
    made = planned("S19")
    assert made.assessment.regime == "bear"
    assert targets(made) == {"BTC": 30, "ETH": 12, "SOL": 6}
    sold = [legs(item) for item in actions(made) if item.rule == "R-T2"]
    assert sold == [{"BTC/USDT": Decimal(-5)}, {"ETH/USDT": Decimal(-5)}]


def test_s19_the_index_is_hedged_by_increments_for_the_rest_and_nothing_is_added() -> None:
    made = planned("S19")
    hedged = [legs(item) for item in actions(made) if item.kind == "index_hedge"]
    assert hedged == [{"BTC/USDT:USDT": Decimal(-5)}, {"ETH/USDT:USDT": Decimal(-5)}]
    assert made.after.exposures["BTC"] == Decimal("0.45")  # an index hedge is not the asset's own exposure
    assert hold(made, "SOL").why == "bear regime: no adds"


def test_s19_r_t2_over_two_days_it_ends_at_the_bear_targets_and_nothing_more_is_sold() -> None:
    *_, (state, made) = followed("S19", 9, hours=4)
    assert made.actions == ()
    shares = {item.asset: round(item.net * 100, 1) for item in made.assessment.exposures}
    assert shares == {"BTC": 30, "ETH": 12, "SOL": 4}
    # ratio x the sum of beta x net: 0.5 x (30 + 0.3 x 12 + 0.3 x 4); a fifth off is left alone
    index = sum(-item.index_contracts * (item.price or 0) for item in made.assessment.exposures) / 1_000
    assert index == pytest.approx(Decimal("17.4"), rel=Decimal("0.21"))
    assert {item.purpose for item in state.memory.hedges} == {"index"}


def test_s19_r_t2_in_a_bull_market_the_skeleton_stands() -> None:
    made = planned("S19-holds")
    assert made.assessment.regime == "bull"
    assert targets(made) == {"BTC": 50, "ETH": 20, "SOL": 4}


# ---- S22: a deposit


def test_s22_r_w9_a_deposit_is_no_profit_and_goes_to_the_underweight_by_increments() -> None:
    made = planned("S22")
    seen = made.assessment
    assert (seen.strange, seen.equity) == ("", Decimal(120_000))
    assert not [item for item in seen.unknown if item.startswith("equity")]
    assert [item.rule for item in actions(made)] == ["R-A11", "R-A11"]
    assert [legs(item) for item in actions(made)] == [{"BTC/USDT": Decimal(6)}, {"ETH/USDT": Decimal(6)}]  # 5 % of E
    assert made.blocked == ()


def test_s22_r_w9_the_unit_value_takes_no_profit_from_it() -> None:
    snapshot, wanted = load("S22")
    _seen, book = assess(snapshot, wanted)
    assert drawdown(book, snapshot.memory, snapshot.at) == 0
    # Nor before it is told; what nobody told of for a day was a profit after all.
    untold = snapshot.memory.model_copy(update={"since": ()})
    assert unit_value(book, untold, snapshot.at) == (Decimal(1), Decimal(20_000))
    seen = snapshot.memory.seen
    assert seen is not None
    now = seen.model_copy(update={"equity": book.equity, "coins": {}, "prices": dict(book.prices), "contracts": {}})
    doubt = Doubt(at=snapshot.at - timedelta(days=1), amount=Decimal(20_000))
    believed = untold.model_copy(update={"seen": now, "equity_seen": book.equity, "doubt": doubt})
    assert unit_value(book, believed, snapshot.at) == (Decimal("1.2"), Decimal(0))
    assert unit_value(book, believed, snapshot.at - timedelta(seconds=1)) == (Decimal(1), Decimal(20_000))


def test_s22_the_increments_go_on_to_the_targets_and_then_nothing_moves() -> None:
    *_, (_state, made) = followed("S22", 4)
    assert made.actions == ()
    shares = {item.asset: round(item.net * 100, 1) for item in made.assessment.exposures}
    assert shares == {"BTC": 50, "ETH": 30}


def test_s22_r_w9_the_same_money_without_a_flow_stops_trading() -> None:
    made = planned("S22-holds")
    assert (made.assessment.strange, made.assessment.equity) == ("new", None)
    assert {item.rule for item in made.holds} == {"R-W9"}
