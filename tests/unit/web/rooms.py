"""A dashboard over a record on disk, asked through its own door: a client with a session, and clocks turned by hand."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from bot.ports.store import ControlRow, Identity
from bot.store.sql import SqlControls
from bot.store.sql.panorama import SqlPanorama
from bot.web.app import app_of, desk_of
from bot.web.desk import Desk
from bot.web.terms import Terms
from tests.unit.cli.recorded import BEAT, MAIN, a_record

TOKEN = "t" * 43
HOST = "localhost"
BASE = f"http://{HOST}:8787"
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
MARK = re.compile(r'name="mark" value="([^"]+)"')


@dataclass(slots=True)
class Hands:
    """Host time: seconds for limits, an instant for ages."""

    seconds: float = 1_000.0

    def mono(self) -> float:
        return self.seconds

    def utc_now(self) -> datetime:
        return NOW + timedelta(seconds=self.seconds - 1_000.0)


@dataclass(slots=True)
class Room:
    """A dashboard and a browser before it."""

    desk: Desk
    browser: httpx.AsyncClient
    hands: Hands
    folder: Path
    app: Any

    async def sign_in(self, token: str = TOKEN) -> httpx.Response:
        return await self.browser.post("/sign-in", data={"token": token})

    async def mark(self, path: str = "/controls") -> str:
        found = MARK.search((await self.browser.get(path)).text)
        assert found
        return found[1]

    async def press(self, address: str, **fields: str) -> httpx.Response:
        """Send a form as its page would."""
        return await self.browser.post(address, data={"mark": await self.mark(), **fields})

    async def asked(self) -> list[ControlRow]:
        """What was asked for, oldest first."""
        return list(await self.desk.terms.controls.read(0))

    def stranger(self, **headers: str) -> httpx.AsyncClient:
        """Another client, without a cookie."""
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url=BASE, headers=headers)


def a_beat(**over: Any) -> Mapping[str, Any]:
    return {**BEAT, "beat_at": NOW.isoformat(), "requests": {"GET /x": 3}, "failures": 0, "clock_offset_ms": 4, **over}


def some_terms(folder: Path, hands: Hands, identity: Identity = MAIN, **over: Any) -> Terms:
    url = f"sqlite+aiosqlite:///{folder / 'data' / 'ballast.db'}"
    return Terms(
        **{
            "portfolio": "main",
            "mode": "paper",
            "venue": "binance",
            "environment": "local",
            "currency": "USDT",
            "version": "0.1.0",
            "panorama": SqlPanorama(url, identity),
            "controls": SqlControls(url, identity, hands.utc_now),
            "token": TOKEN,
            "utc_now": hands.utc_now,
            "mono": hands.mono,
            "cycle_s": 1.0,
            **over,
        }
    )


@asynccontextmanager
async def a_room(
    folder: Path, *, beat: Mapping[str, Any] | None = None, recorded: bool = True, **over: Any
) -> AsyncIterator[Room]:
    """A dashboard over two decisions, or over nothing yet."""
    if recorded:
        await a_record(folder, beat=a_beat() if beat is None else beat, at=NOW)
    hands = Hands()
    desk = desk_of(some_terms(folder, hands, **over))
    app = app_of(desk)
    transport = httpx.ASGITransport(app, raise_app_exceptions=True)
    try:
        async with httpx.AsyncClient(transport=transport, base_url=BASE) as browser:
            yield Room(desk, browser, hands, folder, app)
    finally:
        await desk.watch.stop()
        await desk.terms.panorama.close()
        await desk.terms.controls.close()


@asynccontextmanager
async def a_signed_in_room(folder: Path, **over: Any) -> AsyncIterator[Room]:
    """The same, with somebody signed in."""
    async with a_room(folder, **over) as room:
        assert (await room.sign_in()).status_code == 303
        yield room
