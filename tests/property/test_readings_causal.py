"""No reading sees the future: what comes after a bar never changes what was said at it."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.readings import Columns, RegimeColumns, row, table
from bot.core.readings.bars import Floats
from tests.unit.core.readings.series import REGIME_MS, SIGNAL_MS, START_MS, a_walk, asked, with_gaps


def same_until(mine: Columns | RegimeColumns, theirs: Columns | RegimeColumns, bars: int) -> None:
    for field in fields(mine):
        own, other = getattr(mine, field.name)[:bars], getattr(theirs, field.name)[:bars]
        assert own.tobytes() == other.tobytes(), field.name


def altered(bars: Floats, cut: int, seed: int) -> Floats:
    """The same bars up to the cut and another market after it."""
    other = bars.copy()
    scale = np.exp(np.random.default_rng(seed).normal(0, 0.2, other.shape[0] - cut).cumsum())
    other[cut:, 1:5] *= scale[:, None]
    other[cut:, 5] *= 3
    return other


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    bars=st.integers(2, 1900),
    share=st.floats(0.01, 0.99),
    missing=st.floats(0, 0.3),
)
def test_the_future_changes_no_past_row(seed: int, bars: int, share: float, missing: float) -> None:
    signal = with_gaps(a_walk(bars, seed), int(bars * missing), seed)
    regime = with_gaps(a_walk(bars // 2 + 1, seed + 1, REGIME_MS), int(bars * missing / 3), seed)
    cut, days = int(signal.shape[0] * share), int(regime.shape[0] * share)
    whole = table(signal, regime, asked())
    for other in (
        table(signal[:cut], regime[:days], asked()),
        table(altered(signal, cut, seed), altered(regime, days, seed), asked()),
    ):
        same_until(whole.signal, other.signal, cut)
        same_until(whole.regime, other.regime, days)
    if cut and days:
        at_ms = min(int(signal[cut - 1, 0]) + SIGNAL_MS, int(regime[days - 1, 0]) + REGIME_MS)
        assert row(whole, at_ms) == row(table(signal[:cut], regime[:days], asked()), at_ms)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(1, 400), garbage=st.integers(0, 30))
def test_whatever_the_bars_hold_no_reading_raises_or_is_infinite(seed: int, count: int, garbage: int) -> None:
    rng = np.random.default_rng(seed)
    bars = a_walk(count, seed)
    for _ in range(garbage):
        bars[rng.integers(count), rng.integers(1, 6)] = rng.choice([np.nan, np.inf, -np.inf, 0.0, -5.0])
    seen = row(table(bars, bars, asked(regime_timeframe="4h")), START_MS + count * SIGNAL_MS)
    for field in fields(seen):
        value = getattr(seen, field.name)
        assert not isinstance(value, float) or np.isfinite(value), field.name
