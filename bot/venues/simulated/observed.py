"""Owns the scene of a paper account: what was seen of a real market, and nothing that was not. No I/O, no clock."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bot.core.instruments import Market, is_swap
from bot.core.numbers import ZERO, floor_to
from bot.core.snapshot import Book, Feeds, Funding, Ticker
from bot.venues.simulated.scene import ScriptedFlow, top_of

SEEN_MAX = 16  # observations of a symbol; a venue lists thousands, and an account looks at least once between two
STALE_AFTER = timedelta(minutes=5)
BOOK_LAG = timedelta(minutes=1)
LEVELS = 20
DEPTH_OF_VOLUME = Decimal("0.001")
ONE_TICK_LATER = timedelta(microseconds=1)


class _Seen(NamedTuple):
    at: datetime
    price: Decimal
    ticker: Ticker


class _Late(NamedTuple):
    """A settlement nobody watched, charged when it became known."""

    at: datetime
    rate: Decimal


class ObservedScene:
    """A scene fed by observations in the order of time.

    A price older than ``stale_after`` is unknown: nothing fills at it. A book more than ``book_lag`` older than the
    quotes is not used. A symbol's traded range is the range of what was seen. Funding settles on the observed grid at
    the rate last seen before. ``resumed_at``: the instant up to which a restored account has been charged already;
    settlements between then and the first observation are charged late, at the first rate seen, for the real one
    cannot be known any more.
    """

    def __init__(
        self,
        start: datetime,
        *,
        resumed_at: datetime | None = None,
        stale_after: timedelta = STALE_AFTER,
        book_lag: timedelta = BOOK_LAG,
    ) -> None:
        self._start = start
        self._resumed_at = resumed_at
        self._stale_after = stale_after
        self._book_lag = book_lag
        self._markets: dict[str, Market] = {}
        self._seen: dict[str, deque[_Seen]] = {}
        self._books: dict[str, tuple[datetime, Book]] = {}
        self._unmade: dict[str, tuple[datetime, Callable[[], Book | None]]] = {}
        self._fundings: dict[str, deque[tuple[datetime, Funding]]] = {}
        self._late: dict[str, list[_Late]] = {}

    def resume(self, at: datetime) -> None:
        """Say up to when a restored account was charged; before the first observation."""
        self._resumed_at = at

    # ---- observations

    def saw_markets(self, markets: Mapping[str, Market]) -> None:
        """What is listed."""
        self._markets = dict(markets)

    def saw_quotes(self, quotes: Mapping[str, Ticker], at: datetime) -> None:
        """Tickers as read at ``at``; one without a sane price says nothing."""
        for symbol, ticker in quotes.items():
            price = _price_of(symbol, ticker)
            if price is not None:
                self._seen.setdefault(symbol, deque(maxlen=SEEN_MAX)).append(_Seen(at, price, ticker))

    def saw_book(self, symbol: str, book: Book, at: datetime) -> None:
        """A book as read at ``at``."""
        if book.bids and book.asks and book.bids[0][0] < book.asks[0][0]:
            self._unmade.pop(symbol, None)
            self._books[symbol] = (at, book)

    def saw_book_unmade(self, symbol: str, make: Callable[[], Book | None], at: datetime) -> None:
        """A book as read at ``at``, which is made when somebody asks for it: mostly nobody does."""
        self._unmade[symbol] = (at, make)

    def saw_funding(self, fundings: Mapping[str, Funding], at: datetime) -> None:
        """Funding as read at ``at``."""
        for symbol, funding in fundings.items():
            known = self._fundings.setdefault(symbol, deque(maxlen=SEEN_MAX))
            if not known and self._resumed_at is not None and funding.next_at is not None:
                missed = _grid_between(funding, self._resumed_at, at)
                self._late[symbol] = [_Late(at + ONE_TICK_LATER, funding.rate) for _ in missed]
            known.append((at, funding))

    # ---- Scene

    @property
    def start(self) -> datetime:
        """When the account opened."""
        return self._start

    @property
    def end(self) -> datetime | None:
        """Nobody knows."""
        return None

    def markets(self) -> Mapping[str, Market]:
        """As last listed; empty before."""
        return self._markets

    def price(self, symbol: str, at: datetime) -> Decimal | None:
        """The last price seen by ``at``, unless it is stale."""
        seen = self._fresh(symbol, at)
        return seen.price if seen else None

    def book(self, symbol: str, at: datetime) -> Book | None:
        """The book as seen; one that newer quotes have outlived is made anew from spread and volume, or unknown."""
        quoted = self._fresh(symbol, at)
        if quoted is None:
            return None
        if symbol in self._unmade:
            asked_at, make = self._unmade.pop(symbol)
            made = make()
            if made is not None:
                self.saw_book(symbol, made, asked_at)
        seen = self._books.get(symbol)
        if seen is not None and seen[0] <= at <= seen[0] + self._stale_after and quoted.at - seen[0] <= self._book_lag:
            return seen[1]
        return _made_book(quoted.ticker, self._markets.get(symbol), at)

    def touch(self, symbol: str, at: datetime) -> tuple[Decimal | None, Decimal | None] | None:
        """The book's top."""
        return top_of(self.book(symbol, at))

    def extremes(self, symbol: str, after: datetime, upto: datetime) -> tuple[Decimal, Decimal] | None:
        """The range of what was seen in (after, upto], and of the price that stood at ``after``."""
        prices = [seen.price for seen in self._seen.get(symbol, ()) if after < seen.at <= upto]
        standing = self.price(symbol, after)
        if standing is not None:
            prices.append(standing)
        return (min(prices), max(prices)) if prices else None

    def funding(self, symbol: str, at: datetime) -> Funding | None:
        """As last seen by ``at``."""
        return next((funding for when, funding in reversed(self._fundings.get(symbol, ())) if when <= at), None)

    def settled(self, symbol: str, after: datetime, upto: datetime) -> Sequence[tuple[datetime, Decimal]]:
        """Settlements in (after, upto] by the grid, at the rate last seen before each; missed ones once known."""
        known = list(self._fundings.get(symbol, ()))
        made = [(late.at, late.rate) for late in self._late.get(symbol, ()) if after < late.at <= upto]
        for number, (seen_at, funding) in enumerate(known):
            until = known[number + 1][0] if number + 1 < len(known) else upto
            grid = _grid_between(funding, max(seen_at, after), min(until, upto))
            made.extend((instant, funding.rate) for instant in grid)
        return sorted(made)

    def candles(self, symbol: str, timeframe: str, since_ms: int, limit: int, at: datetime) -> NDArray[np.float64]:
        """None of its own: paper reads them where the prices come from."""
        del symbol, timeframe, since_ms, limit, at
        return np.empty((0, 6), dtype=np.float64)

    def quote_volume(self, symbol: str, at: datetime) -> Decimal:
        """As last seen; 0 while nobody has seen any (a book is not made from it then)."""
        seen = self._newest(symbol, at)
        volume = seen.ticker.quote_volume if seen else None
        return ZERO if volume is None else volume

    def feeds(self, at: datetime) -> Feeds:
        """None of its own."""
        del at
        return Feeds()

    def flows(self, after: datetime, upto: datetime) -> Sequence[ScriptedFlow]:
        """Nobody pays into a paper account."""
        del after, upto
        return ()

    def _newest(self, symbol: str, at: datetime) -> _Seen | None:
        return next((seen for seen in reversed(self._seen.get(symbol, ())) if seen.at <= at), None)

    def _fresh(self, symbol: str, at: datetime) -> _Seen | None:
        seen = self._newest(symbol, at)
        return seen if seen is not None and at - seen.at <= self._stale_after else None


