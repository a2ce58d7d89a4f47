"""Owns Binance's wire: addresses of each world, the paths that may be asked, and the client that reads its errors."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

import ccxt.async_support as ccxt

from bot.venues.ccxt.client import SafeTransport, Way
from bot.venues.ccxt.profiles.worlds import DEAD, base_of

PATHS: Mapping[str, str] = {
    **dict.fromkeys(("public", "private"), "/api/v3"),
    **dict.fromkeys(("fapiPublic", "fapiPrivate"), "/fapi/v1"),
    **dict.fromkeys(("fapiPublicV2", "fapiPrivateV2"), "/fapi/v2"),
    **dict.fromkeys(("fapiPublicV3", "fapiPrivateV3"), "/fapi/v3"),
    "sapi": "/sapi/v1",
}

_READS = """
/api/v3/time /api/v3/exchangeInfo /api/v3/klines /api/v3/depth /api/v3/ticker/bookTicker /api/v3/ticker/24hr
/api/v3/account /api/v3/order /api/v3/openOrders /api/v3/myTrades
/fapi/v1/time /fapi/v1/exchangeInfo /fapi/v1/klines /fapi/v1/depth /fapi/v1/premiumIndex /fapi/v1/fundingInfo
/fapi/v1/fundingRate
/fapi/v1/ticker/24hr /fapi/v3/account /fapi/v3/positionRisk /fapi/v1/order /fapi/v1/openOrders /fapi/v1/userTrades
/fapi/v1/income /fapi/v1/symbolConfig /fapi/v1/leverageBracket /fapi/v1/commissionRate /fapi/v1/positionSide/dual
/sapi/v1/asset/transfer /sapi/v1/asset/tradeFee /sapi/v1/account/apiRestrictions
/sapi/v1/capital/deposit/hisrec /sapi/v1/capital/withdraw/history
/sapi/v1/simple-earn/flexible/list /sapi/v1/simple-earn/flexible/position
/sapi/v1/simple-earn/flexible/history/subscriptionRecord /sapi/v1/simple-earn/flexible/history/redemptionRecord
/sapi/v1/simple-earn/flexible/history/rewardsRecord
"""
WAYS: Mapping[tuple[str, str], Way] = {
    **{("GET", path): Way.READ for path in _READS.split()},
    ("POST", "/api/v3/order"): Way.ORDER,
    ("POST", "/fapi/v1/order"): Way.ORDER,
    ("DELETE", "/api/v3/order"): Way.CANCEL,
    ("DELETE", "/fapi/v1/order"): Way.CANCEL,
    ("POST", "/fapi/v1/countdownCancelAll"): Way.SWITCH,
    ("POST", "/fapi/v1/leverage"): Way.SETTING,
    ("POST", "/fapi/v1/marginType"): Way.SETTING,
    ("POST", "/fapi/v1/positionSide/dual"): Way.SETTING,
    ("POST", "/sapi/v1/asset/transfer"): Way.MOVE,
    ("POST", "/sapi/v1/simple-earn/flexible/subscribe"): Way.MOVE,
    ("POST", "/sapi/v1/simple-earn/flexible/redeem"): Way.MOVE,
}
TOO_MANY_ORDERS = -1015
COSTS: Mapping[str, float] = {"api": 5.0, "sapi": 10.0}  # weight in one of ccxt's cost, where it is not 1
_BAN = re.compile(r"banned until (\d{13})")


class BinanceClient(SafeTransport, ccxt.binance):  # type: ignore[misc] # ccxt has no types
    """ccxt's binance with our transport, and two corrections of how it reads errors."""

    sapi = False  # whether this environment has /sapi

    def get_exceptions_by_url(self, url: str, exactOrBroad: str) -> dict[str, Any]:  # noqa: N803 - ccxt's name
        """The table by path: by host, as ccxt does it, a local exchange has none, and -2019 would say nothing."""
        path = urlsplit(url or "").path
        side = "linear" if path.startswith("/fapi/") else "spot" if path.startswith(("/api/", "/sapi/")) else None
        found: dict[str, Any] = self.exceptions.get(side, {}).get(exactOrBroad, {}) if side else {}
        return found

    def handle_errors(
        self, code: int, reason: str, url: str, method: str, headers: Any, body: str, response: Any, *sent: Any
    ) -> Any:
        """-2015 is a key revoked or an address not allowed; ccxt takes it for a rate limit once a key has worked."""
        self.options["hasAlreadyAuthenticatedSuccessfully"] = False
        return super().handle_errors(code, reason, url, method, headers, body, response, *sent)

    def weight_used(self, path: str, headers: Mapping[str, str]) -> tuple[str, int] | None:
        """Spot, futures and sapi have a minute each."""
        family = self.family_of(path)
        said = headers.get("x-sapi-used-ip-weight-1m" if family == "sapi" else "x-mbx-used-weight-1m", "")
        return (family, int(said)) if said.isdecimal() else None

    def family_of(self, path: str) -> str:
        """``/fapi/v1/depth`` counts in ``fapi``."""
        return path.split("/", 2)[1] if path.count("/") > 1 else ""

    def weight_of(self, family: str, cost: float) -> float:
        """Ccxt charges for all families in one currency."""
        return cost * COSTS.get(family, 1)

    def pauses_orders_only(self, error: ccxt.BaseError) -> bool:
        """-1015 counts orders; reads may go on."""
        return bool(error.code == TOO_MANY_ORDERS)

    def ban_s(self, error: ccxt.BaseError) -> float | None:
        """``IP banned until 1700000000000``: venue milliseconds."""
        found = _BAN.search(str(error))
        return max(0.0, (int(found.group(1)) - self.milliseconds()) / 1000) if found else None


def local_urls(names: Iterable[str], base: str | None) -> dict[str, str]:
    """Every address ccxt knows by ``names``, on the local exchange or nowhere; raises ValueError without a base."""
    root = base_of(base)
    return {name: root + PATHS[name] if name in PATHS else DEAD for name in names}
