"""Portfolios of one process at one exchange: the market is asked once, each key has its own account and connection."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bot.clocks import ConstantClock
from bot.local_exchange.accounts import Account
from bot.local_exchange.server import LocalExchange
from bot.local_exchange.signing import KeyPair
from bot.ports.venue import Gap
from bot.settings import Settings, load_text
from bot.wiring_places import Places, nearby_of
from tests.unit.local_exchange.still_scene import an_exchange

TEXT = """
mode: {mode}
venue: {{environment: local, futures: true}}
local: {{url: "{url}", speed: 1}}
targets:
  stables: {{weight: 0.10, floor: 0.05}}
  sleeves: {{majors: {{weight: 0.90, assets: {{BTC: 0.5, ETH: 0.5}}}}}}
"""
KEYS = tuple(KeyPair(letter * 64, "s" * 64) for letter in "kl")


@dataclass
class Bench:
    url: str
    server: LocalExchange
    places: Places

    def settings(self, mode: str, key: KeyPair | None = None) -> Settings:
        env = {"BALLAST_VENUE__API_KEY": key.key, "BALLAST_VENUE__SECRET": key.secret} if key else {}
        return load_text(TEXT.format(mode=mode, url=self.url), env)

    async def asked(self, path: str) -> int:
        return self.server.requests_by_path[path]


async def keep(_name: str, _state: bytes | None = None) -> bytes | None:
    return None


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    exchanges = [an_exchange(usdt=1000 * each) for each in (1, 2)]
    clock = ConstantClock(exchanges[0].now, 1.0)
    others = [Account(exchanges[1], KEYS[1], None)]
    server = LocalExchange(exchanges[0], clock, key=KEYS[0].key, secret=KEYS[0].secret, save=None, others=others)
    places = Places()
    made = Bench(await server.start(), server, places)
    yield made
    await places.close()
    await server.stop()


def usdt(balances: Any) -> Decimal:
    return sum((each.total for each in balances if each.asset == "USDT"), Decimal(0))


async def test_each_key_reaches_its_own_account(bench: Bench) -> None:
    worlds = [await bench.places.world(bench.settings("testnet", key), keep) for key in KEYS]
    assert [usdt(await world.account.balances()) for world in worlds] == [1000, 2000]
    for world in worlds:
        await world.stack.aclose()


async def test_the_market_is_asked_once_for_all(bench: Bench) -> None:
    worlds = [await bench.places.world(bench.settings("testnet", key), keep) for key in KEYS]
    worlds.append(await bench.places.world(bench.settings("paper"), keep))
    listed = await bench.asked("GET /api/v3/exchangeInfo")
    for world in worlds:
        assert set(await world.market.markets()) >= {"BTC/USDT", "BTC/USDT:USDT"}
        await world.market.quotes()
        await world.market.now()
    assert listed == await bench.asked("GET /api/v3/exchangeInfo") == 1
    assert await bench.asked("GET /api/v3/ticker/bookTicker") == 1
    assert len({id(world.clock) for world in worlds}) == 1
    for world in worlds:
        await world.stack.aclose()


async def test_what_changes_slowly_is_asked_for_once_on_a_machine(bench: Bench, tmp_path: Path) -> None:
    both = [Places(nearby_of(tmp_path / "run")) for _ in range(2)]  # as two processes have it
    for places in both:
        world = await places.world(bench.settings("paper"), keep)
        (place,) = places._places.values()  # noqa: SLF001 - past what keeps quotes themselves
        quotes, funding = await place.venue.quotes(), await place.venue.funding()
        assert not isinstance(quotes, Gap)
        assert not isinstance(funding, Gap)
        assert quotes["BTC/USDT"].quote_volume is not None
        await world.stack.aclose()
        await places.close()
    assert await bench.asked("GET /api/v3/ticker/bookTicker") == 2
    assert await bench.asked("GET /api/v3/ticker/24hr") == 1
    assert await bench.asked("GET /fapi/v1/fundingInfo") == 1


async def test_a_key_has_one_connection_which_goes_with_its_last_portfolio(bench: Bench) -> None:
    one, two = [await bench.places.world(bench.settings("dry-run", KEYS[0]), keep) for _ in range(2)]
    before = sum(one.requests().values())
    await two.account.balances()
    assert sum(one.requests().values()) > before
    assert one.requests() == two.requests()
    await one.stack.aclose()
    assert usdt(await two.account.balances()) == 1000
    await two.stack.aclose()
    again = await bench.places.world(bench.settings("dry-run", KEYS[0]), keep)
    assert usdt(await again.account.balances()) == 1000
    await again.stack.aclose()
