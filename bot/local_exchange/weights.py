"""Owns the request budget: weights and orders counted in windows of venue time, 429 above them, 418 for who goes on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.core.numbers import milliseconds
from bot.local_exchange.errors import WireError

MINUTE_MS = 60_000
BAN_MS = 2 * MINUTE_MS
BAN_MOST_MS = 3 * 24 * 60 * MINUTE_MS


@dataclass(frozen=True, slots=True)
class OrderLimit:
    """At most ``most`` order requests in a window of ``span_ms``; ``label`` as the header says it (``10s``)."""

    label: str
    span_ms: int
    most: int


@dataclass(frozen=True, slots=True)
class Budget:
    """What one side of the venue grants: weight per minute, orders per window, and 429s a minute before a ban."""

    weight_1m: int
    orders: Sequence[OrderLimit] = ()
    abuse: int = 50
    weight_header: str = "x-mbx-used-weight-1m"


SPOT = Budget(6_000, (OrderLimit("10s", 10_000, 100), OrderLimit("1d", 1_440 * MINUTE_MS, 200_000)))
FUTURES = Budget(2_400, (OrderLimit("10s", 10_000, 300), OrderLimit("1m", MINUTE_MS, 1_200)))
SAPI = Budget(12_000, weight_header="x-sapi-used-ip-weight-1m")


class Meter:
    """Counts one side's use.

    The minutes are the venue's, not the host's: at 600 venue seconds per host second, or when time stands still while a
    cycle runs, a client has per venue minute exactly the budget that it would have live; and the same run is refused at
    the same request on every machine. ``scale`` turns what is left of a window into host seconds for Retry-After.
    """

    def __init__(self, budget: Budget, scale: float = 1.0) -> None:
        self.budget = budget
        self._scale = max(scale, 1e-9)
        self._minute = -1
        self.used = 0
        self._refused = 0
        self._banned_until_ms = 0
        self._bans = 0
        self._orders: dict[str, tuple[int, int]] = {}

    def charge(self, at: datetime, weight: int, orders: int = 0) -> Mapping[str, str]:
        """Count a request and give the headers to answer with; raises `WireError` 429 or 418."""
        now_ms = milliseconds(at)
        if now_ms < self._banned_until_ms:
            raise self._ban(now_ms)
        if now_ms // MINUTE_MS != self._minute:
            self._minute, self.used, self._refused = now_ms // MINUTE_MS, 0, 0
        self.used += weight
        headers = {self.budget.weight_header: str(self.used)}
        if self.used > self.budget.weight_1m:
            raise self._too_much(now_ms, headers)
        if orders:
            headers |= self._count_orders(now_ms, orders)
        return headers

    def _too_much(self, now_ms: int, headers: Mapping[str, str]) -> WireError:
        self._refused += 1
        if self._refused > self.budget.abuse:
            self._banned_until_ms = now_ms + min(BAN_MS * 2**self._bans, BAN_MOST_MS)
            self._bans += 1
            return self._ban(now_ms)
        text = (
            f"Too much request weight used; current limit is {self.budget.weight_1m} request weight per 1 MINUTE. "
            "Please use WebSocket Streams for live updates to avoid polling the API."
        )
        left_ms = (self._minute + 1) * MINUTE_MS - now_ms
        return WireError(-1003, text, status=429, headers={**headers, "retry-after": self._host_s(left_ms)})

    def _ban(self, now_ms: int) -> WireError:
        text = (
            f"Way too much request weight used; IP banned until {self._banned_until_ms}. "
            "Please use WebSocket Streams for live updates to avoid bans."
        )
        wait = self._host_s(self._banned_until_ms - now_ms)
        return WireError(-1003, text, status=418, headers={"retry-after": wait})

    def _count_orders(self, now_ms: int, orders: int) -> dict[str, str]:
        headers = {}
        for limit in self.budget.orders:
            window, count = self._orders.get(limit.label, (-1, 0))
            now = now_ms // limit.span_ms
            count = count + orders if now == window else orders
            self._orders[limit.label] = (now, count)
            headers[f"x-mbx-order-count-{limit.label}"] = str(count)
            if count > limit.most:
                text = f"Too many new orders; current limit is {limit.most} orders per {_spoken(limit.span_ms)}."
                left_ms = (now + 1) * limit.span_ms - now_ms
                headers["retry-after"] = self._host_s(left_ms)
                raise WireError(-1015, text, status=429, headers=headers)
        return headers

    def _host_s(self, venue_ms: int) -> str:
        return str(max(1, math.ceil(venue_ms / 1000 / self._scale)))


def _spoken(span_ms: int) -> str:
    seconds = span_ms // 1000
    for unit, length in (("DAY", 86_400), ("MINUTE", 60)):
        if seconds % length == 0:
            return f"{seconds // length} {unit}"
    return f"{seconds} SECOND"
