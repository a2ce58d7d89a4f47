"""Owns a bench: the local exchange served over HTTP, and ccxt's own client of it, on a clock that a test sets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import ccxt.async_support as ccxt

from bot.core.numbers import milliseconds
from bot.local_exchange.server import LocalExchange
from bot.local_exchange.signing import KeyPair
from tests.unit.local_exchange.still_scene import SetClock, StillScene, an_exchange

KEYS = KeyPair("k" * 64, "s" * 64)  # fixed: test ids must be the same in every worker
NOWHERE = "http://127.0.0.1:9"
HOUR = timedelta(hours=1)


class Client(ccxt.binance):  # type: ignore[misc] # ccxt has no types
    """ccxt's own client, its addresses ours and its clock the venue's."""

    def __init__(self, url: str, clock: SetClock, **more: Any) -> None:
        self.clock = clock
        paths = {
            **dict.fromkeys(("public", "private"), "/api/v3"),
            **dict.fromkeys(("fapiPublic", "fapiPrivate"), "/fapi/v1"),
            **dict.fromkeys(("fapiPublicV2", "fapiPrivateV2"), "/fapi/v2"),
            **dict.fromkeys(("fapiPublicV3", "fapiPrivateV3"), "/fapi/v3"),
            "v1": "/api/v1",
            "sapi": "/sapi/v1",
            "sapiV2": "/sapi/v2",
            "sapiV3": "/sapi/v3",
            "sapiV4": "/sapi/v4",
            "fapiData": "/futures/data",
        }
        others = (
            "dapiPublic",
            "dapiPrivate",
            "dapiPrivateV2",
            "dapiData",
            "eapiPublic",
            "eapiPrivate",
            "papi",
            "papiV2",
        )
        api = {name: url + path for name, path in paths.items()} | dict.fromkeys(others, NOWHERE)
        options = {
            "defaultType": "spot",
            "fetchCurrencies": False,
            "fetchMargins": False,
            "fetchMarkets": {"types": ["spot", "linear"]},
            "recvWindow": 5000,
            "fetchOpenOrders": {"warnWithoutSymbol": False},
        }
        settings = {"apiKey": KEYS.key, "secret": KEYS.secret, "enableRateLimit": False, "urls": {"api": api}}
        super().__init__(settings | {"options": options} | more)

    def milliseconds(self) -> int:
        return milliseconds(self.clock.at)

    def get_exceptions_by_url(self, url: str, exactOrBroad: str) -> dict[str, Any]:  # noqa: N803 - ccxt's name
        side = "linear" if "/fapi/" in url else "spot"
        table: dict[str, Any] = self.exceptions.get(side, {}).get(exactOrBroad, {})
        return table


@dataclass
class Bench:
    url: str
    client: Client
    clock: SetClock
    server: LocalExchange
    scene: StillScene
    saved: list[bytes]


@asynccontextmanager
async def a_bench() -> AsyncIterator[Bench]:
    clock, scene, saved = SetClock(), StillScene(), []

    async def save(state: bytes) -> None:
        saved.append(state)

    server = LocalExchange(an_exchange(scene), clock, key=KEYS.key, secret=KEYS.secret, save=save)
    url = await server.start()
    client = Client(url, clock)
    try:
        yield Bench(url, client, clock, server, scene, saved)
    finally:
        await client.close()
        await server.stop()


async def moved_to_futures(bench: Bench, amount: int = 20_000) -> None:
    await bench.client.transfer("USDT", amount, "spot", "swap")
