"""The plain drift-band job that every engine is given: prices, targets, band, fee, and what comes out in numpy.

Closes of N coins (a seeded one-factor random walk, hourly, three years), 90 % of equity in equal parts, 10 % USDT, a
fee of 0.1 %. At each bar all holdings are valued at the close. A coin at or beyond its band (5 points or a quarter of
its target, whichever is tighter) is traded back to its target at that close; where something is sold, coins that are
half a band or more under their targets are bought up to them as well. Sales go first, the widest drift before others;
purchases follow in that order and take what cash there is. A sale's fee comes out of the money, a purchase's out of
the coins, as spot venues do. A move that the next close leaves more than
0.1 point short of its target goes on there. The first bar buys all targets.

Of numpy alone, so that it can be imported where each engine lives.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
BARS = 26_280
BEGUN_MS = 1_609_459_200_000  # 2021-01-01
HOUR_MS = 3_600_000
FEE = 0.001
CASH = 1e8
INVESTED = 0.90
POINTS, RELATIVE = 0.05, 0.25
HALF = 0.5
DIGITS = 7  # significant, at a coin's lowest price: as venues quote
NEAR = 0.001  # of equity: so near its target a move has ended
SLACK = 1e-9  # drifts are compared at nine digits, inclusively


def prices(coins: int, bars: int = BARS, seed: int = 11) -> Floats:
    """Closes, (bars, coins): correlation 0.6, volatility 50 to 110 % a year."""
    rng = np.random.default_rng((seed, coins))
    volatility = rng.uniform(0.5, 1.1, coins) / np.sqrt(365 * 24)
    shared, own = rng.standard_normal((bars, 1)), rng.standard_normal((bars, coins))
    moves = volatility * (np.sqrt(0.6) * shared + np.sqrt(0.4) * own) - volatility**2 / 2
    moves[0] = 0
    made = 10 ** rng.uniform(-1, 4, coins) * np.exp(np.cumsum(moves, axis=0))
    ticks = DIGITS - 1 - np.floor(np.log10(made.min(axis=0)))
    return np.column_stack([np.round(made[:, each], int(ticks[each])) for each in range(coins)])


def targets(coins: int) -> Floats:
    """Equal parts, (coins,)."""
    return np.full(coins, INVESTED / coins)


def band(target: Floats) -> Floats:
    """How far each may stray, (coins,)."""
    return np.minimum(POINTS, RELATIVE * target)


@dataclass(frozen=True)
class Course:
    """What came of it: equity at each bar before its trades and after, and (bar, coin, amount) of each trade."""

    equity: Floats
    after: Floats
    trades: list[tuple[int, int, float]]


class Rule:
    """What each bar trades, as written above; it knows which coins are under way to their targets."""

    def __init__(self, coins: int) -> None:
        """Nothing is under way."""
        self._target = targets(coins)
        self._width = band(self._target)
        self._moving = np.zeros(coins)  # 1 up, -1 down

    def due(self, price: Floats, held: Floats, cash: float) -> list[tuple[int, float]]:
        """(coin, money to buy it for, below 0 to sell) in the order of trading; prices and holdings are (coins,)."""
        width, moving = self._width, self._moving
        worth = cash + float(held @ price)
        drift = held * price / worth - self._target
        moving[-moving * drift <= NEAR] = 0
        if (np.abs(drift) < width - SLACK).all() and not moving.any():
            return []
        over = (drift >= width - SLACK) | (moving < 0)
        under = (drift <= -(HALF * width if over.any() else width) + SLACK) | (moving > 0)
        moving[:] = under.astype(float) - over
        made = []
        for coin in sorted(np.flatnonzero(moving), key=lambda one: (drift[one] < 0, -abs(drift[one] / width[one]))):
            money = -drift[coin] * worth
            if money > 0:
                money = min(money, max(0.0, cash) / (1 + FEE))  # the margin kept for a fee in money
                cash -= money
            else:
                cash -= money * (1 - FEE)
            made.append((int(coin), money))
        return made


def reference(closes: Floats, cash: float = CASH) -> Course:
    """The job, bar by bar."""
    bars, coins = closes.shape
    rule, held = Rule(coins), np.zeros(coins)
    equity, after = np.empty(bars), np.empty(bars)
    trades: list[tuple[int, int, float]] = []
    for bar in range(bars):
        price = closes[bar]
        equity[bar] = cash + float(held @ price)
        for coin, money in rule.due(price, held, cash):
            bought = money > 0
            cash -= money if bought else money * (1 - FEE)
            held[coin] += money / price[coin] * (1 - FEE if bought else 1.0)
            trades.append((bar, coin, money / price[coin]))
        after[bar] = cash + float(held @ price)
    return Course(equity, after, trades)


def prices_of(path: str) -> Floats:
    """Closes that were written down for all engines."""
    made: Floats = np.load(path)
    return made
