"""R-A1 to R-A4: how fast, how much, and how a trim splits."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from bot.core.assessment import Readings, Trend
from bot.core.plan_record import Plan
from tests.rules.accounts import AT, actions, approved, decide, hold, legs, net, policy, reads, seen, swap

OFF: Mapping[str, Any] = {"hedge": {"enabled": False}}
BTC, SWAP = "BTC/USDT", "BTC/USDT:USDT"


def over(by: Any, read: Readings, **more: Any) -> Plan:
    return decide(
        seen({"BTC": 50 + Decimal(str(by))}, 50 - Decimal(str(by))), policy({"BTC": 50}, **OFF, **more), {"BTC": read}
    )


def sold(made: Plan) -> Decimal:
    return legs(approved(made, "BTC").wish)[BTC]


def test_r_a2_a_step_that_the_days_turnover_cuts_to_dust_waits_for_the_next_day() -> None:
    spent = {"turnover": {"day": f"{AT:%Y-%m-%d}", "sold": "0.19999", "bought": "0"}}
    made = decide(seen({"BTC": 58}, 42, memory=spent), policy({"BTC": 50}, **OFF), {"BTC": reads()})
    (refused,) = made.blocked
    (word,) = refused.not_passed
    assert (word.gate, word.verdict) == ("R-G6", "defer")
    assert word.nearest == "turnover under 20.0%, now 20.0%; from 2026-03-06T00:00:00Z"
    spent["turnover"]["sold"] = "0.15"
    made = decide(seen({"BTC": 58}, 42, memory=spent), policy({"BTC": 50}, **OFF), {"BTC": reads()})
    assert sold(made) == -5


# ---- R-A1: speed by trend


@pytest.mark.parametrize(
    ("read", "points"),
    [
        (reads(Trend.STRONG_UP, overextended=True), "-2.5"),
        (reads(Trend.WEAKENING_UP), "-2.5"),
        (reads(Trend.RANGE), "-5"),
        (reads(Trend.STABILISING_DOWN), "-5"),
        (reads(Trend.STRONG_DOWN), "-5"),
        (reads(None), "-5"),
        (reads(Trend.STRONG_UP, exhausted=True), "-5"),
        (reads(Trend.WEAKENING_UP, exhausted=True), "-5"),
        (reads(Trend.STRONG_UP, parabolic=True), "-5"),
    ],
)
def test_r_a1_the_trend_sets_the_share_of_an_increment(read: Readings, points: str) -> None:
    assert sold(over(8, read)) == Decimal(points)


def test_r_a1_strong_up_lets_a_winner_run() -> None:
    made = over("9.99", reads(Trend.STRONG_UP))
    assert made.actions == ()
    assert (hold(made, "BTC").rule, "let it run" in hold(made, "BTC").why) == ("R-A1", True)


@pytest.mark.parametrize(
    "read", [reads(Trend.STRONG_UP), reads(Trend.WEAKENING_UP), reads(Trend.STRONG_UP, overextended=True)]
)
def test_r_a1_beyond_the_hard_band_even_a_winner_is_trimmed_to_the_edge(read: Readings) -> None:
    made = over(10, read)
    assert sold(made) == Decimal("-5.2")
    assert approved(made, "BTC").wish.goal == Decimal("0.548")


def test_r_a1_without_signals_the_band_alone_decides() -> None:
    assert sold(over(6, reads(Trend.STRONG_UP), signals={"enabled": False})) == Decimal(-5)


def test_r_a1_a_sleeve_may_set_its_own_speed() -> None:
    made = over(8, reads(Trend.STRONG_UP), trim={"speed": {"strong_up": "0.25"}})
    assert sold(made) == Decimal("-1.25")


# ---- R-A2: size and goal


@pytest.mark.parametrize(("goal", "points"), [("target", "-5"), ("midpoint", "-3.6"), ("edge", "-1.2")])
def test_r_a2_the_goal_is_the_target_just_inside_the_edge_or_halfway(goal: str, points: str) -> None:
    assert sold(over(6, reads(), triggers={"goal": goal})) == Decimal(points)


@pytest.mark.parametrize(("by", "points"), [("5.5", "-5.5"), ("5.51", "-5")])
def test_r_a2_a_step_stretches_by_a_tenth_of_an_increment_rather_than_leave_a_crumb(by: str, points: str) -> None:
    assert sold(over(by, reads())) == Decimal(points)


def working(left: str | None, minutes: int = 60, sign: str | None = "down") -> dict[str, Any]:
    at = AT.replace(hour=12 - minutes // 60, minute=0)
    body = {"subject": "BTC", "direction": "trim", "goal": "0.5", "opened_at": at, "rule": "R-A3", "judged": True}
    return {"episodes": [{**body, "sign": sign, "left": left, "last_increment_at": at}]}


def episode(weight: Any, **more: Any) -> Plan:
    state = seen({"BTC": weight}, 100 - Decimal(str(weight)), memory=working(**more))
    return decide(state, policy({"BTC": 50}, **OFF), {"BTC": reads()})


def test_r_a2_what_is_left_of_an_increment_is_worked_off_and_no_more() -> None:
    made = episode(58, left="0.02", minutes=0)
    assert sold(made) == Decimal(-2)
    assert not approved(made, "BTC").wish.whole


@pytest.mark.parametrize("left", [None, "0", "0.000025", "0.005"])
def test_r_a2_a_crumb_left_of_an_increment_does_not_stand_in_the_way_of_the_next(left: str | None) -> None:
    assert sold(episode(58, left=left)) == Decimal(-5)


def test_r_a2_an_episode_goes_on_inside_the_band_down_to_its_goal() -> None:
    assert sold(episode(53, left="0")) == Decimal(-3)
    assert sold(episode(53, left="0", sign=None)) == Decimal(-3)


def test_r_a2_within_a_tenth_of_a_point_of_its_goal_an_episode_has_ended() -> None:
    made = episode("50.1", left="0")
    assert made.actions == ()
    assert [item.kind for item in made.events] == ["episode.ended"]


# ---- R-A3: the split


def split(by: Any = 8, *, snapshot: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Decimal]:
    account = {"futures": 10, **(snapshot or {})}
    cash = 40 - Decimal(str(by))
    made = decide(seen({"BTC": 50 + Decimal(str(by))}, cash, **account), policy({"BTC": 50}, **more), {"BTC": reads()})
    return legs(approved(made, "BTC").wish)


def test_r_a3_sixty_sold_forty_hedged() -> None:
    assert split() == {BTC: Decimal(-3), SWAP: Decimal(-2)}
    assert split(trim={"spot_share": "0.5"}) == {BTC: Decimal("-2.5"), SWAP: Decimal("-2.5")}


def test_r_a3_a_short_under_half_a_point_is_not_opened() -> None:
    assert split(trim={"increment": "0.0124"}) == {BTC: Decimal("-1.24")}
    assert split(trim={"increment": "0.0125"}) == {BTC: Decimal("-0.75"), SWAP: Decimal("-0.5")}


def test_r_a3_a_bridge_on_the_asset_is_closed_first() -> None:
    state = seen({"BTC": 55}, 37, futures=8, longs={"BTC": 3})
    made = decide(state, policy({"BTC": 50}), {"BTC": reads()})
    (close, sale) = approved(made, "BTC").wish.legs
    assert (close.symbol, close.reduce_only, close.purpose) == (SWAP, True, "bridge")
    assert legs(approved(made, "BTC").wish) == {SWAP: Decimal(-3), BTC: Decimal(-2)}
    assert sale.symbol == BTC


def test_r_a3_without_a_bridge_nothing_is_closed() -> None:
    assert not any(leg.reduce_only for leg in approved(over(8, reads()), "BTC").wish.legs)


# ---- R-A4: no hedge


ALL_SOLD = {BTC: Decimal(-5)}


@pytest.mark.parametrize(
    ("snapshot", "config", "why"),
    [
        ({}, {"hedge": {"enabled": False}}, "hedging off"),
        ({}, {"futures": False}, "futures off"),
        ({"account": {"can": []}}, {}, "no futures"),
        ({"unlisted": [SWAP]}, {}, "no perpetual"),
        ({"funding": {SWAP: {"rate": "-0.00014"}}}, {}, "shorts pay 15.3%"),
        ({"funding": {SWAP: {"rate": "0", "predicted": "-0.00014"}}}, {}, "shorts pay"),
        ({"funding": {SWAP: {"rate": "0", "at": "2026-03-05T11:49:00Z"}}}, {}, "funding unknown"),
        ({"futures": 0, "account": {"can": ["swap"]}}, {}, "no margin"),
    ],
)
def test_r_a4_the_hedge_share_is_nothing(snapshot: Mapping[str, Any], config: Mapping[str, Any], why: str) -> None:
    account = {"futures": 10, **snapshot}
    cash = 42 - Decimal(str(account["futures"]))
    made = decide(seen({"BTC": 58}, cash, **account), policy({"BTC": 50}, **config), {"BTC": reads()})
    wish = approved(made, "BTC").wish
    assert legs(wish) == ALL_SOLD
    assert why in wish.why


def test_r_a4_without_a_funding_rate_nothing_is_hedged() -> None:
    state = seen({"BTC": 58}, 32, futures=10)
    bare = state.model_copy(update={"funding": {}})
    bare.__dict__.pop("digest", None)
    made = decide(bare, policy({"BTC": 50}), {"BTC": reads()})
    assert legs(approved(made, "BTC").wish) == ALL_SOLD
    assert "funding unknown" in approved(made, "BTC").wish.why


def test_r_a4_funding_at_its_limit_still_hedges() -> None:
    rate = {"funding": {SWAP: {"rate": "-0.0001369"}}}  # 14.99 % a year
    assert split(snapshot=rate) == {BTC: Decimal(-3), SWAP: Decimal(-2)}


def test_r_a4_near_liquidation_nothing_more_is_hedged() -> None:
    state = seen({"BTC": 62}, "35.9", futures="2.1", shorts={"BTC": 7}, account={"can": ["swap"]}, leverage=4)
    made = decide(state, policy({"BTC": 48}, hedge={"unwind": "0"}), {"BTC": reads()})
    assert made.assessment.exposure("BTC").net == Decimal("0.55")
    assert all(leg.qty > 0 or leg.symbol == BTC for item in actions(made) for leg in item.legs)


def test_r_a4_under_prefer_hedge_all_of_it_is_hedged_within_the_coins() -> None:
    assert split(trim={"prefer": "hedge"}) == {SWAP: Decimal(-5)}
    made = split(trim={"prefer": "hedge"}, hedge={"max_ratio": "0.05"})
    assert made[SWAP] == pytest.approx(Decimal("-2.78"), abs=Decimal("0.02"))
    assert made[BTC] + made[SWAP] == pytest.approx(Decimal(-5), abs=Decimal("0.002"))


def test_r_a4_margin_that_cannot_come_shrinks_the_hedge_and_does_not_stop_the_trim() -> None:
    made = decide(seen({"BTC": 100}, 0), policy({"BTC": 90}, stables={"floor": "0"}), {"BTC": reads()})
    assert legs(approved(made, "BTC").wish) == ALL_SOLD
    part = decide(
        seen({"BTC": "99.4"}, 0, futures="0.6"), policy({"BTC": 90}, stables={"floor": "0"}), {"BTC": reads()}
    )
    wish = approved(part, "BTC").wish
    assert legs(wish)[SWAP] == pytest.approx(Decimal("-1.198"), abs=Decimal("0.005"))
    assert legs(wish)[BTC] + legs(wish)[SWAP] == pytest.approx(Decimal(-5), abs=Decimal("0.01"))


def test_r_a4_margin_that_was_sent_twice_in_vain_is_given_up() -> None:
    state = seen({"BTC": 58}, 42, memory={"wishes": {"BTC:transfer:": 2}})
    made = decide(state, policy({"BTC": 50}), {"BTC": reads()})
    assert legs(approved(made, "BTC").wish) == ALL_SOLD


@pytest.mark.parametrize("by", [6, 9, 14])
def test_r_a2_a_trim_never_goes_under_its_goal(by: int) -> None:
    made = over(by, reads())
    assert net(made, "BTC") >= 50
    assert swap("BTC") not in legs(approved(made, "BTC").wish)
