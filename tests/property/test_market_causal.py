"""The market as a whole never sees the future, and remembers no more of the past than it needs."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.market import asked_of, view
from bot.core.readings.bars import Floats
from bot.core.readings.regime import RegimeAsked, regime_column
from bot.core.readings.stress import (
    LEVELS,
    correlation_alarm,
    funding_alarm,
    standing,
    volatility_ratio,
    volume_ratio,
)
from tests.unit.core.markets import AT, DAY_MS, SIGNAL_MS, WEIGHTS, a_policy, a_snapshot, bars_until, candles, walks

ASKED = asked_of(a_policy())
REGIME = RegimeAsked(fast=50, slow=200, drawdown=0.35, sentiment=20, confirm=3)


def a_stormy_walk(seed: int, days: int = 700) -> Floats:
    """Daily moves whose size and drift change from month to month."""
    rng = np.random.default_rng(seed)
    size = np.repeat(np.exp(rng.normal(-4, 0.8, days // 30 + 1)), 30)[:days]
    drift = np.repeat(rng.normal(0, 0.006, days // 60 + 1), 60)[:days]
    moves: Floats = rng.normal(0, 1, days) * size + drift
    return moves


def another_future(bars: Floats, cut: int, seed: int) -> Floats:
    made = bars.copy()
    made[cut:, 1:5] *= np.exp(np.random.default_rng(seed).normal(0, 0.3, (len(bars) - cut, 1)).cumsum(axis=0))
    made[cut:, 5] *= 7
    return made


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000), share=st.floats(0.3, 0.99))
def test_the_future_changes_no_past_row_of_a_daily_column(seed: int, share: float) -> None:
    bars = bars_until(100 * np.exp(np.cumsum(a_stormy_walk(seed))), DAY_MS)
    bars[:, 5] *= np.random.default_rng(seed).uniform(0.1, 2, len(bars))
    cut = int(len(bars) * share)
    for other in (bars[:cut], another_future(bars, cut, seed)):
        assert regime_column(other, REGIME)[:cut].tolist() == regime_column(bars, REGIME)[:cut].tolist()
        whole, mine = volatility_ratio(bars, ASKED, len(bars)), volatility_ratio(other, ASKED, len(other))
        np.testing.assert_array_equal(mine[:cut], whole[:cut])
        np.testing.assert_array_equal(volume_ratio(other, len(other))[:cut], volume_ratio(bars, len(bars))[:cut])


@settings(max_examples=15)
@given(seed=st.integers(0, 10_000), rows=st.integers(1, 60))
def test_a_tail_of_a_column_is_the_end_of_the_whole_one(seed: int, rows: int) -> None:
    first = a_stormy_walk(seed)
    second = 0.9 * first + 0.3 * a_stormy_walk(seed + 1)
    bars = bars_until(100 * np.exp(np.cumsum(first)), DAY_MS)
    closes = [np.exp(np.cumsum(moves)) for moves in (first, second)]
    np.testing.assert_allclose(
        volatility_ratio(bars, ASKED, rows), volatility_ratio(bars, ASKED, len(bars))[-rows:], rtol=1e-12
    )
    whole = correlation_alarm(closes, ASKED, len(bars))
    np.testing.assert_array_equal(correlation_alarm(closes, ASKED, rows), whole[-rows:])
    cut = len(bars) - rows
    np.testing.assert_array_equal(correlation_alarm([close[:cut] for close in closes], ASKED, 5), whole[cut - 5 : cut])


@settings(max_examples=60)
@given(raw=st.lists(st.integers(0, 3), min_size=30, max_size=200))
def test_the_level_folded_over_thirty_closes_is_that_of_the_whole_history(raw: list[int]) -> None:
    closes = np.ones(len(raw), dtype=np.bool_)
    whole = standing(np.array(raw), closes, 3)
    assert standing(np.array(raw[-30:]), closes[-30:], 3)[-1] == whole[-1]
    least = LEVELS * 3
    assert standing(np.array(raw[-least:]), closes[-least:], 3)[-1] == whole[-1]


@settings(max_examples=20)
@given(seed=st.integers(0, 10_000), cut=st.integers(40, 199))
def test_funding_to_come_is_not_heard(seed: int, cut: int) -> None:
    rng = np.random.default_rng(seed)
    rates = [(float(step * DAY_MS), float(rate)) for step, rate in enumerate(rng.standard_t(2, 200) * 1e-4)]
    instants = np.array([at for at, _ in rates[:cut]])
    np.testing.assert_array_equal(funding_alarm(rates, instants, ASKED), funding_alarm(rates[:cut], instants, ASKED))


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000), back=st.integers(1, 400))
def test_a_view_is_the_same_whether_the_snapshot_holds_the_future_or_not(seed: int, back: int) -> None:
    at = AT - timedelta(hours=back)
    moves = {
        name: item + a_stormy_walk(seed + index, 460) / 3 for index, (name, item) in enumerate(walks(days=460).items())
    }
    charts = candles(moves, signal_bars=600)
    rng = np.random.default_rng(seed)
    for frames in charts.values():
        frames["4h"][:, 5] *= np.exp(rng.normal(0, 0.5, 600))
    now = at.timestamp() * 1000
    lengths = {"1d": DAY_MS, "4h": SIGNAL_MS}
    known = {
        symbol: {name: bars[bars[:, 0] + lengths[name] <= now] for name, bars in frames.items()}
        for symbol, frames in charts.items()
    }
    held = {"SOL": "1000"}
    policy = a_policy()
    assert view(a_snapshot(charts, at=at, held=held), policy, WEIGHTS) == view(
        a_snapshot(known, at=at, held=held), policy, WEIGHTS
    )


@settings(max_examples=10)
@given(seed=st.integers(0, 10_000), more=st.integers(1, 300))
def test_more_history_than_the_window_changes_no_bit_of_a_view(seed: int, more: int) -> None:
    moves = {name: a_stormy_walk(seed + index, 768 + more) for index, name in enumerate(WEIGHTS)}
    charts = candles(moves, signal_bars=400)
    kept = {symbol: {**frames, "1d": frames["1d"][-768:]} for symbol, frames in charts.items()}
    assert view(a_snapshot(charts), a_policy(), WEIGHTS) == view(a_snapshot(kept), a_policy(), WEIGHTS)
