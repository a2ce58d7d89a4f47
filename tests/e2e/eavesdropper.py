"""A wire that writes down every byte both ways, and that can be made to lie, hang up and repeat secrets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from bot.clocks import ConstantClock
from bot.local_exchange.app import Terms
from bot.local_exchange.server import LocalExchange
from bot.venues.simulated.exchange import Exchange
from bot.venues.simulated.generated import make_scene
from tests.builders import D

#: A request's number, line and head; answers what is sent back instead of the exchange's own, b"" to hang up, or None.
Trick = Callable[[int, str, str], bytes | None]


def answer(status: int, body: object) -> bytes:
    text = (body if isinstance(body, str) else json.dumps(body)).encode()
    kind = "text/html" if isinstance(body, str) else "application/json"
    head = f"HTTP/1.1 {status} Said\r\ncontent-type: {kind}\r\ncontent-length: {len(text)}\r\nconnection: close\r\n\r\n"
    return head.encode() + text


@dataclass
class Eavesdropper:
    """What went over the wire; ``change`` rewrites what the exchange answers, in the same number of bytes."""

    exchange: Exchange
    trick: Trick = lambda _number, _line, _head: None
    change: Callable[[bytes], bytes] = bytes
    asked: list[bytes] = field(default_factory=list)
    answered: list[bytes] = field(default_factory=list)
    tricks: int = 0
    url: str = ""

    async def serve(self, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            lines = head.decode().split("\r\n")
            said = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
            body = await reader.readexactly(int(said.get("content-length", 0)))
            self.asked.append(head + body)
            back = self.trick(len(self.asked), lines[0], head.decode())
            if back is None:
                back = self.change(await self._passed_on(port, lines, body))
                self.answered.append(back)
            else:
                self.tricks += 1
            writer.write(back)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _passed_on(self, port: int, lines: list[str], body: bytes) -> bytes:
        rest = [line for line in lines[1:] if line and not line.lower().startswith("connection:")]
        there, back = await asyncio.open_connection("127.0.0.1", port)
        back.write("\r\n".join([lines[0], *rest, "connection: close", "", ""]).encode() + body)
        await back.drain()
        found = await there.read()
        back.close()
        return found


@asynccontextmanager
async def a_wire(key: str, secret: str, *, speed: float) -> AsyncIterator[Eavesdropper]:
    """An exchange with this key pair in this loop, and the wire to it."""
    exchange = Exchange(make_scene(scenario="tour", seed=3, tape=None, start=None), opening={"USDT": D(40_000)})
    server = LocalExchange(
        exchange, ConstantClock(exchange.now, speed), key=key, secret=secret, save=None, terms=Terms(time_scale=speed)
    )
    port = int((await server.start()).rpartition(":")[2])
    made = Eavesdropper(exchange)
    wire = await asyncio.start_server(lambda reader, writer: made.serve(port, reader, writer), "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{wire.sockets[0].getsockname()[1]}"
    try:
        yield made
    finally:
        wire.close()
        await server.stop()
