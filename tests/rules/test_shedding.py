"""R-A5, R-A15 to R-A18: proceeds, adding back, stress, exits and narratives."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from bot.core.assessment import Readings, Trend
from bot.core.numbers import milliseconds, utc_text
from bot.core.plan_record import Plan
from bot.core.policy import Policy
from bot.core.snapshot import Funding
from tests.rules.accounts import AT, actions, after, approved, blocked, decide, hold, keys, legs, policy, reads, seen
from tests.rules.days import charts, moves
from tests.rules.market_scenarios import storm

RANGE = {name: reads() for name in ("BTC", "ETH", "SOL", "XRP")}
OFF: dict[str, Any] = {"hedge": {"enabled": False}}
SPOT: dict[str, Any] = {**OFF, "bridge": {"enabled": False}}

# ---- R-A5

PAIR = {"BTC": 55, "ETH": 35}


def proceeds(eth: Any, read: Readings | None = None, btc: int = 62) -> Plan:
    """BTC (target 55) over its band, ETH (target 35, band 5) somewhere under its own; no powder but the floor's."""
    state = seen({"BTC": btc, "ETH": eth}, 100 - btc - Decimal(eth))
    table = {"BTC": reads(), "ETH": read or reads()}
    return decide(state, policy(PAIR, **SPOT), table)


def test_r_a5_proceeds_go_to_a_laggard_half_a_band_under_that_may_be_added() -> None:
    made = proceeds("32.5")
    add = approved(made, "ETH").wish
    assert add.funded_by == (made.action_id(0),)
    assert legs(add)["ETH/USDT"] == pytest.approx(Decimal("2.5"), abs=Decimal("0.01"))
    assert "this plan's sales pay" in add.why


def test_r_a5_a_laggard_less_than_half_a_band_under_waits_and_the_rest_stays_in_stables() -> None:
    made = proceeds("32.6")
    assert [item.asset for item in actions(made)] == ["BTC"]


def test_r_a5_a_falling_knife_is_no_laggard() -> None:
    made = proceeds("32.5", reads(Trend.STRONG_DOWN))
    assert [item.asset for item in actions(made)] == ["BTC"]
    assert hold(made, "ETH").rule == "R-A10"


def test_r_a5_without_a_sale_nothing_is_bought_inside_the_band() -> None:
    assert proceeds("32.5", btc=58).actions == ()


# ---- R-A15


def sold_before(days: int, read: Readings) -> Plan:
    """ETH under its band, reduced some days ago."""
    facts = {"last_trades": {"ETH": {"at": utc_text(AT - timedelta(days=days)), "direction": "down"}}}
    return decide(seen({"BTC": 50, "ETH": 25}, 25, memory=facts), policy({"BTC": 50, "ETH": 30}, **SPOT), {
        "BTC": reads(), "ETH": read,
    })  # fmt: skip


@pytest.mark.parametrize("read", [reads(Trend.STRONG_UP), reads(recovered=True)])
def test_r_a15_strong_up_or_a_recovery_adds_back_after_a_trim(read: Readings) -> None:
    assert legs(approved(sold_before(10, read), "ETH").wish) == {"ETH/USDT": Decimal(5)}


def test_r_a15_thirty_days_after_a_trim_the_usual_test_is_enough() -> None:
    assert legs(approved(sold_before(30, reads()), "ETH").wish) == {"ETH/USDT": Decimal(5)}


def test_r_a15_within_thirty_days_a_range_is_not_enough() -> None:
    made = sold_before(29, reads())
    assert made.actions == ()
    assert "reduced 29 days ago" in hold(made, "ETH").why


def test_r_a15_the_whipsaw_guard_is_waited_for_as_well() -> None:
    ended = {"at": utc_text(AT - timedelta(hours=23)), "sign": "down"}
    state = seen({"BTC": 50, "ETH": 25}, 25, memory={"ended": {"ETH": ended}})
    made = decide(state, policy({"BTC": 50, "ETH": 30}, **SPOT), {"BTC": reads(), "ETH": reads(Trend.STRONG_UP)})
    assert [item.gate for item in blocked(made, "ETH").not_passed] == ["R-G6"]


# ---- R-A16


def in_stress(held: dict[str, Any], wanted: Policy, *, joint: bool = True, **more: Any) -> Plan:
    """An account under volatility (level 1) and correlation (level 2)."""
    stables = 100 - sum((Decimal(str(points)) for points in held.values()), Decimal(str(more.get("futures", 0))))
    days = {name: own for name, own in storm(joint=joint).items() if name in {*held, "BTC", "ETH"}}
    return decide(seen(held, stables, candles=charts(days), **more), wanted)


