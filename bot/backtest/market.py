"""Owns the recorded market as the engine reads it: the data port over a scene, each instant worked out once.

It tells what a venue's public calls in bulk tell, and no more: of spot the bid and the ask, of a perpetual the mark, of
funding the rate, no maintenance margin, and volumes only every few hours. So a run over the past decides as mode paper
does over the same tape.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from bot.core.instruments import Market, is_swap
from bot.core.numbers import from_milliseconds, milliseconds
from bot.core.snapshot import Book, Funding, Point, Ticker
from bot.ports.clock import Clock
from bot.ports.venue import Gap
from bot.venues.simulated.columns import Columns
from bot.venues.simulated.scene import Scene
from bot.venues.simulated.timeframes import TIMEFRAME_MS

VOLUMES_FOR = timedelta(hours=4)  # as long as a live venue's volumes are kept: they are dear to ask and slow to change


class PastMarket:
    """`bot.ports.venue.MarketData` over a scene at the clock's now; of the symbols in ``wanted`` alone.

    A scene's answers are a function of the instant, so that what was asked once at an instant is not asked again.
    """

    def __init__(self, scene: Scene, clock: Clock, wanted: Collection[str]) -> None:
        self._scene = scene
        self._clock = clock
        untold = {"maintenance_rate": None}
        listed = {name: market for name, market in scene.markets().items() if name in wanted}
        self._listed = {name: market.model_copy(update=untold) for name, market in listed.items()}
        self._closed = {name: market.model_copy(update={"active": False}) for name, market in self._listed.items()}
        self._at: datetime | None = None
        self._quotes: dict[str, Ticker] | None = None
        self._books: dict[str, Book | None] = {}
        self._columns: Mapping[str, Columns] = {}
        self._rows: Mapping[int, int] = {}
        self._asked_at: datetime | None = None  # when volumes were last asked for
        self._volumes: tuple[datetime, dict[str, Decimal]] | None = None

    def know(self, columns: Mapping[str, Columns], times_ms: NDArray[np.int64]) -> None:
        """Read quotes at these instants off columns, which have the same numbers."""
        self._columns = columns
        self._rows = {time_ms: row for row, time_ms in enumerate(times_ms.tolist())}

    def book_at(self, symbol: str, at: datetime) -> Book | None:
        """The book of an instant."""
        return self._scene.book(symbol, at)

    async def markets(self) -> Mapping[str, Market]:
        """As the scene lists them; one without a price is inactive."""
        quotes = self._quoted()
        return {name: market if name in quotes else self._closed[name] for name, market in self._listed.items()}

    async def quotes(self) -> Mapping[str, Ticker] | Gap:
        """Bid and ask of every spot symbol that has a price, the mark of every perpetual."""
        return self._quoted()

    async def funding(self) -> Mapping[str, Funding] | Gap:
        """Funding of every perpetual that has some."""
        return self.funding_at(self._clock.now())

    def funding_at(self, at: datetime) -> Mapping[str, Funding]:
        """The funding of an instant."""
        known = {name: self._scene.funding(name, at) for name in self._listed if is_swap(name)}
        untold = {"predicted": None}
        return {name: funding.model_copy(update=untold) for name, funding in known.items() if funding is not None}

    async def candles(self, symbol: str, timeframe: str, since: datetime, limit: int) -> NDArray[np.float64] | Gap:
        """Closed bars only."""
        at = self._clock.now()
        length = TIMEFRAME_MS.get(timeframe)
        if length is None or symbol not in self._listed:
            return Gap(f"candles {symbol} {timeframe}", "no such symbol or timeframe here")
        bars = self._scene.candles(symbol, timeframe, milliseconds(since), limit + 1, at)
        return bars[bars[:, 0] + length <= milliseconds(at)][:limit]

    async def book(self, symbol: str, depth: int) -> Book | Gap:
        """The book, ``depth`` levels a side."""
        book = self._booked(symbol)
        if book is None:
            return Gap(f"book {symbol}", "nobody quotes it now")
        if max(len(book.bids), len(book.asks)) <= depth:
            return book
        return book.model_copy(update={"bids": book.bids[:depth], "asks": book.asks[:depth]})

    async def funding_history(self, symbol: str, since: datetime) -> Sequence[Point] | Gap:
        """The settlements after ``since``."""
        if not is_swap(symbol) or symbol not in self._listed:
            return Gap(f"funding history {symbol}", "no such perpetual here")
        at = self._clock.now()
        return [(milliseconds(when), rate) for when, rate in self._scene.settled(symbol, since, at)]

    async def now(self) -> datetime | Gap:
        """The clock's now: nobody else's is here to differ."""
        return self._clock.now()

    # ---- one instant

    def _turn(self) -> datetime:
        at = self._clock.now()
        if at != self._at:
            self._at, self._quotes = at, None
            self._books.clear()
        return at

    def _booked(self, symbol: str) -> Book | None:
        at = self._turn()
        if symbol not in self._books:
            self._books[symbol] = self._scene.book(symbol, at) if symbol in self._listed else None
        return self._books[symbol]

    def _quoted(self) -> dict[str, Ticker]:
        at = self._turn()
        if self._quotes is None:
            made = {name: self._ticker(name, at) for name in self._listed}
            self._quotes = {name: ticker for name, ticker in made.items() if ticker is not None}
        return self._quotes

    def _volumes_of(self, at: datetime) -> dict[str, Decimal]:
        asked_at = self.passed(at)
        if self._volumes is None or self._volumes[0] != asked_at:
            self._volumes = (asked_at, {name: self._scene.quote_volume(name, asked_at) for name in self._listed})
        return self._volumes[1]

    def passed(self, at: datetime) -> datetime:
        """Quotes were, or would have been, read at ``at``; when the volumes among them are from."""
        if self._asked_at is None or at - self._asked_at > VOLUMES_FOR:
            self._asked_at = at
        return self._asked_at

    def passed_all(self, times_ms: NDArray[np.int64]) -> None:
        """Quotes would have been read at each of these instants, oldest first."""
        row, kept_ms = 0, VOLUMES_FOR // timedelta(milliseconds=1)
        while row < len(times_ms):
            asked_at = self.passed(from_milliseconds(int(times_ms[row])))
            row = max(row + 1, int(np.searchsorted(times_ms, milliseconds(asked_at) + kept_ms, side="right")))

    def _ticker(self, symbol: str, at: datetime) -> Ticker | None:
        columns, row = self._columns.get(symbol), self._rows.get(milliseconds(at))
        if columns is not None and row is not None:
            return self._from_columns(symbol, columns, row, at)
        price = self._scene.price(symbol, at)
        if price is None:
            return None
        volume = self._volumes_of(at)[symbol]
        if is_swap(symbol):
            return Ticker(last=price, quote_volume=volume, at=at)
        book = self._booked(symbol)
        if book is None or not book.bids or not book.asks:
            return None
        return Ticker(bid=book.bids[0][0], ask=book.asks[0][0], quote_volume=volume, at=at)

    def _from_columns(self, symbol: str, columns: Columns, row: int, at: datetime) -> Ticker | None:
        """The same, without making a book; built valid: parsing it again would cost more than making."""
        mid, bid, ask = int(columns.mid[row]), int(columns.bid[row]), int(columns.ask[row])
        if not mid or not (bid or is_swap(symbol)):
            return None
        volume = self._volumes_of(at)[symbol]
        if is_swap(symbol):
            return Ticker.model_construct(last=Decimal(mid).scaleb(-columns.tick), quote_volume=volume, at=at)
        best, asked = (Decimal(side).scaleb(-columns.tick) for side in (bid, ask))
        return Ticker.model_construct(bid=best, ask=asked, quote_volume=volume, at=at)
