"""Builders of curves and results, with named defaults: one row an hour, two assets."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from bot.backtest.ledger import Ledger
from bot.backtest.result import Curve, Result

AT = datetime(2026, 1, 30, tzinfo=UTC)
HOUR_MS = 3_600_000


def a_curve(
    prices: Sequence[Sequence[float]],
    targets: Sequence[float],
    *,
    equity: Sequence[float] | float = 1_000.0,
    band: float = 0.05,
    flows: Sequence[float] | None = None,
    step_h: float = 1.0,
    hedges: Sequence[float] | None = None,
) -> Curve:
    """Prices by row; targets and a band around them that stand still."""
    price = np.array(prices, dtype=np.float64)
    rows, size = price.shape
    target = np.tile(np.array(targets, dtype=np.float64), (rows, 1))
    worth = np.full(rows, float(equity)) if isinstance(equity, int | float) else np.array(equity, dtype=np.float64)
    return Curve(
        int(AT.timestamp() * 1000) + (np.arange(rows) * step_h * HOUR_MS).astype(np.int64),
        worth,
        worth / 10,
        np.zeros(rows) if flows is None else np.array(flows, dtype=np.float64),
        ("BTC", "ETH", "SOL")[:size],
        price,
        target.copy(),
        np.zeros((rows, size)),
        target,
        np.maximum(0.0, target - band),
        target + band,
        hedges=None if hedges is None else np.array(hedges, dtype=np.float64),
    )


def a_result(curve: Curve, ledger: Ledger | None = None, **over: Any) -> Result:
    given: dict[str, Any] = {
        "name": "tested",
        "config": {},
        "currency": "USDT",
        "since": AT,
        "until": AT + timedelta(milliseconds=int(curve.times_ms[-1] - curve.times_ms[0])),
        "curve": curve,
        "counts": {"decisions": len(curve)},
        "ledger": ledger,
    }
    return Result(**{**given, **over})
