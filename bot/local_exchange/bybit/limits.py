"""Owns how often one may ask: an address as a whole, an account by group of endpoints, in windows of venue time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bot.core.numbers import milliseconds
from bot.local_exchange.bybit.errors import FORBIDDEN, V5Error

ADDRESS_SPAN_MS = 60_000
SPAN_MS = 5_000
SPAN_S = SPAN_MS // 1_000
# By the first parts of a path, the longest that fits.
PER_SECOND: Mapping[str, int] = {
    "/v5/order/": 20,
    "/v5/order/realtime": 50,
    "/v5/order/history": 50,
    "/v5/execution/": 50,
    "/v5/position/": 50,
    "/v5/position/set-leverage": 10,
    "/v5/position/switch-mode": 10,
    "/v5/account/": 50,
    "/v5/account/fee-rate": 10,
    "/v5/asset/": 20,
    "/v5/user/": 10,
    "/v5/earn/": 10,
}


@dataclass(frozen=True, slots=True)
class Budget:
    """What is granted: requests of an address in a minute, and ``scale`` times `PER_SECOND`.

    Bybit counts 600 in five seconds and the endpoints by the second. Here the same rates are counted over longer
    windows: a client for which time stands still during a cycle would else have a second for all that a cycle asks.
    """

    address_1m: int = 7_200
    scale: int = 1


DEFAULT = Budget()


@dataclass(slots=True)
class Limits:
    """Counts in windows of venue time, as `weights.Meter` does and for the same reason."""

    budget: Budget = field(default_factory=Budget)
    _windows: dict[str, tuple[int, int]] = field(default_factory=dict)

    def charge(self, at: datetime, path: str, *, signed: bool) -> Mapping[str, str]:
        """Count a request and give the headers to answer with; raises `V5Error` 10006, or by HTTP 403."""
        now_ms = milliseconds(at)
        if self._count("address", now_ms // ADDRESS_SPAN_MS) > self.budget.address_1m:
            raise V5Error(10018, "403, access too frequent. Please try again in 5 seconds", status=FORBIDDEN)
        if not signed:
            return {}
        group = max((start for start in PER_SECOND if path.startswith(start)), key=len, default="")
        most = PER_SECOND.get(group, 50) * SPAN_S * self.budget.scale
        # One order is one endpoint's: a cancel takes nothing from what may be placed.
        name = path if group == "/v5/order/" else group
        left = most - self._count(name, now_ms // SPAN_MS)
        headers = {
            "x-bapi-limit": str(most // SPAN_S),
            "x-bapi-limit-status": str(max(left, 0)),
            "x-bapi-limit-reset-timestamp": str((now_ms // SPAN_MS + 1) * SPAN_MS),
        }
        if left < 0:
            raise V5Error(10006, "Too many visits. Exceeded the API Rate Limit.", headers=headers)
        return headers

    def _count(self, name: str, window: int) -> int:
        last, count = self._windows.get(name, (-1, 0))
        count = count + 1 if last == window else 1
        self._windows[name] = (window, count)
        return count
