"""Candles: a whole window once, then only what is new."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from bot.clocks import StepClock
from bot.core.numbers import milliseconds
from bot.engine.candles import CandleCache
from bot.ports.venue import Gap
from bot.venues.simulated.exchange import Exchange
from bot.venues.simulated.venue import SimulatedVenue
from tests.unit.venues.simulated.scenes import SPOT, START, StillScene

HOUR_MS = 3_600_000


class Counted(SimulatedVenue):
    """Market data that counts what was asked of it and gives at most ``most`` bars at a time."""

    most = 1_000
    hole: tuple[float, float] = (0, 0)
    silent = False

    def __init__(self, clock: StepClock) -> None:
        super().__init__(Exchange(StillScene(), opening={}), clock)
        self.asked: list[tuple[datetime, int]] = []

    async def candles(self, symbol: str, timeframe: str, since: datetime, limit: int) -> NDArray[np.float64] | Gap:
        self.asked.append((since, limit))
        if self.silent:
            return Gap("candles", "timed out")
        bars = await super().candles(symbol, timeframe, since, min(limit, self.most))
        if isinstance(bars, Gap):
            return bars
        return bars[(bars[:, 0] < self.hole[0]) | (bars[:, 0] >= self.hole[1])]


async def read(cache: CandleCache, clock: StepClock, keep: int = 50) -> NDArray[np.float64]:
    bars = await cache.bars(SPOT, "1h", milliseconds(clock.now()), keep)
    assert not isinstance(bars, Gap)
    return bars


def whole(bars: NDArray[np.float64]) -> bool:
    return bool((np.diff(bars[:, 0]) == HOUR_MS).all())


async def test_the_first_look_takes_the_whole_window_page_by_page() -> None:
    clock = StepClock(START + timedelta(days=5))
    venue = Counted(clock)
    venue.most = 20
    bars = await read(CandleCache(venue), clock)
    assert len(bars) == 50
    assert whole(bars)
    assert bars[-1, 0] == milliseconds(clock.now()) - HOUR_MS
    assert len(venue.asked) == 3


async def test_nothing_is_asked_until_a_bar_has_closed_and_then_only_the_newest() -> None:
    clock = StepClock(START + timedelta(days=5))
    venue, keep = Counted(clock), 50
    cache = CandleCache(venue)
    before = await read(cache, clock)
    for _ in range(3):
        await clock.until(clock.now() + timedelta(minutes=15))
        assert await read(cache, clock) is before
    assert len(venue.asked) == 1
    await clock.until(clock.now() + timedelta(minutes=15))
    after = await read(cache, clock)
    assert venue.asked[-1][0] == START + timedelta(days=5) - timedelta(hours=1)
    assert len(after) == keep
    assert whole(after)
    assert after[-1, 0] == before[-1, 0] + HOUR_MS
    assert not after.flags.writeable


async def test_a_hole_is_read_anew() -> None:
    clock = StepClock(START + timedelta(days=5))
    venue = Counted(clock)
    cache = CandleCache(venue)
    known = await read(cache, clock)
    await clock.until(clock.now() + timedelta(hours=4))
    venue.hole = (float(known[-1, 0]), float(known[-1, 0]) + 2 * HOUR_MS)  # at first two bars are missing
    asked = len(venue.asked)
    await read(cache, clock)
    assert len(venue.asked) > asked + 1


async def test_a_venue_that_does_not_answer_leaves_a_gap_and_what_was_known_is_kept_for_later() -> None:
    clock = StepClock(START + timedelta(days=5))
    venue = Counted(clock)
    cache = CandleCache(venue)
    await read(cache, clock)
    await clock.until(clock.now() + timedelta(hours=1))
    venue.silent = True
    assert isinstance(await cache.bars(SPOT, "1h", milliseconds(clock.now()), 50), Gap)
    venue.silent = False
    asked = len(venue.asked)
    assert whole(await read(cache, clock))
    assert len(venue.asked) == asked + 1


async def test_two_portfolios_with_the_same_bars_hold_them_once() -> None:
    clock = StepClock(START + timedelta(hours=30))
    at_ms = milliseconds(clock.now())
    one, two = [await CandleCache(Counted(clock)).bars(SPOT, "1h", at_ms, 20) for _ in range(2)]
    other = await CandleCache(Counted(clock)).bars(SPOT, "1h", at_ms, 10)
    assert one is two
    assert other is not one
