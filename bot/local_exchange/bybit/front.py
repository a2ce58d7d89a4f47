"""Owns the way of a v5 request: found, counted, authenticated, answered in its envelope. Commits nothing."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.core.numbers import milliseconds
from bot.local_exchange.bybit import account, asset, disconnection, errors, market, trade
from bot.local_exchange.bybit.calls import Call, Endpoint, Routes
from bot.local_exchange.bybit.errors import OK, V5Error
from bot.local_exchange.bybit.limits import Budget, Limits
from bot.local_exchange.bybit.said import WHOLE, Said
from bot.local_exchange.bybit.stillborn import Stillborn
from bot.local_exchange.calls import Listing
from bot.local_exchange.countdown import Countdowns
from bot.local_exchange.purse import Purse
from bot.local_exchange.signing import KeyPair
from bot.venues.simulated.exchange import Exchange

ROUTES: Routes = {**market.ROUTES, **trade.ROUTES, **account.ROUTES, **asset.ROUTES, **disconnection.ROUTES}
PREFIX = "/v5/"
RECV_WINDOW_MS = 5_000
AHEAD_MS = 1_000
OTHER_KIND = " (this exchange keeps an account of Binance's kind; --venue bybit keeps one of Bybit's)"


@dataclass(frozen=True, slots=True)
class Request:
    """A v5 request as it came, header names in lower case; query and body are raw, since they are what was signed."""

    method: str
    path: str
    query: bytes
    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Entered:
    """A request that may be answered."""

    endpoint: Endpoint
    said: Said
    headers: Mapping[str, str]


class Front:
    """Bybit's v5 over one engine, for accounts that are one wallet; public data is anybody's."""

    def __init__(
        self,
        exchange: Exchange,
        keys: KeyPair,
        *,
        unified: bool,
        budget: Budget | None = None,
        time_scale: float = 1.0,
        countdowns: Countdowns | None = None,
    ) -> None:
        self.purse = Purse(exchange)
        self.disconnection = disconnection.Disconnection(countdowns or Countdowns(time_scale))
        self._exchange = exchange
        self._keys = keys
        self._unified = unified
        self._limits = Limits(budget or Budget())
        self._time_scale = time_scale
        self._stillborn = Stillborn()

    def enter(self, asked: Request, at: datetime) -> Entered:
        """Find the endpoint, count the request, check who asks; raises `V5Error`."""
        endpoint = ROUTES.get((asked.method, asked.path))
        if endpoint is None:
            raise errors.not_served(asked.path, asked.method)
        headers = self._limits.charge(at, asked.path, signed=endpoint.signed)
        if endpoint.signed:
            self._authenticate(asked, milliseconds(self._exchange.tells(at)))
        return Entered(endpoint, Said(asked.query, asked.body if asked.method == "POST" else b""), headers)

    def answer(self, entered: Entered, at: datetime, listing: Listing) -> tuple[int, dict[str, Any], Mapping[str, str]]:
        """HTTP status, body and headers; a signed request first puts all that is free behind the perpetuals."""
        call = Call(
            entered.said, at, self._exchange, listing, self.purse, self._stillborn, self.disconnection, self._keys.key
        )
        if entered.endpoint.signed:
            self.purse.back()
        try:
            result = entered.endpoint.answer(call)
        except V5Error as error:
            return self.refused(error, at, entered.headers)
        body = {"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": call.told_ms}
        return OK, body, entered.headers

    def refused(
        self, error: V5Error, at: datetime, headers: Mapping[str, str] | None = None
    ) -> tuple[int, dict[str, Any], Mapping[str, str]]:
        """A refusal in the same envelope."""
        told_ms = milliseconds(self._exchange.tells(at))
        body = {"retCode": error.code, "retMsg": error.msg, "result": {}, "retExtInfo": {}, "time": told_ms}
        return error.status, body, {**(headers or {}), **error.headers}

    def _authenticate(self, asked: Request, now_ms: int) -> None:
        """Key, time and signature, in this order; raises `V5Error`.

        The window is granted times the scale: a request under way for one host second is as many venue seconds old.
        """
        if not self._unified:
            raise errors.bad_key(OTHER_KIND)
        names = ("x-bapi-api-key", "x-bapi-timestamp", "x-bapi-sign")
        key, stamp, sign = (asked.headers.get(name, "") for name in names)
        window = asked.headers.get("x-bapi-recv-window", "")
        if key != self._keys.key:
            raise errors.bad_key()
        if not WHOLE.match(stamp) or (window and not WHOLE.match(window)):
            raise errors.bad("X-BAPI-TIMESTAMP and X-BAPI-RECV-WINDOW must be milliseconds")
        granted = int(window) if window else int(RECV_WINDOW_MS * self._time_scale)
        at_ms = int(stamp)
        if not now_ms - granted <= at_ms < now_ms + AHEAD_MS * max(1.0, self._time_scale):
            raise errors.bad_time(at_ms, now_ms, granted)
        payload = asked.body if asked.method == "POST" else asked.query
        origin = f"{stamp}{key}{window}".encode() + payload
        right = hmac.new(self._keys.secret.encode(), origin, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(right.encode(), sign.lower().encode()):
            raise errors.bad_sign(origin.decode("utf-8", "replace"))
