"""Owns the composition of a look at a venue's recorded past: public market data, no key, nothing kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

from bot.ports.venue import MarketData
from bot.settings import Settings
from bot.wiring import _world


@asynccontextmanager
async def market_of(settings: Settings) -> AsyncIterator[tuple[MarketData, datetime]]:
    """The venue's market data and its now; raises PortError where it cannot be had."""

    async def nothing_kept(_name: str, _state: bytes | None = None) -> bytes | None:
        return None

    world = await _world(settings, nothing_kept, None)
    async with world.stack:
        yield world.market, world.clock.now()
