"""Owns what a paper account sees: market data passed on from a real venue and shown to its scene on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from bot.core.instruments import Market
from bot.core.snapshot import Book, Funding, Point, Ticker
from bot.ports.clock import Clock
from bot.ports.venue import Gap, MarketData
from bot.venues.simulated.observed import ObservedScene

__all__ = ["ObservedMarket", "ObservedScene"]


class ObservedMarket:
    """`MarketData` over another one; every answer is also an observation of ``scene``, dated when it came."""

    def __init__(self, source: MarketData, scene: ObservedScene, clock: Clock) -> None:
        self._source = source
        self._scene = scene
        self._clock = clock

    async def markets(self) -> Mapping[str, Market]:
        """Filters and fees."""
        markets = await self._source.markets()
        self._scene.saw_markets(markets)
        return markets

    async def quotes(self) -> Mapping[str, Ticker] | Gap:
        """Tickers; a Gap is no observation."""
        quotes = await self._source.quotes()
        if not isinstance(quotes, Gap):
            self._scene.saw_quotes(quotes, self._clock.now())
        return quotes

    async def funding(self) -> Mapping[str, Funding] | Gap:
        """Funding of every perpetual."""
        funding = await self._source.funding()
        if not isinstance(funding, Gap):
            self._scene.saw_funding(funding, self._clock.now())
        return funding

    async def candles(self, symbol: str, timeframe: str, since: datetime, limit: int) -> NDArray[np.float64] | Gap:
        """Passed on; a bar tells of the past, not of what can be traded now."""
        return await self._source.candles(symbol, timeframe, since, limit)

    async def book(self, symbol: str, depth: int) -> Book | Gap:
        """The order book."""
        book = await self._source.book(symbol, depth)
        if not isinstance(book, Gap):
            self._scene.saw_book(symbol, book, self._clock.now())
        return book

    async def funding_history(self, symbol: str, since: datetime) -> Sequence[Point] | Gap:
        """Passed on: what was settled before is no news to the account."""
        return await self._source.funding_history(symbol, since)

    async def now(self) -> datetime | Gap:
        """The venue's own clock."""
        return await self._source.now()