def levels(made: Plan) -> dict[str, Decimal]:
    return {name: (target * 100).normalize() for name, target in made.assessment.targets.items()}


@pytest.mark.parametrize(("joint", "scaled"), [(False, "18"), (True, "15")])
def test_r_a16_the_level_sets_the_scale_and_more_than_half_a_band_over_is_shed(joint: bool, scaled: str) -> None:
    made = in_stress({"BTC": 40, "XRP": 25}, policy({"BTC": 40, "XRP": 20}, **OFF), joint=joint)
    assert levels(made)["XRP"] == Decimal(scaled)
    shed = approved(made, "XRP").wish
    assert (shed.rule, shed.cls, legs(shed)) == ("R-A16", "derisk", {"XRP/USDT": Decimal(-5)})


def test_r_a16_level_three_halves_risk() -> None:
    newest = milliseconds(AT)
    swing = {"dominance": [[newest - 7 * 86_400_000, "50"], [newest, "54"]]}
    made = in_stress({"BTC": 40, "XRP": 20}, policy({"BTC": 40, "XRP": 20}, **OFF), feeds=swing)
    assert made.assessment.stress == 3
    # half of 60 is freed; 30 % of it, 9, goes to the only major held
    assert levels(made) == {"BTC": 29, "XRP": 10}


def test_r_a16_exactly_half_a_band_over_waits() -> None:
    at_target = policy({"BTC": 40, "XRP": 25}, **OFF)
    made = in_stress({"BTC": 40, "XRP": 25}, at_target, joint=False)  # 25 against 22.5, half a band is 2.5
    assert levels(made)["XRP"] == Decimal("22.5")
    assert made.actions == ()
    assert actions(in_stress({"BTC": 40, "XRP": "25.01"}, at_target, joint=False), "XRP") != []


@pytest.mark.parametrize(("target", "sheds"), [(20, False), (25, False), (26, True), (30, True)])
def test_r_a16_at_level_one_targets_up_to_25_points_wait_where_they_are(target: int, sheds: bool) -> None:
    wanted = policy({"BTC": 40, "XRP": target}, **OFF)
    made = in_stress({"BTC": 40, "XRP": target}, wanted, joint=False)
    assert made.assessment.stress == 1
    assert bool(actions(made, "XRP")) == sheds


def test_r_a16_a_major_is_trimmed_less_and_never_bought() -> None:
    wanted = policy({"BTC": 10, "XRP": 60}, **OFF)
    made = in_stress({"BTC": 6, "XRP": 60}, wanted)
    assert levels(made)["BTC"] == 10  # 7.5 and its part of 17.5 would be more than it was
    assert actions(made, "BTC") == []
    assert hold(made, "BTC").why == "stress 2: no adds"


def test_r_a16_under_prefer_hedge_spot_is_not_sold_but_shorted() -> None:
    wanted = policy({"BTC": 40, "XRP": 20}, trim={"prefer": "hedge"})
    made = in_stress({"BTC": 40, "XRP": 25}, wanted, futures=10)
    assert legs(approved(made, "XRP").wish) == {"XRP/USDT:USDT": Decimal(-5)}


def test_r_a16_a_part_that_was_done_leaves_the_rest_to_the_next_increment() -> None:
    """What turnover or a book cut off is worked on; a crumb of it is not waited for."""
    wanted = policy({"BTC": 40, "XRP": 20}, **OFF)
    episode = {"subject": "XRP", "direction": "derisk", "goal": "0.15", "opened_at": utc_text(AT), "rule": "R-A16"}
    for left, size in (("0.02", "-2"), ("0.000006", "-5")):
        facts = {"episodes": [{**episode, "left": left}]}
        made = in_stress({"BTC": 40, "XRP": 25}, wanted, memory=facts)
        assert legs(approved(made, "XRP").wish) == {"XRP/USDT": Decimal(size)}


def shedding(xrp: Any, goal: str) -> Plan:
    """XRP, whose target is scaled to 15, in an episode of shedding to a goal of before."""
    episode = {"subject": "XRP", "direction": "derisk", "goal": goal, "opened_at": utc_text(AT), "rule": "R-A16",
               "sign": "down", "last_increment_at": utc_text(AT - timedelta(hours=1))}  # fmt: skip
    return in_stress({"BTC": 40, "XRP": xrp}, policy({"BTC": 40, "XRP": 20}, **OFF), memory={"episodes": [episode]})


