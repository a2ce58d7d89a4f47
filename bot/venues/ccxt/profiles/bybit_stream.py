"""Owns Bybit's disconnect protection: its windows over REST, and the private stream whose silence sets it off."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any

import aiohttp

from bot.ports.errors import Rejected, Transient
from bot.venues.ccxt import errors
from bot.venues.ccxt.line import Line
from bot.venues.ccxt.profiles import Environment

TOPICS: Mapping[str, str] = {"SPOT": "dcp.spot", "DERIVATIVES": "dcp.future"}
STREAMS: Mapping[Environment, str] = {
    "production": "wss://stream.bybit.com/v5/private",
    "testnet": "wss://stream-testnet.bybit.com/v5/private",
    "demo": "wss://stream-demo.bybit.com/v5/private",
}
EVERY_S = 15.0  # a stream without a ping for twenty seconds may be closed
ANSWER_S = 5.0
SIGNED_FOR_MS = 10_000


class Disconnection:
    """Port `DeadMan`: a signed-in stream, subscribed to what it protects; the venue acts once that is gone."""

    def __init__(self, line: Line, window: timedelta) -> None:
        self.window_s = window.total_seconds()
        self.every_s = min(self.window_s / 4, EVERY_S)
        self._line = line
        line.client.has_switch = True
        self._session: aiohttp.ClientSession | None = None
        self._stream: aiohttp.ClientWebSocketResponse | None = None

    async def alive(self, symbols: Collection[str]) -> None:
        """See the Protocol. The stream stands from the first order on: what rests later is protected at once."""
        self._line.rested.clear()
        if not symbols and self._stream is None:
            return
        try:
            if self._stream is not None and await self._pong():
                return
            await self._leave()
            await self._listened()
        except (aiohttp.ClientError, OSError, TimeoutError, TypeError, ValueError) as error:
            await self._leave()
            raise Transient(f"Bybit's private stream: {type(error).__name__}: {errors.line(error)}") from error

    async def sent(self) -> None:
        """See the Protocol: only the first order has anything to wake for."""
        await self._line.rested.wait()

    async def disarm(self) -> None:
        """Unsubscribe, so that nobody is missed, then leave."""
        try:
            if self._stream is not None:
                await self._asked({"op": "unsubscribe", "args": list(TOPICS.values())})
        except (aiohttp.ClientError, OSError, TimeoutError, TypeError, ValueError) as error:
            raise Transient(f"Bybit's private stream: {type(error).__name__}: {errors.line(error)}") from error
        finally:
            await self.close()

    async def close(self) -> None:
        """See the Protocol."""
        await self._leave()
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    # ---- the stream

    async def _listened(self) -> None:
        await self._line.read("disconnect protection", self._windows)
        await self._must_be_on()
        stream = await self._opened()
        expires = self._line.client.milliseconds() + round(SIGNED_FOR_MS * float(self._line.setup.clock_speed))
        keys = self._line.setup.credentials
        proof = hmac.new(keys.secret.encode(), f"GET/realtime{expires}".encode(), hashlib.sha256).hexdigest()
        self._stream = stream
        await self._asked({"op": "auth", "args": [keys.key, expires, proof]})
        await self._asked({"op": "subscribe", "args": list(TOPICS.values())})

    async def _windows(self) -> None:
        for product in TOPICS:
            asked = {"product": product, "timeWindow": round(self.window_s)}
            await self._line.client.privatePostV5OrderDisconnectedCancelAll(asked)

    async def _must_be_on(self) -> None:
        answer = await self._line.read("disconnect protection", self._line.client.privateGetV5AccountQueryDcpInfo)
        rows: Sequence[Mapping[str, Any]] = (answer.get("result") or {}).get("dcpInfos") or ()
        on = {str(row.get("product")) for row in rows if row.get("dcpStatus") == "ON"}
        if missing := sorted(set(TOPICS) - on):
            raise Rejected(
                f"disconnect protection is off for {' and '.join(missing)}: Bybit switches it on for an account on "
                "request to its support"
            )

    async def _opened(self) -> aiohttp.ClientWebSocketResponse:
        if self._session is None:
            self._session = aiohttp.ClientSession(trust_env=False)
        setup = self._line.setup
        url = STREAMS.get(setup.environment) or f"{(setup.url or '').replace('http', 'ws', 1).rstrip('/')}/v5/private"
        async with asyncio.timeout(ANSWER_S):
            return await self._session.ws_connect(url)

    async def _leave(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            await stream.close()

    async def _pong(self) -> bool:
        """Whether the stream still answers; what it says besides is let go by."""
        try:
            await self._answer({"op": "ping"}, "pong")
        except (aiohttp.ClientError, OSError, TimeoutError, TypeError, ValueError):
            return False
        return True

    async def _asked(self, message: Mapping[str, Any]) -> None:
        answer = await self._answer(message, str(message["op"]))
        if answer.get("success") is not True:
            raise Rejected(f"Bybit's private stream refuses {message['op']}: {answer.get('ret_msg')}")

    async def _answer(self, message: Mapping[str, Any], op: str) -> Mapping[str, Any]:
        if self._stream is None:
            raise TypeError("no stream is open")
        async with asyncio.timeout(ANSWER_S):
            await self._stream.send_json(message)
            while True:
                said = await self._stream.receive_json()
                if isinstance(said, dict) and said.get("op") == op:
                    return said
