"""A loopback server that answers as told, a clock that stands where it is set, and feeds with named defaults."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp import web

from bot.core.numbers import canonical_json, milliseconds
from bot.feeds import OutsideFeeds
from bot.feeds.source import Keep
from bot.settings import Feed, Feeds

NOW = datetime(2026, 1, 7, 12, tzinfo=UTC)
NOW_MS = milliseconds(NOW)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


class SetClock:
    """Venue time stands where it is set."""

    def __init__(self, at: datetime = NOW) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def mono(self) -> float:
        return 0.0

    async def sleep(self, host_s: float) -> None:
        await asyncio.sleep(host_s)

    async def until(self, venue_at: datetime) -> None:
        self.at = max(self.at, venue_at)


@dataclass
class Address:
    """One address: the next answers' status, body and delay, and how often it was asked."""

    url: str = ""
    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    asked: int = 0

    def tells(self, value: Any) -> None:
        self.status = 200
        self.body = value if isinstance(value, bytes) else canonical_json(value).encode()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked += 1
        await asyncio.sleep(self.delay_s)
        return web.Response(status=self.status, body=self.body, headers=self.headers)


@contextlib.asynccontextmanager
async def an_address() -> AsyncIterator[Address]:
    address = Address()
    app = web.Application()
    app.router.add_get("/{tail:.*}", address.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    address.url = f"http://127.0.0.1:{runner.addresses[0][1]}/feed?key=sesame"
    try:
        yield address
    finally:
        await runner.cleanup()


class Keeper:
    """A store's `keep`, in a dictionary."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.written = 0

    async def __call__(self, name: str, state: bytes | None = None) -> bytes | None:
        if state is not None:
            self.kept[name] = state
            self.written += 1
        return self.kept.get(name)


def over_http(url: str, **keys: Any) -> Feed:
    return Feed(kind="http", url=url, **keys)


def from_file(path: Path, text: str | None = None, **keys: Any) -> Feed:
    if text is not None:
        path.write_text(text, encoding="utf-8")
    return Feed(kind="file", path=str(path), **keys)


def some_feeds(
    clock: SetClock | None = None, keep: Keep | None = None, timeout_s: float = 5.0, **feeds: Feed
) -> OutsideFeeds:
    return OutsideFeeds(Feeds(**feeds), clock or SetClock(), keep, timeout_s=timeout_s)


def a_global(percent: Any, at: datetime = NOW) -> dict[str, Any]:
    """CoinGecko's `/api/v3/global`, as its documentation shows it, cut to a few coins."""
    return {
        "data": {
            "active_cryptocurrencies": 13690,
            "markets": 1046,
            "total_market_cap": {"btc": 39003738, "usd": 2721226850772},
            "market_cap_percentage": {"btc": percent, "eth": 14.7, "usdt": 3.9},
            "market_cap_change_percentage_24h_usd": 1.7,
            "updated_at": milliseconds(at) // 1000,
        }
    }


def a_fear_and_greed(*values: int, newest: datetime = NOW - 12 * HOUR) -> dict[str, Any]:
    """alternative.me's `/fng/?limit=…`: newest first, numbers as text, the newest with the time to the next."""
    rows: list[dict[str, str]] = [
        {
            "value": str(value),
            "value_classification": "Fear",
            "timestamp": str(milliseconds(newest - DAY * index) // 1000),
        }
        for index, value in enumerate(values)
    ]
    rows[0]["time_until_update"] = "68499"
    return {"name": "Fear and Greed Index", "data": rows, "metadata": {"error": None}}
