"""Owns what a composition asks a local exchange in another process, in public: its time, its feeds. Trades nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import aiohttp

from bot.clocks import SystemClock
from bot.core.numbers import from_milliseconds
from bot.ports.errors import Transient

PROBE_TIMEOUT_S = 10.0


async def server_time(url: str, speed: float = 1.0) -> datetime:
    """What an exchange in another process says the time is, as of the answer's arrival."""
    asked_s = SystemClock().mono()
    body = await asked(f"{url.rstrip('/')}/api/v3/time", url)
    try:
        half_way = timedelta(seconds=(SystemClock().mono() - asked_s) / 2 * speed)
        return from_milliseconds(int(body["serverTime"])) + half_way
    except (KeyError, TypeError, ValueError) as error:
        raise Transient(f"local.url: what answers at {url} is no exchange: {error}") from error


async def asked(address: str, url: str) -> Mapping[str, Any]:
    """One public answer of a local exchange; raises Transient."""
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PROBE_TIMEOUT_S)) as session,
            session.get(address) as answer,
        ):
            body = await answer.json()
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise Transient(f"local.url: no exchange answers at {url}: {error}") from error
    if not isinstance(body, dict):
        raise Transient(f"local.url: what answers at {url} is no exchange: {body!r:.60}")
    return body
