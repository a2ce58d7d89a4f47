"""Snapshots for the tests of the market as a whole: seeded bars on both timeframes, builders with named defaults."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from bot.core.numbers import milliseconds
from bot.core.policy import Policy
from bot.core.readings.bars import Floats
from bot.core.snapshot import Snapshot

AT = datetime(2026, 3, 5, 13, 0, 10, tzinfo=UTC)
SIGNAL_MS, DAY_MS = 4 * 3_600_000, 86_400_000
ASSETS = ("BTC", "ETH", "SOL")
WEIGHTS: Mapping[str, float] = {"BTC": 0.4, "ETH": 0.3, "SOL": 0.2}


def a_policy(assets: Sequence[str] = ASSETS, **groups: Any) -> Policy:
    sleeves = {"all": {"weight": "0.9", "assets": list(assets)}}
    return Policy.model_validate({"targets": {"stables": {"weight": "0.1"}, "sleeves": sleeves}, **groups})


def bars_until(closes: Floats, length_ms: int, at: datetime = AT, volume: float = 1e6) -> Floats:
    """Bars of these closes, the last one closed at the newest slot at or before ``at``."""
    last = milliseconds(at) // length_ms * length_ms
    ms = last - (closes.size - np.arange(closes.size)) * length_ms
    opened = np.concatenate([closes[:1], closes[:-1]])
    high, low = np.maximum(opened, closes) * 1.002, np.minimum(opened, closes) * 0.998
    return np.column_stack([ms, opened, high, low, closes, np.full(closes.size, volume)])


def walks(
    assets: Sequence[str] = ASSETS, *, days: int = 420, seed: int = 11, drift: float = 0.001, rho: float = 0.5
) -> dict[str, Floats]:
    """Daily moves by asset: a common part and one of its own."""
    rng = np.random.default_rng(seed)
    common = rng.normal(0, 0.02, days)
    return {
        name: drift + np.sqrt(rho) * common + np.sqrt(1 - rho) * rng.normal(0, 0.02, days) * (1 + index * 0.3)
        for index, name in enumerate(assets)
    }


def candles(
    moves: Mapping[str, Floats], *, at: datetime = AT, signal_bars: int = 400, volume: float = 1e6
) -> dict[str, dict[str, Floats]]:
    """Candles of both timeframes by spot symbol; those of the signal timeframe are flat but for their volume."""
    return {
        f"{name}/USDT": {
            "1d": bars_until(100 * np.exp(np.cumsum(item)), DAY_MS, at, volume),
            "4h": bars_until(np.full(signal_bars, 100.0), SIGNAL_MS, at, volume / 6),
        }
        for name, item in moves.items()
    }


def a_snapshot(
    charts: Mapping[str, Mapping[str, Floats]],
    *,
    at: datetime = AT,
    held: Mapping[str, str] | None = None,
    **more: Any,
) -> Snapshot:
    balances = [{"wallet": "spot", "asset": name, "free": amount} for name, amount in (held or {}).items()]
    frames = {symbol: {name: bars.copy() for name, bars in item.items()} for symbol, item in charts.items()}
    return Snapshot.model_validate(
        {
            "at": at,
            "venue": "binance",
            "balances": balances,
            "positions": [],
            "tickers": {},
            "funding": {},
            "candles": frames,
            "markets": {},
            **more,
        }
    )
