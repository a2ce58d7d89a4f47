"""Many portfolios, one reader of the market: asked once, and never told what is too old to trade on."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bot.core.snapshot import Book, Ticker
from bot.ports.venue import Gap
from bot.venues.shared.market import WAITING_MOST, Seat, SharedMarket

NOON = datetime(2026, 1, 10, 12, tzinfo=UTC)
HOUR_MS = 3_600_000.0


@dataclass
class HandClock:
    at: datetime = NOON

    def now(self) -> datetime:
        return self.at

    def mono(self) -> float:
        return 0.0

    async def sleep(self, host_s: float) -> None: ...

    async def until(self, venue_at: datetime) -> None: ...


@dataclass
class Market:
    """A venue that counts its questions and answers when ``ready`` is set."""

    clock: HandClock
    asked: list[str] = field(default_factory=list)
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    broken: bool = False
    late: bool = False  # with the bar that has just closed
    ahead: timedelta = timedelta(0)
    under_way: int = 0
    most: int = 0

    async def answer(self, what: str) -> None:
        self.asked.append(what)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await self.ready.wait()
        self.under_way -= 1

    async def markets(self) -> Any:
        return {}

    async def quotes(self) -> Mapping[str, Ticker] | Gap:
        await self.answer("quotes")
        return Gap("quotes", "down") if self.broken else {"BTC/USDT": Ticker(last=Decimal(1), at=self.clock.at)}

    async def funding(self) -> Any:
        await self.answer("funding")
        return {}

    async def candles(self, symbol: str, timeframe: str, since: datetime, limit: int) -> NDArray[np.float64] | Gap:
        await self.answer(f"candles {symbol} {timeframe}")
        newest = self.clock.at.timestamp() * 1000 // HOUR_MS * HOUR_MS - HOUR_MS * (2 if self.late else 1)
        return np.array([[newest, 1, 1, 1, 1, 1]])

    async def book(self, symbol: str, depth: int) -> Book | Gap:
        await self.answer(f"book {symbol}")
        return Book(bids=(), asks=(), at=self.clock.at)

    async def funding_history(self, symbol: str, since: datetime) -> Any:
        await self.answer(f"settled {symbol}")
        return [(since.timestamp() * 1000 + 1, Decimal(1)), (since.timestamp() * 1000 + HOUR_MS, Decimal(2))]

    async def now(self) -> datetime | Gap:
        await self.answer("now")
        return self.clock.at + self.ahead


def seats(count: int, market: Market, clock: HandClock) -> tuple[SharedMarket, list[Seat]]:
    shared = SharedMarket(market, clock)
    quotes, funding = timedelta(seconds=30), timedelta(minutes=10)
    return shared, [Seat(shared, quotes=quotes, funding=funding) for _ in range(count)]


def a_market(*, ready: bool = True) -> Market:
    market = Market(HandClock())
    if ready:
        market.ready.set()
    return market


async def test_who_asks_while_the_question_is_under_way_waits_for_that_answer() -> None:
    market = a_market(ready=False)
    shared, (one, two, three) = seats(3, market, market.clock)
    asked = [asyncio.ensure_future(seat.quotes()) for seat in (one, two, three)]
    await asyncio.sleep(0)
    asked[0].cancel()  # one that ends takes nothing away from the others
    await asyncio.sleep(0)
    market.ready.set()
    assert await asked[1] is await asked[2]
    assert market.asked == ["quotes"]
    assert (shared.asked, shared.told) == (1, 3)


async def test_nobody_is_told_what_is_near_the_age_at_which_it_trades_no_more() -> None:
    market = a_market()
    _, (one, two) = seats(2, market, market.clock)
    first = await one.quotes()
    market.clock.at += timedelta(seconds=7)
    assert await two.quotes() is first
    market.clock.at += timedelta(seconds=1)
    assert await two.quotes() is not first
    assert len(market.asked) == 2


async def test_a_gap_is_told_to_those_who_waited_and_to_nobody_after_them() -> None:
    market = a_market()
    _, (one, two) = seats(2, market, market.clock)
    market.broken = True
    assert isinstance(await one.quotes(), Gap)
    market.broken = False
    assert not isinstance(await two.quotes(), Gap)


async def test_candles_are_asked_for_once_a_bar_and_again_while_the_venue_is_late_with_it() -> None:
    market = a_market()
    _, (one, two) = seats(2, market, market.clock)
    since = NOON - timedelta(hours=9)
    for seat in (one, two, one):
        await seat.candles("BTC/USDT", "1h", since, 10)
    market.clock.at += timedelta(minutes=59)
    await one.candles("BTC/USDT", "1h", since, 10)
    assert len(market.asked) == 1
    market.clock.at += timedelta(minutes=1)
    market.late = True
    for _ in range(2):
        await one.candles("BTC/USDT", "1h", since, 10)
    assert len(market.asked) == 2
    market.clock.at += timedelta(seconds=6)
    market.late = False
    for _ in range(2):
        await two.candles("BTC/USDT", "1h", since, 10)
    assert len(market.asked) == 3


async def test_what_was_settled_is_told_from_where_each_asked() -> None:
    market = a_market()
    _, (one, two) = seats(2, market, market.clock)
    told = [
        await seat.funding_history("BTC/USDT:USDT", since)
        for seat, since in ((one, NOON), (two, NOON + timedelta(minutes=1)))
    ]
    assert [[rate for _, rate in rates] for rates in told if not isinstance(rates, Gap)] == [[1, 2], [2]]
    assert len(market.asked) == 1


async def test_the_venues_clock_runs_on_between_two_measurements() -> None:
    market = a_market()
    _, (one, two) = seats(2, market, market.clock)
    market.ahead = timedelta(seconds=3)
    assert await one.now() == NOON + timedelta(seconds=3)
    market.clock.at += timedelta(seconds=2)
    assert await two.now() == NOON + timedelta(seconds=5)
    assert market.asked == ["now"]


async def test_one_portfolio_with_many_questions_lets_anothers_come_in_between() -> None:
    market = a_market(ready=False)
    _, (greedy, modest) = seats(2, market, market.clock)
    many = [asyncio.ensure_future(greedy.book(f"A{number}/USDT", 5)) for number in range(9)]
    await asyncio.sleep(0.01)
    assert market.most == WAITING_MOST
    one = asyncio.ensure_future(modest.book("BTC/USDT", 5))
    await asyncio.sleep(0.01)
    assert market.asked[-1] == "book BTC/USDT"
    market.ready.set()
    await asyncio.gather(one, *many)


async def test_what_is_under_way_ends_with_the_process() -> None:
    market = a_market(ready=False)
    shared, (one,) = seats(1, market, market.clock)
    asked = asyncio.ensure_future(one.quotes())
    await asyncio.sleep(0)
    await shared.close()
    await asyncio.wait([asked])
    assert asked.cancelled()
    await shared.close()
