"""Owns daily histories for the rules that look at the market as a whole: regime, stress, betas, shares of risk.

Moves are made, not drawn: signs of +1 and -1 that are exactly uncorrelated over every 16 days, so that a volatility, a
correlation and a beta are what a case says they are. Volume is constant and large: nothing is illiquid by itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from tests.rules.accounts import AT, BAR_MS, DAY_MS, PRICES, candles, spot

LENGTH = 240  # days: enough for the averages of a regime and for what stress compares with
WORTH = 1e9  # traded in a day, quote
#: Four signs by day whose products with one another sum to 0 over 16 days.
SIGNS: Sequence[Sequence[int]] = [[1 if (day >> bit) % 2 else -1 for bit in range(4)] for day in range(16)]


def moves(asset: int, days: int = LENGTH, *, size: float = 0.02, rho: float = 0.3, drift: float = 0.0) -> list[float]:
    """Daily log returns of the ``asset``-th asset (0 to 2): ``rho`` with every other one, ``size`` a day."""
    common, own = math.sqrt(rho), math.sqrt(1 - rho)
    signs = [SIGNS[day % 16] for day in range(days)]
    return [drift + size * (common * sign[0] + own * sign[1 + asset]) for sign in signs]


def wilder(made: Sequence[float], times: float, days: int, until: int = 0) -> list[float]:
    """The same moves, those of ``days`` days multiplied, up to ``until`` days before the end."""
    end = len(made) - until
    return [move * times if end - days <= index < end else move for index, move in enumerate(made)]


def daily(made: Sequence[float], price: float, at: datetime = AT) -> list[list[float]]:
    """Daily bars of these moves that end at ``price``."""
    end = int(at.timestamp() * 1000) // DAY_MS * DAY_MS
    logs = [sum(made[: index + 1]) for index in range(len(made))]
    closes = [price * math.exp(log - logs[-1]) for log in logs]
    rows = []
    for index, close in enumerate(closes):
        before = closes[max(0, index - 1)]
        levels = (before, max(before, close) * 1.001, min(before, close) * 0.999, close)
        ms = end - (len(closes) - index) * DAY_MS
        rows.append([ms, *(float(f"{level:.7g}") for level in levels), float(f"{WORTH / close:.6g}")])
    return rows


def charts(
    days: Mapping[str, Sequence[float]], trends: Mapping[str, str] | None = None, at: datetime = AT
) -> dict[str, Any]:
    """Candles of every asset by its daily moves; its 4 h bars follow a path of `accounts.PATHS` (a range)."""
    made = {}
    for asset, own in days.items():
        frames = candles((trends or {}).get(asset, "range"), PRICES[asset], at)
        traded = WORTH / float(PRICES[asset]) * BAR_MS / DAY_MS
        signal = [[*row[:5], float(f"{traded:.6g}")] for row in frames["4h"]]
        made[spot(asset)] = {"4h": signal, "1d": daily(own, float(PRICES[asset]), at)}
    return made
