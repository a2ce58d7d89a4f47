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
    """What came of it: equity at each bar before its trades, and (bar, coin, amount) of each trade."""

    equity: Floats
    trades: list[tuple[int, int, float]]


def reference(closes: Floats, cash: float = CASH) -> Course:
    """The job, bar by bar, as written above."""
    bars, coins = closes.shape
    target, width = targets(coins), band(targets(coins))
    held, moving = np.zeros(coins), np.zeros(coins)  # moving: 1 up, -1 down
    equity = np.empty(bars)
    trades: list[tuple[int, int, float]] = []
    for bar in range(bars):
        price = closes[bar]
        equity[bar] = worth = cash + float(held @ price)
        drift = held * price / worth - target
        moving[-moving * drift <= NEAR] = 0
        if (np.abs(drift) < width - SLACK).all() and not moving.any():
            continue
        over = (drift >= width - SLACK) | (moving < 0)
        under = (drift <= -(HALF * width if over.any() else width) + SLACK) | (moving > 0)
        moving = under.astype(float) - over
        for coin in sorted(np.flatnonzero(moving), key=lambda one: (drift[one] < 0, -abs(drift[one] / width[one]))):
            wanted = -drift[coin] * worth
            if wanted > 0:
                wanted = min(wanted, max(0.0, cash) / (1 + FEE))  # the margin kept for a fee in money
                cash -= wanted
                held[coin] += wanted / price[coin] * (1 - FEE)
            else:
                cash -= wanted * (1 - FEE)
                held[coin] += wanted / price[coin]
            trades.append((bar, int(coin), wanted / price[coin]))
    return Course(equity, trades)
