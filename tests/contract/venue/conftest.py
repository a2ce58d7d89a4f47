"""The worlds of the venue contract: the same exchange in process, and over HTTP through ccxt."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import pytest

from bot.local_exchange.server import LocalExchange
from bot.local_exchange.signing import make_keys
from bot.ports.venue import Venue
from bot.venues.ccxt.profiles import Credentials, Setup
from bot.venues.ccxt.venue import make_venue
from bot.venues.simulated.exchange import Exchange
from bot.venues.simulated.venue import SimulatedVenue
from tests.unit.venues.simulated.scenes import START, StillScene


class SetClock:
    """Venue time stands where it is set; host time is real."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def mono(self) -> float:
        return time.monotonic()

    async def sleep(self, host_s: float) -> None:
        del host_s

    async def until(self, venue_at: datetime) -> None:
        self.at = max(self.at, venue_at)


@dataclass
class World:
    """A venue, and the other side of it: what the exchange knows, and the hand that moves prices and time."""

    venue: Venue
    exchange: Exchange
    scene: StillScene
    clock: SetClock


async def _nowhere(state: bytes) -> None:
    del state


@pytest.fixture(params=["simulated", "ccxt"])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    scene, clock = StillScene(), SetClock(START)
    exchange = Exchange(scene, opening={"USDT": Decimal(10_000), "BTC": Decimal(2)})
    if request.param == "simulated":
        simulated = SimulatedVenue(exchange, clock)
        await simulated.open()
        yield World(simulated, exchange, scene, clock)
        await simulated.close()
        return
    keys = make_keys()
    server = LocalExchange(exchange, clock, key=keys.key, secret=keys.secret, save=_nowhere)
    url = await server.start()
    venue = make_venue("binance", Setup("local", Credentials(keys.key, keys.secret), url), clock)
    try:
        await venue.open()
        yield World(venue, exchange, scene, clock)
    finally:
        await venue.close()
        await server.stop()
