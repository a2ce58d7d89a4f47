"""Owns the way of every request between ccxt and the socket: allowed or not, permitted or not, counted, tagged, timed.

`SafeTransport` stands before a ccxt class (``class Binance(SafeTransport, ccxt.binance)``). It never retries.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from decimal import Decimal
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import ccxt.async_support as ccxt

from bot.core.numbers import milliseconds
from bot.core.orders import OrderIntent
from bot.ports.clock import Clock
from bot.ports.errors import Denied
from bot.venues.ccxt import errors
from bot.venues.ccxt.limits import Traffic
from bot.venues.ccxt.permits import AskedRequest, Ticket, held, last_line

PAUSE_LEAST_S = 1.0
BAN_LEAST_S = 120.0
TOO_MANY, BANNED = 429, 418
SUCCESS = range(200, 300)
_COST: ContextVar[float | None] = ContextVar("cost", default=None)  # what ccxt charges for the request under way


class Way(StrEnum):
    """What a path does; a path that is on no list does not exist."""

    READ = "read"
    SETTING = "setting"  # leverage, margin type, position mode: harmless to repeat
    CANCEL = "cancel"
    ORDER = "order"  # these two need a ticket
    MOVE = "move"
    SWITCH = "switch"  # the dead-man's, which reaches every order: only where it was asked for


def _no_constant(name: str) -> Any:
    message = f"{name} is no number"
    raise ValueError(message)


def _decode(text: str) -> Any:
    """JSON whose fractions keep the venue's own digits; NaN and Infinity make the whole answer unreadable."""
    return json.loads(text, parse_float=str, parse_constant=_no_constant)


