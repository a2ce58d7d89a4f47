"""Owns the figures a curve is judged by: return, volatility, drawdown, ratios and how sure one can be of them. Pure.

Years have 365 days: these markets never close. Definitions: Sharpe (1994), Sortino (1994), Calmar as CAGR over the
deepest drawdown of the span, the stationary bootstrap of Politis and Romano (1994) for the intervals.

For whoever compares curves: `figures` judges one; `growth` takes flows out, `daily_returns` makes what every ratio is
made of, and each ratio stands alone. All take and give plain arrays, oldest row first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
YEAR_DAYS: Final = 365.0
DAY_MS: Final = 86_400_000
SAMPLES: Final = 1_000
BLOCK_DAYS: Final = 10.0  # mean length of a block: returns of neighbouring days hang together
LEAST_DAYS: Final = 30  # under that no interval is worth its ink
SURE: Final = (0.05, 0.95)


@dataclass(frozen=True, slots=True)
class Figures:
    """Fractions, a year where said; None where the span is too short to say. ``drawdown`` is above 0."""

    total: float
    cagr: float | None
    volatility: float | None
    sharpe: float | None
    sortino: float | None
    calmar: float | None
    drawdown: float
    underwater_days: float
    intervals: Mapping[str, tuple[float, float]]


def figures(times_ms: NDArray[np.int64], equity: Floats, flows: Floats | None = None, *, seed: int = 0) -> Figures:
    """The figures of a curve of one row per cycle; ``flows`` (money in since the row before) are no gain."""
    worth = growth(equity, flows)
    total = float(worth[-1] - 1) if len(worth) else 0.0
    daily = daily_returns(times_ms, worth)
    years = len(daily) / YEAR_DAYS
    cagr = float(worth[-1] ** (1 / years) - 1) if len(daily) >= LEAST_DAYS and worth[-1] > 0 else None
    down = drawdowns(worth)
    deepest = float(down.max()) if len(down) else 0.0
    enough = len(daily) >= LEAST_DAYS
    return Figures(
        total=total,
        cagr=cagr,
        volatility=volatility(daily) if enough else None,
        sharpe=sharpe(daily) if enough else None,
        sortino=sortino(daily) if enough else None,
        calmar=cagr / deepest if cagr is not None and deepest > 0 else None,
        drawdown=deepest,
        underwater_days=underwater_days(times_ms, down),
        intervals=intervals(daily, seed=seed) if enough else {},
    )


def growth(equity: Floats, flows: Floats | None = None) -> Floats:
    """What one unit of the first row's money became, (n,): each row's gain is on what was there before its flow."""
    if not len(equity):
        return np.empty(0)
    came = np.zeros_like(equity) if flows is None else np.nan_to_num(flows)
    worth = np.ones_like(equity)
    last, value = 0.0, 1.0  # 0: nothing known yet
    for row, now in enumerate(equity.tolist()):
        if np.isfinite(now) and now > 0:
            value *= max(0.0, (now - came[row]) / last) if last > 0 else 1.0
            last = now
        worth[row] = value
    return worth


def daily_returns(times_ms: NDArray[np.int64], worth: Floats) -> Floats:
    """Returns from one UTC day's last row to the next one's; days without a row give none."""
    if len(worth) < 2:  # noqa: PLR2004 - a return needs two values
        return np.empty(0)
    days = times_ms // DAY_MS
    last_of_day = np.append(np.flatnonzero(np.diff(days)), len(days) - 1)
    closes = np.concatenate((worth[:1], worth[last_of_day]))
    with np.errstate(divide="ignore", invalid="ignore"):
        made = closes[1:] / closes[:-1] - 1
    kept: Floats = made[np.isfinite(made)]
    return kept


def drawdowns(worth: Floats) -> Floats:
    """How far under its highest value so far each row is, 0 to 1."""
    if not len(worth):
        return np.empty(0)
    down: Floats = 1 - worth / np.maximum.accumulate(worth)
    return down


def underwater_days(times_ms: NDArray[np.int64], down: Floats) -> float:
    """The longest time from one high to the next, in days."""
    longest, since = 0, None
    for time_ms, depth in zip(times_ms.tolist(), down.tolist(), strict=True):
        if depth <= 0:
            since = time_ms
        elif since is not None:
            longest = max(longest, time_ms - since)
    return longest / DAY_MS


def volatility(daily: Floats) -> float:
    """Standard deviation of daily returns, a year."""
    return float(daily.std(ddof=1) * np.sqrt(YEAR_DAYS))


def sharpe(daily: Floats) -> float | None:
    """Mean over standard deviation of daily returns, a year; the riskless rate is taken as 0."""
    spread = float(daily.std(ddof=1))
    return float(daily.mean() / spread * np.sqrt(YEAR_DAYS)) if spread > 0 else None


def sortino(daily: Floats) -> float | None:
    """Mean over the root mean square of losing days alone, a year."""
    below = float(np.sqrt(np.mean(np.minimum(daily, 0.0) ** 2)))
    return float(daily.mean() / below * np.sqrt(YEAR_DAYS)) if below > 0 else None


def intervals(daily: Floats, *, seed: int = 0, samples: int = SAMPLES) -> Mapping[str, tuple[float, float]]:
    """Where 90 % of resampled histories lie, by figure: blocks of about ten days drawn with replacement."""
    rng = np.random.default_rng(seed)
    asked: Mapping[str, Callable[[Floats], float | None]] = {
        "cagr": _cagr,
        "volatility": volatility,
        "sharpe": sharpe,
        "sortino": sortino,
        "calmar": _calmar,
        "drawdown": _deepest,
    }
    found: dict[str, list[float]] = {name: [] for name in asked}
    for _ in range(samples):
        drawn = daily[stationary(len(daily), rng)]
        for name, of in asked.items():
            value = of(drawn)
            if value is not None:
                found[name].append(value)
    return {
        name: (float(np.quantile(values, SURE[0])), float(np.quantile(values, SURE[1])))
        for name, values in found.items()
        if values
    }


def _cagr(daily: Floats) -> float:
    return float(np.prod(1 + daily) ** (YEAR_DAYS / len(daily)) - 1)


def _deepest(daily: Floats) -> float:
    return float(drawdowns(np.concatenate(([1.0], np.cumprod(1 + daily)))).max())


def _calmar(daily: Floats) -> float | None:
    deepest = _deepest(daily)
    return _cagr(daily) / deepest if deepest > 0 else None


def stationary(size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Row numbers of one resampled history: blocks of geometric length that start anywhere and wrap around."""
    begins = rng.random(size) < 1 / BLOCK_DAYS
    begins[0] = True
    starts = rng.integers(0, size, size)
    first = np.flatnonzero(begins)
    block = np.cumsum(begins) - 1
    offset = np.arange(size) - first[block]
    rows: NDArray[np.int64] = (starts[first[block]] + offset) % size
    return rows
