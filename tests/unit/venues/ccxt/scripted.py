"""A venue that answers by script over real HTTP: whole, cut off, hung up on, late; and a clock with free host time."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

from bot.core.numbers import milliseconds
from bot.core.orders import MoveIntent, OrderIntent
from bot.ports.clock import Clock
from bot.venues.ccxt.limits import Traffic
from bot.venues.ccxt.profiles import Credentials, Setup
from bot.venues.ccxt.profiles.binance import Binance
from bot.venues.ccxt.profiles.binance_wire import BinanceClient
from bot.venues.ccxt.venue import CcxtVenue
from tests import builders

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOW_MS = milliseconds(NOW)
SPOT, SWAP = "BTC/USDT", "BTC/USDT:USDT"
D = Decimal
Manner = Literal["whole", "cut", "hang_up", "silent"]


@dataclass(frozen=True)
class Answer:
    body: Any = ""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    manner: Manner = "whole"
    after_s: float = 0.0

    def text(self) -> bytes:
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()


def refusal(code: int, msg: str = "no", status: int = 400, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer({"code": code, "msg": msg}, status, named)


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    said: Mapping[str, str]


class Script:
    """Answers by method and path, each once, the last one for ever; what has none is refused with -1121."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self._came: dict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._answers: dict[str, list[Answer]] = defaultdict(list)
        self._open: set[asyncio.StreamWriter] = set()
        for what, body in LISTINGS.items():
            self.on(what, body)

    def on(self, what: str, *answers: Any) -> None:
        """``GET /api/v3/time``: what comes, in this order."""
        self._answers[what] = [one if isinstance(one, Answer) else Answer(one) for one in answers]

    def count(self, what: str) -> int:
        return sum(f"{one.method} {one.path}" == what for one in self.asked)

    async def came(self, what: str) -> None:
        await self._came[what].wait()

    def last(self, what: str) -> Mapping[str, str]:
        return [one for one in self.asked if f"{one.method} {one.path}" == what][-1].said

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            while await self._one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._open.discard(writer)
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, target, _ = head.split("\r\n")[0].split(" ")
        headers = dict(row.lower().split(": ", 1) for row in head.split("\r\n")[1:] if ": " in row)
        body = (await reader.readexactly(int(headers.get("content-length", 0)))).decode()
        url = urlsplit(target)
        self.asked.append(Asked(method, url.path, dict(parse_qsl(url.query) + parse_qsl(body))))
        self._came[f"{method} {url.path}"].set()
        waiting = self._answers.get(f"{method} {url.path}") or [refusal(-1121, f"no script for {method} {url.path}")]
        answer = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        await asyncio.sleep(answer.after_s)
        if answer.manner == "silent":
            await asyncio.sleep(60)
        if answer.manner == "hang_up":
            return False
        text = answer.text()
        sent = {"content-type": "application/json", "content-length": str(len(text)), **answer.headers}
        rows = [f"HTTP/1.1 {answer.status} Scripted", *(f"{name}: {value}" for name, value in sent.items())]
        writer.write("\r\n".join(rows).encode() + b"\r\n\r\n")
        writer.write(text[: len(text) // 2] if answer.manner == "cut" else text)
        await writer.drain()
        return answer.manner != "cut"

    def hang_up(self) -> None:
        for writer in list(self._open):
            writer.close()


class FreeClock:
    """Venue time stands; host time goes by when somebody sleeps, and costs nothing."""

    def __init__(self, at: datetime = NOW) -> None:
        self.at = at
        self.host_s = 1_000.0
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self.at

    def mono(self) -> float:
        return self.host_s

    async def sleep(self, host_s: float) -> None:
        self.slept.append(host_s)
        self.host_s += host_s
        await asyncio.sleep(0)

    async def until(self, venue_at: datetime) -> None:
        self.at = max(self.at, venue_at)


class ImpatientBinance(Binance):
    """Binance that waits 0.3 s instead of 10."""

    def client(self, setup: Setup, clock: Clock, traffic: Traffic) -> BinanceClient:
        made = super().client(setup, clock, traffic)
        made.timeout = 300
        return made


@dataclass
class Stage:
    venue: CcxtVenue
    script: Script
    clock: FreeClock


@asynccontextmanager
async def a_stage(*, key: str = "key", opened: bool = True) -> AsyncIterator[Stage]:
    script, clock = Script(), FreeClock()
    server = await asyncio.start_server(script.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    setup = Setup("local", Credentials(key, "secret" if key else ""), f"http://127.0.0.1:{port}")
    venue = CcxtVenue(ImpatientBinance(), setup, clock)
    try:
        if opened:
            await venue.open()
        yield Stage(venue, script, clock)
    finally:
        await venue.close()
        script.hang_up()
        server.close()
        await server.wait_closed()


def an_intent(client_id: str = "bt0", *, qty: str = "0.5", price: str = "60000.1", **more: Any) -> OrderIntent:
    plain = {"purpose": "spot", "reference": None, "leverage": None, "sent_before": NOW + timedelta(minutes=1)}
    return builders.an_intent(client_id=client_id, qty=qty, price=price, **{"symbol": SPOT, **plain, **more})


def a_move(client_id: str = "bm0", amount: str = "100") -> MoveIntent:
    return MoveIntent(client_id, "d", "a", "USDT", D(amount), "spot", "futures", NOW + timedelta(minutes=1), 1)


def yes(intent: OrderIntent | MoveIntent) -> None:
    del intent


def spot_order(client_id: str = "bt0", *, status: str = "FILLED", filled: str = "0.5", **more: Any) -> dict[str, Any]:
    quote = D(filled) * D("60000.1")
    return {
        "symbol": "BTCUSDT",
        "orderId": 7,
        "orderListId": -1,
        "clientOrderId": client_id,
        "transactTime": NOW_MS,
        "price": "60000.10000000",
        "origQty": "0.50000000",
        "executedQty": filled,
        "cummulativeQuoteQty": f"{quote:f}",
        "status": status,
        "timeInForce": "IOC",
        "type": "LIMIT",
        "side": "BUY",
        "fills": [],
    } | more


def spot_trade(trade_id: int = 1, order_id: int = 7, **more: Any) -> dict[str, Any]:
    return {
        "symbol": "BTCUSDT",
        "id": trade_id,
        "orderId": order_id,
        "orderListId": -1,
        "price": "60000.10000000",
        "qty": "0.50000000",
        "quoteQty": "30000.05",
        "commission": "0.00050000",
        "commissionAsset": "BTC",
        "time": NOW_MS,
        "isBuyer": True,
        "isMaker": False,
        "isBestMatch": True,
    } | more


_SPOT_LISTING = {
    "symbol": "BTCUSDT",
    "status": "TRADING",
    "baseAsset": "BTC",
    "quoteAsset": "USDT",
    "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET"],
    "isSpotTradingAllowed": True,
    "permissions": [],
    "permissionSets": [["SPOT"]],
    "filters": [
        {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000", "tickSize": "0.01000000"},
        {"filterType": "LOT_SIZE", "minQty": "0.00001000", "maxQty": "9000", "stepSize": "0.00001000"},
        {"filterType": "NOTIONAL", "minNotional": "5.00000000", "maxNotional": "9000000"},
    ],
}
_SWAP_LISTING = {
    "symbol": "BTCUSDT",
    "pair": "BTCUSDT",
    "contractType": "PERPETUAL",
    "deliveryDate": 4133404800000,
    "status": "TRADING",
    "baseAsset": "BTC",
    "quoteAsset": "USDT",
    "marginAsset": "USDT",
    "orderTypes": ["LIMIT", "MARKET"],
    "filters": [
        {"filterType": "PRICE_FILTER", "minPrice": "0.1", "maxPrice": "1000000", "tickSize": "0.10"},
        {"filterType": "LOT_SIZE", "minQty": "0.001", "maxQty": "1000", "stepSize": "0.001"},
        {"filterType": "MIN_NOTIONAL", "notional": "100"},
    ],
}
LISTINGS: dict[str, Any] = {
    "GET /api/v3/exchangeInfo": {"symbols": [_SPOT_LISTING, _SPOT_LISTING | {"symbol": "LDOUSDT", "baseAsset": "LDO"}]},
    "GET /fapi/v1/exchangeInfo": {"symbols": [_SWAP_LISTING]},
    "GET /api/v3/time": {"serverTime": NOW_MS},
}