class SafeTransport:
    """ccxt's transport with our own last line.

    - ``ways`` is the list of paths; a withdrawal is not on it, so that no code can ask for one.
    - ``milliseconds`` is venue time from the clock, plus ``skew_ms`` where the machine's clock is measured to be off.
    - ``number = str``: ccxt's unified structures hold the venue's own digits, so that no float is ever in between
      (not Decimal: ccxt reads its own structures again, and what is neither text nor float is nothing to it).
    - nothing of ccxt's own retries and prints: ``verbose`` shows signed headers, ``maxRetriesOnFailure`` sends an order
      again; where either is set no request leaves.
    - what the venue says is freed of the key, the secret and the passphrase before anybody puts it into an error.
    - errors carry ``http_status``, ``headers``, ``code``; a 2xx that is no JSON and an answer cut off are no results.
    """

    session: Any
    verbose: bool
    options: dict[str, Any]
    apiKey: str | None  # noqa: N815 - ccxt's name
    secret: str | None
    password: str | None
    rateLimit: float  # noqa: N815 - ccxt's name: host milliseconds for a cost of 1
    tcp_connector: Any
    number = str
    on_json_response = staticmethod(_decode)

    def __init__(
        self, config: Mapping[str, Any], *, clock: Clock, traffic: Traffic, ways: Mapping[tuple[str, str], Way]
    ) -> None:
        self.clock = clock
        self.traffic = traffic
        self.ways = ways
        self.skew_ms = 0
        self.has_switch = False  # whether the dead-man's switch was asked for
        self._asked_session: aiohttp.ClientSession | None = None
        super().__init__(dict(config))  # type: ignore[call-arg] # the ccxt class that stands behind

    def milliseconds(self) -> int:
        """Venue time."""
        return milliseconds(self.clock.now()) + self.skew_ms

    def open(self, lazy: bool = False) -> None:  # noqa: FBT001, FBT002 - ccxt's signature
        """Make ccxt's session, then one on the same connector whose requests ask before they leave."""
        super().open(lazy)  # type: ignore[misc]
        if self.session is not self._asked_session:
            self.session.detach()
            self.session = self._asked_session = aiohttp.ClientSession(
                connector=self.tcp_connector, request_class=AskedRequest, trust_env=False
            )

    async def fetch(self, url: str, method: str = "GET", headers: Any = None, body: Any = None) -> Any:
        """One request; raises `Denied` for a path on no list and for a write without a ticket."""
        path = urlsplit(url).path
        self._must_be_quiet()
        way = self.way_of(method, path)
        if way is None:
            raise Denied(f"{method} {path} is not among the requests this bot may make")
        if way is Way.SWITCH and not self.has_switch:
            raise Denied(f"{method} {path}: venue.dead_man is 0s")
        ticket = _ticket_for(way, method, url, body) if way in (Way.ORDER, Way.MOVE) else None

        cost = _COST.get()
        if cost is not None:
            _COST.set(None)
            family = self.family_of(path)
            weight, urgent = self.weight_of(family, cost), way not in (Way.READ, Way.SETTING)
            await self.traffic.take(cost, 1000 / self.rateLimit, family, weight, urgent=urgent)

        def ask() -> None:
            self.traffic.check(order=way is Way.ORDER)
            if ticket is not None:
                ticket.leave()
            self.traffic.count(method, path)

        with last_line(ask):
            try:
                return await super().fetch(url, method, headers, body)  # type: ignore[misc]
            except ccxt.ExchangeError as error:
                if errors.cut_off(error):
                    raise ccxt.RequestTimeout(f"{method} {path}: the answer was cut off") from error.__cause__
                raise

    async def throttle(self, cost: float | None = None) -> None:
        """Wait as ccxt does, for this process, and remember what the request costs this machine."""
        await super().throttle(cost)  # type: ignore[misc]
        _COST.set(float(1 if cost is None else cost))

    def family_of(self, path: str) -> str:
        """Whose minute a path counts in; "" where the venue has no such thing."""
        del path
        return ""

    def weight_of(self, family: str, cost: float) -> float:
        """What ccxt's cost is in the venue's own weight."""
        del family
        return cost

    def way_of(self, method: str, path: str) -> Way | None:
        """What a path does, None for one on no list; a ``*`` on the list stands for one part of a path."""
        exact = self.ways.get((method, path))
        if exact is not None:
            return exact
        parts = path.split("/")
        for (verb, listed), way in self.ways.items():
            if verb == method and "*" in listed and _alike(listed.split("/"), parts):
                return way
        return None

    def parse_order_book_bid_ask(self, bidask: Sequence[Any], *keys: Any) -> list[Decimal]:
        """A level, exact (ccxt makes floats here whatever ``number`` says); raises ArithmeticError, LookupError."""
        price, amount = keys[:2] or (0, 1)
        return [Decimal(str(bidask[price])), Decimal(str(bidask[amount]))]

    def handle_errors(
        self, code: int, reason: str, url: str, method: str, headers: Any, body: str, response: Any, *sent: Any
    ) -> Any:
        """Note what was used, then let ccxt judge, tag what it raises, and take no unreadable success for a result."""
        path = urlsplit(url).path
        body, reason = self._without_keys(body), self._without_keys(reason)
        self._note(path, headers)
        try:
            if (banned_s := self.banned_s(code, str(body), response)) is not None:
                raise _banned(f"{method} {path} {code}: {errors.line(ValueError(body))}", banned_s)
            judged = super().handle_errors(code, reason, url, method, headers, body, response, *sent)  # type: ignore[misc]
            if code in (BANNED, TOO_MANY):
                raise ccxt.RateLimitExceeded(f"{method} {path} {code} {reason}")
            if response is None and code in SUCCESS:
                raise ccxt.BadResponse(f"{method} {path} {code}: not JSON: {body[:60]!r}")
            if response is None:
                super().handle_http_status_code(code, reason, url, method, body)  # type: ignore[misc]
        except ccxt.BaseError as raised:
            error = raised if code not in (BANNED, TOO_MANY) else _limited(raised)
            error.http_status = code
            error.headers = dict(headers or {})
            error.code = self.code_of(response)
            if isinstance(error, errors.LIMITED):
                self._pause(error, way=self.way_of(method, path))
            if error is raised:
                raise
            raise error from raised
        return judged

    def _must_be_quiet(self) -> None:
        """Raise `Denied` where ccxt was told to print what it sends, or to send again by itself."""
        if self.verbose:
            raise Denied("ccxt's verbose is set, which prints signed requests; nothing is sent")
        again = [self.options.get("maxRetriesOnFailure"), *_inner(self.options, "maxRetriesOnFailure")]
        if any(again):
            raise Denied("ccxt's maxRetriesOnFailure is set, which sends orders again; it must be 0")

    def _without_keys(self, text: str) -> str:
        """What a venue said, should it repeat what it was told in confidence."""
        for secret in (self.secret, self.apiKey, self.password):
            text = text.replace(secret, "********") if secret and isinstance(text, str) else text
        return text

    def code_of(self, response: Any) -> int | None:
        """The venue's own error code in an answer, None where it has none."""
        said = response.get("code") if isinstance(response, dict) else None
        return said if isinstance(said, int) else None

    def weight_used(self, path: str, headers: Mapping[str, str]) -> tuple[str, int] | None:
        """Family and weight used in its minute, as this venue's headers tell it; lower-case header names."""
        del path, headers
        return None

    def pauses_orders_only(self, error: ccxt.BaseError) -> bool:
        """Whether only orders were too many."""
        del error
        return False

    def banned_s(self, status: int, body: str, response: Any) -> float | None:
        """Host seconds of a ban that this venue tells in words ccxt takes for something else; None where it is none."""
        del status, body, response
        return None

    def ban_s(self, error: ccxt.BaseError) -> float | None:
        """Host seconds of a ban that the text tells, None where it tells none."""
        del error
        return None

    def _note(self, path: str, headers: Any) -> None:
        used = self.weight_used(path, {str(name).lower(): str(value) for name, value in (headers or {}).items()})
        if used is not None:
            self.traffic.used(*used)

    def _pause(self, error: ccxt.BaseError, way: Way | None) -> None:
        floor_s = BAN_LEAST_S if error.http_status == BANNED else PAUSE_LEAST_S
        asked_s = getattr(error, "banned_s", None) or errors.retry_after_s(error)
        wait_s = asked_s if asked_s is not None else self.ban_s(error) or floor_s
        orders_only = way is Way.ORDER and self.pauses_orders_only(error)
        self.traffic.pause(max(wait_s, PAUSE_LEAST_S), errors.line(error), orders_only=orders_only)


