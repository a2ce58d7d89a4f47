"""Owns the script of the demonstration market: prices, volume, funding, books, flows and events; it knows no rule.

The script gives where prices go and how wild they are; the seed gives the noise, which is drawn back to the script so
that every seed tells the same story. When the acts are over the market walks on by chance.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from bot.venues.simulated.market import Coin
from bot.venues.simulated.paths import CHUNK_HOURS, DAY_HOURS, SCRIPT, Floats, Stretch, joined, stream
from bot.venues.simulated.random_walk import NEUTRAL_FUNDING, Walk, remembered, shocks

# Days before and after the start, and prices there as multiples of the coin's price at the start.
HISTORY_DAYS = (-800, -620, -500, -400, -300, -220, -160, -110, -75, -45, -25, -12, -5, 0)
ACT_DAYS = (3, 7, 10, 12, 18, 18.75, 19.5, 21, 24, 30, 37, 40, 44)

# fmt: off
STORIES: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    # A year of sideways, a climb that tires: over target, no longer strong. Rally, top, crash, bear, recovery.
    "BTC": ((0.45, 0.62, 0.80, 0.70, 0.90, 0.95, 0.94, 0.93, 0.92, 0.93, 0.98, 1.060, 1.045, 1.0),
            (0.995, 1.08, 1.16, 1.15, 1.14, 0.74, 0.80, 0.77, 0.76, 0.68, 0.60, 0.60, 0.72)),
    # Laggards that have turned up.
    "ETH": ((0.60, 0.75, 0.95, 0.75, 1.02, 1.10, 1.02, 0.96, 0.90, 0.86, 0.91, 0.955, 0.975, 1.0),
            (1.015, 1.10, 1.18, 1.17, 1.16, 0.71, 0.78, 0.74, 0.73, 0.62, 0.53, 0.54, 0.68)),
    "SOL": ((0.35, 0.70, 1.10, 0.80, 1.15, 1.22, 1.05, 0.97, 0.90, 0.84, 0.90, 0.950, 0.975, 1.0),
            (1.015, 1.13, 1.24, 1.22, 1.20, 0.69, 0.77, 0.73, 0.71, 0.59, 0.49, 0.50, 0.66)),
    # Quietly up, the calmest of all.
    "BNB": ((0.50, 0.66, 0.78, 0.76, 0.88, 0.96, 0.95, 0.94, 0.93, 0.93, 0.955, 0.98, 0.99, 1.0),
            (1.005, 1.05, 1.09, 1.09, 1.08, 0.73, 0.79, 0.77, 0.76, 0.69, 0.62, 0.62, 0.71)),
    # The falling knife of the first days.
    "XRP": ((0.40, 0.60, 0.95, 0.90, 1.25, 1.40, 1.36, 1.32, 1.30, 1.31, 1.24, 1.13, 1.06, 1.0),
            (0.955, 0.99, 1.05, 1.06, 1.05, 0.66, 0.73, 0.70, 0.69, 0.58, 0.49, 0.50, 0.62)),
    # The narrative that triples in a fortnight (days 4 to 18).
    "DOGE": ((0.60, 0.85, 1.20, 0.95, 1.10, 1.15, 1.04, 0.97, 0.92, 0.90, 0.93, 0.965, 0.985, 1.0),
             (1.01, 1.25, 1.65, 2.00, 3.00, 1.65, 1.95, 1.75, 1.65, 1.15, 0.88, 0.86, 1.08)),
    "LINK": ((0.70, 0.80, 1.05, 0.80, 1.00, 1.12, 1.05, 0.96, 0.91, 0.86, 0.91, 0.955, 0.975, 1.0),
             (1.015, 1.12, 1.22, 1.21, 1.19, 0.69, 0.77, 0.73, 0.71, 0.60, 0.50, 0.51, 0.66)),
    # Fell for months, falls no more.
    "ADA": ((0.80, 1.00, 1.60, 1.30, 1.60, 1.70, 1.60, 1.45, 1.30, 1.15, 1.04, 0.995, 0.995, 1.0),
            (1.00, 1.08, 1.15, 1.15, 1.13, 0.68, 0.75, 0.71, 0.70, 0.58, 0.49, 0.50, 0.63)),
    "AVAX": ((0.90, 1.10, 1.40, 1.10, 1.25, 1.30, 1.15, 1.05, 1.02, 1.00, 1.00, 1.00, 1.00, 1.0),
             (1.01, 1.10, 1.18, 1.17, 1.15, 0.66, 0.74, 0.70, 0.68, 0.56, 0.46, 0.47, 0.62)),
    "LTC": ((0.80, 0.90, 1.05, 0.95, 1.05, 1.08, 1.04, 1.01, 1.00, 0.99, 1.00, 1.00, 1.00, 1.0),
            (1.00, 1.05, 1.10, 1.10, 1.08, 0.72, 0.78, 0.75, 0.74, 0.66, 0.59, 0.60, 0.70)),
}
# fmt: on


# What a coin does beside its story: days and multiples of it, 1 before the first and after the last.
DETOURS: dict[str, tuple[tuple[float, float], ...]] = {
    # Twice it slips, the second time through the stop of whoever bought the first, and comes back.
    "LTC": ((1.2, 1.0), (1.9, 0.78), (3.2, 0.78), (4.0, 0.64), (5.0, 0.64), (8.0, 1.0)),
    # Left behind by the frenzy, it turns up on the eve of the crash, which passes it by at first.
    "AVAX": ((9.0, 1.0), (14.5, 0.58), (18.0, 0.60), (18.75, 1.04), (24.0, 1.0)),
}


@dataclass(frozen=True, slots=True)
class Act:
    """A span of the script, in days from the start, and what it multiplies; `funding` is per 8 h, + = longs pay."""

    name: str
    begins: float
    ends: float
    volatility: float = 1.0
    tightness: float = 0.0  # correlations from usual (0) to one (1)
    activity: float = 1.0
    spread: float = 1.0
    depth: float = 1.0
    funding: float = NEUTRAL_FUNDING
    only: str | None = None  # one coin's act: over the others' of the same hours


ACTS: tuple[Act, ...] = (
    Act("quiet", -10, 3, volatility=0.8),
    Act("squeeze", 3, 6, activity=1.4, funding=-0.0006),
    Act("rally", 6, 10, volatility=1.1, activity=1.6, funding=0.0003),
    Act("top", 10, 12, volatility=0.9, activity=1.2, funding=0.0007),
    Act("frenzy", 12, 18, activity=1.3, funding=0.0012),
    Act("left behind", 9, 18.5, activity=1.1, only="AVAX"),
    Act("mania", 4, 18, volatility=1.5, activity=4.0, depth=1.5, funding=0.0018, only="DOGE"),
    Act("crash", 18, 18.75, 2.5, 0.85, 6.0, 5.0, 0.2, -0.0010),
    Act("stress", 18.75, 21, 2.2, 0.85, 3.0, 3.0, 0.35, -0.0005),
    Act("drought", 21, 24, 0.8, 0.3, 0.25, 3.0, 0.2, -0.0001),
    Act("bear", 24, 37, 0.95, 0.3, 0.8, 1.3, 0.7, -0.0001),
    Act("stabilisation", 37, 40, 0.7, 0.1, 0.7, 1.1, 0.8, 0.00005),
    Act("recovery", 40, 44, 1.0, 0.1, 1.3),
)
LAST_DAY = 44

# Money that comes and goes: day, asset, amount (+ in, - out).
FLOWS: tuple[tuple[float, str, Decimal], ...] = (
    (5.5, "USDT", Decimal(8_000)),
    (26.25, "USDT", Decimal(-4_000)),
    (42.25, "BTC", Decimal("0.42")),
    (43.25, "BTC", Decimal("-0.06")),
)

RETURN_HOURS = 36.0  # how fast noise is drawn back to the script
CLUSTER_HOURS = 36.0
CLUSTER_SD = 0.12
FUNDING_NOISE = 0.00002
FUNDING_MEMORY_HOURS = 12.0


class Tour:
    """The course `tour`, from `HISTORY_DAYS[0]` days before the start."""

    def __init__(self, seed: int, coins: Sequence[Coin]) -> None:
        self._seed = seed
        self._coins = tuple(coins)

    def beginning(self) -> Floats:
        """Log prices (coins,) at the first hour."""
        return np.log([coin.price * STORIES[coin.name][0][0] for coin in self._coins])

    def stretches(self) -> Iterator[Stretch]:
        """Chunk after chunk, for ever: the script while it lasts, then the walk."""
        script = _Script(self._seed, self._coins)
        walk = Walk(self._seed, self._coins)
        left = (LAST_DAY - HISTORY_DAYS[0]) * DAY_HOURS
        while True:
            scripted = min(left, CHUNK_HOURS)
            left -= scripted
            parts = [script.hours(scripted)] if scripted else []
            if scripted < CHUNK_HOURS:
                parts.append(walk.hours(CHUNK_HOURS - scripted))
            yield joined(parts)


class _Script:
    """The script in progress: how far the noise has strayed, and how far the hours have come."""

    def __init__(self, seed: int, coins: Sequence[Coin]) -> None:
        self._coins = tuple(coins)
        self._random = stream(seed, SCRIPT)
        self._hour = HISTORY_DAYS[0] * DAY_HOURS
        self._strayed = np.zeros(len(coins))
        self._cluster = np.zeros(1)
        self._mood = np.zeros(len(coins))
        self._usual = np.array([coin.volatility for coin in coins])
        days = np.array(HISTORY_DAYS + ACT_DAYS)
        self._days = days * DAY_HOURS
        self._turns = np.column_stack([np.log(np.array(sum(STORIES[coin.name], ()))) for coin in coins])

    def hours(self, count: int) -> Stretch:
        """The next `count` hours."""
        bounds = self._hour + np.arange(count + 1)
        self._hour += count
        acts = self._acts(bounds[:-1])
        wobble = self._usual * acts["volatility"] * np.exp(self._clustered(count))
        strayed = remembered(
            self._strayed,
            math.exp(-1 / RETURN_HOURS),
            wobble * shocks(self._random, self._coins, acts["tightness"][:, 0]),
        )
        noise = np.diff(np.concatenate((self._strayed[None], strayed)), axis=0)
        self._strayed = strayed[-1]
        told = np.column_stack([np.interp(bounds, self._days, turns) for turns in self._turns.T])
        told += self._detours(bounds)
        return Stretch(
            returns=np.diff(told, axis=0) + noise,
            wobble=wobble,
            activity=acts["activity"],
            spread=acts["spread"],
            depth=acts["depth"],
            premium=acts["funding"] + self._moody(count),
        )

    def _detours(self, hours: NDArray[np.int64]) -> Floats:
        """How far, in logs, each coin is from its story; (hours, coins)."""
        away = np.zeros((hours.size, len(self._coins)))
        for column, coin in enumerate(self._coins):
            if coin.name in DETOURS:
                days, multiples = zip(*DETOURS[coin.name], strict=True)
                away[:, column] = np.interp(hours, np.array(days) * DAY_HOURS, np.log(multiples))
        return away

    def _acts(self, hours: NDArray[np.int64]) -> dict[str, Floats]:
        """What the acts multiply, (hours, coins) each; later acts in the list win over earlier ones."""
        plain = Act("history", 0, 0)
        told = {
            name: np.full((hours.size, len(self._coins)), getattr(plain, name))
            for name in ("volatility", "tightness", "activity", "spread", "depth", "funding")
        }
        for act in ACTS:
            during = (hours >= act.begins * DAY_HOURS) & (hours < act.ends * DAY_HOURS)
            concerned = np.array([act.only in (None, coin.name) for coin in self._coins])
            where = during[:, None] & concerned
            for name, values in told.items():
                values[where] = getattr(act, name)
        return told

    def _clustered(self, count: int) -> Floats:
        memory = math.exp(-1 / CLUSTER_HOURS)
        fresh = self._random.standard_normal((count, 1)) * CLUSTER_SD * math.sqrt(1 - memory**2)
        values = remembered(self._cluster, memory, fresh)
        self._cluster = values[-1]
        return values

    def _moody(self, count: int) -> Floats:
        memory = math.exp(-1 / FUNDING_MEMORY_HOURS)
        sd = FUNDING_NOISE * math.sqrt(1 - memory**2)
        values = remembered(self._mood, memory, self._random.standard_normal((count, len(self._coins))) * sd)
        self._mood = values[-1]
        return values
