"""Owns the market that histories are played before: a scene cut to the symbols they need, asked once an instant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from bot.core.instruments import Market
from bot.core.snapshot import Book, Feeds, Funding
from bot.venues.simulated.scene import Scene, ScriptedFlow


class Stage:
    """`bot.venues.simulated.scene.Scene`, of ``symbols`` only. It says what the scene under it says, only cheaper."""

    def __init__(self, scene: Scene, symbols: frozenset[str]) -> None:
        self._scene = scene
        self._markets = {name: market for name, market in scene.markets().items() if name in symbols}
        self._at: datetime | None = None
        self._prices: dict[str, Decimal | None] = {}

    @property
    def start(self) -> datetime:
        """As the scene's."""
        return self._scene.start

    @property
    def end(self) -> datetime | None:
        """As the scene's."""
        return self._scene.end

    def markets(self) -> Mapping[str, Market]:
        """Filters and fees of the symbols on it."""
        return self._markets

    def price(self, symbol: str, at: datetime) -> Decimal | None:
        """As the scene's; the same instant is asked for many times."""
        if symbol not in self._markets:
            return None
        if at != self._at:
            self._at = at
            self._prices.clear()
        if symbol not in self._prices:
            self._prices[symbol] = self._scene.price(symbol, at)
        return self._prices[symbol]

    def book(self, symbol: str, at: datetime) -> Book | None:
        """As the scene's."""
        return self._scene.book(symbol, at) if symbol in self._markets else None

    def touch(self, symbol: str, at: datetime) -> tuple[Decimal | None, Decimal | None] | None:
        """As the scene's."""
        return self._scene.touch(symbol, at) if symbol in self._markets else None

    def extremes(self, symbol: str, after: datetime, upto: datetime) -> tuple[Decimal, Decimal] | None:
        """As the scene's."""
        return self._scene.extremes(symbol, after, upto) if symbol in self._markets else None

    def funding(self, symbol: str, at: datetime) -> Funding | None:
        """As the scene's."""
        return self._scene.funding(symbol, at) if symbol in self._markets else None

    def settled(self, symbol: str, after: datetime, upto: datetime) -> Sequence[tuple[datetime, Decimal]]:
        """As the scene's."""
        return self._scene.settled(symbol, after, upto) if symbol in self._markets else ()

    def candles(self, symbol: str, timeframe: str, since_ms: int, limit: int, at: datetime) -> NDArray[np.float64]:
        """As the scene's."""
        return self._scene.candles(symbol, timeframe, since_ms, limit, at)

    def quote_volume(self, symbol: str, at: datetime) -> Decimal:
        """As the scene's."""
        return self._scene.quote_volume(symbol, at)

    def feeds(self, at: datetime) -> Feeds:
        """As the scene's."""
        return self._scene.feeds(at)

    def flows(self, after: datetime, upto: datetime) -> Sequence[ScriptedFlow]:
        """As the scene's."""
        return self._scene.flows(after, upto)