def _banned(why: str, banned_s: float) -> ccxt.BaseError:
    error = ccxt.RateLimitExceeded(why)
    error.banned_s = banned_s
    return error


def _limited(error: ccxt.BaseError) -> ccxt.BaseError:
    """429 and 418 are limits whatever a body says: an unmapped code in it would be a bare ExchangeError."""
    return error if isinstance(error, errors.LIMITED) else ccxt.RateLimitExceeded(str(error))


def _inner(options: Mapping[str, Any], name: str) -> list[Any]:
    """An option as ccxt also finds it, one method's own."""
    return [one.get(name) for one in options.values() if isinstance(one, Mapping)]


def _alike(listed: Sequence[str], parts: Sequence[str]) -> bool:
    return len(listed) == len(parts) and all(
        one in ("*", part) and part != "" for one, part in zip(listed[1:], parts[1:], strict=True)
    )


def _ticket_for(way: Way, method: str, url: str, body: Any) -> Ticket:
    ticket, path = held(), urlsplit(url).path
    if ticket is None:
        raise Denied(f"{method} {path}: no intent and no permit came with it")
    if isinstance(ticket.intent, OrderIntent) is not (way is Way.ORDER):
        raise Denied(f"{method} {path}: the permit of {ticket.intent.client_id} is for something else")
    if way is Way.ORDER and ticket.intent.client_id not in _values(body) | _values(urlsplit(url).query):
        raise Denied(f"{method} {path}: the order in it is not {ticket.intent.client_id}")
    return ticket


def _values(body: Any) -> set[str]:
    """Every value in a request's body, form or JSON."""
    text = body.decode() if isinstance(body, bytes) else str(body or "")
    if text.startswith(("{", "[")):
        said = json.loads(text)
        rows = said if isinstance(said, list) else [said]
        return {str(value) for row in rows if isinstance(row, dict) for value in row.values()}
    return {value for values in parse_qs(text).values() for value in values}
