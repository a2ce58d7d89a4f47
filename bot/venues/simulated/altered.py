"""Owns the scene as outsiders altered it: shocked prices, changed filters, symbols that are gone. Changes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from bot.core.instruments import Market
from bot.core.numbers import ONE, ceil_to, floor_to, from_milliseconds
from bot.core.snapshot import Book, Feeds, Funding
from bot.venues.simulated.alterations import Alterations, Filters
from bot.venues.simulated.scene import Scene, ScriptedFlow, top_of
from bot.venues.simulated.timeframes import TIMEFRAME_MS

Levels = Sequence[tuple[Decimal, Decimal]]
#: The plain scene's markets, the filters and delistings over them, and what they come to.
_Listed = tuple[Mapping[str, Market], dict[str, Filters], frozenset[str], dict[str, Market]]
PRICES = slice(1, 5)  # of a bar: open, high, low, close


class AlteredScene:
    """A scene seen through `Alterations`; with none in force it answers as the plain one does."""

    def __init__(self, plain: Scene, altered: Alterations) -> None:
        self.plain = plain
        self._altered = altered
        self._listed: _Listed | None = None

    @property
    def start(self) -> datetime:
        """As the plain scene."""
        return self.plain.start

    @property
    def end(self) -> datetime | None:
        """As the plain scene."""
        return self.plain.end

    def markets(self) -> Mapping[str, Market]:
        """What is listed now, with the filters of now."""
        listed, filters, gone = self.plain.markets(), self._altered.filters, self._altered.delisted
        if not filters and not gone:
            return listed
        known = self._listed
        if known is None or known[0] is not listed or known[1] != filters or known[2] != gone.keys():
            made = {
                symbol: filters[symbol].on(market) if symbol in filters else market
                for symbol, market in listed.items()
                if symbol not in gone
            }
            known = self._listed = (listed, dict(filters), frozenset(gone), made)
        return known[3]

    def price(self, symbol: str, at: datetime) -> Decimal | None:
        """Shocked, on the tick of now, never below one tick; None once it is delisted."""
        price = self.plain.price(symbol, at)
        if price is None or not self._altered.lists(symbol, at):
            return None
        factor = self._altered.factor(symbol, at)
        tick = self._changed_tick(symbol)
        return price if factor == ONE and tick is None else self._on_tick(symbol, price * factor)

    def book(self, symbol: str, at: datetime) -> Book | None:
        """The plain book moved with the price: its levels keep their distances and sizes."""
        if not self._altered.lists(symbol, at):
            return None
        book = self.plain.book(symbol, at)
        if book is None or self._is_plain(symbol):
            return book
        before, now = self.plain.price(symbol, at), self.price(symbol, at)
        if before is None or now is None or (before == now and self._changed_tick(symbol) is None):
            return book
        tick = self._tick(symbol)
        bids = [(floor_to(price + now - before, tick), size) for price, size in book.bids]
        asks = [(ceil_to(price + now - before, tick), size) for price, size in book.asks]
        return book.model_copy(update={"bids": _merged(bids), "asks": _merged(asks)})

    def touch(self, symbol: str, at: datetime) -> tuple[Decimal | None, Decimal | None] | None:
        """The altered book's best bid and ask."""
        if not self._is_plain(symbol):
            return top_of(self.book(symbol, at))
        return self.plain.touch(symbol, at) if self._altered.lists(symbol, at) else None

    def _is_plain(self, symbol: str) -> bool:
        """Whether nobody ever altered its price or its tick."""
        return self._changed_tick(symbol) is None and not any(one.symbol == symbol for one in self._altered.shocks)

    def extremes(self, symbol: str, after: datetime, upto: datetime) -> tuple[Decimal, Decimal] | None:
        """Each stretch between two shocks' edges by itself; a recovery moves one way, so its ends bound it."""
        if not any(shock.symbol == symbol for shock in self._altered.shocks):
            return self.plain.extremes(symbol, after, upto)
        stops = [after, *self._altered.edges(symbol, after, upto), upto]
        seen: list[Decimal] = []
        for begin, end in pairwise(stops):
            span = self.plain.extremes(symbol, begin, end)
            if span is None:
                continue
            # An edge's own instant belongs to what begins there, so both sides of it are looked at.
            factors = self._factors(symbol, begin, end)
            seen += [self._on_tick(symbol, price * factor) for price in span for factor in factors]
        return (min(seen), max(seen)) if seen else None

    def _factors(self, symbol: str, begin: datetime, end: datetime) -> tuple[Decimal, Decimal, Decimal]:
        before_end = begin + (end - begin) * 0.999999
        return (
            self._altered.factor(symbol, begin),
            self._altered.factor(symbol, before_end),
            self._altered.factor(symbol, end),
        )

    def funding(self, symbol: str, at: datetime) -> Funding | None:
        """As the plain scene, while it is listed."""
        return self.plain.funding(symbol, at) if self._altered.lists(symbol, at) else None

    def settled(self, symbol: str, after: datetime, upto: datetime) -> Sequence[tuple[datetime, Decimal]]:
        """As the plain scene, while it is listed."""
        due = self.plain.settled(symbol, after, upto)
        return [(at, rate) for at, rate in due if self._altered.lists(symbol, at)]

    def candles(self, symbol: str, timeframe: str, since_ms: int, limit: int, at: datetime) -> NDArray[np.float64]:
        """A bar opens and closes with the factors of its ends and reaches as far as any in between."""
        bars = self.plain.candles(symbol, timeframe, since_ms, limit, at)
        shocks = [shock for shock in self._altered.shocks if shock.symbol == symbol and shock.since < at]
        length = TIMEFRAME_MS.get(timeframe)
        if not shocks or not len(bars) or length is None:
            return bars
        made = np.array(bars, dtype=np.float64, copy=True)
        begun = min(shock.since for shock in shocks)
        for row in made:
            opened = from_milliseconds(row[0])
            closes = min(from_milliseconds(row[0] + length), at)
            if closes > begun:
                self._shock_bar(row, symbol, opened, closes)
        return made

    def _shock_bar(self, row: NDArray[np.float64], symbol: str, opened: datetime, closes: datetime) -> None:
        edges = self._altered.edges(symbol, opened, closes)
        factors = [float(factor) for factor in self._factors(symbol, opened, closes)]
        inner = [float(self._altered.factor(symbol, edge)) for edge in edges]
        start, high, low, close = row[PRICES]
        first, last = factors[0], factors[1]
        start, close = start * first, close * last
        reach = [first, last, *inner]
        row[PRICES] = (start, max(start, close, high * max(reach)), min(start, close, low * min(reach)), close)

    def quote_volume(self, symbol: str, at: datetime) -> Decimal:
        """As the plain scene."""
        return self.plain.quote_volume(symbol, at)

    def feeds(self, at: datetime) -> Feeds:
        """As the plain scene."""
        return self.plain.feeds(at)

    def flows(self, after: datetime, upto: datetime) -> Sequence[ScriptedFlow]:
        """As the plain scene."""
        return self.plain.flows(after, upto)

    def _changed_tick(self, symbol: str) -> Decimal | None:
        filters = self._altered.filters.get(symbol)
        return filters.tick if filters else None

    def _tick(self, symbol: str) -> Decimal | None:
        market = self.plain.markets().get(symbol)
        return self._changed_tick(symbol) or (market.tick if market else None)

    def _on_tick(self, symbol: str, price: Decimal) -> Decimal:
        tick = self._tick(symbol)
        if tick is None:
            return price
        return max(tick, (price / tick).to_integral_value(ROUND_HALF_EVEN) * tick)


def _merged(levels: Levels) -> tuple[tuple[Decimal, Decimal], ...]:
    """Levels that a coarser tick put on one price, as one; none at or below 0."""
    made: dict[Decimal, Decimal] = {}
    for price, size in levels:
        if price > 0:
            made[price] = made.get(price, Decimal(0)) + size
    return tuple(made.items())
