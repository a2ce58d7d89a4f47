"""What a spread says at each hour of a past: nothing, that it alarms, that it costs more than normal orders may pay."""

from __future__ import annotations

import numpy as np

from bot.backtest.spreads import spreads
from bot.backtest.usual import Usual
from bot.core.screen import CALM, DEAR, WIDE
from bot.venues.simulated.columns import Columns
from tests.unit.core.markets import a_policy

HOURS = 24 * 10
LATE, FIRST_WEEK = 220, 100
BEGUN_MS = 1_609_459_200_000


def told(gap: int, at: int, **windows: str) -> tuple[int, bool]:
    """What is said of an hour in which bid and ask lie ``gap`` ticks of 1 bp apart, and 2 in all others."""
    half = np.full(HOURS, 1, dtype=np.int64)
    half[at] = gap // 2
    mid = np.full(HOURS, 10_000, dtype=np.int64)
    quotes = Columns(mid - half, mid + half, mid, np.full(HOURS, 10_000_000), tick=2, scale=2)
    times = BEGUN_MS + np.arange(HOURS, dtype=np.int64) * 3_600_000
    wide, spiking = spreads(
        a_policy(["BTC"], windows=windows), [("BTC/USDT", quotes)], Usual({"BTC/USDT": quotes}, times)
    )
    assert not np.delete(wide, at, axis=0).any()
    assert not np.delete(spiking, at).any()
    return int(wide[at, 0]), bool(spiking[at])


def test_twice_the_median_is_as_usual_and_more_alarms() -> None:
    assert told(4, LATE) == (CALM, False)
    assert told(6, LATE) == (WIDE, False)


def test_a_spread_that_normal_orders_may_not_pay_is_dear() -> None:
    assert told(6, LATE, max_spread_bp="6") == (WIDE, False)
    assert told(6, LATE, max_spread_bp="5.9") == (DEAR, False)


def test_a_spread_far_over_its_median_spikes() -> None:
    assert told(20, LATE)[1]


def test_before_a_week_is_known_only_a_large_spread_says_anything() -> None:
    assert told(40, FIRST_WEEK) == (CALM, False)
    assert told(60, FIRST_WEEK) == (CALM, True)
