"""The worlds of the venue contract: one engine in process, over Binance's and Bybit's wires, behind replayed ones."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
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
from tests.wire.replay.bingx import BingxWire
from tests.wire.replay.mexc import MexcWire
from tests.wire.replay.stage import KEY, PASSPHRASE, SECRET, Server, Wire
from tests.wire.replay.weex import WeexWire


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


@dataclass(frozen=True)
class Has:
    """What a venue tells and offers; where it does not, the contract asks what the bot does instead."""

    transfers: bool = True
    unified: bool = False  # spot and perpetuals in one wallet
    savings: bool = True
    post_only: bool = True
    isolated: bool = True
    key_report: bool = True
    marks: bool = True  # of positions
    next_funding: bool = True
    untold: frozenset[str] = frozenset()  # of a market


@dataclass
class World:
    """A venue, and the other side of it: what the exchange knows, and the hand that moves prices and time."""

    venue: Venue
    exchange: Exchange
    scene: StillScene
    clock: SetClock
    has: Has = Has()


async def _nowhere(state: bytes) -> None:
    del state


REPLAYED: Mapping[str, tuple[type[Wire], Has]] = {
    "bingx": (BingxWire, Has(savings=False, untold=frozenset({"min_amount"}))),
    "weex": (WeexWire, Has(transfers=False, savings=False, post_only=False, key_report=False)),
    "mexc": (
        MexcWire,
        Has(
            savings=False,
            isolated=False,
            key_report=False,
            marks=False,
            next_funding=False,
            untold=frozenset({"min_notional", "contract_size"}),
        ),
    ),
}


@asynccontextmanager
async def replayed(name: str, exchange: Exchange, scene: StillScene, clock: SetClock) -> AsyncIterator[World]:
    """A venue whose documented wire is played over the same engine; a request it does not document fails the test."""
    made, has = REPLAYED[name]
    wire = made(exchange, scene, clock)
    server = Server(wire)
    setup = Setup("local", Credentials(KEY, SECRET, PASSPHRASE), await server.start())
    venue = make_venue(name, setup, clock)
    try:
        await venue.open()
        yield World(venue, exchange, scene, clock, has)
        assert wire.faults == []
    finally:
        await venue.close()
        await server.stop()


OVER_THE_LOCAL_EXCHANGE: Mapping[str, Has] = {
    "binance": Has(),
    "bybit": Has(transfers=False, unified=True),
}


@pytest.fixture(params=["simulated", *OVER_THE_LOCAL_EXCHANGE, *REPLAYED])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    scene, clock = StillScene(), SetClock(START)
    exchange = Exchange(scene, opening={"USDT": Decimal(10_000), "BTC": Decimal(2)})
    if request.param == "simulated":
        simulated = SimulatedVenue(exchange, clock)
        await simulated.open()
        yield World(simulated, exchange, scene, clock)
        await simulated.close()
        return
    if request.param in REPLAYED:
        async with replayed(request.param, exchange, scene, clock) as made:
            yield made
        return
    keys = make_keys()
    has = OVER_THE_LOCAL_EXCHANGE[request.param]
    server = LocalExchange(exchange, clock, key=keys.key, secret=keys.secret, save=_nowhere, unified=has.unified)
    url = await server.start()
    venue = make_venue(request.param, Setup("local", Credentials(keys.key, keys.secret), url), clock)
    try:
        await venue.open()
        yield World(venue, exchange, scene, clock, has)
    finally:
        await venue.close()
        await server.stop()
