"""Owns the way of a request in either dialect: authenticated, answered, committed. Speaks ASGI; opens no socket."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from bot.core.numbers import jsonable, milliseconds, utc_text
from bot.local_exchange import earn, errors, futures, futures_account, sapi, signing, spot, weights
from bot.local_exchange.bybit import front as v5
from bot.local_exchange.bybit.errors import V5Error
from bot.local_exchange.bybit.limits import DEFAULT as V5_BUDGET
from bot.local_exchange.bybit.limits import Budget as V5Budget
from bot.local_exchange.bybit.stream import Stream
from bot.local_exchange.calls import Call, Endpoint, Listing, Routes
from bot.local_exchange.countdown import Countdowns
from bot.local_exchange.errors import WireError
from bot.local_exchange.parameters import Parameters
from bot.local_exchange.signing import KeyPair
from bot.ports.clock import Clock
from bot.venues.simulated.exchange import Exchange

ROUTES: Routes = {**spot.ROUTES, **futures.ROUTES, **futures_account.ROUTES, **sapi.ROUTES, **earn.ROUTES}
BODY_MOST_BYTES = 64 * 1024
SAVE_EVERY_S = 5.0
OTHER_KIND = " (this exchange keeps an account of Bybit's kind; --venue binance keeps one of Binance's)"
JSON = "application/json;charset=UTF-8"

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Save = Callable[[bytes], Awaitable[None]]
Ending = Literal["whole", "short", "closed", "reset"]
Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came: the query and the body are raw, since they are what was signed."""

    method: str
    path: str
    query: bytes
    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """A response before it is sent, and how it is: whole, cut in its middle, or not at all (closed or reset)."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    ending: Ending = "whole"


class Faults(Protocol):
    """A seam for what networks and venues do wrong; without one everything goes well."""

    async def before(self, asked: Asked) -> Answer | None:
        """Answer instead of the exchange (it then never saw the request), or None."""
        ...

    async def after(self, asked: Asked, answer: Answer) -> Answer:
        """Answer otherwise than the exchange did (what it did stays done)."""
        ...


class HangUp(Protocol):
    """Ends a client's connection: what was sent goes out first, or (``reset``) all is thrown away."""

    def __call__(self, client: Address, *, reset: bool) -> None:
        """Do it; a client that is gone is no fault."""
        ...


@dataclass(frozen=True, slots=True)
class Terms:
    """What the exchange grants: ``time_scale`` is venue seconds per host second where the venue's clock runs fast.

    ``unified``: its account is one wallet, which only Bybit's dialect can speak of; else Binance's wallets, likewise.
    """

    time_scale: float = 1.0
    spot: weights.Budget = weights.SPOT
    futures: weights.Budget = weights.FUTURES
    sapi: weights.Budget = weights.SAPI
    v5: V5Budget = V5_BUDGET
    unified: bool = False


