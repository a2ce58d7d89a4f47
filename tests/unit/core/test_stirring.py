"""What closed bars say by columns is what an asset's row says at each hour; where nothing stirs, nothing changed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bot.core.assessment import Readings, Trend
from bot.core.readings import parameters, row, table
from bot.core.stirring import bar_ms, stirring, unread
from bot.core.triggers.trend import EDGE_BARS, TURNED
from tests.unit.core.markets import SIGNAL_MS, a_policy
from tests.unit.core.markets import bars_until as built

HOUR_MS = 3_600_000
HOURS = 24 * 12
COIN = "BTC"


def a_past(seed: int, **signals: Any) -> tuple[Any, Any, dict[str, Any], Any]:
    """A policy of one coin, its table, its signal bars and the last hours of them."""
    policy = a_policy([COIN], signals={"averages": {"fast": 3, "slow": 8}, "rsi": {"period": 3}, **signals})
    rng = np.random.default_rng(seed)
    path = 100 * np.exp(np.cumsum(rng.normal(0, 0.02, 900)))
    signal = built(path, SIGNAL_MS)
    signal[:, 5] *= rng.choice([0.1, 1.0, 2.0], 900)
    daily = signal[5::6].copy()
    daily[:, 0] = signal[0::6, 0][: len(daily)]
    narrative = policy.narrative
    asked = parameters(policy.signals, narrative.parabolic_return, narrative.parabolic_window, policy.costs.volatility)
    end_ms = int(signal[-1, 0]) + SIGNAL_MS
    hours = end_ms - np.arange(HOURS, dtype=np.int64)[::-1] * HOUR_MS
    return policy, table(signal, daily, asked), {COIN: signal}, hours


def said_of(read: Readings) -> dict[str, bool]:
    """As the columns have it."""
    other = bool(read.exhausted or read.parabolic or read.overextended)
    falling_knife = read.trend == Trend.STRONG_DOWN and not read.bottoming
    changed = read.trend_changed_bars
    turned = read.trend in TURNED and changed is not None and changed < EDGE_BARS
    return {
        "running": read.trend == Trend.STRONG_UP and not other,
        "shunned": read.trend is None or bool(read.parabolic or read.overextended) or falling_knife,
        "welcome": read.trend == Trend.STRONG_UP or bool(read.recovered),
        "bottoming": bool(read.bottoming),
        "parabolic": bool(read.parabolic),
        "recovered": bool(read.recovered),
        "edge": turned or bool(read.exhausted and read.exhausted_bars is not None),
        "supported": bool(read.at_support),
        "falling": read.regime_trend == Trend.STRONG_DOWN,
    }


@pytest.mark.parametrize("seed", range(3))
def test_columns_say_what_the_row_of_each_hour_says(seed: int) -> None:
    policy, known, bars, hours = a_past(seed)
    made = stirring(policy, [known], bars, hours, bar_ms(policy)).said
    for place, at_ms in enumerate(hours.tolist()):
        read = row(known, at_ms - at_ms % SIGNAL_MS)
        assert {name: bool(getattr(made, name)[place, 0]) for name in said_of(read)} == said_of(read), place
        assert made.close[place, 0] == pytest.approx(read.close, rel=1e-9)
        assert made.atr[place, 0] == pytest.approx(read.atr, rel=1e-9)


def test_a_bar_that_leapt_counts_until_the_cooling_off_is_over() -> None:
    policy, known, bars, hours = a_past(7)
    spiking = stirring(policy, [known], bars, hours, bar_ms(policy)).said.spiking[:, 0]
    for place, at_ms in enumerate(hours.tolist()):
        read = row(known, at_ms - at_ms % SIGNAL_MS)
        assert read.last_bar_true_range is not None
        assert read.atr_before is not None
        assert read.closed_at is not None
        leapt = read.last_bar_true_range / read.atr_before > float(policy.spike.atr)
        recent = at_ms - read.closed_at.timestamp() * 1000 <= policy.spike.cooloff.total_seconds() * 1000
        assert spiking[place] == (leapt and recent)
    assert spiking.any()


def test_every_close_of_a_day_is_read() -> None:
    policy, known, bars, hours = a_past(1)
    rows = stirring(policy, [known], bars, hours, bar_ms(policy)).rows
    assert rows[hours % 86_400_000 == 0].all()
    assert not rows[1:][hours[1:] % SIGNAL_MS != 0].any()
    assert not rows.all()


def test_a_bar_after_a_gap_is_read() -> None:
    policy, known, bars, hours = a_past(2)
    holed = {COIN: np.delete(bars[COIN], -9, axis=0)}
    closed_ms = int(bars[COIN][-8, 0]) + SIGNAL_MS
    rows = stirring(policy, [known], holed, hours, bar_ms(policy)).rows
    assert rows[hours == closed_ms - SIGNAL_MS].all()


def test_without_signals_nothing_is_said() -> None:
    policy, _, _, hours = a_past(2)
    made = unread(policy, hours)
    assert not made.rows.any()
    assert np.isnan(made.said.move(np.ones((HOURS, 1)))).all()