@pytest.mark.parametrize(("xrp", "acts"), [("15.1", False), ("15.5", False), ("15.6", True), ("17", True)])
def test_r_a16_a_crumb_of_a_tenth_of_an_increment_ends_an_episode(xrp: str, acts: bool) -> None:
    made = shedding(xrp, "0.12")  # the target has risen since: what is under it is nobody's goal any more
    assert bool(actions(made, "XRP")) == acts
    assert bool([event for event in made.events if event.kind == "episode.ended"]) != acts


# ---- R-A17

THIN: dict[str, Any] = {"history": {"SOL/USDT": {"depth_median": "10000000000000"}}}


def thin(*, stress: bool, **more: Any) -> Plan:
    """SOL without liquidity beside BTC and ETH, in stress or not."""
    days = {name: own for name, own in storm(volatile=stress, joint=False).items() if name != "XRP"}
    held = {"BTC": 40, "ETH": 20, "SOL": 12}
    config = {**OFF, **more.pop("config", {})}
    return decide(seen(held, 28, candles=charts(days), **{**THIN, **more}), policy(held, **config))


def test_r_a17_an_illiquid_asset_in_stress_is_left_in_slices() -> None:
    made = thin(stress=True)
    way_out = approved(made, "SOL").wish
    assert (way_out.rule, way_out.kind, way_out.cls, way_out.goal) == ("R-A17", "exit", "derisk", Decimal(0))
    assert legs(way_out) == {"SOL/USDT": Decimal(-5)}


def test_r_a17_a_slice_is_what_the_book_can_bear() -> None:
    made = thin(stress=True, books={"SOL/USDT": 20_000})
    assert legs(approved(made, "SOL").wish) == {"SOL/USDT": Decimal(-2)}


def test_r_a17_a_book_that_takes_nothing_is_waited_for() -> None:
    made = thin(stress=True, books={"SOL/USDT": "0.0001"})
    assert actions(made, "SOL") == []
    assert {item.wish.rule for item in made.blocked} == {"R-A17"}


def test_r_a17_without_stress_an_illiquid_asset_is_not_left() -> None:
    made = thin(stress=False)
    assert "SOL" in made.assessment.market.illiquid
    assert made.actions == ()


def test_r_a17_a_dead_sector_is_left_without_stress() -> None:
    history = dict.fromkeys(("SOL/USDT", "XRP/USDT"), THIN["history"]["SOL/USDT"])
    sleeves = {"core": {"weight": "0.5", "assets": ["BTC"]}, "alts": {"weight": "0.2", "assets": ["SOL", "XRP"]}}
    state = seen({"BTC": 50, "SOL": 10, "XRP": 10}, 30, history=history)
    made = decide(state, policy(sleeves=sleeves, **OFF), RANGE)
    assert {item.asset: item.rule for item in actions(made)} == {"SOL": "R-A17", "XRP": "R-A17"}


SPREAD: dict[str, Any] = {"history": {"SOL/USDT": {"spread_median": "0.00005"}}}  # a quarter of the 2 bp there are


@pytest.mark.parametrize(("limit", "leaves"), [("1.9", True), ("2", False)])
def test_r_a17_a_wide_spread_that_normal_orders_may_pay_is_no_reason_to_leave(limit: str, leaves: bool) -> None:
    made = thin(stress=True, config={"windows": {"max_spread_bp": limit}}, **SPREAD)
    assert "SOL" in made.assessment.market.illiquid
    assert [item.kind for item in actions(made, "SOL")] == (["exit"] if leaves else [])


@pytest.mark.parametrize("gone", [False, True])
def test_r_a17_an_exit_whose_reason_is_gone_ends_instead_of_going_on_to_nothing(gone: bool) -> None:
    episode = {"subject": "SOL", "direction": "exit", "goal": "0", "opened_at": utc_text(AT), "rule": "R-A17",
               "sign": "down", "last_increment_at": utc_text(AT - timedelta(hours=1))}  # fmt: skip
    facts = {"memory": {"episodes": [episode]}, **({"history": {}} if gone else {})}
    made = thin(stress=True, **facts)
    ended = [event.body["why"] for event in made.events if event.kind == "episode.ended"]
    assert ended == (["its reason is gone"] if gone else [])
    assert [item.rule for item in actions(made, "SOL")] == ([] if gone else ["R-A17"])


