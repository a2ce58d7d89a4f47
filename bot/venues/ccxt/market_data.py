"""Owns a real venue's public reads in bulk, each kept for as long as a cycle or a day needs it. Writes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, Generic, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from bot.core.instruments import Market, is_swap
from bot.core.numbers import milliseconds
from bot.core.snapshot import Book, Funding, Point, Ticker
from bot.ports.clock import Clock
from bot.ports.errors import Rejected, VenueError
from bot.ports.venue import Gap
from bot.venues.ccxt import mapping
from bot.venues.ccxt.line import Line
from bot.venues.ccxt.profiles import Premium

ONE_CYCLE = timedelta(seconds=1)  # quotes() and funding() of the same cycle are one request
A_DAY = timedelta(days=1)
VOLUMES_FOR = timedelta(hours=4)  # dear to ask, slow to change
USUAL_HOURS = Decimal(8)
RATES_MOST = 4_000  # of eight hours each: over three years
T = TypeVar("T")
Numbers = Mapping[str, Decimal]
#: Numbers by symbol that other processes of this machine were told too, and when they were asked for (venue time):
#: given what they are, how long they stand, and what asks for them.
Nearby = Callable[[str, timedelta, Callable[[], Awaitable[Numbers]]], Awaitable[tuple[Numbers, datetime]]]


class Kept(Generic[T]):
    """One answer, asked anew when older than ``keep`` of venue time; who asks meanwhile waits for the same one.

    ``dated``: asks in the place of ``ask``, and says since when the answer stands.
    """

    def __init__(
        self,
        clock: Clock,
        keep: timedelta,
        ask: Callable[[], Awaitable[T]],
        dated: Callable[[], Awaitable[tuple[T, datetime]]] | None = None,
    ) -> None:
        self._clock = clock
        self._keep = keep
        self._ask = ask
        self._dated = dated
        self._turn = asyncio.Lock()
        self._answer: tuple[datetime, T] | None = None

    async def get(self) -> T:
        """The answer; what asking raises is not kept."""
        async with self._turn:
            now = self._clock.now()
            if self._answer is None or not timedelta(0) <= now - self._answer[0] <= self._keep:
                if self._dated is None:
                    self._answer = (now, await self._ask())
                else:
                    value, at = await self._dated()
                    self._answer = (at, value)
            return self._answer[1]

    def forget(self) -> None:
        """Ask anew next time."""
        self._answer = None


class CcxtMarketData:
    """Port `MarketData`. ``nearby``: what changes slowly is asked for once for all processes of this machine."""

    def __init__(self, line: Line, nearby: Nearby | None = None) -> None:
        self._line = line
        self._markets = Kept(line.clock, A_DAY, self._ask_markets)
        self._premiums = Kept(line.clock, ONE_CYCLE, self._ask_premiums)
        hours = volumes = None
        if nearby is not None:
            hours = partial(nearby, "funding hours", A_DAY, self._ask_hours)
            volumes = partial(nearby, "volumes", VOLUMES_FOR, self._ask_volumes)
        self._hours = Kept(line.clock, A_DAY, self._ask_hours, hours)
        self._volumes = Kept(line.clock, VOLUMES_FOR, self._ask_volumes, volumes)
        self._loaded = False

    async def markets(self) -> Mapping[str, Market]:
        """Filters and fees, reloaded daily; raises `VenueError`."""
        return await self._markets.get()

    async def quotes(self) -> Mapping[str, Ticker] | Gap:
        """Spot bid and ask; perpetuals the mark as last (their book is read where it matters)."""
        line = self._line
        spot = await line.gap("quotes", lambda: line.profile.quotes(line.client))
        if isinstance(spot, Gap):
            return spot
        at = line.clock.now()
        volumes = await self._volumes_or_none()
        found = {
            one.symbol: Ticker(bid=one.bid, ask=one.ask, quote_volume=volumes.get(one.symbol), at=at) for one in spot
        }
        if line.has_swap:
            try:
                premiums = await self._premiums.get()
            except VenueError as error:
                return Gap("quotes", f"mark prices: {error}")
            found |= {
                one.symbol: Ticker(last=one.mark, quote_volume=volumes.get(one.symbol), at=one.at or at)
                for one in premiums
                if one.mark is not None
            }
        return found

    async def funding(self) -> Mapping[str, Funding] | Gap:
        """Funding of every perpetual; a symbol without a rate is left out."""
        line = self._line
        if not line.has_swap:
            return {}
        try:
            premiums, hours = await self._premiums.get(), await self._hours.get()
        except VenueError as error:
            return Gap("funding", str(error))
        return {
            one.symbol: Funding(
                rate=one.rate,
                interval_hours=one.hours or hours.get(one.symbol, USUAL_HOURS),
                next_at=one.next_at,
                at=one.at,
            )
            for one in premiums
            if one.rate is not None
        }

    async def candles(self, symbol: str, timeframe: str, since: datetime, limit: int) -> NDArray[np.float64] | Gap:
        """Closed bars opened at or after ``since``, at most ``limit``, oldest first; pages as the venue serves them."""
        what = f"candles {symbol} {timeframe}"
        line = self._line
        try:
            length_ms = mapping.span_ms(timeframe)
            if not line.lists(symbol):
                return Gap(what, "not listed here")
            rows = await self._pages(what, symbol, timeframe, milliseconds(since), limit, length_ms)
            closed = mapping.bars(rows, timeframe, milliseconds(line.clock.now()) + line.client.skew_ms)
        except (VenueError, ValueError) as error:
            return Gap(what, f"{type(error).__name__}: {error}")
        return closed[closed[:, 0] >= milliseconds(since)][:limit]

    async def _pages(
        self, what: str, symbol: str, timeframe: str, since_ms: int, limit: int, length_ms: int
    ) -> Sequence[Sequence[Any]]:
        line = self._line
        page = line.profile.candles_most[_side(symbol)]
        rows: list[Sequence[Any]] = []
        # One more than asked for: the last one may be unfinished.
        while len(rows) <= limit:
            count = min(page, limit + 1 - len(rows))
            start_ms = since_ms

            async def ask(start_ms: int = start_ms, count: int = count) -> Sequence[Sequence[Any]]:
                return await line.profile.candles(line.client, symbol, timeframe, start_ms, count)

            got = await line.read(what, ask)
            rows.extend(got)
            newest_ms = int(got[-1][0]) if got else 0
            # A short page is no end: some venues leave out the bar at its edge.
            if newest_ms < since_ms or newest_ms + length_ms > milliseconds(line.clock.now()) + line.client.skew_ms:
                break
            since_ms = newest_ms + length_ms
        return rows

    async def book(self, symbol: str, depth: int) -> Book | Gap:
        """The order book, at most ``depth`` levels a side."""
        line = self._line
        what = f"book {symbol}"
        if depth < 1:
            return Gap(what, f"depth {depth} must be at least 1")

        async def ask() -> Book:
            if not line.lists(symbol):
                raise Rejected("not listed here")
            offered = line.profile.book_depths[_side(symbol)]
            served = next((size for size in offered if size >= depth), offered[-1] if offered else depth)
            raw = await line.client.fetch_order_book(symbol, served)
            return Book(
                bids=_levels(raw["bids"], f"{what}: bid")[:depth],
                asks=_levels(raw["asks"], f"{what}: ask")[:depth],
                at=line.clock.now(),
            )

        return await line.gap(what, ask)

    async def funding_history(self, symbol: str, since: datetime) -> Sequence[Point] | Gap:
        """Settled rates after ``since``, oldest first; page by page."""
        line, what = self._line, f"funding history {symbol}"
        if not is_swap(symbol) or not line.lists(symbol):
            return Gap(what, "not listed here")
        most = line.profile.rates_most
        found: dict[float, Decimal] = {}
        start_ms = milliseconds(since) + 1
        for _ in range(-(-RATES_MOST // most)):

            async def ask(start_ms: int = start_ms) -> list[Point]:
                rates = await line.profile.funding_rates(line.client, symbol, start_ms, most)
                return [(float(at_ms), rate) for at_ms, rate in rates]

            page = await line.gap(what, ask)
            if isinstance(page, Gap):
                return page
            found |= dict(page)
            if len(page) < most:
                break
            start_ms = int(max(at_ms for at_ms, _ in page)) + 1
        return sorted((at_ms, rate) for at_ms, rate in found.items() if at_ms > milliseconds(since))

    async def now(self) -> datetime | Gap:
        """The venue's own clock, as of the middle of asking."""
        try:
            return await self._line.server_now()
        except VenueError as error:
            return Gap("server time", str(error))

    async def _ask_markets(self) -> Mapping[str, Market]:
        line = self._line
        if self._loaded:
            await line.load_markets()
            await line.sync()
        self._loaded = True
        return await line.read("markets", lambda: line.profile.markets(line.client, private=line.private))

    def forget_markets(self) -> None:
        """Load them anew next time: the venue did not know a symbol."""
        self._markets.forget()

    async def _ask_premiums(self) -> Sequence[Premium]:
        line = self._line
        return await line.read("premium index", lambda: line.profile.premiums(line.client))

    async def _ask_hours(self) -> Mapping[str, Decimal]:
        line = self._line
        return await line.read("funding intervals", lambda: line.profile.funding_hours(line.client))

    async def _ask_volumes(self) -> Mapping[str, Decimal]:
        line = self._line
        return await line.read("volumes", lambda: line.profile.volumes(line.client, swap=line.has_swap))

    async def _volumes_or_none(self) -> Mapping[str, Decimal]:
        """A volume that cannot be read is unknown, and no reason to be without prices."""
        try:
            return await self._volumes.get()
        except VenueError:
            return {}


def _side(symbol: str) -> Literal["spot", "swap"]:
    return "swap" if is_swap(symbol) else "spot"


def _levels(rows: Any, what: str) -> tuple[tuple[Decimal, Decimal], ...]:
    return tuple((mapping.decimal(row[0], what), mapping.decimal(row[1], what)) for row in rows)
