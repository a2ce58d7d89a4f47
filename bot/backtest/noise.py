"""Owns whether a difference between two curves is more than luck: both resampled alike, day by day. Pure.

The stationary bootstrap of `bot.backtest.metrics`, drawn once for all curves: the same days are taken of each, so that
what moves all of them alike (the market) cancels in a difference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from bot.backtest.metrics import LEAST_DAYS, SAMPLES, SURE, YEAR_DAYS, Floats, stationary

NAMES: Final = ("cagr", "volatility", "sharpe", "drawdown")


@dataclass(frozen=True, slots=True)
class Difference:
    """One figure of a curve minus that of another: as it was, and where 90 % of resampled histories have it."""

    value: float
    low: float
    high: float

    @property
    def noise(self) -> bool:
        """Whether it may as well be none."""
        return self.low <= 0 <= self.high


class Resampled:
    """Figures of resampled histories of several curves, by figure: arrays (curves, samples).

    ``daily``: the daily returns of each curve, all of the same days. Empty where these are too few, or not the same.
    """

    def __init__(self, daily: Sequence[Floats], *, seed: int = 0, samples: int = SAMPLES) -> None:
        sizes = {len(each) for each in daily}
        self._drawn: dict[str, Floats] = {}
        self._was: dict[str, Floats] = {}
        if len(sizes) != 1 or (size := sizes.pop()) < LEAST_DAYS:
            return
        rng = np.random.default_rng(seed)
        rows = np.stack([stationary(size, rng) for _ in range(samples)])
        for name, of in FIGURES.items():
            self._drawn[name] = np.stack([of(each[rows]) for each in daily])
            self._was[name] = np.stack([of(each[None, :])[0] for each in daily])

    def difference(self, name: str, one: int, other: int) -> Difference | None:
        """That figure of curve ``one`` minus that of curve ``other``; None where it cannot be told."""
        drawn = self._drawn.get(name)
        if drawn is None:
            return None
        apart = drawn[one] - drawn[other]
        apart = apart[np.isfinite(apart)]
        was = float(self._was[name][one] - self._was[name][other])
        if not len(apart) or not np.isfinite(was):
            return None
        return Difference(was, float(np.quantile(apart, SURE[0])), float(np.quantile(apart, SURE[1])))


def _cagr(daily: Floats) -> Floats:
    made: Floats = np.prod(1 + daily, axis=1) ** (YEAR_DAYS / daily.shape[1]) - 1
    return made


def _volatility(daily: Floats) -> Floats:
    made: Floats = daily.std(axis=1, ddof=1) * np.sqrt(YEAR_DAYS)
    return made


def _sharpe(daily: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        made: Floats = daily.mean(axis=1) / daily.std(axis=1, ddof=1) * np.sqrt(YEAR_DAYS)
    return made


def _drawdown(daily: Floats) -> Floats:
    worth = np.cumprod(1 + daily, axis=1)
    highest = np.maximum(np.maximum.accumulate(worth, axis=1), 1.0)
    made: Floats = (1 - worth / highest).max(axis=1)
    return made


FIGURES: Final[Mapping[str, Callable[[Floats], Floats]]] = {
    "cagr": _cagr,
    "volatility": _volatility,
    "sharpe": _sharpe,
    "drawdown": _drawdown,
}
