"""R-S1 to R-S15 through a plan and its JSON: what is read acts on a decision, and what is not there moves nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest

from bot.core.numbers import milliseconds, utc_text
from bot.core.plan_record import Plan
from bot.core.policy import Policy
from tests.rules.accounts import AT, DAY_MS, account, actions, candles, decide, policy
from tests.rules.days import charts, moves
from tests.rules.market_scenarios import DRIFT, storm

NOW = milliseconds(AT)
EIGHT_HOURS = 8 * 3_600_000
PLAIN: Mapping[str, Any] = {"hedge": {"enabled": False}}
MAJORS = policy({"BTC": 50, "ETH": 30}, **PLAIN)
Json = dict[str, Any]


def said(made: Plan) -> Json:
    body: Json = json.loads(made.to_json())
    return body


def of(made: Plan, asset: str = "BTC") -> Json:
    """What a plan's JSON says of an asset's exposure."""
    (found,) = [item for item in said(made)["exposures"] if item["asset"] == asset]
    return dict(found)


def trending(kind: str, btc: float = 55, **more: Any) -> Plan:
    """The plan of an account whose BTC (target 50) is on a path of a kind."""
    return decide(account({"BTC": btc}, 100 - btc, trends={"BTC": kind}, **more), policy({"BTC": 50}, **PLAIN))


def read(kind: str) -> Json:
    found: Json = of(trending(kind))["readings"]
    return found


def calm(days: Mapping[str, Sequence[float]] | None = None, wanted: Policy = MAJORS, **more: Any) -> Plan:
    """The plan of BTC and ETH at their targets in a calm market, and what a case adds."""
    own = days or {"BTC": moves(0, drift=DRIFT), "ETH": moves(1, drift=DRIFT)}
    return decide(account({"BTC": 50, "ETH": 30}, 20, **{"candles": charts(own), **more}), wanted)


def rates(last: str, count: int = 270) -> Json:
    """Ninety days of settled funding about a basis point, its last three as given."""
    usual = ["0.0001" if index % 2 else "0.00012" for index in range(count - 3)] + [last] * 3
    newest = NOW // EIGHT_HOURS * EIGHT_HOURS
    points = [[newest - (count - 1 - index) * EIGHT_HOURS, rate] for index, rate in enumerate(usual)]
    return {"BTC/USDT:USDT": {"funding": points}}


# ---- one asset: S1 to S6


def test_r_s1_an_overbought_rsi_is_read_and_named() -> None:
    assert read("exhausted")["rsi"] > 70
    assert read("exhausted")["overbought"] is True


def test_r_s1_an_rsi_of_65_is_not_overbought_and_a_short_series_has_none() -> None:
    assert (round(read("strong up")["rsi"]), read("strong up")["overbought"]) == (65, False)
    few = candles("unknown", 50_000)
    few["4h"] = few["4h"][-10:]
    assert "rsi" not in of(trending("range", candles={"BTC/USDT": few}))["readings"]


def test_r_s2_the_averages_of_50_and_200_bars_stand_in_the_order_of_the_trend() -> None:
    up, down = read("strong up"), read("falling knife")
    assert up["ema_fast"] > up["ema_slow"]
    assert down["ema_fast"] < down["ema_slow"]


def test_r_s2_without_200_bars_there_is_no_slow_average() -> None:
    assert "ema_slow" not in read("unknown")


def test_r_s3_a_histogram_that_falls_from_its_top_rolls_over() -> None:
    made = read("exhausted")
    assert (made["rolling_over"], made["rolling_up"]) == (True, False)
    assert made["macd_hist"] > 0


def test_r_s3_a_histogram_that_does_not_turn_is_still() -> None:
    assert read("range")["rolling_over"] is False


def test_r_s4_a_new_extreme_of_price_that_momentum_does_not_confirm_is_a_divergence() -> None:
    up, down = read("diverging up"), read("diverging down")
    assert (up["bullish_divergence"], up["bearish_divergence"]) == (True, False)
    assert (down["bullish_divergence"], down["bearish_divergence"]) == (False, True)
    assert up["bottoming"] is True


def test_r_s4_a_plain_decline_is_no_divergence() -> None:
    made = read("strong up")
    assert (made["bearish_divergence"], made["bullish_divergence"]) == (False, False)


def test_r_s5_at_support_a_stabilising_laggard_is_added_to_by_a_whole_increment() -> None:
    made = trending("at support", 45)
    assert of(made)["readings"]["at_support"] is True
    assert [round(float(leg.notional)) for item in actions(made) for leg in item.legs] == [5_000]


def test_r_s5_not_at_support_the_same_laggard_gets_half() -> None:
    made = trending("stabilising", 45)
    assert of(made)["readings"]["at_support"] is False
    assert [round(float(leg.notional)) for item in actions(made) for leg in item.legs] == [2_500]


@pytest.mark.parametrize(
    ("kind", "trend"), [("range", "range"), ("weakening up", "weakening up"), ("falling knife", "strong down")]
)
def test_r_s6_the_trend_is_named_and_sets_the_speed(kind: str, trend: str) -> None:
    made = trending(kind)
    assert of(made)["trend"] == trend
    sold = sum(leg.notional for item in actions(made) for leg in item.legs)
    assert round(sold) == (2_500 if kind == "weakening up" else 5_000)


def test_r_s6_a_strong_trend_is_left_alone_and_an_unknown_one_adds_nothing() -> None:
    assert trending("strong up").actions == ()
    made = trending("unknown", 45)
    assert of(made)["trend"] is None
    assert "BTC trend" in said(made)["unknown"]
    assert made.actions == ()


# ---- the market as a whole: S7 to S13


def alarmed(made: Plan) -> tuple[int, list[str]]:
    body = said(made)
    return body["stress"], body["alarms"]


def test_r_s7_volatility_three_times_its_median_alarms() -> None:
    days = {name: own for name, own in storm(joint=False).items() if name in ("BTC", "ETH")}
    assert alarmed(calm(days)) == (1, ["volatility"])


def test_r_s7_usual_volatility_is_no_alarm_and_too_short_a_history_is_unknown() -> None:
    assert alarmed(calm()) == (0, [])
    made = said(calm({"BTC": moves(0, 40), "ETH": moves(1, 40)}))
    assert made["alarms"] == []
    assert "volatility" in made["unknown"]


def test_r_s8_majors_that_move_as_one_alarm() -> None:
    days = {name: own for name, own in storm(volatile=False).items() if name in ("BTC", "ETH")}
    assert alarmed(calm(days)) == (1, ["correlation"])


def test_r_s8_majors_that_always_moved_as_one_are_no_news() -> None:
    days = {"BTC": moves(0, rho=0.9, drift=DRIFT), "ETH": moves(1, rho=0.9, drift=DRIFT)}
    assert alarmed(calm(days)) == (0, [])


def medians(spread: str = "0.0002", depth: str = "1000000000") -> Json:
    return {"history": {"BTC/USDT": {"spread_median": spread, "depth_median": depth}}}


def test_r_s9_a_spread_over_twice_its_median_alarms() -> None:
    made = calm(**medians(spread="0.00009"))  # 2 bp now
    assert alarmed(made) == (1, ["liquidity"])
    assert "BTC" in made.assessment.market.illiquid


def test_r_s9_a_book_under_a_third_of_its_median_alarms() -> None:
    assert alarmed(calm(**medians(depth="3100000000"))) == (1, ["liquidity"])


def test_r_s9_usual_spread_and_depth_are_no_alarm() -> None:
    assert alarmed(calm(**medians())) == (0, [])


def test_r_s10_a_swing_of_funding_out_of_its_history_alarms() -> None:
    assert alarmed(calm(history=rates("0.002"))) == (1, ["funding"])


def test_r_s10_usual_funding_is_no_alarm_and_without_history_it_is_unknown() -> None:
    made = calm(history=rates("0.00012"))
    assert alarmed(made) == (0, [])
    assert "funding" not in said(made)["unknown"]
    assert "funding" in said(calm())["unknown"]


def dominance(before: str, now: str) -> Json:
    return {"feeds": {"dominance": [[NOW - 7 * DAY_MS, before], [NOW, now]]}}


def test_r_s11_three_points_of_dominance_within_a_week_alarm() -> None:
    assert alarmed(calm(**dominance("50", "53"))) == (1, ["dominance"])
    assert alarmed(calm(**dominance("53", "50"))) == (1, ["dominance"])


def test_r_s11_less_than_three_points_is_no_alarm_and_an_old_feed_is_unknown() -> None:
    assert alarmed(calm(**dominance("50", "52.9"))) == (0, [])
    old: Json = {"feeds": {"dominance": [[NOW - 9 * DAY_MS, "50"], [NOW - 3 * DAY_MS, "60"]]}}
    assert "dominance" in said(calm(**old))["unknown"]


def falling(feeds: Json) -> Plan:
    """BTC a third under its high, above its averages: one vote short of bear but for sentiment."""
    path = [*moves(0, 200, drift=0.01), *[-0.02] * 22, *moves(0, 18)]
    return calm({"BTC": path, "ETH": moves(1)}, feeds=feeds)


def test_r_s12_fearful_sentiment_is_a_vote_of_its_own() -> None:
    felt = {"sentiment": {"market": [[NOW - age * DAY_MS, "15"] for age in range(12)]}}
    assert said(falling(felt))["regime"] == "bear"


def test_r_s12_without_sentiment_there_is_no_vote() -> None:
    assert said(falling({}))["regime"] == "neutral"
    calmer = {"sentiment": {"market": [[NOW - age * DAY_MS, "40"] for age in range(12)]}}
    assert said(falling(calmer))["regime"] == "neutral"


def event(hours: float, impact: str = "high") -> Json:
    start = utc_text(AT + timedelta(hours=hours))
    return {"macro": [{"name": "CPI", "start": start, "end": start, "impact": impact}]}


@pytest.mark.parametrize("hours", [-1.9, 0, 1.9])
def test_r_s13_an_event_of_impact_counts_beside_another_alarm(hours: float) -> None:
    made = calm(history=rates("0.002"), feeds=event(hours))
    assert alarmed(made) == (2, ["funding", "macro"])


@pytest.mark.parametrize(("hours", "impact"), [(2.1, "high"), (-2.1, "high"), (0, "medium")])
def test_r_s13_an_event_that_is_far_off_or_of_no_weight_is_no_alarm(hours: float, impact: str) -> None:
    assert alarmed(calm(history=rates("0.002"), feeds=event(hours, impact))) == (1, ["funding"])


def test_r_s13_an_event_alone_is_no_alarm() -> None:
    assert alarmed(calm(feeds=event(0))) == (0, [])


# ---- S14, S15: regime and stress


@pytest.mark.parametrize(("drift", "regime"), [(0.003, "bull"), (-0.003, "bear")])
def test_r_s14_the_index_above_or_below_its_averages_makes_the_regime(drift: float, regime: str) -> None:
    days = {"BTC": moves(0, drift=drift), "ETH": moves(1)}
    assert said(calm(days))["regime"] == regime


def test_r_s14_two_closes_do_not_change_it_and_under_200_it_is_unknown() -> None:
    up = moves(0, drift=0.003)
    for closes, regime in ((2, "bull"), (3, "bear")):
        crash = [*up[:-closes], -0.6, *[0.0] * (closes - 1)]
        assert said(calm({"BTC": crash, "ETH": moves(1)}))["regime"] == regime
    few = said(calm({"BTC": moves(0, 199, drift=0.003), "ETH": moves(1)}))
    assert few["regime"] == "unknown"
    assert [item["target"] for item in few["exposures"]] == [0.5, 0.3]  # as neutral


def test_r_s15_alarms_add_up_to_the_level_and_it_rises_at_once() -> None:
    days = {name: own for name, own in storm().items() if name in ("BTC", "ETH")}
    assert alarmed(calm(days)) == (2, ["correlation", "volatility"])
    assert alarmed(calm(days, history=rates("0.002")))[0] == 3


def swung(days_ago: int) -> Json:
    """Dominance that jumped at a midnight: a swing for the seven days after it."""
    midnight = NOW // DAY_MS * DAY_MS
    return {"dominance": [[midnight - age * DAY_MS, "54" if age <= days_ago else "50"] for age in range(30)]}


@pytest.mark.parametrize(("calm_closes", "level"), [(0, 1), (1, 1), (2, 1), (3, 0), (4, 0)])
def test_r_s15_it_waits_for_three_calmer_closes_before_it_falls(calm_closes: int, level: int) -> None:
    made = calm(feeds=swung(6 + calm_closes))
    assert alarmed(made) == (level, [] if calm_closes else ["dominance"])