def _price_of(symbol: str, ticker: Ticker) -> Decimal | None:
    """A perpetual's mark (its last), a spot symbol's mid; the other where that is missing."""
    sane = ticker.bid is not None and ticker.ask is not None and 0 < ticker.bid < ticker.ask
    mid = (ticker.bid + ticker.ask) / 2 if sane and ticker.bid is not None and ticker.ask is not None else None
    last = ticker.last if ticker.last is not None and ticker.last > 0 else None
    first, second = (last, mid) if is_swap(symbol) else (mid, last)
    return second if first is None else first


def _grid_between(funding: Funding, after: datetime, upto: datetime) -> list[datetime]:
    """The settlement instants in (after, upto]: ``next_at`` and whole intervals from it, both ways."""
    if funding.next_at is None or upto <= after:
        return []
    interval = timedelta(microseconds=int(funding.interval_hours * 3_600_000_000))
    first = funding.next_at + ((after - funding.next_at) // interval + 1) * interval
    count = (upto - first) // interval + 1 if first <= upto else 0
    return [first + number * interval for number in range(count)]


def _made_book(ticker: Ticker, market: Market | None, at: datetime) -> Book | None:
    """A book of ``LEVELS`` a side, the ticker's spread apart, that holds 0.1 % of the day's volume a side."""
    bid, ask, volume = ticker.bid, ticker.ask, ticker.quote_volume
    if bid is None or ask is None or not 0 < bid < ask or not volume:
        return None
    tick = market.tick if market else None
    gap = floor_to(ask - bid, tick) or ask - bid
    size = volume * DEPTH_OF_VOLUME / LEVELS / ask
    bids = tuple((bid - gap * number, size) for number in range(LEVELS) if bid > gap * number)
    asks = tuple((ask + gap * number, size) for number in range(LEVELS))
    return Book.model_construct(bids=bids, asks=asks, at=at)