def delisted(hours: float, **more: Any) -> Plan:
    start = utc_text(AT + timedelta(hours=hours))
    feeds = {"macro": [{"name": "SOL", "start": start, "end": start, "impact": "delisting"}]}
    held = more.pop("weights", {"BTC": 50, "SOL": 10})
    state = seen(held, 33, futures=7, feeds=feeds, **more)
    return decide(state, policy({"BTC": 50, "SOL": 10}), RANGE)


def test_r_a17_an_announced_delisting_is_left_while_it_trades_futures_first() -> None:
    made = delisted(-1, longs={"SOL": 4})
    first = approved(made, "SOL").wish
    assert (first.rule, legs(first)) == ("R-A17", {"SOL/USDT:USDT": Decimal(-4)})
    assert legs(approved(delisted(-1), "SOL").wish) == {"SOL/USDT": Decimal(-5)}


def test_r_a17_before_it_is_announced_nothing_is_left() -> None:
    assert delisted(1).actions == ()


def test_r_a17_what_is_being_left_is_not_added_to() -> None:
    """Gone or nearly so, it is far under its target: nothing of it is bought back while it is leaving."""
    bought = [delisted(hours, weights={"BTC": 50, "SOL": 2}) for hours in (-1, 1)]
    assert [[item.kind for item in actions(made, "SOL")] for made in bought] == [["exit"], ["add"]]
    none = delisted(-1, weights={"BTC": 50, "SOL": 0})
    assert actions(none, "SOL") == []
    assert hold(none, "SOL").rule == "R-A17"
    assert "delisting is announced" in hold(none, "SOL").why


# ---- R-A18

FREED = {
    "core": {"weight": "0.4", "assets": ["BTC"]},
    "ai": {"weight": "0.2", "assets": ["XRP"], "narrative": True, "cap": "0.25"},
    "gaming": {"weight": "0.15", "assets": ["SOL"], "narrative": True, "cap": "0.2"},
    "memes": {"weight": "0.15", "assets": ["ETH"], "narrative": True, "cap": "0.2"},
}
FIVE = {"points": "0.05", "relative": None}
WIDE: dict[str, Any] = {"triggers": {"band": FIVE, "sleeve_band": FIVE}, "stables": {"floor": "0.01"}}


def freed(sol: Any = 11, eth: Any = 15, table: dict[str, Readings] | None = None, xrp: Any = 30, **more: Any) -> Plan:
    """XRP over its cap; SOL and ETH (targets 15, bands 5) somewhere about theirs, in a range."""
    held = {"BTC": 39, "XRP": xrp, "SOL": sol, "ETH": eth}
    stables = 100 - sum((Decimal(str(points)) for points in held.values()), Decimal(0))
    return decide(seen(held, stables, **more), policy(sleeves=FREED, **WIDE, **SPOT), {**RANGE, **(table or {})})


def test_r_a18_a_flagged_narrative_is_trimmed_by_increments_without_asking_the_trend() -> None:
    made = freed(15, 15, {"XRP": reads(Trend.STRONG_UP)})
    assert legs(approved(made, "XRP").wish) == {"XRP/USDT": Decimal(-5)}
    assert approved(made, "XRP").wish.goal == Decimal("0.225")


def test_r_a18_overheated_the_cap_is_cut_while_it_lasts() -> None:
    felt: dict[str, Any] = {"feeds": {"sentiment": {"ai": [[milliseconds(AT), "85"]]}}}
    made = freed(15, 15, xrp=24, **felt)
    assert approved(made, "XRP").wish.goal == Decimal("0.2")  # a cap of 18.75 is under the target
    assert freed(15, 15, xrp=24).actions == ()


def test_r_a18_freed_weight_enters_an_unflagged_narrative_up_to_its_target() -> None:
    made = freed()
    add = approved(made, "SOL").wish
    assert legs(add) == {"SOL/USDT": Decimal(4)}
    assert (add.goal, add.funded_by) == (Decimal("0.15"), (made.action_id(0),))


def test_r_a18_it_is_shared_by_how_far_each_is_under_and_never_more_than_is_freed() -> None:
    made = freed(11, 11, xrp="26.5")  # 4 over its goal of 22.5
    goals = {item.subject: item.goal for item in made.assessment.triggers if item.rule == "R-A18"}
    assert goals == {"SOL": Decimal("0.13"), "ETH": Decimal("0.13")}


