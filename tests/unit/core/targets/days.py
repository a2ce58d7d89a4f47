"""Daily bars for the tests of targets: builders with named defaults."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import numpy as np

from bot.core.numbers import milliseconds
from bot.core.policy import Policy
from bot.core.targets.history import DAY_MS, Floats

AT = datetime(2026, 3, 5, 12, 0, 10, tzinfo=UTC)


def days_of(moves: Floats, at: datetime = AT, price: float = 100.0) -> Floats:
    """Daily bars of these log returns, the last one closed at the midnight at or before ``at``."""
    close = price * np.exp(np.concatenate([[0.0], np.cumsum(moves)]))
    last = milliseconds(at) // DAY_MS * DAY_MS
    ms = last - (close.size - np.arange(close.size)) * DAY_MS
    opened = np.concatenate([close[:1], close[:-1]])
    return np.column_stack(
        [ms, opened, np.maximum(opened, close), np.minimum(opened, close), close, np.ones(close.size)]
    )


def a_market(
    volatilities: Mapping[str, float], *, rho: float = 0.6, days: int = 200, seed: int = 7, at: datetime = AT
) -> dict[str, Floats]:
    """Assets of these daily volatilities, each pair correlated by ``rho``."""
    rng = np.random.default_rng(seed)
    common = rng.normal(0, 1, days)
    made = {}
    for name, volatility in volatilities.items():
        own = rng.normal(0, 1, days)
        made[name] = days_of(volatility * (np.sqrt(rho) * common + np.sqrt(1 - rho) * own), at)
    return made


def a_policy(sleeves: Mapping[str, object], stables: str, **targets: object) -> Policy:
    return Policy.model_validate({"targets": {"stables": {"weight": stables}, "sleeves": sleeves, **targets}})
