"""The rulebook's scenarios from their stored snapshots: each acting, each holding still."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from bot.core.assess import readings
from bot.core.assessment import Readings, Trend
from bot.core.plan_record import Plan
from tests.rules.accounts import (
    AT,
    account,
    actions,
    after,
    approved,
    blocked,
    decide,
    hold,
    legs,
    net,
    policy,
    run,
    seen,
    verdicts,
)
from tests.rules.scenarios import SCENARIOS, load, path, text

BTC, SWAP = "BTC/USDT", "BTC/USDT:USDT"
MONDAY = datetime(2026, 3, 9, 13, tzinfo=UTC)


def planned(name: str) -> Plan:
    snapshot, wanted = load(name)
    return decide(snapshot, wanted)


def points(*parts: str) -> list[Decimal]:
    return [Decimal(part) for part in parts]


def read(kind: str) -> Readings:
    return readings(seen({"BTC": 50}, 50, trends={"BTC": kind}), policy({"BTC": 50}))["BTC"]


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_a_stored_snapshot_is_what_its_generator_makes(name: str) -> None:
    assert path(name).read_text(encoding="utf-8") == text(name)


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_a_scenario_gives_the_same_bytes_whatever_the_order_of_its_lists(name: str) -> None:
    snapshot, wanted = load(name)
    body = SCENARIOS[name].account()
    turned = {key: _turned(value) for key, value in reversed(body.items())}
    turned["candles"] = body["candles"]  # oldest first is part of the contract
    assert decide(turned, wanted).to_json() == decide(snapshot, wanted).to_json()


def _turned(value: object) -> object:
    if isinstance(value, dict):
        return {key: _turned(item) for key, item in reversed(value.items())}
    return (
        [_turned(item) if isinstance(item, dict) else item for item in reversed(value)]
        if isinstance(value, list)
        else value
    )


@pytest.mark.parametrize(
    ("kind", "trend"),
    [
        ("range", Trend.RANGE),
        ("strong up", Trend.STRONG_UP),
        ("overextended", Trend.STRONG_UP),
        ("weakening up", Trend.WEAKENING_UP),
        ("exhausted", Trend.STRONG_UP),
        ("at support", Trend.STABILISING_DOWN),
        ("stabilising", Trend.STABILISING_DOWN),
        ("falling knife", Trend.STRONG_DOWN),
        ("bottoming", Trend.STRONG_DOWN),
        ("parabolic", Trend.STRONG_UP),
        ("unknown", None),
    ],
)
def test_readings_wanted(kind: str, trend: Trend | None) -> None:
    made = read(kind)
    assert made.trend == trend
    assert made.volatility == pytest.approx(0.5, abs=1e-5)
    assert bool(made.overextended) == (kind in ("overextended", "parabolic", "exhausted"))
    assert bool(made.exhausted) == (kind == "exhausted")
    assert bool(made.bottoming) == (kind == "bottoming")
    assert bool(made.parabolic) == (kind == "parabolic")


def test_the_readings_behind_the_scenarios_have_the_tables_numbers() -> None:
    up, top, floor = read("strong up"), read("exhausted"), read("at support")
    assert (round(up.rsi or 0), round(top.rsi or 0)) == (65, 78)
    assert (top.overbought, top.rolling_over) == (True, True)
    assert (floor.at_support, floor.oversold, floor.bottoming) == (True, False, False)


# ---- S1, S2: the trigger is inclusive


def by_bands_alone(name: str) -> Plan:
    """The scenario without the trend's own trigger (R-W10), which acts inside the band."""
    snapshot, wanted = load(name)
    quiet = wanted.triggers.model_copy(update={"trend": False})
    return decide(snapshot, wanted.model_copy(update={"triggers": quiet}))


def test_s1_an_exhausted_asset_exactly_at_its_upper_edge_is_trimmed() -> None:
    made = planned("S1")
    trim = approved(made, "BTC")
    assert [item.rule for item in made.assessment.triggers] == ["R-W2", "R-W10"]  # one decision, all its reasons
    assert (trim.wish.kind, trim.wish.rule) == ("trim", "R-A3")
    assert legs(trim.wish) == {BTC: Decimal(-3), SWAP: Decimal(-2)}
    assert net(made, "BTC") == 50


