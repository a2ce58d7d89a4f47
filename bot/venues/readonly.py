"""Owns a venue whose writes go nowhere: reads pass, every write is refused and counted. Calls no inner broker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bot.core.events import Event
from bot.core.instruments import Market
from bot.core.orders import Fill, MoveIntent, OrderIntent, OrderView, Placed
from bot.core.snapshot import AccountKind, Balance, Book, Funding, Point, Position, Saving, Ticker
from bot.ports.venue import Gap, KeyReport, Permit, Venue


class ReadOnlyVenue:
    """Port `Venue` over another one. ``refused`` counts place, cancel, prepare and move."""

    def __init__(self, inner: Venue, why: str = "dry-run") -> None:
        self.refused: Counter[str] = Counter()
        self._inner = inner
        self._why = why

    async def open(self) -> None:
        """Open the inner venue."""
        await self._inner.open()

    async def close(self) -> None:
        """Close the inner venue."""
        await self._inner.close()

    # ---- reads pass

    async def markets(self) -> Mapping[str, Market]:
        """As the inner venue answers."""
        return await self._inner.markets()

    async def quotes(self) -> Mapping[str, Ticker] | Gap:
        """As the inner venue answers."""
        return await self._inner.quotes()

    async def funding(self) -> Mapping[str, Funding] | Gap:
        """As the inner venue answers."""
        return await self._inner.funding()

    async def candles(self, symbol: str, timeframe: str, since: datetime, limit: int) -> NDArray[np.float64] | Gap:
        """As the inner venue answers."""
        return await self._inner.candles(symbol, timeframe, since, limit)

    async def book(self, symbol: str, depth: int) -> Book | Gap:
        """As the inner venue answers."""
        return await self._inner.book(symbol, depth)

    async def funding_history(self, symbol: str, since: datetime) -> Sequence[Point] | Gap:
        """As the inner venue answers."""
        return await self._inner.funding_history(symbol, since)

    async def now(self) -> datetime | Gap:
        """As the inner venue answers."""
        return await self._inner.now()

    async def kind(self) -> AccountKind:
        """As the inner venue answers."""
        return await self._inner.kind()

    async def balances(self) -> Sequence[Balance] | Gap:
        """As the inner venue answers."""
        return await self._inner.balances()

    async def positions(self) -> Sequence[Position] | Gap:
        """As the inner venue answers."""
        return await self._inner.positions()

    async def open_orders(self, symbols: Sequence[str]) -> Sequence[OrderView] | Gap:
        """As the inner venue answers."""
        return await self._inner.open_orders(symbols)

    async def fills(self, symbol: str, since: datetime) -> Sequence[Fill] | Gap:
        """As the inner venue answers."""
        return await self._inner.fills(symbol, since)

    async def flows(self, since: datetime) -> Sequence[Event] | Gap:
        """As the inner venue answers."""
        return await self._inner.flows(since)

    async def key(self) -> KeyReport:
        """As the inner venue answers."""
        return await self._inner.key()

    async def find(self, intent: OrderIntent) -> OrderView | Gap | None:
        """As the inner venue answers."""
        return await self._inner.find(intent)

    async def find_move(self, intent: MoveIntent) -> Placed | Gap:
        """As the inner venue answers."""
        return await self._inner.find_move(intent)

    async def savings(self) -> Mapping[str, Saving] | Gap:
        """As the inner venue answers."""
        return await self._inner.savings()

    # ---- writes do not

    async def place(self, intent: OrderIntent, permit: Permit) -> tuple[Placed, OrderView | None, str]:
        """DENIED; the permit is not asked, for nothing is about to leave."""
        del permit
        return Placed.DENIED, None, self._refuse("place", f"{intent.symbol} {intent.qty:+f}")

    async def cancel(self, intent: OrderIntent) -> OrderView | Gap:
        """A Gap: the order stands as it stood."""
        return Gap(f"order {intent.client_id}", self._refuse("cancel", intent.client_id))

    async def prepare(self, symbol: str, leverage: Decimal, margin: Literal["cross", "isolated"]) -> None:
        """Nothing is set up, since no order follows."""
        self._refuse("prepare", f"{symbol} {leverage} x {margin}")

    async def move(self, intent: MoveIntent, permit: Permit) -> tuple[Placed, str]:
        """DENIED; the permit is not asked."""
        del permit
        return Placed.DENIED, self._refuse(
            "move", f"{intent.amount:f} {intent.asset} from {intent.source} to {intent.to}"
        )

    def _refuse(self, verb: str, what: str) -> str:
        self.refused[verb] += 1
        return f"{self._why}: {verb} {what} was not sent"
