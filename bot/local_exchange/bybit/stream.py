"""Owns the private stream of Bybit's dialect: sign-in, topics of disconnect protection, pings. It tells no events."""

from __future__ import annotations

import asyncio
import hmac
import itertools
import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from bot.local_exchange.bybit.disconnection import TOPICS, Disconnection
from bot.local_exchange.calls import Listing
from bot.local_exchange.signing import KeyPair, sign
from bot.ports.clock import Clock

PATH = "/v5/private"
SILENT_S = 60.0  # host seconds without a word after which a connection counts as gone
OTHER_KIND, REFUSED = 1008, "websocket.close"

Message = MutableMapping[str, Any]


class Stream:
    """One ASGI application for ``/v5/private``; ``now_ms`` is venue time as clients are told it."""

    def __init__(
        self,
        keys: KeyPair,
        clock: Clock,
        *,
        now_ms: Callable[[], int],
        listing: Callable[[], Listing],
        disconnection: Disconnection,
        unified: bool,
    ) -> None:
        self._keys = keys
        self._clock = clock
        self._now_ms = now_ms
        self._listing = listing
        self._disconnection = disconnection
        self._unified = unified
        self._numbers = itertools.count(1)

    async def __call__(
        self, path: str, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        """Serve one connection to its end."""
        await receive()  # that it wants to open
        if path != PATH or not self._unified:
            await send({"type": REFUSED, "code": OTHER_KIND})
            return
        await send({"type": "websocket.accept"})
        line, known = next(self._numbers), False
        try:
            while (message := await self._heard(receive)) is not None:
                asked = _read(message)
                known = known or (asked.get("op") == "auth" and self._proves(asked))
                answer = self._answer(line, asked, known=known)
                await send({"type": "websocket.send", "text": json.dumps(answer)})
        finally:
            self._disconnection.lost(line, self._clock.now(), self._listing())

    async def _heard(self, receive: Callable[[], Awaitable[Message]]) -> Message | None:
        """The next message; None once the client is gone or has been silent for too long."""
        try:
            async with asyncio.timeout(SILENT_S):
                message = await receive()
        except TimeoutError:
            return None
        return None if message["type"] == "websocket.disconnect" else message

    def _answer(self, line: int, asked: dict[str, Any], *, known: bool) -> dict[str, Any]:
        op, told = asked.get("op"), {"req_id": asked.get("req_id", ""), "conn_id": str(line)}
        if op == "ping":
            return {**told, "op": "pong", "args": [str(self._now_ms())]}
        if not known:
            return {**told, "op": op, "success": False, "ret_msg": "Params Error, the stream is not authorized"}
        topics = [str(topic) for topic in asked.get("args") or ()]
        wrong = [topic for topic in topics if topic not in TOPICS] if op in ("subscribe", "unsubscribe") else []
        if wrong:
            return {**told, "op": op, "success": False, "ret_msg": f"error:handler not found,topic:{wrong[0]}"}
        if op == "subscribe":
            for topic in topics:
                self._disconnection.here(line, topic)
        elif op == "unsubscribe":
            for topic in topics:
                self._disconnection.left(line, topic)
        elif op != "auth":
            return {**told, "op": op, "success": False, "ret_msg": f"error:unknown op {op!r:.20}"}
        return {**told, "op": op, "success": True, "ret_msg": ""}

    def _proves(self, asked: dict[str, Any]) -> bool:
        args = asked.get("args")
        if not isinstance(args, list) or len(args) != 3:  # noqa: PLR2004 - key, end, signature
            return False
        key, ends, proof = (str(one) for one in args)
        right = sign(self._keys.secret, f"GET/realtime{ends}".encode())
        fresh = ends.isdecimal() and int(ends) > self._now_ms()
        return fresh and key == self._keys.key and hmac.compare_digest(right.encode(), proof.lower().encode())


def _read(message: Message) -> dict[str, Any]:
    try:
        said = json.loads(message.get("text") or message.get("bytes") or "")
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