def test_s1_a_hundredth_of_a_point_less_holds() -> None:
    made = by_bands_alone("S1-holds")
    assert (made.actions, made.blocked, made.assessment.triggers) == ((), (), ())
    assert hold(made, "BTC").rule == "R-W2"


def test_s2_a_laggard_exactly_at_its_lower_edge_stabilising_at_support_is_added_to() -> None:
    made = planned("S2")
    add = approved(made, "BTC").wish
    assert (add.kind, add.rule, legs(add)) == ("add", "R-A11", {BTC: Decimal(5)})
    assert [item.wish.asset for item in made.actions] == ["BTC"]


def test_s2_a_hundredth_of_a_point_more_holds() -> None:
    assert planned("S2-holds").actions == ()


# ---- S3: increments with the proceeds


def test_s3_three_increments_bring_sixty_forty_back_with_the_proceeds() -> None:
    snapshot, wanted = load("S3")
    sold, bought = [], []
    for _state, made in run(snapshot, wanted, 3):
        trim, add = actions(made)
        assert (trim.kind, add.kind, add.asset) == ("trim", "add", "ETH")
        assert add.funded_by == (made.action_id(0),)
        assert set(legs(trim)) == {BTC}
        sold.append(legs(trim)[BTC])
        bought.append(legs(add)["ETH/USDT"])
        snapshot = after(snapshot, made)
    assert all(abs(part + 5) < Decimal("0.02") for part in sold), sold
    assert all(abs(part - 5) < Decimal("0.02") for part in bought), bought
    ended = decide(snapshot, wanted)
    assert ended.actions == ()
    shares = {item.asset: round(item.net * 100, 1) for item in ended.assessment.exposures}
    assert shares == {"BTC": 60, "ETH": 40}


def test_s3_the_next_increment_waits_a_quarter_of_an_hour() -> None:
    snapshot, wanted = load("S3")
    soon = after(snapshot, decide(snapshot, wanted), later=timedelta(minutes=14))
    made = decide(soon, wanted)
    assert made.actions == ()
    assert verdicts(blocked(made, "BTC")) == {"R-G6": "defer"}


def test_s3_inside_the_bands_nothing_is_traded() -> None:
    assert planned("S3-holds").actions == ()


# ---- S4, S8: the split, and the sale of hedged spot


def test_s4_an_increment_of_five_is_three_sold_and_two_shorted() -> None:
    made = planned("S4")
    assert legs(approved(made, "BTC").wish) == {BTC: Decimal(-3), SWAP: Decimal(-2)}
    assert [leg.symbol for leg in approved(made, "BTC").wish.legs] == [BTC, SWAP]  # the sale first
    assert net(made, "BTC") == 55
    assert made.after.gross_leverage == Decimal("0.79")
    fees = Decimal("0.00004")
    assert made.after.liquid_stables == Decimal("0.22") - fees


def test_s4_inside_the_band_holds() -> None:
    assert planned("S4-holds").actions == ()


def test_s8_three_of_the_fifty_seven_sold_for_the_floor_close_three_fifty_sevenths_of_the_short() -> None:
    made = planned("S8")
    (sale,) = actions(made)
    assert (sale.rule, sale.cls, sale.kind) == ("R-W3", "floor", "derisk")
    assert legs(sale) == {SWAP: Decimal("0.105"), BTC: Decimal("-3.000")}
    assert sale.legs[0].reduce_only
    assert hold(made, "BTC").rule == "R-W8"


def test_s8_a_shortfall_within_the_tolerance_sells_nothing_for_the_floor() -> None:
    made = planned("S8-holds")
    assert [item for item in actions(made) if item.cls == "floor"] == []
    assert hold(made, "BTC", "R-A8").why.startswith("hedged")


# ---- S9: cost against benefit


