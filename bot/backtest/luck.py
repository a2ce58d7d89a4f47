"""Owns how much of the best of many trials is luck: what was best in some windows, looked at in others. Pure.

The probability of backtest overfitting by combinatorially symmetric cross-validation (Bailey, Borwein, López de Prado,
Zhu 2017), the deflated Sharpe ratio (Bailey, López de Prado 2014), rank correlation after Spearman, and what a choice
made window after window on the past alone would have brought (walk-forward).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import NormalDist
from typing import Final

import numpy as np

from bot.backtest import metrics
from bot.backtest.metrics import YEAR_DAYS, Floats

SPLITS_MOST: Final = 252  # halves of ten windows; of more, as many are drawn
EULER: Final = 0.5772156649015329
NORMAL: Final = NormalDist()
Aim = Callable[[Floats], float | None]


def cagr(daily: Floats) -> float | None:
    """Gain a year."""
    worth = float(np.prod(1 + daily))
    return worth ** (YEAR_DAYS / len(daily)) - 1 if len(daily) and worth > 0 else None


def calmar(daily: Floats) -> float | None:
    """Gain a year over the deepest drawdown."""
    gain = cagr(daily)
    deepest = float(metrics.drawdowns(np.concatenate(([1.0], np.cumprod(1 + daily)))).max())
    return gain / deepest if gain is not None and deepest > 0 else None


AIMS: Final[Mapping[str, Aim]] = {
    "sharpe": metrics.sharpe,
    "sortino": metrics.sortino,
    "calmar": calmar,
    "cagr": cagr,
}


@dataclass(frozen=True, slots=True)
class Luck:
    """How far the ranking of trials in one half of the windows tells that in the other.

    ``overfit``: the probability that the best of one half is in the worse half of the other. ``correlation``: mean rank
    correlation of the halves. ``deflated``: the probability that the best's Sharpe ratio is above what the best of so
    many trials without any merit would have. None where there are too few trials or windows.
    """

    trials: int
    overfit: float | None
    correlation: float | None
    deflated: float | None


@dataclass(frozen=True, slots=True)
class Step:
    """One step of walking forward: the trial that was best up to a window (its place), and what it came to there."""

    window: int
    chosen: int
    value: float | None


def luck(aim: Aim, daily: Sequence[Sequence[Floats]], tried: int, *, seed: int = 0) -> Luck:
    """Of trials' daily returns window by window (trials, windows), each with all windows; ``tried``: all there were."""
    whole = [np.concatenate(each) for each in daily]
    best = _best([aim(each) for each in whole])
    splits = _splits(len(daily[0]), seed) if daily else []
    lost, correlations = 0, []
    told = 0
    for inside, outside in splits:
        seen = [aim(np.concatenate([each[row] for row in inside])) for each in daily]
        held = [aim(np.concatenate([each[row] for row in outside])) for each in daily]
        pairs = [(one, other) for one, other in zip(seen, held, strict=True) if one is not None and other is not None]
        if len(pairs) < 2:  # noqa: PLR2004 - one trial has no rank
            continue
        told += 1
        values = np.array(pairs)
        place = ranks(values[:, 1])[int(np.argmax(values[:, 0]))]
        lost += bool(place / (len(pairs) + 1) <= 0.5)  # noqa: PLR2004 - the worse half
        if (related := spearman(values[:, 0], values[:, 1])) is not None:
            correlations.append(related)
    return Luck(
        trials=len(daily),
        overfit=lost / told if told else None,
        correlation=float(np.mean(correlations)) if correlations else None,
        deflated=None if best is None else deflated_sharpe(whole[best], whole, tried),
    )


def walked(aim: Aim, daily: Sequence[Sequence[Floats]]) -> list[Step]:
    """For every window but the first: the best trial of all windows before it, and its value there."""
    steps: list[Step] = []
    for window in range(1, len(daily[0]) if daily else 0):
        chosen = _best([aim(np.concatenate(each[:window])) for each in daily])
        if chosen is not None:
            steps.append(Step(window, chosen, aim(daily[chosen][window])))
    return steps


def deflated_sharpe(best: Floats, trials: Sequence[Floats], tried: int) -> float | None:
    """The probability that the true Sharpe ratio of ``best`` is above the best expected of trials without merit.

    ``trials``: those whose returns are known, for how far apart they lie; ``tried``: how many there were.
    """
    ratios = np.array([_ratio(each) for each in trials])
    ratios = ratios[np.isfinite(ratios)]
    own, size = _ratio(best), len(best)
    if len(ratios) < 2 or size < 3 or not math.isfinite(own):  # noqa: PLR2004 - no spread of one
        return None
    count = max(len(ratios), tried)
    expected = float(ratios.std(ddof=1)) * (
        (1 - EULER) * NORMAL.inv_cdf(1 - 1 / count) + EULER * NORMAL.inv_cdf(1 - 1 / (count * math.e))
    )
    centred = (best - best.mean()) / best.std()
    skew, kurtosis = float((centred**3).mean()), float((centred**4).mean())
    spread = 1 - skew * own + (kurtosis - 1) / 4 * own**2
    return NORMAL.cdf((own - expected) * math.sqrt(size - 1) / math.sqrt(spread)) if spread > 0 else None


def ranks(values: Floats) -> Floats:
    """Ranks from 1, equal values share theirs."""
    order = np.argsort(values, kind="stable")
    made = np.empty(len(values))
    made[order] = np.arange(1, len(values) + 1)
    for value in np.unique(values):
        same = values == value
        made[same] = made[same].mean()
    return made


def spearman(one: Floats, other: Floats) -> float | None:
    """Correlation of ranks, −1 to 1; None where there is nothing to rank."""
    first, second = ranks(one), ranks(other)
    if len(first) < 2 or not first.std() or not second.std():  # noqa: PLR2004 - no rank of one
        return None
    return float(np.corrcoef(first, second)[0, 1])


def _ratio(daily: Floats) -> float:
    """Sharpe ratio a day; NaN where nothing moved."""
    spread = float(daily.std(ddof=1)) if len(daily) > 1 else 0.0
    return float(daily.mean()) / spread if spread > 0 else math.nan


def _best(values: Sequence[float | None]) -> int | None:
    known = [(value, -place) for place, value in enumerate(values) if value is not None]
    return -max(known)[1] if known else None


def _splits(count: int, seed: int) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Ways to part the windows into halves, each half once as the one that is seen."""
    if count < 2:  # noqa: PLR2004 - no half of one
        return []
    every = list(combinations(range(count), count // 2))
    if len(every) > SPLITS_MOST:
        chosen = np.random.default_rng(seed).choice(len(every), SPLITS_MOST, replace=False)
        every = [every[place] for place in sorted(chosen.tolist())]
    return [(inside, tuple(row for row in range(count) if row not in inside)) for inside in every]
