"""A venue played over loopback HTTP: each request is held against what the venue documents, the engine answers it.

A wire is a table of routes. What a route does not list, misses or signs wrongly is a fault; a test ends by asking for
none (`Wire.faults`).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

from bot.core.instruments import spot_symbol, swap_symbol
from bot.core.numbers import from_milliseconds, milliseconds
from bot.venues.simulated.exchange import Exchange, Refusal
from bot.venues.simulated.scene import Scene

KEY, SECRET, PASSPHRASE = "replay-key", "replay-secret", "replay-passphrase"
D = Decimal


class Clock(Protocol):
    """Venue time as the test sets it."""

    def now(self) -> Any: ...


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: str
    parts: tuple[str, ...] = ()  # what stood where the route has a star

    @property
    def said(self) -> dict[str, Any]:
        """Query and JSON body together; a body that is a list is under ``list``."""
        found: dict[str, Any] = dict(parse_qsl(self.query, keep_blank_values=True))
        if self.body:
            body = json.loads(self.body)
            found |= {"list": body} if isinstance(body, list) else body
        return found


class Said(Exception):
    """What the venue answers instead: a status and a body."""

    def __init__(self, body: Any, status: int = 200, *, cut: bool = False, **headers: str) -> None:
        super().__init__(str(body))
        self.body, self.status, self.cut = body, status, cut
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    def text(self) -> bytes:
        """JSON, or a text as it is."""
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()


@dataclass(frozen=True)
class Route:
    """``must`` and ``may`` name the parameters; ``private`` ones are signed."""

    answer: Callable[[Asked], Any]
    must: frozenset[str] = frozenset()
    may: frozenset[str] = frozenset()
    private: bool = False


def route(answer: Callable[[Asked], Any], must: str = "", may: str = "", *, private: bool = False) -> Route:
    return Route(answer, frozenset(must.split()), frozenset(may.split()), private)


@dataclass
class Wire:
    """What all venues' wires share: the engine, the clock, faults; a venue adds its routes and how it says no."""

    exchange: Exchange
    scene: Scene
    clock: Clock
    faults: list[str] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    common: frozenset[str] = frozenset()  # parameters of every signed request
    instead: dict[tuple[str, str], Said] = field(default_factory=dict)  # what is answered whatever is asked there
    assets: tuple[str, ...] = ("BTC",)  # what is listed, spot and perpetual
    asset: str = "BTC"  # what the request or the row is about

    def routes(self) -> Mapping[tuple[str, str], Route]:
        raise NotImplementedError

    def refused(self, refusal: Refusal, asked: Asked) -> Said:
        raise NotImplementedError

    def signed(self, asked: Asked) -> bool:
        raise NotImplementedError

    def id_of(self, symbol: str) -> str:
        """A symbol in the venue's words."""
        raise NotImplementedError

    @property
    def spot(self) -> str:
        return spot_symbol(self.asset, "USDT")

    @property
    def swap(self) -> str:
        return swap_symbol(self.asset, "USDT")

    @property
    def id(self) -> str:
        return self.id_of(self.spot)

    def each(self, row: Callable[[], Any]) -> list[Any]:
        """A row of each asset listed; None is left out."""
        rows = []
        for asset in self.assets:
            self.asset = asset
            rows.append(row())
        return [row for row in rows if row is not None]

    @property
    def at_ms(self) -> int:
        return milliseconds(self.clock.now())

    def answer(self, asked: Asked) -> Said:
        self.exchange.advance(self.clock.now())
        self.asked.append(asked)
        if (asked.method, asked.path) in self.instead:
            return self.instead[asked.method, asked.path]
        found, stars = self._find(asked)
        if found is None:
            return self._fault(asked, "is no call that this venue documents")
        asked = Asked(asked.method, asked.path, asked.query, asked.headers, asked.body, stars)
        named = next((word for word in (*stars, asked.said.get("symbol", "")) if word.endswith("USDT")), "")
        asset = named.removesuffix("USDT").rstrip("-_")
        self.asset = asset if asset in self.assets else self.assets[0]
        names = set(asked.said) - (self.common if found.private else frozenset())
        if missing := found.must - names:
            return self._fault(asked, f"lacks {sorted(missing)}")
        if more := names - found.must - found.may:
            return self._fault(asked, f"says {sorted(more)}, which is not documented")
        if found.private and not self.signed(asked):
            return self._fault(asked, "is not signed as documented")
        try:
            return Said(found.answer(asked))
        except Said as said:
            return said
        except Refusal as refusal:
            return self.refused(refusal, asked)

    def _find(self, asked: Asked) -> tuple[Route | None, tuple[str, ...]]:
        routes = self.routes()
        if (asked.method, asked.path) in routes:
            return routes[asked.method, asked.path], ()
        parts = asked.path.split("/")
        for (method, path), found in routes.items():
            wanted = path.split("/")
            if method == asked.method and len(wanted) == len(parts) and "*" in wanted:
                stars = tuple(part for want, part in zip(wanted, parts, strict=True) if want == "*")
                if all(want in ("*", part) for want, part in zip(wanted, parts, strict=True)):
                    return found, stars
        return None, ()

    def _fault(self, asked: Asked, why: str) -> Said:
        self.faults.append(f"{asked.method} {asked.path} {unquote(asked.query)} {asked.body} {why}")
        return Said({"code": 1, "msg": why, "message": why, "success": False}, 400)

    # ---- the engine, as every wire reads it

    def price(self, symbol: str) -> Decimal | None:
        return self.scene.price(symbol, self.clock.now())

    def bid_ask(self, symbol: str) -> tuple[Decimal, Decimal]:
        book = self.scene.book(symbol, self.clock.now())
        assert book is not None
        return book.bids[0][0], book.asks[0][0]

    def levels(self, symbol: str) -> dict[str, list[list[str]]]:
        book = self.scene.book(symbol, self.clock.now())
        assert book is not None
        sides = {"bids": book.bids, "asks": book.asks}
        return {name: [[str(price), str(amount)] for price, amount in rows] for name, rows in sides.items()}

    def bars(self, symbol: str, frame: str, since_ms: int, until_ms: int, most: int) -> list[list[float]]:
        rows = self.scene.candles(symbol, frame, since_ms, 100_000, self.clock.now()).tolist()
        return [row for row in rows if row[0] <= until_ms][:most]

    def rates(self, symbol: str, since_ms: int) -> list[tuple[int, Decimal]]:
        known = self.scene.settled(symbol, from_milliseconds(since_ms - 1), self.clock.now())
        return [(milliseconds(at), rate) for at, rate in known]


class Server:
    """The wire behind a port."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self._open: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> str:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        for writer in list(self._open):
            writer.close()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                method, target, _ = head.split("\r\n")[0].split(" ")
                headers = dict(row.split(": ", 1) for row in head.split("\r\n")[1:] if ": " in row)
                headers = {name.lower(): value for name, value in headers.items()}
                body = (await reader.readexactly(int(headers.get("content-length", 0)))).decode()
                url = urlsplit(target)
                said = self.wire.answer(Asked(method, url.path, url.query, headers, body))
                text = said.text()
                more = "".join(f"{name}: {value}\r\n" for name, value in said.headers.items())
                head = f"HTTP/1.1 {said.status} Replay\r\ncontent-type: application/json\r\n{more}"
                writer.write(f"{head}content-length: {len(text)}\r\n\r\n".encode())
                writer.write(text[: len(text) // 2] if said.cut else text)
                await writer.drain()
                if said.cut:
                    return
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._open.discard(writer)
            writer.close()
