"""Builders for the command line's tests: a snapshot as JSON values and a configuration as text, with named defaults."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

AT = "2026-01-05T12:00:00Z"
PRICES: Mapping[str, float] = {"BTC": 50_000, "ETH": 2_500}
CONFIG = """\
targets:
  stables: {weight: 0.10, floor: 0.05}
  sleeves:
    majors: {weight: 0.90, assets: {BTC: 0.6, ETH: 0.4}}
"""


def a_market(spot: bool) -> dict[str, Any]:
    return {
        "step": "0.0001",
        "tick": "0.01",
        "min_amount": "0.0001",
        "min_notional": "5",
        "maker": "0.0002",
        "taker": "0.001" if spot else "0.0005",
    }


def a_ticker(price: float) -> dict[str, Any]:
    return {"bid": price * 0.9999, "ask": price * 1.0001, "last": price, "quote_volume": 2_000_000_000}


def a_snapshot(
    weights: Mapping[str, float] | None = None, *, equity: float = 100_000, futures: float = 5_000, **over: Any
) -> dict[str, Any]:
    """An account with these weights in spot, `futures` USDT in the futures wallet, and the rest in free USDT."""
    held = {"BTC": 0.54, "ETH": 0.36} if weights is None else dict(weights)
    balances = [
        {"wallet": "spot", "asset": asset, "free": weight * equity / PRICES[asset]} for asset, weight in held.items()
    ]
    balances.append({"wallet": "spot", "asset": "USDT", "free": equity * (1 - sum(held.values())) - futures})
    balances.append({"wallet": "futures", "asset": "USDT", "free": futures})
    spots = {f"{asset}/USDT": price for asset, price in PRICES.items()}
    swaps = {f"{symbol}:USDT": price for symbol, price in spots.items()}
    return {
        "version": 1,
        "at": AT,
        "venue": "binance",
        "balances": balances,
        "positions": [],
        "tickers": {symbol: a_ticker(price) for symbol, price in (spots | swaps).items()},
        "funding": {symbol: {"rate": "0.0001", "interval_hours": 8} for symbol in swaps},
        "candles": {},
        "markets": {symbol: a_market(spot=symbol in spots) for symbol in (spots | swaps)},
        **over,
    }


def a_snapshot_file(folder: Path, weights: Mapping[str, float] | None = None, **over: Any) -> Path:
    path = folder / "snapshot.json"
    path.write_text(json.dumps(a_snapshot(weights, **over)), encoding="utf-8")
    return path


def a_config_file(folder: Path, text: str = CONFIG, name: str = "config.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path
