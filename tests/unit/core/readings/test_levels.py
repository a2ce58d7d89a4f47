from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bot.core.readings import Columns, Levels, RegimeColumns, columns, divergence, levels, pivots, regime_columns
from bot.core.readings.bars import Floats
from bot.core.readings.profile import ValueArea, value_area
from tests.unit.core.readings.series import REGIME_MS, a_walk, asked, bars_of

NO_PIVOTS = np.full((1, 3), np.nan)


def one_bar(
    close: float = 100.0, ema_slow: float = np.nan, measure: float = 2.0, lows: Floats = NO_PIVOTS, **flags: int
) -> Columns:
    """Columns of a single bar, nothing confirmed but what is named."""
    empty = columns(bars_of([close]), asked())
    said: dict[str, Any] = {
        name: np.array([flags.get(name, 0)], dtype=np.int8)
        for name in (
            "overbought", "oversold", "bearish_divergence", "bullish_divergence", "rolling_over", "rolling_up",
        )
    }  # fmt: skip
    numbers = {"close": np.array([close]), "ema_slow": np.array([ema_slow]), "measure": np.array([measure])}
    return replace(empty, **said, **numbers, pivot_lows=lows)


def a_regime(ema_slow: float = np.nan) -> RegimeColumns:
    return replace(regime_columns(bars_of([1.0], REGIME_MS), asked()), ema_slow=np.array([ema_slow]))


def at(signal: Columns, regime: RegimeColumns | None = None) -> Levels:
    return levels(signal, regime or a_regime(), np.array([0]), np.array([0 if regime else -1]), asked())


def sides(signal: Columns, regime: RegimeColumns | None = None) -> tuple[int, int]:
    seen = at(signal, regime)
    return int(seen.at_support[0]), int(seen.at_resistance[0])


def test_a_long_average_half_an_atr_below_is_support_and_above_resistance() -> None:
    assert sides(one_bar(ema_slow=99.0)) == (1, 0)
    assert sides(one_bar(ema_slow=101.0)) == (0, 1)
    assert sides(one_bar(ema_slow=100.0)) == (1, 1)


def test_a_long_average_further_away_is_no_level() -> None:
    assert sides(one_bar(ema_slow=98.9)) == (0, 0)
    assert sides(one_bar(ema_slow=101.1)) == (0, 0)


def test_the_long_average_of_the_regime_timeframe_is_a_level_too() -> None:
    assert sides(one_bar(ema_slow=50.0), a_regime(99.5)) == (1, 0)
    assert sides(one_bar(), a_regime(100.5)) == (0, 1)
    assert sides(one_bar(), a_regime(90.0)) == (0, 0)


def test_without_any_level_or_a_measure_nothing_is_known() -> None:
    assert sides(one_bar()) == (-1, -1)
    assert sides(one_bar(ema_slow=100.0, measure=np.nan)) == (-1, -1)


def test_a_pivot_low_within_half_an_atr_is_support_from_either_side() -> None:
    assert sides(one_bar(ema_slow=50.0, lows=np.array([[90.0, 99.0, np.nan]]))) == (1, 0)
    assert sides(one_bar(ema_slow=50.0, lows=np.array([[90.0, 101.0, np.nan]]))) == (1, 0)
    assert sides(one_bar(ema_slow=50.0, lows=np.array([[90.0, 98.0, np.nan]]))) == (0, 0)


@pytest.mark.parametrize(
    ("flags", "ema_slow", "exhausted"),
    [
        ({"overbought": 1, "rolling_over": 1}, 50.0, 1),
        ({"overbought": 1, "bearish_divergence": 1}, 50.0, 1),
        ({"overbought": 1}, 100.5, 1),
        ({"overbought": 1}, 50.0, 0),
        ({"rolling_over": 1}, 50.0, 0),
        ({"overbought": 1, "bearish_divergence": -1, "rolling_over": -1}, 50.0, 0),
    ],
)
def test_exhausted_is_two_of_four(flags: dict[str, Any], ema_slow: float, exhausted: int) -> None:
    assert at(one_bar(ema_slow=ema_slow, **flags)).exhausted[0] == exhausted


@pytest.mark.parametrize(
    ("flags", "ema_slow", "bottoming"),
    [
        ({"bullish_divergence": 1}, 50.0, 1),
        ({"oversold": 1}, 99.5, 1),
        ({"oversold": 1, "rolling_up": 1}, 50.0, 1),
        ({"oversold": 1}, 50.0, 0),
        ({"rolling_up": 1}, 99.5, 0),
    ],
)
def test_bottoming_is_divergence_or_oversold_with_support_or_rolling_up(
    flags: dict[str, Any], ema_slow: float, bottoming: int
) -> None:
    assert at(one_bar(ema_slow=ema_slow, **flags)).bottoming[0] == bottoming


def test_overextended_is_more_than_three_atr_above_the_fast_average() -> None:
    calm = a_walk(120, step=0.001)
    shot = np.vstack([calm, calm[-1:]])
    shot[-1, 0] += 4 * 3_600_000
    shot[-1, 1:5] = calm[-1, 4] * np.array([1.0, 1.05, 0.999, 1.05])
    assert columns(calm, asked()).overextended[-1] == 0
    assert columns(shot, asked()).overextended[-1] == 1


