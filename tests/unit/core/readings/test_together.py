"""Rows made together are the rows of each asset's own table, to the bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.readings import AssetTable, Parameters, row, rows_at, table_at, together
from bot.core.readings.bars import Floats
from tests.unit.core.readings.series import REGIME_MS, SIGNAL_MS, START_MS, a_walk, asked, bars_of, with_gaps

AT_MS = START_MS + 1500 * SIGNAL_MS
Pair = tuple[Floats, Floats]
PERIODS: tuple[dict[str, object], ...] = (
    {},
    {"trend_bars": 1},
    {"trend_bars": 9},
    {"pivot": 1},
    {"pivot": 14},
    {"divergence_bars": 5},
    {"rsi": {"period": 2}},
    {"profile": {"bars": 300, "bins": 7}},
    {"averages": {"fast": 5, "slow": 20}},
    {"level_distance": "2.5"},
)


def a_pair(seed: int, bars: int = 1500, days: int = 700, missing: int = 0, step: float = 0.01) -> Pair:
    """Both series of an asset, whose last bars close at `AT_MS`."""
    signal = a_walk(bars, seed, start_ms=AT_MS - bars * SIGNAL_MS, step=step)
    regime = a_walk(days, seed + 1, REGIME_MS, AT_MS - days * REGIME_MS, step=step)
    return with_gaps(signal, missing, seed), with_gaps(regime, missing // 4, seed)


def assert_alone(pairs: list[Pair], keys: Parameters, at_ms: int = AT_MS) -> None:
    alone = [row(table_at(*each, keys, at_ms), at_ms) for each in pairs]
    for together_, own in zip(rows_at(pairs, keys, at_ms), alone, strict=True):
        assert repr(together_) == repr(own)


def counted(monkeypatch: pytest.MonkeyPatch, pairs: list[Pair]) -> int:
    """How many of them had to be asked of their own table."""
    made = []

    def known(signal: Floats, regime: Floats, keys: Parameters, at_ms: int) -> AssetTable:
        made.append(table_at(signal, regime, keys, at_ms))
        return made[-1]

    monkeypatch.setattr(together, "table_at", known)
    rows_at(pairs, asked(), AT_MS)
    return len(made)


def test_most_assets_need_no_table_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    assert counted(monkeypatch, [a_pair(seed) for seed in range(0, 60, 2)]) <= 1


def test_young_series_are_read_from_their_own_table(monkeypatch: pytest.MonkeyPatch) -> None:
    young = [a_pair(1, bars=200), a_pair(3, days=40), a_pair(5, bars=0), a_pair(7, days=0)]
    assert counted(monkeypatch, young) == len(young)
    assert_alone(young, asked())


def test_more_assets_than_fit_at_once_are_told_in_their_order() -> None:
    assert_alone([a_pair(seed) for seed in range(0, 2 * together.AT_ONCE + 6, 2)] + [a_pair(1, bars=50)], asked())


def test_a_series_that_ended_before_the_other_is_read_as_far_as_it_goes() -> None:
    signal, regime = a_pair(8)
    pairs = [(signal[:-40], regime), (signal, regime[:-40]), (signal[:-900], regime)]
    assert_alone(pairs, asked())
    assert_alone(pairs, asked(), AT_MS - 3 * SIGNAL_MS + 1)


def test_markets_that_stand_still_or_only_rise_are_read_as_alone() -> None:
    flat = bars_of([5.0] * 1500, SIGNAL_MS, AT_MS - 1500 * SIGNAL_MS)
    rising = bars_of([5.0 * 1.001**bar for bar in range(1500)], SIGNAL_MS, AT_MS - 1500 * SIGNAL_MS)
    curved = bars_of([5.0 + 1e-6 * bar**2.0 for bar in range(1500)], SIGNAL_MS, AT_MS - 1500 * SIGNAL_MS)
    days = bars_of([5.0 * 1.003**bar for bar in range(700)], REGIME_MS, AT_MS - 700 * REGIME_MS)
    assert_alone([(flat, days), (rising, days), (curved, days), (flat, a_pair(2)[1])], asked())


def test_malformed_bars_are_left_out_as_they_are_alone() -> None:
    signal, regime = a_pair(4)
    for at, column, value in ((-1, 4, np.nan), (-3, 2, np.inf), (-200, 3, 0.0), (-900, 5, -1.0)):
        signal[at, column] = value
        regime[at // 4 - 1, column] = value
    assert_alone([(signal, regime), a_pair(6)], asked())


@settings(max_examples=60, deadline=None)
@given(
    seeds=st.lists(st.integers(0, 100_000), min_size=1, max_size=5),
    bars=st.integers(250, 1500),
    days=st.integers(60, 700),
    missing=st.integers(0, 120),
    step=st.sampled_from([0.0005, 0.01, 0.08]),
    periods=st.sampled_from(PERIODS),
)
def test_rows_together_are_the_rows_alone(
    seeds: list[int], bars: int, days: int, missing: int, step: float, periods: dict[str, object]
) -> None:
    pairs = [a_pair(seed, bars, days, missing, step) for seed in seeds]
    assert_alone(pairs, asked(**periods))
