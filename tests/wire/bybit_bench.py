"""Owns a bench of Bybit's dialect: the local exchange with a unified account, and ccxt's own client of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import ccxt.async_support as ccxt
from yarl import URL

from bot.core.numbers import milliseconds
from bot.local_exchange.app import Terms
from bot.local_exchange.server import LocalExchange
from bot.local_exchange.signing import sign
from bot.venues.simulated.exchange import Exchange
from tests.unit.local_exchange.still_scene import SetClock, StillScene, an_exchange
from tests.wire.bench import KEYS

UNIFIED = Terms(unified=True)


class Client(ccxt.bybit):  # type: ignore[misc] # ccxt has no types
    """ccxt's own client, its address ours and its clock the venue's."""

    def __init__(self, url: str, clock: SetClock, **more: Any) -> None:
        self.clock = clock
        options = {
            "fetchMarkets": {"types": ["spot", "linear"]},
            "recvWindow": 5000,
            "defaultSubType": "linear",
            "defaultSettle": "USDT",
            "enableUnifiedAccount": True,
            "enableUnifiedMargin": False,
            "unifiedMarginStatus": 6,
        }
        api = dict.fromkeys(("spot", "futures", "v2", "public", "private"), url)
        settings = {"apiKey": KEYS.key, "secret": KEYS.secret, "enableRateLimit": False, "urls": {"api": api}}
        super().__init__(settings | {"options": options} | more)
        self.has["fetchCurrencies"] = False

    def milliseconds(self) -> int:
        return milliseconds(self.clock.at)


@dataclass
class Bench:
    url: str
    client: Client
    clock: SetClock
    server: LocalExchange
    exchange: Exchange
    scene: StillScene
    saved: list[bytes]

    async def ask(self, path: str, query: str = "") -> Any:
        """A GET as anybody might sign it by hand; the whole answer."""
        stamp = str(milliseconds(self.clock.at))
        headers = {
            "X-BAPI-API-KEY": KEYS.key,
            "X-BAPI-TIMESTAMP": stamp,
            "X-BAPI-RECV-WINDOW": "5000",
            "X-BAPI-SIGN": sign(KEYS.secret, f"{stamp}{KEYS.key}5000{query}".encode()),
        }
        # As written: a cursor's own escapes are part of what is signed.
        url = URL(f"{self.url}{path}?{query}", encoded=True)
        async with aiohttp.ClientSession() as line, line.get(url, headers=headers) as answer:
            assert answer.status == 200
            return await answer.json()


@asynccontextmanager
async def a_bench(terms: Terms = UNIFIED, scene: StillScene | None = None) -> AsyncIterator[Bench]:
    clock, saved = SetClock(), []
    scene = scene or StillScene()
    exchange = an_exchange(scene)

    async def save(state: bytes) -> None:
        saved.append(state)

    server = LocalExchange(exchange, clock, key=KEYS.key, secret=KEYS.secret, save=save, terms=terms)
    url = await server.start()
    client = Client(url, clock)
    try:
        yield Bench(url, client, clock, server, exchange, scene, saved)
    finally:
        await client.close()
        await server.stop()
