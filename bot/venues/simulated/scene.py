"""Owns the Protocol of where a simulated exchange's prices come from; a scene is a function of time and its seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from bot.core.instruments import Market
from bot.core.snapshot import Book, Feeds, Funding


@dataclass(frozen=True, slots=True)
class ScriptedFlow:
    """Money that comes or goes by the script: + in, - out."""

    at: datetime
    asset: str
    amount: Decimal
    kind: Literal["deposit", "withdrawal"]


def top_of(book: Book | None) -> tuple[Decimal | None, Decimal | None] | None:
    """A scene's `touch`, where it has the whole book anyway."""
    if book is None:
        return None
    return book.bids[0][0] if book.bids else None, book.asks[0][0] if book.asks else None


class Scene(Protocol):
    """Prices, books, funding, volume, feeds and flows at any instant; asking twice gives the same answer."""

    @property
    def start(self) -> datetime:
        """When trading begins for a fresh exchange (history lies before it)."""
        ...

    @property
    def end(self) -> datetime | None:
        """The last instant the scene knows (a tape ends), or None."""
        ...

    def markets(self) -> Mapping[str, Market]:
        """Filters and fees of every symbol, spot and perpetual."""
        ...

    def price(self, symbol: str, at: datetime) -> Decimal | None:
        """The mid price (spot) or mark price (perpetual), on the tick; None where the symbol has none then."""
        ...

    def book(self, symbol: str, at: datetime) -> Book | None:
        """What a taker finds, best first, at least 20 levels a side where there are that many."""
        ...

    def touch(self, symbol: str, at: datetime) -> tuple[Decimal | None, Decimal | None] | None:
        """The book's best bid and ask, None for an empty side; None where there is no book."""
        ...

    def extremes(self, symbol: str, after: datetime, upto: datetime) -> tuple[Decimal, Decimal] | None:
        """Lowest and highest price traded in (after, upto]: what resting orders met in between."""
        ...

    def funding(self, symbol: str, at: datetime) -> Funding | None:
        """The rate that the next settlement will charge, as now predicted, its interval and its next instant."""
        ...

    def settled(self, symbol: str, after: datetime, upto: datetime) -> Sequence[tuple[datetime, Decimal]]:
        """Funding settlements in (after, upto]: instant and rate."""
        ...

    def candles(self, symbol: str, timeframe: str, since_ms: int, limit: int, at: datetime) -> NDArray[np.float64]:
        """Up to ``limit`` bars opened at or after ``since_ms``, those begun by ``at`` (the last may be unfinished)."""
        ...

    def quote_volume(self, symbol: str, at: datetime) -> Decimal:
        """Traded in the last 24 h, quote currency."""
        ...

    def feeds(self, at: datetime) -> Feeds:
        """Outside readings as the scene scripts them."""
        ...

    def flows(self, after: datetime, upto: datetime) -> Sequence[ScriptedFlow]:
        """Deposits and withdrawals in (after, upto]."""
        ...
