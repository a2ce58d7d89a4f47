"""The exchange on its own: it starts, keeps its account over restarts, and ends when told to."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
from collections.abc import AsyncIterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.clocks import SystemClock
from bot.local_exchange.server import LocalExchange
from bot.local_exchange.signing import make_keys, sign
from bot.local_exchange.standalone import World, serve
from bot.local_exchange.state import FileState, StateError
from tests.unit.local_exchange.still_scene import an_exchange

WORLD = World("tour", 7, None, None, {"USDT": Decimal(40_000)})
HOST = "127.0.0.1"


@contextlib.asynccontextmanager
async def served(state_path: Path, world: World = WORLD, speed: float = 60) -> AsyncIterator[str]:
    url: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(
        serve(world, host=HOST, port=0, state_path=state_path, speed=speed, started=url.set_result)
    )
    task.add_done_callback(lambda _ended: url.cancel())
    await asyncio.wait([url])
    if url.cancelled():
        await task
    try:
        yield await url
    finally:
        task.cancel()
        await task  # told to end, it returns; it does not raise


async def test_an_account_of_one_wallet_is_not_carried_into_one_of_wallets(tmp_path: Path) -> None:
    one_wallet = World("tour", 7, None, None, {"USDT": Decimal(40_000)}, "bybit")
    assert WORLD.name() in one_wallet.name()
    async with served(tmp_path / "exchange.db", one_wallet):
        pass
    with pytest.raises(StateError, match="one wallet as at bybit"):
        async with served(tmp_path / "exchange.db", WORLD):
            pass


async def health(session: aiohttp.ClientSession, url: str) -> dict[str, Any]:
    async with session.get(f"{url}/local/health") as answer:
        body: dict[str, Any] = await answer.json()
        return body


async def test_it_keeps_its_account_its_keys_and_its_time_over_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "exchange.db"
    async with aiohttp.ClientSession() as session, served(path) as url:
        begun = datetime.fromisoformat((await health(session, url))["venue_time"])
        await asyncio.sleep(0.05)
        first = await health(session, url)
        ended = datetime.fromisoformat(first["venue_time"])
        assert (ended - begun).total_seconds() >= 60 * 0.05
        assert first["speed"] == 60
    state = FileState.open(path, WORLD.name())
    keys, saved = state.keys, state.load()
    state.close()
    assert saved is not None
    assert saved.at >= ended
    async with aiohttp.ClientSession() as session, served(path) as url:
        again = await health(session, url)
        at = datetime.fromisoformat(again["venue_time"])
        assert saved.at <= at
        said = f"timestamp={int(at.timestamp() * 1000)}&recvWindow=600000"
        signature = sign(keys.secret, said.encode())
        target = f"{url}/api/v3/account?{said}&signature={signature}"
        async with session.get(target, headers={"X-MBX-APIKEY": keys.key}) as answer:
            account = json.loads(await answer.text())
    assert {row["asset"]: row["free"] for row in account["balances"]}["USDT"] == "40000"


async def test_another_seed_is_another_world(tmp_path: Path) -> None:
    async with served(tmp_path / "exchange.db"):
        pass
    other = World("tour", 8, None, None, {})
    with pytest.raises(StateError, match="seed 7"):
        async with served(tmp_path / "exchange.db", other):
            pass


async def test_a_taken_port_is_said_in_one_line(tmp_path: Path) -> None:
    keys = make_keys()
    first = LocalExchange(an_exchange(), SystemClock(), key=keys.key, secret=keys.secret, save=None)
    port = int((await first.start()).rpartition(":")[2])
    second = LocalExchange(an_exchange(), SystemClock(), key=keys.key, secret=keys.secret, save=None, port=port)
    try:
        with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{port}"):
            await second.start()
    finally:
        await second.stop()
        await first.stop()
        await first.stop()


async def test_signals_stay_with_the_program() -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    keys = make_keys()
    server = LocalExchange(an_exchange(), SystemClock(), key=keys.key, secret=keys.secret, save=None)
    await server.start()
    during = {number: signal.getsignal(number) for number in before}
    await server.stop()
    assert during == before
