"""The alarms of the market as a whole and the level that stands (R-S7 to R-S11, R-S15), against slow definitions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import talib
from hypothesis import given
from hypothesis import strategies as st

from bot.core.market import asked_of
from bot.core.policy import Policy
from bot.core.readings.bars import Floats
from bot.core.readings.regime import DAY_MS
from bot.core.readings.stress import (
    WEEK_MS,
    correlation_alarm,
    dominance_alarm,
    funding_alarm,
    on_grid,
    returns,
    standing,
    volatility_ratio,
    volume_alarm_of,
    volume_ratio,
    weighted,
)
from tests.unit.core.readings.series import REGIME_MS, SIGNAL_MS, START_MS, a_walk, bars_of

ASKED = asked_of(
    Policy.model_validate(
        {"targets": {"stables": {"weight": "0.1"}, "sleeves": {"s": {"weight": "0.9", "assets": ["BTC"]}}}}
    )
)
EIGHT_HOURS = DAY_MS // 3


def calm_then(wild: float, days: int = 300, wild_days: int = 20, seed: int = 3) -> Floats:
    moves = np.random.default_rng(seed).normal(0, 0.02, days)
    moves[-wild_days:] *= wild
    return bars_of(100 * np.exp(np.cumsum(moves)), REGIME_MS, wick=0.0)


# ---- volatility (R-S7) ----------------------------------------------------------------------------------------------


def test_the_ratio_is_the_higher_of_realised_and_ranged_over_their_medians() -> None:
    bars = a_walk(300, timeframe_ms=REGIME_MS, step=0.03)
    close, moves = bars[:, 4], np.append(np.nan, np.diff(np.log(bars[:, 4])))
    realised = np.array([moves[row - 19 : row + 1].std(ddof=1) if row >= 20 else np.nan for row in range(300)])
    high, low = np.ascontiguousarray(bars[:, 2]), np.ascontiguousarray(bars[:, 3])
    ranged = talib.ATR(high, low, np.ascontiguousarray(close), 14) / close
    expected = [
        max(part[row] / np.nanmedian(part[row - 179 : row + 1]) for part in (realised, ranged))
        for row in range(270, 300)
    ]
    np.testing.assert_allclose(volatility_ratio(bars, ASKED, 30), expected, rtol=1e-12)


def test_doubled_moves_are_over_the_alarm_and_steady_ones_are_not() -> None:
    assert volatility_ratio(calm_then(2.5), ASKED, 1)[0] >= 1.75
    assert volatility_ratio(calm_then(1.0), ASKED, 1)[0] < 1.75


def test_a_third_of_the_history_makes_a_median_and_less_is_unknown() -> None:
    bars = a_walk(300, timeframe_ms=REGIME_MS)
    assert np.isnan(volatility_ratio(bars[:70], ASKED, 1)).all()
    assert np.isfinite(volatility_ratio(bars[:90], ASKED, 1)).all()
    assert np.isnan(volatility_ratio(bars[:10], ASKED, 10)).all()


def test_a_market_that_stood_still_has_no_ratio_rather_than_an_infinite_one() -> None:
    still = bars_of(np.append(np.full(280, 100.0), [101, 100, 103]), REGIME_MS)
    assert np.isnan(volatility_ratio(still, ASKED, 3)).all()


def test_a_move_over_a_gap_is_spread_over_its_days() -> None:
    bars = bars_of([100.0, 100.0, 110.0], REGIME_MS)
    bars[-1, 0] += 3 * DAY_MS
    np.testing.assert_allclose(returns(bars), [np.nan, 0.0, np.log(1.1) / 2])


# ---- correlation (R-S8) ---------------------------------------------------------------------------------------------


def correlated(days: int, rho: Floats, seed: int = 5) -> list[Floats]:
    rng = np.random.default_rng(seed)
    one, other = rng.normal(0, 0.02, (2, days))
    return [100 * np.exp(np.cumsum(moves)) for moves in (one, rho * one + np.sqrt(1 - rho**2) * other)]


def test_the_alarm_is_a_correlation_over_both_limits() -> None:
    closes = correlated(320, np.linspace(0.6, 0.97, 320))
    moves = [np.diff(np.log(close)) for close in closes]
    mean = np.array(
        [np.corrcoef(moves[0][row - 29 : row + 1], moves[1][row - 29 : row + 1])[0, 1] for row in range(29, 319)]
    )
    expected = [
        float(mean[row] > max(0.85, np.quantile(mean[row - 179 : row + 1], 0.9)))
        for row in range(mean.size - 60, mean.size)
    ]
    made = correlation_alarm(closes, ASKED, 60)
    assert made.tolist() == expected
    assert 0 < made.sum() < 60


def test_a_correlation_that_is_always_high_is_no_alarm_most_of_the_time() -> None:
    assert correlation_alarm(correlated(400, np.full(400, 0.95)), ASKED, 150).mean() < 0.3


def test_a_correlation_under_the_limit_is_no_alarm_though_it_is_its_highest() -> None:
    assert correlation_alarm(correlated(320, np.linspace(0.0, 0.5, 320)), ASKED, 1).tolist() == [0.0]


def test_one_major_alone_or_too_short_a_history_has_no_correlation() -> None:
    closes = correlated(320, np.full(320, 0.9))
    assert np.isnan(correlation_alarm(closes[:1], ASKED, 3)).all()
    assert np.isnan(correlation_alarm([], ASKED, 3)).all()
    assert np.isnan(correlation_alarm([close[:60] for close in closes], ASKED, 3)).all()
    assert correlation_alarm(closes, ASKED, 0).size == 0


def test_a_major_that_is_not_known_dilutes_nothing() -> None:
    closes = correlated(320, np.linspace(0.6, 0.97, 320))
    missing = np.full(320, np.nan)
    np.testing.assert_array_equal(
        correlation_alarm([*closes, missing], ASKED, 60), correlation_alarm(closes, ASKED, 60)
    )
    closes[1][-15:] = np.nan
    assert np.isnan(correlation_alarm(closes, ASKED, 1)).all()


# ---- volume (R-S9) --------------------------------------------------------------------------------------------------


def weekly(weeks: int = 6) -> Floats:
    bars = bars_of(np.full(weeks * 42, 100.0))
    bars[:, 5] = 10 + np.arange(weeks * 42) % 42  # every hour of the week has a volume of its own
    return bars


def test_volume_is_measured_against_the_same_hour_of_the_weeks_before() -> None:
    bars = weekly()
    np.testing.assert_allclose(volume_ratio(bars, 20), 1.0)
    bars[-1, 5] *= 0.3
    assert volume_ratio(bars, 1)[0] == pytest.approx(0.3)
    bars[-1 - 42, 5] *= 100  # one odd week moves no median of four
    assert volume_ratio(bars, 1)[0] == pytest.approx(0.3)


def test_two_weeks_of_four_are_enough_and_one_is_not() -> None:
    assert np.isnan(volume_ratio(weekly(2), 1)).all()
    assert volume_ratio(weekly(3), 1)[0] == pytest.approx(1.0)
    assert volume_ratio(np.delete(weekly(), [-1 - 42, -1 - 84], axis=0), 1)[0] == pytest.approx(1.0)
    assert np.isnan(volume_ratio(np.delete(weekly(), [-1 - 42, -1 - 84, -1 - 126], axis=0), 1)).all()


def test_where_nothing_is_usually_traded_the_ratio_is_unknown() -> None:
    bars = weekly()
    bars[:-1, 5] = 0
    assert np.isnan(volume_ratio(bars, 1)).all()
    assert volume_ratio(bars[:0], 5).size == 0
    assert volume_ratio(bars, 10_000).size == len(bars)


def test_a_volume_alarm_lasts_from_its_close_until_two_bars_later() -> None:
    points = np.array([[START_MS, 0.39], [START_MS + SIGNAL_MS, 0.4], [START_MS + 2 * SIGNAL_MS, np.nan]])
    at = START_MS + SIGNAL_MS * np.array([0.99, 1, 1.99, 2, 3, 5])
    np.testing.assert_array_equal(volume_alarm_of(points, SIGNAL_MS, at, ASKED), [np.nan, 1, 1, 0, np.nan, np.nan])
    np.testing.assert_array_equal(volume_alarm_of(points[:1], SIGNAL_MS, at, ASKED)[[3, 4]], [1, np.nan])
    assert np.isnan(volume_alarm_of(np.empty((0, 2)), SIGNAL_MS, at, ASKED)).all()


# ---- funding and dominance (R-S10, R-S11) ---------------------------------------------------------------------------


def rates(last: float, count: int = 270) -> list[tuple[float, float]]:
    usual = 0.0001 + 0.00005 * np.sin(np.arange(count))
    usual[-3:] = last
    return [(START_MS + step * EIGHT_HOURS, float(rate)) for step, rate in enumerate(usual)]


def now(points: list[tuple[float, float]], later_ms: float = 0) -> Floats:
    return np.array([points[-1][0] + later_ms])


@pytest.mark.parametrize(("last", "alarm"), [(0.0001, 0), (0.0002, 0), (0.0015, 1), (-0.0015, 1)])
def test_funding_alarms_when_its_last_three_rates_swung_either_way(last: float, alarm: float) -> None:
    points = rates(last)
    assert funding_alarm(points, now(points), ASKED).tolist() == [alarm]


def test_the_swing_is_measured_over_the_history_that_is_asked() -> None:
    points = rates(0.0015)
    values = np.array([rate for _, rate in points])
    zscore = abs(values[-3:].mean() - values.mean()) / values.std(ddof=1)
    older = [(at - 400 * DAY_MS, 5.0) for at, _ in points]  # rates of another age
    for limit, alarm in ((zscore * 0.999, 1.0), (zscore * 1.001, 0.0)):
        asked = replace(ASKED, funding_zscore=limit)
        assert funding_alarm([*older, *points], now(points), asked).tolist() == [alarm]


def test_few_or_old_rates_say_nothing() -> None:
    points = rates(0.0015)
    assert np.isnan(funding_alarm(points[-29:], now(points), ASKED)).all()
    assert np.isnan(funding_alarm(points, now(points, 3 * DAY_MS), ASKED)).all()
    assert np.isnan(funding_alarm([], np.array([1.0, 2.0]), ASKED)).all()


@pytest.mark.parametrize(("moved", "alarm"), [(2.9, 0), (3.0, 1), (-3.0, 1)])
def test_dominance_alarms_at_three_points_in_seven_days(moved: float, alarm: float) -> None:
    points = ((START_MS, 50.0), (START_MS + WEEK_MS, 50.0 + moved))
    assert dominance_alarm(points, np.array([START_MS + WEEK_MS]), ASKED).tolist() == [alarm]
    assert np.isnan(dominance_alarm(points[1:], np.array([START_MS + WEEK_MS]), ASKED)).all()
    assert np.isnan(dominance_alarm(points, np.array([START_MS + WEEK_MS + 3 * DAY_MS]), ASKED)).all()


# ---- the level (R-S15) ----------------------------------------------------------------------------------------------


def stood(raw: list[int], closing: str | None = None, calm: int = 3) -> list[int]:
    closes = np.array([mark == "c" for mark in closing]) if closing else np.ones(len(raw), dtype=np.bool_)
    return list(standing(np.array(raw), closes, calm).tolist())


def test_it_rises_at_once_and_falls_by_one_after_three_calmer_closes() -> None:
    assert stood([0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0]) == [0, 3, 3, 3, 2, 2, 2, 1, 1, 1, 0]
    assert stood([2, 1, 1, 2, 1, 1, 1]) == [2, 2, 2, 2, 2, 2, 1]


def test_an_alarm_within_the_day_raises_it_and_only_daily_closes_calm_it() -> None:
    assert stood([0, 1, 0, 0, 0, 0, 0], "c.c.ccc") == [0, 1, 1, 1, 1, 0, 0]


@given(
    raw=st.lists(st.integers(0, 3), min_size=30, max_size=120),
    before=st.lists(st.integers(0, 3), max_size=60),
    calm=st.integers(1, 5),
    every=st.integers(1, 4),
)
def test_what_stood_before_is_forgotten_after_three_levels_of_calm_closes(
    raw: list[int], before: list[int], calm: int, every: int
) -> None:
    whole = np.array([*before, *raw])
    closing = (np.arange(whole.size) - len(before)) % every == 0
    after = standing(whole, closing, calm)[len(before) :]
    alone = standing(np.array(raw), closing[len(before) :], calm)
    row = (3 * calm - 1) * every  # the row of the last close needed
    np.testing.assert_array_equal(after[row:], alone[row:])


# ---- weights and grids ----------------------------------------------------------------------------------------------


def test_the_weighted_mean_leaves_out_what_is_unknown_and_what_weighs_nothing() -> None:
    values = {"A": np.array([1.0, np.nan]), "B": np.array([3.0, np.nan]), "C": np.array([9.0, 9.0])}
    np.testing.assert_array_equal(weighted(values, {"A": 0.75, "B": 0.25, "C": 0.0}), [1.5, np.nan])
    assert np.isnan(weighted(values, {})).all()
    assert weighted({}, {}).size == 0


def test_closes_stand_on_the_grid_where_there_are_some() -> None:
    bars = a_walk(10, timeframe_ms=REGIME_MS)
    gapped = np.delete(bars, 4, axis=0)
    made = on_grid(gapped, bars[:, 0])
    assert np.flatnonzero(np.isnan(made)).tolist() == [4]
    np.testing.assert_array_equal(np.delete(made, 4), gapped[:, 4])
    assert np.isnan(on_grid(np.empty((0, 6)), bars[:, 0])).all()
