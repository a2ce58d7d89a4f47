"""Owns a stage for tests of one venue: its wire played, what was asked of it, and a way to have it answer otherwise."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal

from bot.local_exchange.app import Answer
from bot.local_exchange.app import Asked as Came
from bot.local_exchange.server import LocalExchange
from bot.venues.ccxt.profiles import Credentials, Setup
from bot.venues.ccxt.venue import CcxtVenue, make_venue
from bot.venues.simulated.exchange import Exchange
from tests.contract.venue.conftest import REPLAYED, SetClock
from tests.unit.venues.simulated.scenes import START, StillScene
from tests.wire.replay.stage import KEY, PASSPHRASE, SECRET, Asked, Said, Server

D = Decimal


@dataclass
class Stage:
    """A venue on its wire: what was asked, and a way to have something else answered."""

    venue: CcxtVenue
    exchange: Exchange
    clock: SetClock
    scene: StillScene
    asked: Callable[[], list[Asked]]
    instead: Callable[[tuple[str, str], Said], None]

    def last(self, method: str, path: str) -> Asked:
        return [one for one in self.asked() if (one.method, one.path) == (method, path)][-1]


class Watch:
    """The local exchange's seam, watching and answering."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.said: dict[tuple[str, str], Said] = {}

    async def before(self, came: Came) -> Answer | None:
        self.asked.append(Asked(came.method, came.path, came.query.decode(), came.headers, came.body.decode()))
        said = self.said.get((came.method, came.path))
        if said is None:
            return None
        return Answer(
            said.status,
            said.text(),
            {"content-type": "application/json", **said.headers},
            ending="short" if said.cut else "whole",
        )

    async def after(self, came: Came, answer: Answer) -> Answer:
        del came
        return answer


async def nowhere(state: bytes) -> None:
    del state


@asynccontextmanager
async def a_stage(name: str, *, opened: bool = True) -> AsyncIterator[Stage]:
    scene, clock = StillScene(), SetClock(START)
    exchange = Exchange(scene, opening={"USDT": D(10_000), "BTC": D(2)})
    server: Server | LocalExchange
    key = "k" * 64 if name == "binance" else KEY  # Binance's dialect reads no other form
    if name in REPLAYED:
        wire = REPLAYED[name][0](exchange, scene, clock)
        server, asked, said = Server(wire), wire.asked, wire.instead
    else:
        watch = Watch()
        server = LocalExchange(
            exchange, clock, key=key, secret=SECRET, save=nowhere, unified=name == "bybit", faults=watch
        )
        asked, said = watch.asked, watch.said
    setup = Setup("local", Credentials(key, SECRET, PASSPHRASE), await server.start())
    venue = make_venue(name, setup, clock)
    try:
        if opened:
            await venue.open()
        yield Stage(venue, exchange, clock, scene, lambda: asked, said.__setitem__)
    finally:
        await venue.close()
        await server.stop()
