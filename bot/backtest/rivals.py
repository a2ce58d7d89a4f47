"""Owns what plainer ways with the same targets would have come to: held, by calendar, by bands. Pure, fast, no rules.

Each starts with the same equity, buys the targets of the first row, gets the same money in, and pays the same rate for
what it trades. Prices are mids; an asset without a price waits in stables; buys stop where the cash ends.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bot.backtest.metrics import YEAR_DAYS, daily_returns, growth
from bot.backtest.result import Curve

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
#: (rows, weights of them (n, k)) -> which assets are to be brought to their targets at each row, (n, k).
Wanted = Callable[[slice, Floats], Flags]
SHORTEST, LONGEST = 16, 1024  # rows looked at together: few after a trade, more the longer none comes
BANDS: Final = (0.01, 0.02, 0.05, 0.10)  # of equity
PERIODS: Final = ("daily", "weekly", "monthly", "quarterly")


@dataclass(frozen=True, slots=True)
class Rival:
    """One way: equity at each row (n,), how often it traded, for how much in all, and what that cost."""

    equity: Floats
    trades: int
    traded: float
    costs: float


def held(curve: Curve, cost: float = 0.0) -> Rival:
    """The first row's targets bought and left alone; what comes in is put into the targets of its row."""
    return _walk(curve, cost, lambda _rows, weights: np.zeros(weights.shape, dtype=np.bool_))


def by_calendar(curve: Curve, cost: float, period: str) -> Rival:
    """All assets to their targets at the first row of every day, week (Monday), month or quarter."""
    days = curve.times_ms.astype("datetime64[ms]").astype("datetime64[D]")
    months = days.astype("datetime64[M]").astype(np.int64)
    numbers = {
        "daily": days.astype(np.int64),
        "weekly": (days.astype(np.int64) + 3) // 7,
        "monthly": months,
        "quarterly": months // 3,
    }[period]
    due = np.diff(numbers, prepend=numbers[:1]) != 0
    return _walk(curve, cost, lambda rows, weights: np.broadcast_to(due[rows, None], weights.shape))


def by_bands(curve: Curve, cost: float, width: float | None = None) -> Rival:
    """An asset to its target once it leaves its band: the curve's own, or ``width`` of equity either side."""
    target = np.nan_to_num(curve.target)
    low = np.nan_to_num(curve.low, nan=-np.inf) if width is None else target - width
    high = np.nan_to_num(curve.high, nan=np.inf) if width is None else target + width
    return _walk(curve, cost, lambda rows, weights: (weights < low[rows]) | (weights > high[rows]))


def ideal(curve: Curve) -> Floats:
    """What one unit became that lay in the targets at every row, traded for nothing, (n,)."""
    prices = filled(curve.price)
    target = np.nan_to_num(curve.target)
    with np.errstate(divide="ignore", invalid="ignore"):
        moved = np.nan_to_num(prices[1:] / prices[:-1] - 1, posinf=0.0, neginf=0.0)
    made: Floats = np.concatenate(([1.0], np.cumprod(1 + (target[:-1] * moved).sum(axis=1))))
    return made[: len(curve)]


def tracking_error(curve: Curve, equity: Floats) -> float | None:
    """Standard deviation, a year, of daily returns less those of the targets held at every row; None: too short."""
    mine = daily_returns(curve.times_ms, growth(equity, curve.flows))
    theirs = daily_returns(curve.times_ms, ideal(curve))
    if len(mine) != len(theirs) or len(mine) < 2:  # noqa: PLR2004 - a deviation needs two values
        return None
    return float((mine - theirs).std(ddof=1) * np.sqrt(YEAR_DAYS))


def drift(curve: Curve) -> float | None:
    """How much of equity was elsewhere than its target says, on average: half the sum of distances, stables among them.

    None where no row knows.
    """
    apart = np.nan_to_num(curve.net) - np.nan_to_num(curve.target)
    whole = (np.abs(apart).sum(axis=1) + np.abs(apart.sum(axis=1))) / 2
    known = whole[np.isfinite(curve.equity)]
    return float(known.mean()) if len(known) else None


