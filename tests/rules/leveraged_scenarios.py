"""Owns the scenarios of futures, savings and the gates that stop: bear hedge, bridges, spikes, breaker, pegs.

Each is the keys as an operator writes them, and an account as JSON values; `scenarios` keeps them with the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from tests.rules.accounts import EQUITY, account, candles, keys, share, spot, swap
from tests.rules.days import charts, moves

FALL = -0.003  # a day: a bear market
COSTLY = "-0.000366"  # shorts pay 40 % a year


# ---- S5: a bear hedge


def _bear_keys() -> dict[str, Any]:
    """A bear regime that wants what a neutral one does, and no index hedge."""
    made = keys({"BTC": 50, "ETH": 15}, hedge={"index": {"enabled": False}})
    made["targets"]["regimes"] = {"bear": {"stables": "0.35", "sleeves": {"btc": "0.5", "eth": "0.15"}}}
    return made


def _bear(btc: float, *, drift: float = FALL) -> dict[str, Any]:
    days = {"BTC": moves(0, drift=drift), "ETH": moves(1, drift=drift)}
    return account({"BTC": btc, "ETH": 15}, 75 - btc, futures=10, candles=charts(days))


# ---- S6, S7: bridges

LAGGARD = keys({"ETH": 40, "BTC": 20, "SOL": 15, "XRP": 15}, stables={"floor": "0.08"})
L1 = keys({"SOL": 20, "BTC": 40, "ETH": 25}, stables={"floor": "0.10"}, add={"route": "bridge"})


def _laggard(powder: str, trend: str) -> dict[str, Any]:
    """ETH at 30 of its 40; 4 of the liquid stables lie in the futures wallet, what they lack is in the others."""
    liquid = 8 + Decimal(powder)
    over = (20 - liquid) / 3
    held = {"ETH": Decimal(30), "BTC": 20 + over, "SOL": 15 + over, "XRP": 15 + over}
    return account(held, liquid - 4, futures=4, trends={"ETH": trend})


def _l1(sol: str) -> dict[str, Any]:
    over = (20 - Decimal(sol) - 5) / 2
    return account({"SOL": sol, "BTC": 40 + over, "ETH": 25 + over}, 14, futures=6, trends={"SOL": "range"})


# ---- S13: a spike


def _moved(close: str) -> dict[str, Any]:
    """BTC over its 50, its last bar closed at ``close``; a part of ETH's short is beyond its coins."""
    frames = {"BTC": candles("range", close), "ETH": candles("range", "2500")}
    body = account({"BTC": 58, "ETH": 2}, 30, futures=10, shorts={"ETH": 3})
    return {**body, "candles": {spot(name): frame for name, frame in frames.items()}}


# ---- S14: funding


def _funded(weight: int, short: int, rate: str) -> dict[str, Any]:
    shorts = {"BTC": short} if short else {}
    funding = {swap("BTC"): {"rate": rate}}
    return account({"BTC": weight}, 90 - weight, futures=10, shorts=shorts, funding=funding, trends={"BTC": "range"})


# ---- S20: savings

IDLE = keys({"BTC": 30, "ETH": 30, "SOL": 15}, stables={"floor": "0.10", "buffer": "0.05"}, savings={"enabled": True})


def _idle(btc: float, eth: float, stables: float, earn: float) -> dict[str, Any]:
    return account(
        {"BTC": btc, "ETH": eth, "SOL": 15},
        stables,
        earn=earn,
        trends={"BTC": "range", "ETH": "range"},
        account={"can": ["swap", "transfer", "earn"]},
        savings={"USDT": {"product": "USDT001", "rate": "0.04", "instant": True}},
    )


# ---- S23: the breaker


def _fallen(peak: str) -> dict[str, Any]:
    """A bridge on ETH, a hedge on BTC; the unit value is 1, its peak as given."""
    opened = "2026-03-04T12:00:00Z"
    memory = {
        "unit_peak": peak,
        "unit_value": "1",
        "equity_seen": str(EQUITY),
        "hedges": [{"symbol": swap("BTC"), "purpose": "hedge", "contracts": "0.2", "opened_at": opened}],
        "bridges": [{"symbol": swap("ETH"), "contracts": "2", "margin": "2500", "opened_at": opened}],
    }
    held = {"BTC": 50, "ETH": 20}
    trends = {"BTC": "range", "ETH": "range"}
    return account(held, 15, futures=15, shorts={"BTC": 10}, longs={"ETH": 5}, trends=trends, memory=memory)


# ---- S24: pegs


def _pegs_keys(*stables: str) -> dict[str, Any]:
    return keys({"BTC": 50}, stables={"floor": "0.05", "assets": ["USDT", *stables]}, hedge={"enabled": False})


def _pegs(**prices: str) -> dict[str, Any]:
    """BTC at 42 of its 50, 6 of USDT, and the rest in equal parts in the stables given by price."""
    body = account({"BTC": 42}, 6, trends={"BTC": "range"})
    worth = share(52) * EQUITY / len(prices)
    for name, price in prices.items():
        amount = (worth / Decimal(price)).quantize(Decimal("0.01"))
        body["balances"].append({"wallet": "spot", "asset": name, "free": f"{amount:f}", "locked": "0"})
        body["tickers"][spot(name)] = {"bid": price, "ask": price, "last": price}
    return body


LEVERAGED: Mapping[str, tuple[Mapping[str, Any], Callable[[], dict[str, Any]]]] = {
    "S5": (_bear_keys(), lambda: _bear(65)),
    "S5-holds": (_bear_keys(), lambda: _bear(52)),
    "S5-neutral": (_bear_keys(), lambda: _bear(65, drift=0)),
    "S6-spot": (LAGGARD, lambda: _laggard("12", "at support")),
    "S6-bridge": (LAGGARD, lambda: _laggard("2.5", "bottoming")),
    "S6-mix": (LAGGARD, lambda: _laggard("4", "bottoming")),
    "S6-holds": (LAGGARD, lambda: _laggard("2.5", "falling knife")),
    "S7": (L1, lambda: _l1("10")),
    "S7-holds": (L1, lambda: _l1("15.1")),
    "S13": (keys({"BTC": 50, "ETH": 5}), lambda: _moved("48290")),
    "S13-holds": (keys({"BTC": 50, "ETH": 5}), lambda: _moved("50000")),
    "S14-new": (keys({"BTC": 50}), lambda: _funded(58, 0, COSTLY)),
    "S14-old": (keys({"BTC": 50}), lambda: _funded(55, 2, COSTLY)),
    "S14-holds": (keys({"BTC": 50}), lambda: _funded(55, 2, "-0.0001")),
    "S20": (IDLE, lambda: _idle(30, 30, 25, 0)),
    "S20-recall": (IDLE, lambda: _idle(24, 24, 15, 22)),
    "S20-covered": (IDLE, lambda: _idle(24, 30, 16, 15)),
    "S20-holds": (IDLE, lambda: _idle(30, 30, 15.9, 9.1)),
    "S23": (keys({"BTC": 40, "ETH": 25}), lambda: _fallen("2.5")),
    "S23-holds": (keys({"BTC": 40, "ETH": 25}), lambda: _fallen("2.4")),
    "S24-two": (_pegs_keys("USDC"), lambda: _pegs(USDC="0.985")),
    "S24-three": (_pegs_keys("USDC", "FDUSD"), lambda: _pegs(USDC="0.985", FDUSD="1")),
    "S24-holds": (_pegs_keys("USDC"), lambda: _pegs(USDC="0.995")),
}
