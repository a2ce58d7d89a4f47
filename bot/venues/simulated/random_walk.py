"""Owns the market that nobody scripted: regimes that follow by chance, common shocks, volatility in clusters."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from bot.venues.simulated.market import Coin
from bot.venues.simulated.paths import CHUNK_HOURS, DAY_HOURS, WALK, Floats, Stretch, stream

TAIL_DEGREES = 8  # Student's t: days of six deviations happen, as they do
TAIL_SCALE = math.sqrt((TAIL_DEGREES - 2) / TAIL_DEGREES)

CLUSTER_HOURS = 48.0  # memory of volatility
CLUSTER_SD = 0.30  # of its log
TREND_HOURS = 72.0  # memory of the trend that funding follows
NEUTRAL_FUNDING = 0.0001  # per 8 h: 10.95 % a year
FUNDING_SLOPE = 0.003  # of the trend's log return
FUNDING_SPAN = 0.0015
OWN_DRIFT_DAYS = 20.0  # how long a coin goes its own way
OWN_DRIFT_SD = 0.003  # per day
HOMESICKNESS = 0.06  # share of the way back to where it began, per chunk: so that for ever stays finite


@dataclass(frozen=True, slots=True)
class Regime:
    """A mood of the market: `drift` a day (log, of a coin with beta 1), multiples, and its usual days."""

    drift: float
    volatility: float
    tightness: float  # how far correlations go from usual (0) to one (1)
    activity: float
    spread: float
    depth: float
    days: float
    after: tuple[tuple[str, float], ...]  # what may follow, with its probability


REGIMES = {
    "range": Regime(0.0, 0.75, 0.0, 0.8, 1.0, 1.0, 12, (("up", 0.50), ("down", 0.38), ("crash", 0.12))),
    "up": Regime(0.006, 1.0, 0.1, 1.1, 1.0, 1.0, 14, (("range", 0.45), ("frenzy", 0.30), ("down", 0.25))),
    "frenzy": Regime(0.014, 1.4, 0.2, 1.8, 1.0, 1.1, 5, (("range", 0.35), ("down", 0.30), ("crash", 0.35))),
    "down": Regime(-0.006, 1.15, 0.3, 1.0, 1.3, 0.8, 12, (("range", 0.45), ("crash", 0.20), ("recovery", 0.35))),
    "crash": Regime(-0.22, 3.0, 0.8, 5.0, 4.0, 0.25, 0.8, (("recovery", 0.40), ("down", 0.35), ("range", 0.25))),
    "recovery": Regime(0.010, 1.5, 0.3, 1.4, 1.2, 0.8, 6, (("range", 0.55), ("up", 0.45))),
}


def shocks(random: np.random.Generator, coins: Sequence[Coin], tightness: Floats) -> Floats:
    """Unit shocks (hours, coins), fat-tailed, correlated through a common factor; `tightness` (hours,) from 0 to 1."""
    hours = tightness.size
    common = random.standard_t(TAIL_DEGREES, (hours, 1)) * TAIL_SCALE
    own = random.standard_t(TAIL_DEGREES, (hours, len(coins))) * TAIL_SCALE
    usual = np.array([coin.pull for coin in coins])
    pull = usual + (1 - usual) * tightness[:, None]
    shock: Floats = pull * common + np.sqrt(1 - pull**2) * own
    return shock


def remembered(before: Floats, memory: float, fresh: Floats) -> Floats:
    """The recursion x = memory * x + fresh over rows, from `before` (k,): (rows, k)."""
    out = np.empty_like(fresh)
    for column, value in enumerate(np.broadcast_to(before, fresh.shape[1:]).tolist()):
        # Plain numbers: the same arithmetic without an array of a few columns made for each row.
        walked = accumulate(fresh[:, column].tolist(), lambda known, new: memory * known + new, initial=value)
        out[:, column] = list(walked)[1:]
    return out


class Walk:
    """A walk in progress: what it remembers from one stretch to the next."""

    def __init__(self, seed: int, coins: Sequence[Coin], mood: str = "range") -> None:
        self._coins = tuple(coins)
        self._random = stream(seed, WALK)
        self._mood = mood
        self._hours_left = self._lasting(REGIMES[mood])
        self._cluster = np.zeros(1)
        self._trend = np.zeros(len(coins))
        self._own = np.zeros(len(coins))
        self._strayed = np.zeros(len(coins))
        self._usual = np.array([coin.volatility for coin in coins])
        self._beta = np.array([coin.beta for coin in coins])

    def hours(self, count: int) -> Stretch:
        """The next `count` hours."""
        moods = self._moods(count)
        volatility = np.array([mood.volatility for mood in moods])
        spread, depth = np.array([mood.spread for mood in moods]), np.array([mood.depth for mood in moods])
        activity = np.array([mood.activity for mood in moods])
        shock = shocks(self._random, self._coins, np.array([mood.tightness for mood in moods]))
        cluster = self._clustered(count)
        wobble = self._usual * (volatility * np.exp(cluster))[:, None]
        drift = self._beta * (np.array([mood.drift for mood in moods]) / DAY_HOURS)[:, None]
        drift += self._going_own_ways(count) - self._strayed * HOMESICKNESS / CHUNK_HOURS
        returns = drift - wobble**2 / 2 + wobble * shock
        self._strayed = self._strayed + returns.sum(axis=0)
        wide = np.ones_like(returns)
        return Stretch(
            returns=returns,
            wobble=wobble,
            activity=wide * (activity * np.exp(cluster / 2))[:, None],
            spread=wide * (spread * np.exp(cluster / 4))[:, None],
            depth=wide * (depth * np.exp(-cluster / 4))[:, None],
            premium=self._funding(returns),
        )

    def _lasting(self, mood: Regime) -> int:
        return max(6, int(self._random.exponential(mood.days * DAY_HOURS)))

    def _moods(self, count: int) -> list[Regime]:
        moods: list[Regime] = []
        while len(moods) < count:
            if self._hours_left == 0:
                names, odds = zip(*REGIMES[self._mood].after, strict=True)
                self._mood = str(self._random.choice(names, p=odds))
                self._hours_left = self._lasting(REGIMES[self._mood])
            taken = min(self._hours_left, count - len(moods))
            moods += [REGIMES[self._mood]] * taken
            self._hours_left -= taken
        return moods

    def _clustered(self, count: int) -> Floats:
        memory = math.exp(-1 / CLUSTER_HOURS)
        fresh = self._random.standard_normal((count, 1)) * CLUSTER_SD * math.sqrt(1 - memory**2)
        values = remembered(self._cluster, memory, fresh)
        self._cluster = values[-1]
        return values[:, 0]

    def _going_own_ways(self, count: int) -> Floats:
        memory = math.exp(-1 / (OWN_DRIFT_DAYS * DAY_HOURS))
        sd = OWN_DRIFT_SD / DAY_HOURS * math.sqrt(1 - memory**2)
        values = remembered(self._own, memory, self._random.standard_normal((count, len(self._coins))) * sd)
        self._own = values[-1]
        return values

    def _funding(self, returns: Floats) -> Floats:
        """Longs pay where prices rose, shorts where they fell."""
        trend = remembered(self._trend, math.exp(-1 / TREND_HOURS), returns)
        self._trend = trend[-1]
        return NEUTRAL_FUNDING + np.clip(FUNDING_SLOPE * trend, -FUNDING_SPAN, FUNDING_SPAN)


class RandomWalk:
    """The course `random`: the walk from the first hour on."""

    def __init__(self, seed: int, coins: Sequence[Coin]) -> None:
        self._seed = seed
        self._coins = tuple(coins)

    def beginning(self) -> Floats:
        """Log prices (coins,) at the first hour."""
        return np.log([coin.price for coin in self._coins])

    def stretches(self) -> Iterator[Stretch]:
        """Chunk after chunk, for ever."""
        walk = Walk(self._seed, self._coins)
        while True:
            yield walk.hours(CHUNK_HOURS)
