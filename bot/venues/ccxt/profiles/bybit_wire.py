"""Owns Bybit's wire: the paths that may be asked, the client and its options, how it reads limits and bans."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ccxt.async_support as ccxt

from bot.ports.clock import Clock
from bot.venues.ccxt.client import SafeTransport, Way
from bot.venues.ccxt.limits import Traffic
from bot.venues.ccxt.profiles import Setup
from bot.venues.ccxt.profiles.plain import config_of
from bot.venues.ccxt.profiles.worlds import base_of, check_world

_READS = """
/v5/market/time /v5/market/instruments-info /v5/market/tickers /v5/market/orderbook /v5/market/kline
/v5/market/funding/history /v5/market/risk-limit
/v5/account/wallet-balance /v5/account/info /v5/account/fee-rate /v5/position/list
/v5/order/realtime /v5/order/history /v5/execution/list
/v5/asset/transfer/query-inter-transfer-list /v5/user/query-api
/v5/account/query-dcp-info
/v5/earn/product /v5/earn/order /v5/earn/position /v5/earn/yield
"""
WAYS: Mapping[tuple[str, str], Way] = {
    **{("GET", path): Way.READ for path in _READS.split()},
    ("POST", "/v5/order/create"): Way.ORDER,
    ("POST", "/v5/order/cancel"): Way.CANCEL,
    ("POST", "/v5/order/disconnected-cancel-all"): Way.SWITCH,
    ("POST", "/v5/position/set-leverage"): Way.SETTING,
    ("POST", "/v5/position/switch-mode"): Way.SETTING,
    ("POST", "/v5/account/set-margin-mode"): Way.SETTING,
    ("POST", "/v5/earn/place-order"): Way.MOVE,
}
IP_BANNED, IP_BAN_S = 403, 600.0
TOO_OFTEN = "access too frequent"


class BybitClient(SafeTransport, ccxt.bybit):  # type: ignore[misc] # ccxt has no types
    """ccxt's bybit with our transport. No name of a broker is put on our orders."""

    earns = False  # whether this environment has savings, and the key may see them
    is_demo = False

    def sign(self, path: str, api: Any = "public", method: str = "GET", params: Any = None) -> Any:
        """As ccxt signs, without its name."""
        signed = super().sign(path, api, method, params or {})
        (signed.get("headers") or {}).pop("Referer", None)
        return signed

    def banned_s(self, status: int, body: str, response: Any) -> float | None:
        """403 "access too frequent" is a ban of our address for ten minutes; ccxt takes it for a venue that is down."""
        del response
        return IP_BAN_S if status == IP_BANNED and TOO_OFTEN in body.lower() else None

    def code_of(self, response: Any) -> int | None:
        """``retCode``."""
        said = response.get("retCode") if isinstance(response, dict) else None
        return said if isinstance(said, int) else None

    def ban_s(self, error: ccxt.BaseError) -> float | None:
        """``X-Bapi-Limit-Reset-Timestamp``: venue milliseconds."""
        named = {str(name).lower(): value for name, value in (getattr(error, "headers", None) or {}).items()}
        said = str(named.get("x-bapi-limit-reset-timestamp", ""))
        return max(0.0, (int(said) - self.milliseconds()) / 1000) if said.isdecimal() else None

    def settle_coins(self) -> list[str]:
        """What listed perpetuals settle in: positions and orders are asked for once for each."""
        found = {one["settle"] for one in self.markets.values() if one.get("swap") and one.get("linear")}
        return sorted(str(coin) for coin in found)


def a_client(setup: Setup, clock: Clock, traffic: Traffic) -> BybitClient:
    """The one instance; raises ValueError on a URL of the wrong world."""
    local = setup.environment == "local"
    options = {
        "fetchMarkets": {"types": ["spot", "linear"]},
        "defaultSubType": "linear",
        "defaultSettle": "USDT",
        # Two calls that every order would make; the key's report says whether it is so.
        "enableUnifiedAccount": True,
        "enableUnifiedMargin": False,
        "unifiedMarginStatus": 6,
    }
    config = config_of(setup, options)
    made = BybitClient(config, clock=clock, traffic=traffic, ways=WAYS)
    made.has["fetchCurrencies"] = False  # a private call inside load_markets
    made.earns = setup.environment in ("local", "production")
    made.is_demo = setup.environment == "demo"
    if local:
        made.urls["api"] = dict.fromkeys(made.urls["api"], base_of(setup.url))
        made.timeout_on_exit = 0
    elif setup.environment == "testnet":
        made.set_sandbox_mode(True)
    elif made.is_demo:
        made.enable_demo_trading(enable=True)
    check_world(setup, {name: made.implode_hostname(url) for name, url in made.urls["api"].items()})
    return made
