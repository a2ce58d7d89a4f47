"""Owns one reader of a venue's market for many portfolios: asked once, told to all who may still trade on it.

What other processes of this machine were told counts too, by the same rules of age.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from bot.core.instruments import Market
from bot.core.policy import parse_duration
from bot.core.snapshot import Book, Funding, Point, Ticker
from bot.ports.clock import Clock
from bot.ports.venue import Gap, MarketData
from bot.venues.shared import codecs
from bot.venues.shared.answers import Answers, Question

T = TypeVar("T")
A_DAY: Final = timedelta(days=1)
SETTLED_FOR: Final = timedelta(minutes=5)  # settled rates: the shortest time after which somebody asks again
MOMENT: Final = timedelta(seconds=5)  # the venue's clock against ours, and what is not whole yet
ANSWERS_MOST: Final = 4_000
OF_A_LIMIT: Final = 4  # what is told again is at most this part of the age at which it is too old to trade on
NEWEST: Final = 4  # bars back at most that a question for the newest ones begins
WAITING_MOST: Final = 2  # reads of one portfolio under way or waiting: the next portfolio's come in between


@dataclass(slots=True)
class _Answer:
    """An answer that is there, or on its way; ``at``: venue time when it was asked for, here or by another process."""

    at: datetime
    task: asyncio.Task[Any] | None = None


class SharedMarket:
    """What portfolios of one venue in one process share. ``source`` is asked; each portfolio has a `Seat`.

    Who asks while the same question is under way waits for that answer. A Gap is told to those who waited for it, and
    to nobody after them. ``asked`` counts what the source was asked, ``told`` what was answered.
    ``nearby``: what other processes of this machine were told. ``own_time``: venue time is measured by each process
    for itself, so that what one finds its clock to be off by is no other's business.
    """

    def __init__(
        self, source: MarketData, clock: Clock, nearby: Answers | None = None, *, own_time: bool = False
    ) -> None:
        self.source = source
        self.clock = clock
        self.asked = 0
        self.told = 0
        self.own_time = own_time
        self._nearby = nearby
        self._answers: OrderedDict[str, _Answer] = OrderedDict()

    async def get(self, question: Question, ask: Callable[[], Awaitable[T | Gap]], *, apart: bool = False) -> T | Gap:
        """The answer of at most ``keep`` ago (venue time), else a new one; what asking raises is raised to all.

        One that is not ``whole`` yet stands for a moment only. ``apart``: no other process is asked or told.
        """
        self.told += 1
        known = self._answers.get(question.text)
        if known is None or not self._good(known, question.keep, question.whole):
            known = _Answer(self.clock.now())
            known.task = asyncio.ensure_future(self._ask(known, question, ask, apart=apart))
            self._answers[question.text] = known
            while len(self._answers) > ANSWERS_MOST:
                self._answers.popitem(last=False)
        self._answers.move_to_end(question.text)
        # One portfolio that ends must not take away the answer that others wait for.
        return cast("T", await asyncio.shield(cast("asyncio.Task[Any]", known.task)))

    async def _ask(self, known: _Answer, question: Question, ask: Callable[[], Awaitable[T]], *, apart: bool) -> T:
        async def counted() -> T:
            self.asked += 1
            return await ask()

        if self._nearby is None or apart:
            return await counted()
        answer, known.at = await self._nearby.get(question, counted)
        return answer

    def _good(self, known: _Answer, keep: timedelta, whole: Callable[[Any], bool]) -> bool:
        task = known.task
        if task is None or not task.done():
            return task is not None and not task.cancelling()
        if task.cancelled() or task.exception() is not None or isinstance(task.result(), Gap):
            return False
        lasts = keep if whole(task.result()) else min(keep, MOMENT)
        return timedelta(0) <= self.clock.now() - known.at <= lasts

    async def close(self) -> None:
        """End what is under way; safe to call twice."""
        tasks = [each.task for each in self._answers.values() if each.task is not None and not each.task.done()]
        self._answers.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Seat:
    """`MarketData` of one portfolio. ``quotes`` and ``funding``: the ages at which it trades on them no more (R-G2).

    ``own``: where its account's own fees are, else everybody's.
    """

    def __init__(
        self, shared: SharedMarket, *, quotes: timedelta, funding: timedelta, own: MarketData | None = None
    ) -> None:
        self._shared = shared
        self._source = shared.source
        self._own = own
        self._quotes_for = quotes / OF_A_LIMIT
        self._funding_for = funding / OF_A_LIMIT
        self._turn = asyncio.Semaphore(WAITING_MOST)

    async def markets(self) -> Mapping[str, Market]:
        """See the Protocol."""
        if self._own is not None:
            return await self._own.markets()
        return await self._source.markets()  # kept for a day by the adapter

    async def quotes(self) -> Mapping[str, Ticker] | Gap:
        """See the Protocol."""
        question = Question("quotes", "quotes", self._quotes_for, codecs.QUOTES)
        return await self._shared.get(question, self._source.quotes)

    async def funding(self) -> Mapping[str, Funding] | Gap:
        """See the Protocol."""
        question = Question("funding", "funding", self._funding_for, codecs.FUNDING)
        return await self._shared.get(question, self._source.funding)

    async def candles(self, symbol: str, timeframe: str, since: datetime, limit: int) -> NDArray[np.float64] | Gap:
        """See the Protocol. An answer stands until the next bar closes."""
        length_s = parse_duration(timeframe).total_seconds()
        bar = int(self._shared.clock.now().timestamp() // length_s)
        newest_ms = (bar - 1) * length_s * 1000

        def whole(bars: NDArray[np.float64]) -> bool:
            # A venue may be late with the bar that has just closed.
            return len(bars) >= limit or bool(len(bars) and bars[-1, 0] >= newest_ms)

        # A whole window and the newest bars are asked for at different times: neither takes the other's place.
        newest = "newest" if since.timestamp() >= (bar - NEWEST) * length_s else "window"
        question = Question(
            f"candles {symbol} {timeframe} {since.isoformat()} {limit} {bar}",
            f"candles {symbol} {timeframe} {limit} {newest}",
            A_DAY,
            codecs.CANDLES,
            whole,
        )
        async with self._turn:
            return await self._shared.get(question, lambda: self._source.candles(symbol, timeframe, since, limit))

    async def book(self, symbol: str, depth: int) -> Book | Gap:
        """See the Protocol."""
        text = f"book {symbol} {depth}"
        question = Question(text, text, self._quotes_for, codecs.BOOK)
        async with self._turn:
            return await self._shared.get(question, lambda: self._source.book(symbol, depth))

    async def funding_history(self, symbol: str, since: datetime) -> Sequence[Point] | Gap:
        """See the Protocol."""
        # ``since`` differs by when a portfolio began: to the hour it is one question, and more is told than asked.
        hour = since.replace(minute=0, second=0, microsecond=0)
        question = Question(f"settled {symbol} {hour.isoformat()}", f"settled {symbol}", SETTLED_FOR, codecs.POINTS)
        async with self._turn:
            found = await self._shared.get(question, lambda: self._source.funding_history(symbol, hour))
        if isinstance(found, Gap):
            return found
        since_ms = since.timestamp() * 1000
        return [point for point in found if point[0] > since_ms]

    async def now(self) -> datetime | Gap:
        """The venue's own clock: measured now and then, and running on as ours does in between."""

        async def measure() -> timedelta | Gap:
            clock = self._shared.clock
            before = clock.now()
            there = await self._source.now()
            if isinstance(there, Gap):
                return there
            slack = (clock.now() - before) / 2
            ahead = there - (before + slack)
            # Only what is proven of it: whoever is told later cannot see how long the answer took.
            proven = max(timedelta(0), abs(ahead) - slack)
            return proven if ahead > timedelta(0) else -proven

        question = Question("now", "now", MOMENT, codecs.AHEAD)
        ahead = await self._shared.get(question, measure, apart=self._shared.own_time)
        return ahead if isinstance(ahead, Gap) else self._shared.clock.now() + ahead
