from __future__ import annotations

from dataclasses import astuple
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from bot.core.assessment import Readings
from bot.core.readings import anchor, bars_key, bars_needed, columns, row, table, table_at
from bot.core.readings.bars import sound
from tests.unit.core.readings.series import REGIME_MS, SIGNAL_MS, START_MS, a_walk, asked, bars_of, with_gaps

NONE = np.empty((0, 6))


def test_the_row_is_the_last_bar_closed_at_or_before_the_instant() -> None:
    read = table(a_walk(300), NONE, asked())
    at_close = START_MS + 300 * SIGNAL_MS
    closed_at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at_close)
    assert row(read, at_close).closed_at == closed_at
    assert row(read, at_close - 1).closed_at == closed_at - timedelta(hours=4)
    assert row(read, at_close + 10 * SIGNAL_MS).closed_at == closed_at


def test_before_the_first_close_everything_is_unknown() -> None:
    assert row(table(a_walk(300), a_walk(90, timeframe_ms=REGIME_MS), asked()), START_MS) == Readings()


@pytest.mark.parametrize("bars", [0, 1, 2, 5, 10, 14, 15, 33, 34, 49, 50, 51, 120, 199, 200, 201])
def test_a_short_series_never_raises(bars: int) -> None:
    at_ms = START_MS + 400 * REGIME_MS
    signal, regime = a_walk(bars), a_walk(bars, timeframe_ms=REGIME_MS)
    for read in (table(signal, regime, asked()), table_at(signal, regime, asked(), at_ms)):
        seen = row(read, at_ms)
        assert (seen.close is None) == (bars == 0)
        assert (seen.ema_slow is None) == (bars < 200)
        assert (seen.trend is None) == (bars < 50)
        assert (seen.rsi is None) == (bars < 15)


def test_a_lone_bar_is_a_close_and_nothing_else() -> None:
    seen = row(table(bars_of([100.0]), NONE, asked()), START_MS + SIGNAL_MS)
    assert [value for value in astuple(seen) if value is not None] == [100.0, seen.closed_at]


def test_floats_leave_with_ten_significant_digits() -> None:
    seen = row(table(a_walk(300), a_walk(90, timeframe_ms=REGIME_MS), asked()), START_MS + 300 * SIGNAL_MS)
    numbers = [value for value in astuple(seen) if isinstance(value, float)]
    assert len(numbers) == 9
    assert all(value == float(f"{value:.9e}") for value in numbers)


def test_the_regime_row_is_of_the_same_instant() -> None:
    regime = a_walk(260, timeframe_ms=REGIME_MS)
    read = table(a_walk(300), regime, asked())
    early, late = row(read, START_MS + 40 * REGIME_MS), row(read, START_MS + 50 * REGIME_MS - 1)
    assert early.volatility == pytest.approx(read.regime.volatility[39])
    assert late.volatility == pytest.approx(read.regime.volatility[48])


def test_bars_needed_hold_the_anchored_window_of_their_last_bar() -> None:
    assert (bars_needed(signal=True), bars_needed(signal=False)) == (1536, 768)
    bars = a_walk(3000)
    for count in range(2700, 3000, 37):
        upto = int(bars[count - 1, 0]) + SIGNAL_MS
        window = anchor(bars, SIGNAL_MS, upto, signal=True)
        assert window[-1, 0] == bars[count - 1, 0]
        assert window[0, 0] // SIGNAL_MS % 256 == 0
        assert 1281 <= window.shape[0] <= 1536
        kept = bars[count - 1536 : count]
        assert anchor(kept, SIGNAL_MS, upto, signal=True).tobytes() == window.tobytes()


def test_a_short_series_is_its_own_window() -> None:
    bars = a_walk(700)
    assert anchor(bars, SIGNAL_MS, int(bars[-1, 0]) + SIGNAL_MS, signal=True).shape[0] == 700
    assert anchor(bars, SIGNAL_MS, START_MS, signal=True).shape[0] == 0


def test_a_gap_moves_no_anchor() -> None:
    bars = a_walk(3000)
    holed = with_gaps(bars, missing=300)
    upto = int(holed[-1, 0]) + SIGNAL_MS
    whole = anchor(bars, SIGNAL_MS, upto, signal=True)
    assert anchor(holed, SIGNAL_MS, upto, signal=True)[0, 0] - whole[0, 0] < 10 * SIGNAL_MS


@pytest.mark.parametrize("missing", [0, 200])
def test_a_daemons_window_gives_the_bits_of_the_whole_history(missing: int) -> None:
    signal = with_gaps(a_walk(4000), missing)
    regime = with_gaps(a_walk(1500, 1, REGIME_MS, START_MS - 1000 * REGIME_MS), missing // 2)
    whole = table(signal, regime, asked())
    for count in range(1600, signal.shape[0], 61):
        at_ms = int(signal[count - 1, 0]) + SIGNAL_MS
        days = int(np.searchsorted(regime[:, 0] + REGIME_MS, at_ms, side="right"))
        read = table_at(signal[count - 1536 : count], regime[days - 768 : days], asked(), at_ms)
        assert row(read, at_ms) == row(whole, at_ms)
        for name in ("rsi", "ema_fast", "ema_slow", "macd_hist", "atr", "trend_changed_bars", "pivot_lows"):
            mine, theirs = getattr(read.signal, name)[-1], getattr(whole.signal, name)[count - 1]
            assert mine.tobytes() == theirs.tobytes(), name
        assert read.regime.volatility[-1].tobytes() == whole.regime.volatility[days - 1].tobytes()


def test_a_malformed_bar_is_a_gap_and_never_a_number() -> None:
    bars = a_walk(300)
    holed = np.delete(bars, [100, 150, 200, 250], axis=0)
    bad = bars.copy()
    bad[100, 4], bad[150, 2], bad[200, 3], bad[250, 5] = np.nan, np.inf, 0.0, -1.0
    np.testing.assert_array_equal(sound(bad), holed)
    assert columns(bad, asked()).rsi.tobytes() == columns(holed, asked()).rsi.tobytes()


def test_a_bar_whose_range_does_not_hold_its_close_is_malformed() -> None:
    bars = a_walk(10)
    bars[4, 4] = bars[4, 2] * 1.01
    assert sound(bars).shape[0] == 9


def test_the_key_follows_the_bytes() -> None:
    bars = a_walk(50)
    other = bars.copy()
    other[-1, 4] = np.nextafter(other[-1, 4], 0)
    assert bars_key(bars) == bars_key(bars.copy(order="F"))
    assert bars_key(bars) != bars_key(other)
    assert bars_key(bars) != bars_key(bars[:-1])