def test_s9_a_drift_of_one_point_in_a_band_of_one_costs_more_than_it_is_worth() -> None:
    made = planned("S9")
    assert made.actions == ()
    refused = blocked(made, "BTC")
    assert verdicts(refused) == {"R-G10": "veto"}
    # 3/2 x 0.5^2 x 0.01^2 x 60/365 against 10 bp of fee and 1 bp of half spread on a hundredth
    assert refused.not_passed[0].why == "benefit 0.0006% against cost 0.0011% of E"


def test_s9_a_drift_of_five_points_in_a_band_of_one_is_worth_its_cost() -> None:
    assert legs(approved(planned("S9-acts"), "BTC").wish) == {BTC: Decimal(-5)}


# ---- S10, S11: winners


def test_s10_a_winner_six_points_over_in_a_strong_uptrend_runs_on() -> None:
    made = planned("S10-holds")
    assert made.actions == ()
    found = hold(made, "BTC")
    assert (found.rule, found.why.startswith("trend intact")) == ("R-A1", True)
    assert "RSI 65" in found.nearest


def test_s10_ten_points_over_it_is_trimmed_to_just_inside_the_edge() -> None:
    made = planned("S10")
    trim = approved(made, "BTC").wish
    assert sum(legs(trim).values()) == Decimal("-5.2")
    assert net(made, "BTC") == Decimal("54.8")


def test_s11_an_exhausted_winner_is_trimmed_by_full_increments_to_target() -> None:
    snapshot, wanted = load("S11")
    sizes = []
    for _state, made in run(snapshot, wanted, 2):
        sizes.append(sum(legs(approved(made, "BTC").wish).values()))
        snapshot = after(snapshot, made)
    assert sizes == pytest.approx(points("-5", "-1"), abs=Decimal("0.01"))
    ended = decide(snapshot, wanted)
    assert ended.actions == ()
    assert round(ended.assessment.exposure("BTC").net, 3) == Decimal("0.5")
    assert [item.kind for item in ended.events] == ["episode.ended"]


def test_s11_an_exhausted_winner_inside_its_band_is_left_alone() -> None:
    assert by_bands_alone("S11-holds").actions == ()


# ---- S16: the floor


def test_s16_the_floor_is_refilled_from_spot_of_the_most_overweight_fees_included() -> None:
    (sale,) = actions(planned("S16"))
    assert (sale.cls, legs(sale)) == ("floor", {BTC: Decimal("-2.002")})


def test_s16_at_the_tolerance_nothing_is_sold() -> None:
    assert planned("S16-holds").actions == ()


# ---- S21: windows


def test_s21_a_trim_due_on_saturday_waits_for_monday_and_says_so() -> None:
    made = planned("S21-shut")
    assert made.actions == ()
    (verdict,) = blocked(made, "BTC").not_passed
    assert (verdict.gate, verdict.verdict, verdict.until) == ("R-G5", "defer", MONDAY)
    assert "2026-03-09T13:00" in verdict.nearest


def test_s21_the_floor_and_safety_do_not_wait_for_a_window() -> None:
    assert [item.cls for item in actions(planned("S21-floor"))] == ["floor"]
    assert [item.cls for item in actions(planned("S21-safety"))] == ["safety"]


def test_s21_a_thin_book_takes_a_tenth_of_its_depth_and_the_rest_follows_without_waiting() -> None:
    snapshot, wanted = load("S21-thin")
    parts = []
    for _ in range(3):
        made = decide(snapshot, wanted)
        (trim,) = actions(made)
        assert trim.legs[0].notional <= 2_000
        parts.append(legs(trim)[BTC])
        snapshot = after(snapshot, made, later=timedelta(minutes=1))
    assert parts == pytest.approx(points("-2", "-2", "-1"), abs=Decimal("0.01"))
    assert decide(snapshot, wanted).actions == ()


def test_s21_a_book_deep_enough_takes_the_whole_increment() -> None:
    trim = approved(planned("S21-deep"), "BTC")
    assert (legs(trim.wish), trim.not_passed) == ({BTC: Decimal(-5)}, ())


def test_no_candle_of_the_account_is_from_the_future() -> None:
    body = account({"BTC": 50}, 50, trends={"BTC": "range"})
    ends = [rows[-1][0] for frames in body["candles"].values() for rows in frames.values()]
    assert max(ends) < AT.timestamp() * 1000