class App:
    """The exchange's front: one ASGI application over one engine.

    The paths are constants, so a table finds them. Signed requests take turns: what one of them changed is committed
    before it, or any other, is answered. Public ones read the scene only and wait for nobody.
    """

    def __init__(
        self,
        exchange: Exchange,
        clock: Clock,
        keys: KeyPair,
        save: Save | None,
        terms: Terms,
        faults: Faults | None,
        hang_up: HangUp | None = None,
    ) -> None:
        self.order_requests = 0
        self.requests_by_path: Counter[str] = Counter()
        self._hang_up = hang_up
        self._exchange = exchange
        self._listing = Listing(exchange.scene)
        self._clock = clock
        self._keys = keys
        self._save = save
        self._terms = terms
        self._faults = faults
        self._turn = asyncio.Lock()
        self._saved_version: int | None = None
        self._saved_at_s = clock.mono()
        self._meters = {
            "/api": weights.Meter(terms.spot, terms.time_scale),
            "/fapi": weights.Meter(terms.futures, terms.time_scale),
            "/sapi": weights.Meter(terms.sapi, terms.time_scale),
        }
        self._countdowns = Countdowns(terms.time_scale)
        self._v5 = v5.Front(
            exchange,
            keys,
            unified=terms.unified,
            budget=terms.v5,
            time_scale=terms.time_scale,
            countdowns=self._countdowns,
        )
        self._stream = Stream(
            keys,
            clock,
            now_ms=lambda: milliseconds(exchange.tells(max(clock.now(), exchange.now))),
            listing=self._listed,
            disconnection=self._v5.disconnection,
            unified=terms.unified,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or private stream (ASGI): plain enough that a framework would add nothing but its cost."""
        if scope["type"] == "websocket":
            await self._stream(scope["path"], receive, send)
            return
        body = await _whole_body(receive)
        if body is None:
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        asked = Asked(scope["method"], scope["path"], scope["query_string"], body, headers)
        answer = Answer(413, b"") if len(body) > BODY_MOST_BYTES else await self.answer(asked)
        if answer.ending in ("whole", "short"):
            sent = {"content-type": JSON, "content-length": str(len(answer.body)), **answer.headers}
            raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in sent.items()]
            await send({"type": "http.response.start", "status": answer.status, "headers": raw})
            whole = answer.ending == "whole"
            body = answer.body if whole else answer.body[: len(answer.body) // 2]
            await send({"type": "http.response.body", "body": body, "more_body": not whole})
        if answer.ending != "whole":
            await self._end(scope, receive, reset=answer.ending == "reset")

    async def _end(self, scope: Scope, receive: Receive, *, reset: bool) -> None:
        """End the client's connection, and come back when it is ended."""
        if self._hang_up is None:
            return
        self._hang_up(tuple(scope["client"]), reset=reset)
        while (await receive())["type"] != "http.disconnect":
            continue

    async def answer(self, asked: Asked) -> Answer:
        """The exchange's answer, through the faults where there are some."""
        self.requests_by_path[f"{asked.method} {asked.path}"] += 1
        instead = await self._faults.before(asked) if self._faults else None
        answer = instead or await self._honest(asked)
        return await self._faults.after(asked, answer) if self._faults else answer

    async def settle(self) -> None:
        """Bring the engine to the venue's present and commit it: what a clean stop leaves behind."""
        async with self._turn:
            self._present()
            await self._commit()

    async def _honest(self, asked: Asked) -> Answer:
        if asked.path.startswith("/local/"):
            return self._own(asked)
        if asked.path.startswith(v5.PREFIX):
            return await self._honest_v5(asked)
        headers: dict[str, str] = {}
        try:
            endpoint = ROUTES.get((asked.method, asked.path))
            if endpoint is None:
                raise errors.unknown_path(asked.path, asked.method)
            self.order_requests += endpoint.orders
            said = Parameters(asked.query, asked.body)
            at = max(self._clock.now(), self._exchange.now)
            # "/api", "/fapi" and "/sapi" each have a budget of their own.
            meter = self._meters[asked.path[: asked.path.index("/", 1)]]
            headers |= meter.charge(at, endpoint.weighs(said), endpoint.orders)
            if not endpoint.signed:
                return self._said(endpoint, self._call(asked, said, at), headers)
            self._authenticate(asked, said, milliseconds(self._exchange.tells(at)))
            return await self._signed(endpoint, asked, said, headers)
        except WireError as error:
            return Answer(error.status, _json(error.body()), headers | error.headers)

    async def _honest_v5(self, asked: Asked) -> Answer:
        at = max(self._clock.now(), self._exchange.now)
        request = v5.Request(asked.method, asked.path, asked.query, asked.body, asked.headers)
        try:
            entered = self._v5.enter(request, at)
        except V5Error as error:
            return self._spoken(*self._v5.refused(error, at))
        self.order_requests += entered.endpoint.orders
        if not entered.endpoint.signed:
            return self._spoken(*self._v5.answer(entered, at, self._listed()))
        async with self._turn:
            answer = self._spoken(*self._v5.answer(entered, self._present(), self._listed()))
            await self._commit_if_due()
            return answer

    def _spoken(self, status: int, body: Mapping[str, Any], headers: Mapping[str, str]) -> Answer:
        return Answer(status, _json(body), headers)

    def _authenticate(self, asked: Asked, said: Parameters, now_ms: int) -> None:
        if self._terms.unified:
            raise errors.key_unknown(OTHER_KIND)
        signing.check_key(self._keys, asked.headers.get("x-mbx-apikey"))
        signing.check_time(said, now_ms, self._terms.time_scale)
        signing.check_signature(self._keys, asked.query, asked.body)

    async def _signed(self, endpoint: Endpoint, asked: Asked, said: Parameters, headers: Mapping[str, str]) -> Answer:
        async with self._turn:
            try:
                answer = self._said(endpoint, self._call(asked, said, self._present()), headers)
            except WireError as error:
                answer = Answer(error.status, _json(error.body()), {**headers, **error.headers})
            await self._commit_if_due()
            return answer

    def _said(self, endpoint: Endpoint, call: Call, headers: Mapping[str, str]) -> Answer:
        if endpoint.knows is not None:
            call.said.only(endpoint.knows)
        return Answer(200, _json(endpoint.answer(call)), headers)

    def _call(self, asked: Asked, said: Parameters, at: datetime) -> Call:
        swap = asked.path.startswith("/fapi/")
        return Call(said, at, self._exchange, self._exchange.scene, self._listed(), self._countdowns, swap)

    def _listed(self) -> Listing:
        if self._exchange.scene.markets() != self._listing.markets:
            self._listing = Listing(self._exchange.scene)
        return self._listing

    def _present(self) -> datetime:
        """Venue time never goes back: a restored engine may be ahead of a clock that was set anew."""
        to = max(self._clock.now(), self._exchange.now)
        for due, symbols in self._countdowns.over(to):
            self._advance(max(due, self._exchange.now))
            for symbol in {order.symbol for order in self._exchange.open_orders()} & symbols:
                self._exchange.cancel_all(symbol)
        self._advance(to)
        return self._exchange.now

    def _advance(self, to: datetime) -> None:
        if self._terms.unified:
            self._v5.purse.before(to)
        self._exchange.advance(to)

    async def _commit_if_due(self) -> None:
        """Commit what changed; time alone is worth little and is committed now and then, lest a crash cost hours."""
        changed = self._exchange.version != self._saved_version
        if changed or self._clock.mono() - self._saved_at_s >= SAVE_EVERY_S:
            await self._commit()

    async def _commit(self) -> None:
        version = self._exchange.version
        if self._save is not None:
            await self._save(self._exchange.dump())
        self._saved_version, self._saved_at_s = version, self._clock.mono()

    def _own(self, asked: Asked) -> Answer:
        """What we ask of our own exchange, outside the venues' namespaces; it holds no secret."""
        at = max(self._clock.now(), self._exchange.now)
        if (asked.method, asked.path) == ("GET", "/local/health"):
            body: Any = {
                "venue_time": utc_text(at),
                "speed": self._terms.time_scale,
                "symbols": sorted(self._listing.markets),
                "order_requests": self.order_requests,
            }
        elif (asked.method, asked.path) == ("GET", "/local/feeds"):
            body = jsonable(self._exchange.scene.feeds(at).model_dump())
        else:
            return Answer(404, _json(errors.unknown_path(asked.path, asked.method).body()))
        return Answer(200, _json(body))


async def _whole_body(receive: Receive) -> bytes | None:
    """The body, cut soon after it is too long; None when the client hung up in the middle of it."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if not message.get("more_body") or len(body) > BODY_MOST_BYTES:
            return bytes(body)


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()