def filled(prices: Floats) -> Floats:
    """Each column's gaps filled with the value before them; what was never known yet stays NaN."""
    if not prices.size:
        return prices
    rows = np.where(np.isfinite(prices), np.arange(len(prices))[:, None], 0)
    made: Floats = np.take_along_axis(prices, np.maximum.accumulate(rows, axis=0), axis=0)
    return made


# ---- one walk for all of them


def _walk(curve: Curve, cost: float, wanted: Wanted) -> Rival:
    size = len(curve)
    known = np.flatnonzero(np.isfinite(curve.equity))
    if not len(known):
        return Rival(np.full(size, np.nan), 0, 0.0, 0.0)
    first = int(known[0])
    prices = np.nan_to_num(filled(curve.price))
    targets = np.where(prices > 0, np.nan_to_num(curve.target), 0.0)
    account = _Account(float(curve.equity[first]), prices.shape[1], cost)
    account.trade(prices[first], targets[first], np.ones(prices.shape[1], dtype=np.bool_))
    equity = np.full(size, np.nan)
    equity[first] = account.worth(prices[first])
    row, length = first + 1, SHORTEST
    while row < size:
        rows = slice(row, min(size, row + length))
        worth = account.cash + prices[rows] @ account.coins
        weights = prices[rows] * account.coins / worth[:, None]
        flags = wanted(rows, weights) & (prices[rows] > 0)
        due = flags.any(axis=1) | (curve.flows[rows] != 0)
        if not due.any():
            equity[rows] = worth
            row, length = rows.stop, min(LONGEST, length * 2)
            continue
        at = int(np.argmax(due))
        equity[row : row + at] = worth[:at]
        row, length = row + at, SHORTEST
        account.take(float(curve.flows[row]), prices[row], targets[row])
        account.trade(prices[row], targets[row], flags[at])
        equity[row] = account.worth(prices[row])
        row += 1
    return Rival(equity, account.trades, account.traded, account.costs)


class _Account:
    """Coins and cash, and what trading them came to."""

    def __init__(self, cash: float, size: int, cost: float) -> None:
        self.cash, self.coins = cash, np.zeros(size)
        self._cost = cost
        self.trades, self.traded, self.costs = 0, 0.0, 0.0

    def worth(self, price: Floats) -> float:
        return self.cash + float(price @ self.coins)

    def take(self, money: float, price: Floats, target: Floats) -> None:
        """Money in, put into the targets; money out, taken from everything alike."""
        if money > 0:
            self.cash += money
            self._buy(np.where(price > 0, target, 0.0) * money, price)
        elif money < 0:
            whole = self.worth(price)
            left = max(0.0, (whole + money) / whole) if whole > 0 else 0.0
            self._pay(float(price @ self.coins) * (1 - left))
            self.cash += float(price @ self.coins) * (1 - left) + money
            self.coins = self.coins * left

    def trade(self, price: Floats, target: Floats, which: Flags) -> None:
        """Those of ``which`` to their targets: sales first, then buys as far as the cash goes."""
        if not which.any():
            return
        moved = np.where(which, target * self.worth(price) - price * self.coins, 0.0)
        sold = np.minimum(moved, 0.0)
        self._pay(-float(sold.sum()), int((sold < 0).sum()))
        self.cash -= float(sold.sum())
        with np.errstate(divide="ignore", invalid="ignore"):
            self.coins = self.coins + np.where(sold < 0, sold / price, 0.0)
        self._buy(np.maximum(moved, 0.0), price)

    def _buy(self, money: Floats, price: Floats) -> None:
        whole = float(money.sum())
        if whole <= 0 or self.cash <= 0:
            return
        share = min(1.0, self.cash / (whole * (1 + self._cost)))
        self._pay(whole * share, int((money > 0).sum()))
        self.cash -= whole * share
        with np.errstate(divide="ignore", invalid="ignore"):
            self.coins = self.coins + np.where(money > 0, money * share / price, 0.0)

    def _pay(self, traded: float, trades: int = 0) -> None:
        self.trades += trades
        self.traded += traded
        self.costs += traded * self._cost
        self.cash -= traded * self._cost
