"""Owns the scenarios of the market as a whole: stress, narratives, calendar, shares of risk, bear, a deposit.

Each is the keys as an operator writes them, and an account as JSON values; `scenarios` keeps them with the others.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.core.numbers import utc_text
from tests.rules.accounts import AT, account, keys
from tests.rules.days import charts, moves, wilder

NO_HEDGE: Mapping[str, Any] = {"hedge": {"enabled": False}}
SPOT_ONLY: Mapping[str, Any] = {**NO_HEDGE, "bridge": {"enabled": False}}
FIRST_OF_APRIL = datetime(2026, 4, 1, 0, 0, 10, tzinfo=UTC)
LATE_MARCH = datetime(2026, 3, 25, 12, 0, 10, tzinfo=UTC)
DRIFT = 0.001  # a day: a bull market

# ---- S12: stress

STRESSED = {
    "majors": {"weight": "0.4", "assets": ["BTC", "ETH"]},
    "alts": {"weight": "0.3", "assets": ["SOL"]},
    "ai": {"weight": "0.2", "assets": ["XRP"]},
}


def storm(*, volatile: bool = True, joint: bool = True) -> dict[str, list[float]]:
    """Daily moves of four assets: three times as large for 20 days, the majors as one for 30, each where asked.

    Betas of about 1, 1, 0.5 and 0.8, in order of BTC, ETH, SOL, XRP.
    """
    made = {name: moves(index, size=0.02 + 0.006 * index) for index, name in enumerate(("BTC", "ETH", "SOL"))}
    if volatile:
        made = {name: wilder(own, 3, 20) for name, own in made.items()}
    if joint:
        made["ETH"] = made["ETH"][:-30] + [1.1 * move for move in made["BTC"][-30:]]
    made["XRP"] = [1.7 * move for move in made["SOL"]]
    return {name: [move + DRIFT for move in own] for name, own in made.items()}


def _stressed(*, volatile: bool = True, joint: bool = True) -> dict[str, Any]:
    held = {"BTC": 20, "ETH": 20, "SOL": 30, "XRP": 20}
    return account(held, 10, candles=charts(storm(volatile=volatile, joint=joint)))


# ---- S15: a narrative that tripled

NARRATIVES = {
    "core": {"weight": "0.5", "assets": ["BTC"]},
    "ai": {"weight": "0.2", "assets": ["XRP"], "narrative": True, "cap": "0.25"},
    "gaming": {"weight": "0.2", "assets": ["SOL"], "narrative": True, "cap": "0.25"},
}


def tripled() -> list[float]:
    """A coin that triples in its last 14 days."""
    return [*moves(2, drift=DRIFT)[:-14], *[math.log(3) / 14] * 14]


def _narratives(held: Mapping[str, float], stables: float, ai: list[float], path: str) -> dict[str, Any]:
    days = {"BTC": moves(0, drift=DRIFT), "SOL": moves(1, drift=DRIFT), "XRP": ai}
    trends = {"BTC": "falling knife", "SOL": "strong up", "XRP": path}
    return account(held, stables, candles=charts(days, trends))


# ---- S17: a quarterly slot

QUARTERLY = {
    "core": {"weight": "0.6", "assets": ["BTC", "ETH"], "role": "core"},
    "satellite": {"weight": "0.2", "assets": ["SOL"], "role": "satellite"},
}


def _quarterly(*, fired: bool = False) -> dict[str, Any]:
    known = {"first_seen": utc_text(FIRST_OF_APRIL - timedelta(days=40))}
    slots = {"core": utc_text(FIRST_OF_APRIL - timedelta(seconds=10))} if fired else {}
    days = {name: moves(index, size=0.0262, drift=DRIFT) for index, name in enumerate(("BTC", "ETH", "SOL"))}
    return account(
        {"BTC": 33, "ETH": "29.5", "SOL": "23"},
        "10.5",
        futures=4,
        candles=charts(days, {"BTC": "strong up"}, FIRST_OF_APRIL),
        at=FIRST_OF_APRIL,
        memory={**known, "fired_slots": slots},
    )


# ---- S18: shares of risk

SHARES = {
    "btc": {"weight": "0.6", "assets": ["BTC"]},
    "eth": {"weight": "0.3", "assets": ["ETH"]},
}
#: ETH's volatility over BTC's at the last refresh, for equal risk at 60 and 30 once the covariance is shrunk.
RATIO = 2.063


def _shares(*, doubled: bool) -> dict[str, Any]:
    """The volatility of ETH doubles (to four times BTC's), or not, since the refresh three weeks ago."""
    eth = moves(1, size=0.01 * RATIO, rho=0.6)
    days = {"BTC": moves(0, size=0.01, rho=0.6), "ETH": wilder(eth, 4 / RATIO, 24) if doubled else eth}
    return account({"BTC": 60, "ETH": 30}, 2, futures=8, candles=charts(days, at=LATE_MARCH), at=LATE_MARCH)


# ---- S19: a bear market

BEAR = {"BTC": 50, "ETH": 20, "SOL": 10}


def _bear(drift: float) -> dict[str, Any]:
    days = {name: moves(index, drift=drift) for index, name in enumerate(BEAR)}
    return account({"BTC": 50, "ETH": 20, "SOL": 4}, 12, futures=14, candles=charts(days))


# ---- S22: a deposit

DEPOSITED = {"BTC": 50, "ETH": 30}


def _deposit(*, explained: bool = True) -> dict[str, Any]:
    """A fifth of what the account was worth came a minute ago; everything was at its target."""
    before = AT - timedelta(minutes=1)
    seen = {
        "at": utc_text(before),
        "equity": "100000",
        "coins": {"BTC": "1", "ETH": "12"},
        "prices": {"BTC": "50000", "ETH": "2500"},
    }
    flow = {"at": utc_text(AT), "asset": "USDT", "amount": "20000", "kind": "deposit"}
    memory: dict[str, Any] = {
        "seen": seen, "equity_seen": "100000", "unit_value": "1", "unit_peak": "1",
        "day": f"{AT:%Y-%m-%d}", "day_start_equity": "100000",
    }  # fmt: skip
    if explained:
        memory |= {"since": [{"money": "20000", "flow": True}], "flows": [flow]}
    return account({"BTC": 50, "ETH": 30}, 40, trends={"BTC": "range", "ETH": "range"}, memory=memory)


def with_model(body: dict[str, Any], model: str) -> dict[str, Any]:
    """Keys under another way for targets to come about."""
    return {**body, "targets": {**body["targets"], "model": model}}


Parts = tuple[Mapping[str, Any], Callable[[], dict[str, Any]]]
MARKET: Mapping[str, Parts] = {
    "S12": (keys(sleeves=STRESSED, **NO_HEDGE), _stressed),
    "S12-one": (keys(sleeves=STRESSED, **NO_HEDGE), lambda: _stressed(joint=False)),
    "S12-holds": (keys(sleeves=STRESSED, **NO_HEDGE), lambda: _stressed(volatile=False, joint=False)),
    "S15": (keys(sleeves=NARRATIVES, **SPOT_ONLY), lambda: _narratives(
        {"BTC": 35.7, "SOL": 14.3, "XRP": 42.9}, 7.1, tripled(), "parabolic")),
    "S15-holds": (keys(sleeves=NARRATIVES, **SPOT_ONLY), lambda: _narratives(
        {"BTC": 46, "SOL": 20, "XRP": 24}, 10, moves(2, drift=DRIFT), "range")),
    "S17": (keys(sleeves=QUARTERLY), _quarterly),
    "S17-holds": (keys(sleeves=QUARTERLY), lambda: _quarterly(fired=True)),
    "S18": (with_model(keys(sleeves=SHARES, stables={"floor": "0.02"}), "risk-parity"), lambda: _shares(doubled=True)),
    "S18-holds": (
        with_model(keys(sleeves=SHARES, stables={"floor": "0.02"}), "risk-parity"), lambda: _shares(doubled=False)),
    "S19": (keys(BEAR), lambda: _bear(-0.003)),
    "S19-holds": (keys({**BEAR, "SOL": 4}), lambda: _bear(0.003)),
    "S22": (keys(DEPOSITED), _deposit),
    "S22-holds": (keys(DEPOSITED), lambda: _deposit(explained=False)),
}  # fmt: skip
