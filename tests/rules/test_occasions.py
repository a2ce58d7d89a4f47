"""R-W1, R-W4, R-W5, R-W6, R-W9, R-W10: calendars, narratives, stress, funding, flows and edges of the trend."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from bot.core.assessment import Readings, Trend
from bot.core.memory import fold_all
from bot.core.numbers import milliseconds, utc_text
from bot.core.plan_record import Plan
from tests.rules.accounts import (
    AT,
    DAY_MS,
    actions,
    after,
    approved,
    decide,
    hold,
    legs,
    net,
    policy,
    reads,
    seen,
)
from tests.rules.days import charts, moves
from tests.rules.market_scenarios import storm

RANGE = {name: reads() for name in ("BTC", "ETH", "SOL", "XRP")}
OFF: dict[str, Any] = {"hedge": {"enabled": False}}
MONDAY = datetime(2026, 3, 9, 0, 0, 10, tzinfo=UTC)


def fired(made: Plan, rule: str) -> dict[str, str]:
    return {item.subject: item.direction for item in made.assessment.triggers if item.rule == rule}


# ---- R-W1


def weekly(at: datetime = MONDAY, btc: Any = 53, first_seen: str | None = "2026-03-01T00:00:00Z", **facts: Any) -> Plan:
    """BTC (target 50) some points off, within its band, under a weekly calendar."""
    memory = {**({"first_seen": first_seen} if first_seen else {}), **facts}
    wanted = policy({"BTC": 50}, triggers={"calendar": "weekly"}, **OFF)
    return decide(seen({"BTC": btc}, 100 - Decimal(btc), at=at, memory=memory), wanted, RANGE)


def test_r_w1_the_first_cycle_at_or_after_a_slot_opens_its_episodes() -> None:
    made = weekly()
    assert legs(approved(made, "BTC").wish) == {"BTC/USDT": Decimal(-3)}
    assert [event.kind for event in made.events] == ["slot.fired", "episode.opened", "episode.judged"]


def test_r_w1_a_missed_slot_is_caught_up_once() -> None:
    missed = weekly(MONDAY + timedelta(days=6))
    assert net(missed, "BTC") == 50
    caught = fold_all(missed.events).fired_slots
    assert caught == {"btc": MONDAY + timedelta(days=6)}
    again = weekly(MONDAY + timedelta(days=6, hours=1), fired_slots={"btc": utc_text(caught["btc"])})
    assert fired(again, "R-W1") == {}


def test_r_w1_a_slot_older_than_its_age_is_not_caught_up() -> None:
    wanted = policy({"BTC": 50}, triggers={"calendar": "monthly"}, **OFF)
    for days, owed in ((6, True), (8, False)):
        at = datetime(2026, 3, 1, 0, 0, 10, tzinfo=UTC) + timedelta(days=days)
        state = seen({"BTC": 53}, 47, at=at, memory={"first_seen": "2026-01-10T00:00:00Z"})
        assert bool(actions(decide(state, wanted, RANGE))) == owed


def test_r_w1_a_first_start_owes_no_slot() -> None:
    assert weekly(first_seen=None).actions == ()
    assert weekly(first_seen=utc_text(MONDAY - timedelta(seconds=5))).actions == ()


@pytest.mark.parametrize(("btc", "acts"), [("51", True), ("50.99", False), ("49", True), ("49.01", False)])
def test_r_w1_a_point_is_enough_and_less_waits(btc: str, acts: bool) -> None:
    made = weekly(btc=btc)
    assert bool(fired(made, "R-W1")) == acts


def test_r_w1_a_trim_on_the_calendar_asks_no_trend_and_an_addition_does() -> None:
    state = seen({"BTC": 53}, 47, at=MONDAY, memory={"first_seen": "2026-03-01T00:00:00Z"})
    wanted = policy({"BTC": 50}, triggers={"calendar": "weekly"}, **OFF)
    strong = {"BTC": reads(Trend.STRONG_UP)}
    assert legs(approved(decide(state, wanted, strong), "BTC").wish) == {"BTC/USDT": Decimal(-3)}
    low = seen({"BTC": 47}, 53, at=MONDAY, memory={"first_seen": "2026-03-01T00:00:00Z"})
    knife = {"BTC": reads(Trend.STRONG_DOWN)}
    assert hold(decide(low, wanted, knife), "BTC").rule == "R-A10"


# ---- R-W4

NARRATIVE = {
    "core": {"weight": "0.4", "assets": ["BTC"]},
    "ai": {"weight": "0.2", "assets": ["SOL", "XRP"], "narrative": True, "cap": "0.24"},
}


def narrative(sol: Any, xrp: Any, table: dict[str, Readings] | None = None, **more: Any) -> Plan:
    state = seen({"BTC": 40, "SOL": sol, "XRP": xrp}, 60 - Decimal(sol) - Decimal(xrp), **more)
    wanted = policy(sleeves=NARRATIVE, triggers={"band": {"points": "0.05", "relative": None}}, **OFF)
    return decide(state, wanted, {**RANGE, **(table or {})})


def test_r_w4_over_its_cap_a_narrative_is_trimmed_halfway_between_target_and_cap() -> None:
    made = narrative(13, 12)
    goals = {item.subject: item.goal for item in made.assessment.triggers if item.rule == "R-W4"}
    assert goals == {"SOL": Decimal("0.112"), "XRP": Decimal("0.108")}
    assert {item.asset for item in actions(made)} == {"SOL", "XRP"}


@pytest.mark.parametrize("flag", ["parabolic", "overheated"])
def test_r_w4_parabolic_or_overheated_flags_it_under_its_cap(flag: str) -> None:
    table = {"SOL": reads(Trend.STRONG_UP, parabolic=True)} if flag == "parabolic" else {}
    felt = {"feeds": {"sentiment": {"ai": [[milliseconds(AT), "80"]]}}} if flag == "overheated" else {}
    made = narrative(14, "9.5", table, **felt)
    assert "SOL" in fired(made, "R-W4")


def test_r_w4_outrunning_bitcoin_by_fifty_points_above_target_flags_it() -> None:
    fast = [*moves(1)[:-14], *[0.035] * 14]  # a gain of 63 %
    days = {"BTC": moves(0), "SOL": fast, "XRP": moves(2)}
    assert "SOL" in fired(narrative(14, 9, candles=charts(days)), "R-W4")
    assert fired(narrative(9, 14, candles=charts(days)), "R-W4") == {}  # what is not above target may run


def test_r_w4_gone_liquidity_flags_it() -> None:
    thin: dict[str, Any] = {"history": {"SOL/USDT": {"spread_median": "0.00005", "depth_median": "1"}}}
    made = narrative(14, 9, **thin)
    assert "liquidity is gone" in approved(made, "SOL").wish.why


def test_r_w4_inside_its_cap_and_calm_a_narrative_is_left_alone() -> None:
    felt: dict[str, Any] = {"feeds": {"sentiment": {"ai": [[milliseconds(AT), "79"]]}}}
    made = narrative(14, "9.9", **felt)
    assert made.assessment.triggers == ()
    assert made.actions == ()


def test_r_w4_a_sleeve_that_is_no_narrative_has_no_cap() -> None:
    plain = {"core": NARRATIVE["core"], "ai": {"weight": "0.2", "assets": ["SOL", "XRP"]}}
    wanted = policy(sleeves=plain, triggers={"band": {"points": "0.1"}, "sleeve_band": {"points": "0.1"}}, **OFF)
    state = seen({"BTC": 40, "SOL": 12, "XRP": 12}, 36)
    assert fired(decide(state, wanted, {"SOL": reads(parabolic=True)}), "R-W4") == {}


# ---- R-W5


def stressed(*, enabled: bool = True, volatile: bool = True) -> Plan:
    days = {name: own for name, own in storm(volatile=volatile, joint=volatile).items() if name in ("BTC", "ETH")}
    wanted = policy({"BTC": 50, "ETH": 30}, stress={"enabled": enabled}, **OFF)
    return decide(seen({"BTC": 55, "ETH": 30}, 15, candles=charts(days)), wanted)


def test_r_w5_stress_is_a_trigger_for_as_long_as_it_lasts() -> None:
    made = stressed()
    assert fired(made, "R-W5") == {"portfolio": "upkeep"}
    assert {item.rule for item in actions(made)} == {"R-A16"}
    state = seen({"BTC": 55, "ETH": 30}, 15)
    again = decide(after(state.model_copy(update={"candles": {}}), made), policy({"BTC": 50, "ETH": 30}, **OFF), RANGE)
    assert fired(again, "R-W5") == {}


def test_r_w5_switched_off_or_calm_there_is_no_stress() -> None:
    assert fired(stressed(enabled=False), "R-W5") == {}
    assert fired(stressed(volatile=False), "R-W5") == {}


# ---- R-W6

EIGHT_HOURS = DAY_MS // 3


def settled(*rates: str) -> dict[str, Any]:
    """Settled funding, oldest first, the last just before the decision; the rate of now is 0."""
    newest = milliseconds(AT) // EIGHT_HOURS * EIGHT_HOURS
    points = [[newest - (len(rates) - 1 - index) * EIGHT_HOURS, rate] for index, rate in enumerate(rates)]
    return {"history": {"BTC/USDT:USDT": {"funding": points}}}


def trimmed(**more: Any) -> set[str]:
    """What a trim of BTC is made of: spot, or spot and a short."""
    made = decide(seen({"BTC": 60}, 35, futures=5, **more), policy({"BTC": 50}), RANGE)
    return set(legs(approved(made, "BTC").wish))


BOTH = {"BTC/USDT", "BTC/USDT:USDT"}
COSTLY, HALF, CALM = "-0.0002", "-0.0001", "-0.00005"  # 21.9 %, 10.95 %, 5.5 % a year; the limit is 15 %


def test_r_w6_the_mean_of_three_settled_rates_over_the_limit_stops_hedging() -> None:
    assert trimmed(**settled(COSTLY, COSTLY, COSTLY)) == {"BTC/USDT"}
    assert trimmed(**settled(HALF, HALF, HALF)) == BOTH


def test_r_w6_the_predicted_rate_over_the_limit_does_too() -> None:
    costly = {"BTC/USDT:USDT": {"rate": "0", "predicted": COSTLY}}
    assert trimmed(funding=costly) == {"BTC/USDT"}


def test_r_w6_it_is_not_free_again_before_the_mean_is_under_half_the_limit() -> None:
    assert trimmed(**settled(COSTLY, COSTLY, COSTLY, HALF, HALF, HALF)) == {"BTC/USDT"}
    assert trimmed(**settled(COSTLY, COSTLY, COSTLY, CALM, CALM, CALM)) == BOTH
    assert trimmed(**settled(COSTLY, COSTLY, COSTLY, CALM, CALM, CALM, HALF, HALF, HALF)) == BOTH


def test_r_w6_a_rate_that_never_passed_the_limit_holds_nothing_back() -> None:
    assert trimmed(**settled(*[HALF] * 30)) == BOTH
    assert trimmed(**settled("0.0002", "0.0002", "0.0002", "0", "0", "0")) == BOTH  # longs paid: a hedge earned


# ---- R-W9


def flowed(amount: str | None, *, later: float = 60, since: str | None = None, equity: str = "100000") -> Plan:
    """BTC at 60 of 100 thousand as a cycle a minute ago saw it; now 120 thousand, by a flow or nobody knows why."""
    before = AT - timedelta(seconds=later)
    memory: dict[str, Any] = {
        "seen": {
            "at": utc_text(before), "equity": equity, "coins": {"BTC": "1.2"}, "prices": {"BTC": "50000"},
            **({"unexplained_since": since} if since else {}),
        },
        "equity_seen": equity, "unit_value": "1", "unit_peak": "1",
    }  # fmt: skip
    if amount is not None:
        memory["since"] = [{"money": amount, "flow": True}]
    state = seen({"BTC": 60}, 60, memory=memory)
    return decide(state, policy({"BTC": 60}, **OFF), RANGE)


def test_r_w9_a_deposit_is_explained_and_goes_to_the_underweight() -> None:
    made = flowed("20000")
    assert made.assessment.strange == ""
    assert legs(approved(made, "BTC").wish) == {"BTC/USDT": Decimal(6)}


def test_r_w9_a_withdrawal_comes_from_the_overweight() -> None:
    memory = {
        "seen": {"at": utc_text(AT), "equity": "100000", "coins": {"BTC": "1.2"}, "prices": {"BTC": "50000"}},
        "since": [{"money": "-20000", "flow": True}], "equity_seen": "100000",
    }  # fmt: skip
    made = decide(seen({"BTC": 60}, 20, memory=memory), policy({"BTC": 60}, **OFF), RANGE)
    assert made.assessment.equity == Decimal(80_000)
    assert legs(approved(made, "BTC").wish) == {"BTC/USDT": Decimal(-4)}  # 5 % of what is left


def test_r_w9_a_change_that_nothing_explains_stops_trading() -> None:
    made = flowed(None)
    assert (made.assessment.strange, made.assessment.equity) == ("new", None)
    assert made.actions == ()
    assert "of it came or went without explanation" in " ".join(made.assessment.unknown)
    told = hold(made, "BTC")
    assert (told.rule, told.nearest) == ("R-W9", "a second read that agrees, 30 s after the first")
    assert told.why == "equity: 16.7% of it came or went without explanation"


def test_r_w9_an_equity_that_cannot_be_read_is_another_matter() -> None:
    state = seen({"BTC": 60}, 40).model_copy(update={"tickers": {}})
    assert hold(decide(state, policy({"BTC": 60}, **OFF), RANGE), "BTC").rule == "R-G3"


def test_r_w9_coins_that_came_explain_what_they_are_worth_now() -> None:
    memory = {
        "seen": {"at": utc_text(AT), "equity": "100000", "coins": {"BTC": "1"}, "prices": {"BTC": "50000"}},
        "equity_seen": "100000", "since": [{"asset": "BTC", "coins": "0.2", "flow": True}],
    }  # fmt: skip
    made = decide(seen({"BTC": 60}, 50, memory=memory), policy({"BTC": 60}, **OFF), RANGE)
    assert (made.assessment.strange, made.assessment.equity) == ("", Decimal(110_000))
    assert decide(seen({"BTC": 70}, 50, memory=memory), policy({"BTC": 60}, **OFF), RANGE).assessment.strange == "new"


def test_r_w9_what_was_told_before_it_was_there_is_no_surprise_when_it_comes() -> None:
    memory = {
        "seen": {"at": utc_text(AT - timedelta(hours=1)), "equity": "100000", "coins": {"BTC": "1.2"},
                 "prices": {"BTC": "50000"}},
        "equity_seen": "100000", "doubt": {"at": utc_text(AT - timedelta(hours=1)), "amount": "-20000"},
    }  # fmt: skip
    made = decide(seen({"BTC": 60}, 60, memory=memory), policy({"BTC": 60}, **OFF), RANGE)
    assert made.assessment.strange == ""
    assert (made.assessment.unit_value, made.assessment.doubt) == (Decimal(1), Decimal(0))
    other = decide(seen({"BTC": 60}, 80, memory=memory), policy({"BTC": 60}, **OFF), RANGE)
    assert other.assessment.strange == "new"


def test_r_w9_two_reads_that_agree_thirty_seconds_apart_are_waited_for() -> None:
    waiting = flowed(None, since=utc_text(AT - timedelta(seconds=29)), equity="120000")
    assert (waiting.assessment.strange, waiting.actions) == ("waiting", ())
    agreed = flowed(None, since=utc_text(AT - timedelta(seconds=30)), equity="120000")
    assert agreed.assessment.strange == ""
    assert len(agreed.actions) == 1


def test_r_w9_half_a_percent_is_not_asked_about() -> None:
    assert flowed("19400").assessment.strange == ""  # 600 of 120,000 unexplained
    assert flowed("19399").assessment.strange == "new"


def test_r_w9_a_net_short_is_mended_even_then() -> None:
    memory = {
        "seen": {"at": utc_text(AT), "equity": "50000", "coins": {"BTC": "0.04"}, "prices": {"BTC": "50000"}},
        "equity_seen": "50000",
    }
    state = seen({"BTC": 2}, 94, futures=4, shorts={"BTC": 3}, memory=memory)
    made = decide(state, policy({"BTC": 2}), RANGE)
    assert made.assessment.strange == "new"
    assert [item.cls for item in actions(made)] == ["safety"]


# ---- R-W10


def edge(btc: Any, read: Readings, *, on: bool = True, **facts: Any) -> Plan:
    """BTC (target 50, band 5) somewhere inside its band with a reading."""
    wanted = policy({"BTC": 50}, triggers={"trend": on}, **OFF)
    return decide(seen({"BTC": btc}, 100 - Decimal(btc), memory=facts), wanted, {"BTC": read})


@pytest.mark.parametrize("trend", [Trend.WEAKENING_UP, Trend.STABILISING_DOWN, Trend.STRONG_DOWN])
def test_r_w10_an_overweight_of_half_a_band_whose_trend_turned_is_trimmed(trend: Trend) -> None:
    made = edge("52.5", reads(trend, trend_changed_bars=2))
    assert fired(made, "R-W10") == {"BTC": "over"}
    assert [item.kind for item in actions(made)] == ["trim"]


def test_r_w10_one_that_became_exhausted_is_trimmed() -> None:
    made = edge("53", reads(Trend.STRONG_UP, exhausted=True, exhausted_bars=0))
    assert legs(approved(made, "BTC").wish) == {"BTC/USDT": Decimal(-3)}


def test_r_w10_a_turn_of_three_bars_ago_or_of_less_than_half_a_band_is_no_edge() -> None:
    turned = {"trend": Trend.WEAKENING_UP}
    assert fired(edge("53", reads(**turned, trend_changed_bars=3)), "R-W10") == {}
    assert fired(edge("52.4", reads(**turned, trend_changed_bars=0)), "R-W10") == {}
    assert fired(edge("53", reads(Trend.STRONG_UP, trend_changed_bars=0)), "R-W10") == {}
    assert fired(edge("53", reads(Trend.STRONG_UP, exhausted=True, exhausted_bars=3)), "R-W10") == {}
    assert fired(edge("53", reads(**turned, trend_changed_bars=0), on=False), "R-W10") == {}


SOLD: dict[str, Any] = {"last_trades": {"BTC": {"at": utc_text(AT - timedelta(days=10)), "direction": "down"}}}


def test_r_w10_a_confirmed_recovery_after_a_trim_opens_an_addition() -> None:
    made = edge(47, reads(recovered=True), **SOLD)
    assert fired(made, "R-W10") == {"BTC": "under"}
    assert legs(approved(made, "BTC").wish) == {"BTC/USDT": Decimal(3)}


def test_r_w10_without_a_trim_or_a_recovery_nothing_is_added_back() -> None:
    assert edge(47, reads(recovered=True)).actions == ()
    assert edge(47, reads(recovered=False), **SOLD).actions == ()
    old: dict[str, Any] = {"last_trades": {"BTC": {"at": utc_text(AT - timedelta(days=31)), "direction": "down"}}}
    assert edge(47, reads(recovered=True), **old).actions == ()
