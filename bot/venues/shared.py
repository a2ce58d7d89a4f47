"""Owns one reader of a venue's market for many portfolios: asked once, told to all who may still trade on it."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
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

T = TypeVar("T")
A_DAY: Final = timedelta(days=1)
SETTLED_FOR: Final = timedelta(minutes=5)  # settled rates: the shortest time after which somebody asks again
MOMENT: Final = timedelta(seconds=5)  # the venue's clock against ours, and what is not whole yet
ANSWERS_MOST: Final = 4_000
OF_A_LIMIT: Final = 4  # what is told again is at most this part of the age at which it is too old to trade on
WAITING_MOST: Final = 2  # reads of one portfolio under way or waiting: the next portfolio's come in between


@dataclass(slots=True)
class _Answer:
    """An answer that is there, or on its way; ``at``: venue time when it was asked for."""

    at: datetime
    task: asyncio.Task[Any]


class SharedMarket:
    """What portfolios of one venue in one process share. ``source`` is asked; each portfolio has a `Seat`.

    Who asks while the same question is under way waits for that answer. A Gap is told to those who waited for it, and
    to nobody after them. ``asked`` counts what the source was asked, ``told`` what was answered.
    """

    def __init__(self, source: MarketData, clock: Clock) -> None:
        self.source = source
        self.clock = clock
        self.asked = 0
        self.told = 0
        self._answers: OrderedDict[Hashable, _Answer] = OrderedDict()

    async def get(
        self,
        question: Hashable,
        keep: timedelta,
        ask: Callable[[], Awaitable[T]],
        whole: Callable[[T], bool] = lambda _answer: True,
    ) -> T:
        """The answer of at most ``keep`` ago (venue time), else a new one; what asking raises is raised to all.

        One that is not ``whole`` yet stands for a moment only.
        """
        self.told += 1
        known = self._answers.get(question)
        if known is None or not self._good(known, keep, whole):
            self.asked += 1
            known = _Answer(self.clock.now(), asyncio.ensure_future(_asked(ask)))
            self._answers[question] = known
            while len(self._answers) > ANSWERS_MOST:
                self._answers.popitem(last=False)
        self._answers.move_to_end(question)
        # One portfolio that ends must not take away the answer that others wait for.
        return cast("T", await asyncio.shield(known.task))

    def _good(self, known: _Answer, keep: timedelta, whole: Callable[[Any], bool]) -> bool:
        if not known.task.done():
            return not known.task.cancelling()
        if known.task.cancelled() or known.task.exception() is not None or isinstance(known.task.result(), Gap):
            return False
        lasts = keep if whole(known.task.result()) else min(keep, MOMENT)
        return timedelta(0) <= self.clock.now() - known.at <= lasts

    async def close(self) -> None:
        """End what is under way; safe to call twice."""
        tasks = [answer.task for answer in self._answers.values() if not answer.task.done()]
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
        return await self._shared.get("quotes", self._quotes_for, self._source.quotes)

    async def funding(self) -> Mapping[str, Funding] | Gap:
        """See the Protocol."""
        return await self._shared.get("funding", self._funding_for, self._source.funding)

    async def candles(self, symbol: str, timeframe: str, since: datetime, limit: int) -> NDArray[np.float64] | Gap:
        """See the Protocol. An answer stands until the next bar closes."""
        length_s = parse_duration(timeframe).total_seconds()
        bar = int(self._shared.clock.now().timestamp() // length_s)
        newest_ms = (bar - 1) * length_s * 1000

        def whole(bars: NDArray[np.float64]) -> bool:
            # A venue may be late with the bar that has just closed.
            return len(bars) >= limit or bool(len(bars) and bars[-1, 0] >= newest_ms)

        async with self._turn:
            return await self._shared.get(
                ("candles", symbol, timeframe, since, limit, bar),
                A_DAY,
                lambda: self._source.candles(symbol, timeframe, since, limit),
                lambda bars: isinstance(bars, Gap) or whole(bars),
            )

    async def book(self, symbol: str, depth: int) -> Book | Gap:
        """See the Protocol."""
        async with self._turn:
            question = ("book", symbol, depth)
            return await self._shared.get(question, self._quotes_for, lambda: self._source.book(symbol, depth))

    async def funding_history(self, symbol: str, since: datetime) -> Sequence[Point] | Gap:
        """See the Protocol."""
        async with self._turn:
            # ``since`` differs by when a portfolio began: to the hour it is one question, and more is told than asked.
            hour = since.replace(minute=0, second=0, microsecond=0)
            found = await self._shared.get(
                ("settled", symbol, hour), SETTLED_FOR, lambda: self._source.funding_history(symbol, hour)
            )
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

        ahead = await self._shared.get("now", MOMENT, measure)
        return ahead if isinstance(ahead, Gap) else self._shared.clock.now() + ahead


async def _asked(ask: Callable[[], Awaitable[T]]) -> T:
    return await ask()
