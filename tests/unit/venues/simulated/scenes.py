"""Owns a scene small enough to reckon by hand: prices stand still until a test says when they move."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from bot.core.instruments import Market, is_swap
from bot.core.snapshot import Book, Feeds, Funding
from bot.venues.simulated.scene import ScriptedFlow, top_of

START = datetime(2026, 1, 1, tzinfo=UTC)
SPOT = "BTC/USDT"
SWAP = "BTC/USDT:USDT"
D = Decimal


def minutes(count: float) -> datetime:
    return START + timedelta(minutes=count)


def a_market(
    *, maker: str = "0.001", taker: str = "0.001", maintenance: str | None = None, active: bool = True
) -> Market:
    return Market(
        step=D("0.001"),
        tick=D("0.1"),
        min_amount=D("0.001"),
        min_notional=D(5),
        maker=D(maker),
        taker=D(taker),
        maintenance_rate=None if maintenance is None else D(maintenance),
        active=active,
    )


@dataclass
class StillScene:
    """``moves``: symbol -> [(from when, price)], None is no price. A level every 0.1, ``depth`` coins each."""

    moves: dict[str, list[tuple[datetime, Decimal | None]]] = field(
        default_factory=lambda: {SPOT: [(START, D(100))], SWAP: [(START, D(100))]}
    )
    depth: Decimal = Decimal(10)
    levels: int = 20
    spread: Decimal = Decimal("0.2")
    settlements: dict[str, list[tuple[datetime, Decimal]]] = field(default_factory=dict)
    scripted: list[ScriptedFlow] = field(default_factory=list)
    listed: dict[str, Market] = field(
        default_factory=lambda: {
            SPOT: a_market(),
            SWAP: a_market(maker="0.0002", taker="0.0005", maintenance="0.01"),
        }
    )
    no_book: set[str] = field(default_factory=set)

    @property
    def start(self) -> datetime:
        return START

    @property
    def end(self) -> datetime | None:
        return None

    def move(self, symbol: str, at: datetime, price: str | None) -> None:
        self.moves[symbol].append((at, None if price is None else D(price)))
        self.moves[symbol].sort(key=lambda move: move[0])

    def markets(self) -> Mapping[str, Market]:
        return self.listed

    def price(self, symbol: str, at: datetime) -> Decimal | None:
        known = [price for since, price in self.moves.get(symbol, []) if since <= at]
        return known[-1] if known else None

    def book(self, symbol: str, at: datetime) -> Book | None:
        price = self.price(symbol, at)
        if price is None or symbol in self.no_book:
            return None
        gap = D("0.1")
        half = self.spread / 2
        return Book(
            bids=tuple((price - half - gap * n, self.depth) for n in range(self.levels)),
            asks=tuple((price + half + gap * n, self.depth) for n in range(self.levels)),
            at=at,
        )

    def touch(self, symbol: str, at: datetime) -> tuple[Decimal | None, Decimal | None] | None:
        """The book's top."""
        return top_of(self.book(symbol, at))

    def extremes(self, symbol: str, after: datetime, upto: datetime) -> tuple[Decimal, Decimal] | None:
        moved = [price for since, price in self.moves.get(symbol, []) if after < since <= upto]
        seen = [price for price in (self.price(symbol, after), *moved) if price is not None]
        return (min(seen), max(seen)) if seen else None

    def funding(self, symbol: str, at: datetime) -> Funding | None:
        if not is_swap(symbol) or self.price(symbol, at) is None:
            return None
        ahead = [(due, rate) for due, rate in self.settlements.get(symbol, []) if due > at]
        return Funding(rate=ahead[0][1] if ahead else D(0), next_at=ahead[0][0] if ahead else None, at=at)

    def settled(self, symbol: str, after: datetime, upto: datetime) -> Sequence[tuple[datetime, Decimal]]:
        return [(at, rate) for at, rate in self.settlements.get(symbol, []) if after < at <= upto]

    def candles(self, symbol: str, timeframe: str, since_ms: int, limit: int, at: datetime) -> NDArray[np.float64]:
        """Hourly bars that stand still; the last one is unfinished."""
        hour = 3_600_000
        now_ms = int(at.timestamp() * 1000)
        opens = range(-(-since_ms // hour) * hour, now_ms + 1, hour)
        rows = [[ms, *([float(self.price(symbol, at) or 1)] * 4), 1.0] for ms in list(opens)[:limit]]
        return np.array(rows, dtype=np.float64).reshape(-1, 6)

    def quote_volume(self, symbol: str, at: datetime) -> Decimal:
        return D(1_000_000)

    def feeds(self, at: datetime) -> Feeds:
        return Feeds()

    def flows(self, after: datetime, upto: datetime) -> Sequence[ScriptedFlow]:
        return [flow for flow in self.scripted if after < flow.at <= upto]