@pytest.mark.parametrize("trend", [Trend.STABILISING_DOWN, Trend.STRONG_DOWN, None])
def test_r_a18_without_a_trend_up_or_in_a_range_it_stays_in_stables(trend: Trend | None) -> None:
    made = freed(table={"SOL": reads(trend)})
    assert [item.rule for item in made.assessment.triggers if item.rule == "R-A18"] == []


def test_r_a18_a_flagged_or_illiquid_narrative_takes_nothing() -> None:
    made = freed(table={"SOL": reads(Trend.STRONG_UP, parabolic=True)})
    assert "R-A18" not in {item.rule for item in made.assessment.triggers}
    made = freed(**THIN)
    assert "R-A18" not in {item.rule for item in made.assessment.triggers}


def test_r_a18_where_nothing_is_freed_nothing_is_shared_out() -> None:
    assert freed(xrp=20).actions == ()


def test_r_a18_the_steps_go_on_to_their_goals_and_then_nothing_moves() -> None:
    state = seen({"BTC": 40, "XRP": 30, "SOL": 11, "ETH": 15}, 4)
    wanted = Policy.model_validate(keys(sleeves=FREED, **WIDE, **SPOT))
    for _ in range(3):
        made = decide(state, wanted, RANGE)
        state = after(state, made)
    made = decide(state, wanted, RANGE)
    assert made.actions == ()
    shares = {item.asset: round(item.net * 100, 1) for item in made.assessment.exposures}
    assert shares == {"BTC": 40, "ETH": 15, "SOL": 15, "XRP": Decimal("22.5")}


# ---- R-A9, where funding is not known


def index_hedged(funding: dict[str, Any], drift: float = -0.003) -> Plan:
    """A bear (or bull) market, 36 points of BTC at the bear target, and an index hedge of 10 on it."""
    short = {"symbol": "BTC/USDT:USDT", "purpose": "index", "contracts": "0.2", "opened_at": utc_text(AT)}
    state = seen(
        {"BTC": 36}, 54, futures=10, shorts={"BTC": 10}, candles=charts({"BTC": moves(0, drift=drift)}),
        memory={"hedges": [short]},
    )  # fmt: skip
    wanted = policy({"BTC": 60}, hedge={"index": {"assets": ["BTC"]}}, bridge={"enabled": False})
    return decide(state.model_copy(update={"funding": funding}), wanted)


def test_r_a9_without_known_funding_an_index_hedge_is_neither_dropped_nor_enlarged() -> None:
    assert [item for item in actions(index_hedged({})) if item.kind == "index_hedge"] == []


def test_r_a9_with_known_funding_it_grows_to_what_is_wanted_and_goes_when_the_bear_does() -> None:
    known = {"BTC/USDT:USDT": Funding(rate=Decimal(0))}
    (more,) = [item for item in actions(index_hedged(known)) if item.kind == "index_hedge"]
    assert legs(more) == {"BTC/USDT:USDT": Decimal(-5)}  # 18 wanted, 10 there
    (less,) = [item for item in actions(index_hedged({}, 0.003)) if item.kind == "index_hedge"]
    assert legs(less) == {"BTC/USDT:USDT": Decimal(5)}


# ---- R-T2 beside a hedge


def bear_step(reason: str) -> Plan:
    """BTC at its neutral target of 60, hedged by 6 points of it for a reason, in a bear market (target 36)."""
    short = {
        "symbol": "BTC/USDT:USDT", "purpose": "hedge", "contracts": "0.12", "opened_at": utc_text(AT), "reason": reason,
    }  # fmt: skip
    state = seen(
        {"BTC": 66}, 24, futures=10, shorts={"BTC": 6}, candles=charts({"BTC": moves(0, drift=-0.003)}),
        memory={"hedges": [short]},
    )  # fmt: skip
    return decide(state, policy({"BTC": 60}, hedge={"index": {"enabled": False}}))


def test_r_t2_a_bear_step_of_hedged_spot_closes_its_share_of_a_trims_hedge() -> None:
    (step,) = [item for item in actions(bear_step("R-A3")) if item.rule == "R-T2"]
    assert legs(step) == {
        "BTC/USDT": Decimal(-5),
        "BTC/USDT:USDT": pytest.approx(Decimal(6) * 5 / 66, abs=Decimal("0.001")),
    }


def test_r_t2_a_bear_step_leaves_the_bear_hedge_alone() -> None:
    (step,) = [item for item in actions(bear_step("R-A6")) if item.rule == "R-T2"]
    assert legs(step) == {"BTC/USDT": Decimal(-5)}
