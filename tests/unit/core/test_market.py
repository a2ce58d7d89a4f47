"""The market as a whole as a decision sees it: regime, stress, betas, illiquid assets (R-S7 to R-S15)."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from bot.core.assessment import Market
from bot.core.market import needed, sentiment_of, series, view
from bot.core.numbers import milliseconds
from tests.unit.core.markets import AT, DAY_MS, WEIGHTS, a_policy, a_snapshot, bars_until, candles, walks

NOW = float(milliseconds(AT))
CALM = candles(walks())


def seen(charts: Any = CALM, weights: Any = WEIGHTS, policy: Any = None, **more: Any) -> Market:
    return view(a_snapshot(charts, **more), policy or a_policy(), weights)


def wild(days: int = 20, times: float = 3.0, until: int = 0) -> Any:
    """Candles whose last ``days``, up to ``until`` days ago, move by a multiple."""
    moves = walks()
    for item in moves.values():
        item[item.size - until - days : item.size - until] *= times
    return candles(moves)


def funding(last: float, hours_ago: float = 0) -> Any:
    rates = 0.0001 + 0.00005 * np.sin(np.arange(270))
    rates[-3:] = last
    step = 8 * 3_600_000
    newest = NOW // step * step - hours_ago * 3_600_000
    points = [(newest - (269 - index) * step, f"{rate:.9f}") for index, rate in enumerate(rates)]
    return {"BTC/USDT:USDT": {"funding": points}}


def event(hours: float, impact: str = "high") -> Any:
    start = AT + timedelta(hours=hours)
    return {"macro": [{"name": "CPI", "start": start, "end": start, "impact": impact}]}


# ---- regime ---------------------------------------------------------------------------------------------------------


def test_the_regime_is_the_index_s() -> None:
    assert seen(candles(walks(drift=0.003))).regime == "bull"
    assert seen(candles(walks(drift=-0.003))).regime == "bear"
    mixed = candles(walks(drift=0.003)) | {"ETH/USDT": candles(walks(drift=-0.003))["ETH/USDT"]}
    assert seen(mixed).regime == "bull"
    assert seen(mixed, policy=a_policy(regime={"index": "ETH"})).regime == "bear"


def test_without_enough_closes_of_the_index_the_regime_is_unknown() -> None:
    assert seen(candles(walks(days=199))).regime == "unknown"
    assert seen({}).regime == "unknown"


def test_a_regime_timeframe_under_a_day_is_folded_into_days() -> None:
    moves = walks(drift=0.003)["BTC"]
    half = 100 * np.exp(np.cumsum(np.repeat(moves / 2, 2)))
    charts = {"BTC/USDT": {"12h": bars_until(half, DAY_MS // 2), "4h": CALM["BTC/USDT"]["4h"]}}
    policy = a_policy(signals={"regime_timeframe": "12h"})
    assert seen(charts, policy=policy).regime == "bull"
    few = {"BTC/USDT": {"12h": charts["BTC/USDT"]["12h"][-380:]}}
    assert seen(few, policy=policy).regime == "unknown"  # 380 bars are 190 days


# ---- stress ---------------------------------------------------------------------------------------------------------


def test_a_calm_market_has_no_stress_and_lists_what_nobody_knows() -> None:
    made = seen()
    assert (made.stress, made.alarms) == (0, ())
    assert made.unknown == ("dominance", "funding")


def test_one_alarm_is_level_one_and_two_are_level_two() -> None:
    assert (seen(wild()).stress, seen(wild()).alarms) == (1, ("volatility",))
    made = seen(wild(), history=funding(0.002))
    assert (made.stress, made.alarms) == (2, ("funding", "volatility"))
    feeds = {"dominance": [(NOW - 7 * DAY_MS, "50"), (NOW, "54")]}
    made = seen(wild(), history=funding(0.002), feeds=feeds)
    assert (made.stress, made.unknown) == (3, ())


def test_volatility_is_weighed_by_value() -> None:
    charts = CALM | {"SOL/USDT": wild(times=6)["SOL/USDT"]}
    assert seen(charts, {"BTC": 0.9, "SOL": 0.01}).stress == 0
    assert seen(charts, {"BTC": 0.01, "SOL": 0.9}).alarms == ("volatility",)


def test_an_account_without_risk_listens_to_the_index() -> None:
    nothing = dict.fromkeys(WEIGHTS, 0.0)
    assert seen(wild(), nothing).alarms == ("volatility",)
    assert seen(CALM | {"SOL/USDT": wild(times=6)["SOL/USDT"]}, nothing).alarms == ()


@pytest.mark.parametrize(("calm_closes", "level"), [(0, 2), (1, 2), (2, 2), (3, 1), (5, 1), (6, 0)])
def test_the_level_falls_by_one_after_three_calmer_closes(calm_closes: int, level: int) -> None:
    midnight = NOW // DAY_MS * DAY_MS
    # Two jumps at one close: dominance swings for seven days from then on, and so does the level.
    jump = midnight - (6 + calm_closes) * DAY_MS
    points = [(midnight - ago * DAY_MS, "54" if midnight - ago * DAY_MS >= jump else "50") for ago in range(40)]
    swing = jump + 7 * DAY_MS - 3 * 8 * 3_600_000  # the three rates before the swing of dominance ends
    rates = [(swing + 8 * 3_600_000 * step, "0.002") for step in range(3)]
    usual = [(swing - 8 * 3_600_000 * (step + 1), f"{0.0001 + 0.00001 * (step % 7):.6f}") for step in range(200)]
    history = {"BTC/USDT:USDT": {"funding": [*usual, *rates, (jump + 7 * DAY_MS, "0.0001")]}}
    assert seen(feeds={"dominance": points}, history=history).stress == level


def test_an_alarm_of_a_signal_bar_is_remembered_until_three_daily_closes_were_calm() -> None:
    def after(bars: int) -> int:
        charts = {symbol: {name: item.copy() for name, item in frames.items()} for symbol, frames in CALM.items()}
        charts["BTC/USDT"]["4h"][-1 - bars, 5] *= 0.1
        return seen(charts).stress

    # The newest signal bar closed at 12:00; daily closes are 3, 9 and 15 bars before it.
    assert [after(bars) for bars in (0, 1, 2, 10, 14)] == [1, 1, 1, 1, 1]
    assert [after(bars) for bars in (16, 20, 40)] == [0, 0, 0]


@pytest.mark.parametrize(("hours", "level"), [(1.9, 2), (-1.9, 2), (2.1, 1), (-2.1, 1)])
def test_a_macro_event_counts_only_beside_another_alarm_and_only_near_it(hours: float, level: int) -> None:
    assert seen(wild(), feeds=event(hours)).stress == level
    assert seen(feeds=event(hours)).stress == 0
    assert seen(wild(), feeds=event(hours, "medium")).stress == 1


def test_a_spread_over_twice_its_median_raises_the_level_while_it_lasts() -> None:
    def wide(asset: str, spread: str) -> Market:
        bid = 100 - float(spread) * 100
        ticker = {f"{asset}/USDT": {"bid": f"{bid:.6f}", "ask": "100", "last": "100"}}
        return seen(tickers=ticker, history={f"{asset}/USDT": {"spread_median": "0.001"}})

    assert (wide("BTC", "0.0025").stress, wide("BTC", "0.0025").alarms) == (1, ("liquidity",))
    assert wide("BTC", "0.0019").stress == 0
    assert wide("ETH", "0.0025").stress == 1  # 30 of 90 points are a third
    assert wide("SOL", "0.0025").stress == 0
    assert "twice its median" in wide("SOL", "0.0025").illiquid["SOL"]


def test_a_third_of_equal_weights_is_a_third() -> None:
    ticker = {"SOL/USDT": {"bid": "99", "ask": "100", "last": "100"}}
    history = {"SOL/USDT": {"spread_median": "0.001"}}
    assert seen(weights={"BTC": 0.1, "ETH": 0.1, "SOL": 0.1}, tickers=ticker, history=history).stress == 1


def test_stress_switched_off_is_none() -> None:
    made = seen(wild(), policy=a_policy(stress={"enabled": False}))
    assert (made.stress, made.alarms, made.unknown) == (0, (), ())


def test_without_candles_everything_is_unknown_and_nothing_alarms() -> None:
    made = seen({})
    assert made.stress == 0
    assert made.unknown == ("correlation", "dominance", "funding", "liquidity", "volatility")
    assert (made.betas, made.illiquid, made.outperformance) == ({}, {}, {})


# ---- betas, outperformance, illiquid assets -------------------------------------------------------------------------


def test_the_index_has_a_beta_of_one_and_an_asset_without_bars_none() -> None:
    charts = {symbol: frames for symbol, frames in CALM.items() if symbol != "SOL/USDT"}
    made = seen(charts).betas
    assert made["BTC"] == 1
    assert "SOL" not in made
    assert Decimal("0.2") < made["ETH"] < 1


def test_a_beta_of_nothing_is_known() -> None:
    charts = CALM | candles({"SOL": np.zeros(420)})
    assert seen(charts).betas["SOL"] == 0


def test_outperformance_is_the_return_of_fourteen_days_beyond_the_index_s() -> None:
    moves = walks()
    made = seen(candles(moves)).outperformance
    gains = {name: np.exp(item[-14:].sum()) - 1 for name, item in moves.items()}
    assert float(made["SOL"]) == pytest.approx(gains["SOL"] - gains["BTC"])
    assert made["BTC"] == 0
    holed = CALM | {"SOL/USDT": {"1d": np.delete(CALM["SOL/USDT"]["1d"], -15, axis=0)}}
    assert "SOL" not in seen(holed).outperformance


def test_a_position_that_takes_more_than_five_days_to_leave_is_illiquid() -> None:
    price = float(CALM["SOL/USDT"]["1d"][-1, 4])
    usual = float(np.median(CALM["SOL/USDT"]["1d"][-30:, 4] * 1e6))
    most = 5 * 0.01 * usual / price
    assert "SOL" not in seen(held={"SOL": f"{most * 0.99:.6f}"}).illiquid
    assert "more than 5 days at 1% of volume" in seen(held={"SOL": f"{most * 1.01:.6f}"}).illiquid["SOL"]
    dead = CALM | candles({"SOL": walks()["SOL"]}, volume=0)
    assert "SOL" in seen(dead, held={"SOL": "1"}).illiquid
    assert "SOL" not in seen(dead).illiquid


def test_candles_of_a_thousandfold_contract_value_one_coin_at_a_thousandth() -> None:
    policy = a_policy(("BTC", "PEPE"), aliases={"1000PEPE": {"asset": "PEPE", "multiplier": "1000"}})
    charts = {"BTC/USDT": CALM["BTC/USDT"], "1000PEPE/USDT:USDT": CALM["SOL/USDT"]}
    contracts = 0.9 * 0.05 * float(np.median(CALM["SOL/USDT"]["1d"][-30:, 4]) / CALM["SOL/USDT"]["1d"][-1, 4]) * 1e6
    weights = {"BTC": 0.5, "PEPE": 0.4}
    assert seen(charts, weights, policy, held={"PEPE": f"{contracts * 1000:.0f}"}).illiquid == {}
    assert "PEPE" in seen(charts, weights, policy, held={"PEPE": f"{contracts * 1200:.0f}"}).illiquid


def test_a_day_of_volume_under_four_tenths_of_its_usual_makes_illiquid_while_it_is_news() -> None:
    charts = CALM | {"SOL/USDT": {name: bars.copy() for name, bars in CALM["SOL/USDT"].items()}}
    charts["SOL/USDT"]["4h"][-5:, 5] *= 0.39
    assert seen(charts).illiquid == {}  # one bar of the day was as usual
    charts["SOL/USDT"]["4h"][-6, 5] *= 0.39
    assert seen(charts).illiquid == {"SOL": "volume at most 0.39 of its usual for a day, under 0.4"}
    charts["SOL/USDT"]["4h"] = charts["SOL/USDT"]["4h"][:-2]
    assert seen(charts).illiquid == {}
    old = CALM | {"SOL/USDT": {"4h": CALM["SOL/USDT"]["4h"][:-3].copy()}}
    old["SOL/USDT"]["4h"][-1, 5] = 0
    assert seen(old).illiquid == {}


def test_a_book_under_a_third_of_its_median_depth_is_illiquid() -> None:
    def deep(amount: str) -> Market:
        book = {"bids": [["99.9", amount], ["90", "9999"]], "asks": [["100.1", "1"]]}
        return seen(books={"SOL/USDT": book}, history={"SOL/USDT": {"depth_median": "3000"}})

    assert "under a third of its median 3000" in deep("10").illiquid["SOL"]
    assert deep("10.1").illiquid == {}


# ---- what is asked for ----------------------------------------------------------------------------------------------


def test_candles_are_needed_of_the_configured_assets_the_index_and_the_majors() -> None:
    assert needed(a_policy(("SOL",))) == ("BTC", "ETH", "SOL")
    assert needed(a_policy(("SOL",), stress={"enabled": False}, regime={"index": "ETH"})) == ("ETH", "SOL")


def test_a_narrative_s_sentiment_is_its_newest_unless_it_is_old() -> None:
    points = [(NOW - DAY_MS, "70"), (NOW - 3 * DAY_MS, "90"), (NOW + 1, "10")]
    snapshot = a_snapshot({}, feeds={"sentiment": {"ai": points, "old": points[1:2]}})
    assert sentiment_of("ai", snapshot) == 70
    assert sentiment_of("old", snapshot) is None
    assert sentiment_of("games", snapshot) is None


def test_series_of_equal_bars_are_equal_and_of_others_are_not() -> None:
    one, same = (series("BTC", "4h", a_snapshot(CALM), a_policy()) for _ in range(2))
    assert one == same
    assert hash(one) == hash(same)
    later = series("BTC", "4h", a_snapshot(CALM, at=AT - timedelta(hours=4)), a_policy())
    assert later != one
    assert len(later.bars) == len(one.bars) - 1
    assert series("SOL", "1h", a_snapshot(CALM), a_policy()).bars.size == 0