def test_a_pivot_is_known_only_after_the_bars_on_its_right_have_closed() -> None:
    price = np.array([1.0, 2, 5, 2, 1, 1, 1])
    found = pivots.pivot_highs(price, 2)
    assert found.at.tolist() == [2]
    assert found.known.tolist() == [0, 0, 0, 0, 1, 1, 1]
    assert np.isnan(pivots.latest_prices(found, price)[3]).all()
    assert pivots.latest_prices(found, price)[4, 0] == 5


def test_a_plateau_has_one_pivot_and_an_edge_none() -> None:
    assert pivots.pivot_highs(np.array([1.0, 2, 5, 5, 2, 1]), 2).at.tolist() == [2]
    assert pivots.pivot_highs(np.array([9.0, 2, 3, 2, 9]), 2).at.tolist() == []
    assert pivots.pivot_highs(np.array([1.0, 2, 1]), 2).at.size == 0


def test_the_last_three_pivots_are_kept_newest_first() -> None:
    price = np.array([0.0, 1, 0, 2, 0, 3, 0, 4, 0])
    latest = pivots.latest_prices(pivots.pivot_highs(price, 1), price)
    assert latest[-1].tolist() == [4, 3, 2]
    assert latest[-2].tolist() == [3, 2, 1]


def diverging(older: float, newer: float, rsi: tuple[float, float], apart: int = 12, bars: int = 40) -> list[int]:
    """Bearish flags of a series with peaks at bar 10 and `apart` bars later; the MACD agrees with the price."""
    high = np.full(bars, 1.0)
    strength = np.full(bars, 50.0)
    high[10], high[10 + apart] = older, newer
    strength[10], strength[10 + apart] = rsi
    flags = divergence.bearish(pivots.pivot_highs(high, 2), high, strength, high, 20)
    return [int(flag) for flag in flags]


def test_a_higher_high_with_a_lower_rsi_is_a_bearish_divergence_while_it_is_fresh() -> None:
    flags = diverging(5, 6, (80, 70))
    assert [bar for bar, flag in enumerate(flags) if flag == 1] == list(range(24, 31))


def test_no_divergence_when_momentum_agrees_or_the_high_is_lower() -> None:
    assert set(diverging(5, 6, (70, 80))) == {0}
    assert set(diverging(6, 5, (80, 70))) == {0}


def test_no_divergence_between_pivots_too_far_apart() -> None:
    assert set(diverging(5, 6, (80, 70), apart=19)) == {0}


def test_a_divergence_is_unknown_while_the_rsi_is() -> None:
    high = np.ones(20)
    assert set(divergence.bearish(pivots.pivot_highs(high, 2), high, high * np.nan, high, 20).tolist()) == {-1}


def a_profile(bars: Floats, rows: list[int], length: int = 10, bins: int = 10) -> ValueArea:
    return value_area(bars, np.zeros(bars.shape[0], dtype=np.int64), np.array(rows), length, bins)


def test_the_value_area_holds_seventy_percent_around_the_fullest_bin() -> None:
    bars = bars_of([10.0] * 10)
    bars[:, 2], bars[:, 3] = np.arange(10) + 0.75, np.arange(10) + 0.25
    bars[:, 4] = bars[:, 1] = np.arange(10) + 0.5
    bars[0, 3], bars[9, 2] = 0.0, 10.0
    bars[:, 5] = [1, 1, 1, 30, 60, 20, 3, 1, 1, 2]
    seen = a_profile(bars, [9])
    assert (seen.low[0], seen.high[0], seen.control[0]) == (3.0, 5.0, 4.5)


def test_a_profile_of_too_few_bars_without_volume_or_range_is_unknown() -> None:
    bars = a_walk(20)
    assert np.isnan(a_profile(bars, [8]).low[0])
    assert not np.isnan(a_profile(bars, [9]).low[0])
    silent = bars.copy()
    silent[:, 5] = 0
    assert np.isnan(a_profile(silent, [15]).high[0])
    assert np.isnan(a_profile(bars_of([5.0] * 20), [15]).low[0])


def test_the_value_area_is_what_growing_bin_by_bin_gives() -> None:
    rng = np.random.default_rng(3)
    bars = a_walk(200, seed=4)
    bars[:, 5] = rng.integers(0, 4, 200)  # many equal and empty bins
    rows = list(range(29, 200))
    seen = a_profile(bars, rows, length=30, bins=12)
    for index, at_row in enumerate(rows):
        part = bars[at_row - 29 : at_row + 1]
        bottom, top = part[:, 3].min(), part[:, 2].max()
        place = ((part[:, 2] + part[:, 3] + part[:, 4]) / 3 - bottom) / (top - bottom) * 12
        held = [float(part[np.minimum(place.astype(int), 11) == one, 5].sum()) for one in range(12)]
        first = last = held.index(max(held))
        while sum(held[first : last + 1]) < 0.7 * sum(held):
            below = held[first - 1] if first else -1.0
            above = held[last + 1] if last < 11 else -1.0
            first, last = (first - 1, last) if below >= above else (first, last + 1)
        width = (top - bottom) / 12
        assert seen.low[index] == pytest.approx(bottom + first * width)
        assert seen.high[index] == pytest.approx(bottom + (last + 1) * width)


def test_a_row_alone_has_the_bits_of_a_row_among_many() -> None:
    bars = a_walk(300)
    many = a_profile(bars, list(range(300)), length=120, bins=50)
    for row in (119, 200, 299):
        assert a_profile(bars, [row], length=120, bins=50).low[0] == many.low[row]
