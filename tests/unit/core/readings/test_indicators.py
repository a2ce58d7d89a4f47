from __future__ import annotations

import numpy as np
import pytest
import talib

from bot.core.readings import columns, indicators, regime_columns
from tests.unit.core.readings.series import REGIME_MS, a_walk, asked, bars_of


def test_columns_hold_what_ta_lib_computes() -> None:
    bars = a_walk(600)
    high, low, close = (bars[:, column].copy() for column in (2, 3, 4))
    read = columns(bars, asked())
    np.testing.assert_array_equal(read.rsi, talib.RSI(close, 14))
    np.testing.assert_array_equal(read.ema_fast, talib.EMA(close, 50))
    np.testing.assert_array_equal(read.ema_slow, talib.EMA(close, 200))
    np.testing.assert_array_equal(read.macd_hist, talib.MACD(close, 12, 26, 9)[2])
    np.testing.assert_array_equal(read.atr, talib.ATR(high, low, close, 14))
    np.testing.assert_array_equal(read.true_range, talib.TRANGE(high, low, close))
    np.testing.assert_array_equal(read.atr_before[1:], read.atr[:-1])
    assert np.isnan(read.atr_before[0])


def test_periods_come_from_the_policy() -> None:
    bars = a_walk(120)
    read = columns(bars, asked(rsi={"period": 7}, averages={"fast": 5, "slow": 20}))
    np.testing.assert_array_equal(read.rsi, talib.RSI(bars[:, 4].copy(), 7))
    np.testing.assert_array_equal(read.ema_slow, talib.EMA(bars[:, 4].copy(), 20))


def test_rsi_over_seventy_is_overbought_and_under_thirty_oversold() -> None:
    rising = columns(bars_of(np.linspace(100, 130, 40)), asked())
    falling = columns(bars_of(np.linspace(130, 100, 40)), asked())
    assert (rising.overbought[-1], rising.oversold[-1]) == (1, 0)
    assert (falling.overbought[-1], falling.oversold[-1]) == (0, 1)


def test_an_rsi_between_its_levels_is_neither_overbought_nor_oversold() -> None:
    swinging = columns(bars_of([100.0, 101.0] * 20), asked())
    assert 30 < swinging.rsi[-1] < 70
    assert (swinging.overbought[-1], swinging.oversold[-1]) == (0, 0)


def test_a_market_that_does_not_move_is_not_oversold_but_unknown() -> None:
    read = columns(bars_of([0.1] * 300), asked())
    assert np.isnan(read.rsi[-1])
    assert read.oversold[-1] == -1
    assert read.macd_hist[-1] == 0.0
    assert read.overextended[-1] == -1


def test_a_market_that_stopped_moving_has_no_strength_after_one_period() -> None:
    read = columns(bars_of([100.0, 101.0] * 20 + [101.0] * 20), asked())
    assert not np.isnan(read.rsi[50])
    assert np.isnan(read.rsi[-1])


def test_the_slope_is_the_change_over_ten_bars_per_bar_as_a_fraction() -> None:
    average = np.array([100.0] * 5 + [110.0] * 10)
    value = indicators.slope(average)
    assert np.isnan(value[9])
    assert value[10] == pytest.approx(0.01)
    assert value[-1] == pytest.approx(0.01)


def test_a_cross_is_said_on_its_bar_only() -> None:
    slow = np.full(6, 10.0)
    fast = np.array([9.0, 9.0, 11.0, 11.0, 10.0, 8.0])
    assert indicators.cross(fast, slow).tolist() == [0, 0, 1, 0, 0, -1]


def test_averages_that_only_become_known_do_not_cross() -> None:
    assert indicators.cross(np.array([np.nan, 2.0, 2.0]), np.array([np.nan, np.nan, 1.0])).tolist() == [0, 0, 0]


def test_volatility_is_the_annualised_deviation_of_thirty_daily_returns() -> None:
    bars = a_walk(40, timeframe_ms=REGIME_MS, step=0.03)
    returns = np.diff(np.log(bars[:, 4]))
    read = regime_columns(bars, asked())
    assert read.volatility[-1] == pytest.approx(np.std(returns[-30:], ddof=1) * np.sqrt(365), rel=1e-9)
    assert np.isnan(read.volatility[29])
    assert not np.isnan(read.volatility[30])


def test_a_return_over_a_gap_counts_as_the_bars_it_spans() -> None:
    closes = 100 * np.exp(np.array([0.01, -0.01] * 20).cumsum())
    bars = bars_of(closes, timeframe_ms=REGIME_MS)
    wide = bars.copy()
    wide[-1, 0] += 3 * REGIME_MS
    value = indicators.volatility(wide[:, 0], wide[:, 4], REGIME_MS, 30 * REGIME_MS)
    returns = np.diff(np.log(closes))
    returns[-1] /= 2  # four days: the root of 4
    assert value[-1] == pytest.approx(np.std(returns[-30:], ddof=1) * np.sqrt(365), rel=1e-9)


@pytest.mark.parametrize("period", [1, 2])
def test_the_shortest_periods_do_not_raise(period: int) -> None:
    close = np.linspace(1, 2, 30)
    assert indicators.ema(close, period).size == 30
    assert indicators.rsi(close, period).size == 30
    assert indicators.macd(close, period, 3, 1)[1].size == 30
