"""Owns the comparison of runs over the same past: figures per window and whole, the best, and what is noise. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any, Final

import numpy as np

from bot.backtest.metrics import (
    LEAST_DAYS,
    YEAR_DAYS,
    Floats,
    daily_returns,
    drawdowns,
    growth,
    sharpe,
    underwater_days,
    volatility,
)
from bot.backtest.noise import NAMES, Resampled
from bot.backtest.result import Curve, Result
from bot.backtest.windows import Window
from bot.core.numbers import ZERO, milliseconds

DAY_MS: Final = 86_400_000
#: Figure -> whether more of it is better; None: neither.
BETTER: Final[Mapping[str, bool | None]] = {
    "times": True,
    "total": True,
    "cagr": True,
    "volatility": False,
    "sharpe": True,
    "drawdown": False,
    "underwater_days": False,
    "turnover": False,
    "fees": False,
    "funding": True,
    "fills": None,
}


def part(result: Result, window: Window) -> Result:
    """What of a result lies in a window: curve, fills and payments; decisions and counts are left out."""
    since, until = milliseconds(window.since), milliseconds(window.until)
    curve = result.curve
    rows = slice(int(np.searchsorted(curve.times_ms, since)), int(np.searchsorted(curve.times_ms, until)))
    cut = Curve(
        curve.times_ms[rows], curve.equity[rows], curve.liquid[rows], curve.flows[rows], curve.assets,
        curve.price[rows], curve.spot[rows], curve.futures[rows], curve.target[rows], curve.low[rows], curve.high[rows],
    )  # fmt: skip
    trades = tuple(each for each in result.trades if since <= milliseconds(each.at) < until)
    payments = tuple(each for each in result.payments if since <= milliseconds(each.at) < until)
    return replace(
        result, since=window.since, until=window.until, curve=cut, trades=trades, payments=payments,
        decisions=(), counts={}, notes=(),
    )  # fmt: skip


def daily_of(result: Result) -> Floats:
    """Daily returns, flows taken out."""
    curve = result.curve
    return daily_returns(curve.times_ms, growth(curve.equity, curve.flows))


def measured(result: Result) -> dict[str, float | None]:
    """The figures of `BETTER`: multiples, fractions, ratios, days, money; None where the span is too short to say."""
    curve = result.curve
    worth = growth(curve.equity, curve.flows)
    daily = daily_returns(curve.times_ms, worth)
    enough = len(daily) >= LEAST_DAYS
    down = drawdowns(worth)
    known = curve.equity[np.isfinite(curve.equity)]
    days = float(curve.times_ms[-1] - curve.times_ms[0]) / DAY_MS if len(curve) else 0.0
    traded = float(sum((trade.notional for trade in result.trades), ZERO))
    return {
        "times": float(worth[-1]) if len(worth) else None,
        "total": float(worth[-1] - 1) if len(worth) else None,
        "cagr": float(worth[-1] ** (YEAR_DAYS / len(daily)) - 1) if enough and worth[-1] > 0 else None,
        "volatility": volatility(daily) if enough else None,
        "sharpe": sharpe(daily) if enough else None,
        "drawdown": float(down.max()) if len(down) else None,
        "underwater_days": underwater_days(curve.times_ms, down) if len(down) else None,
        "turnover": traded / float(known.mean()) / (days / YEAR_DAYS) if len(known) and days > 0 else None,
        "fees": float(sum((trade.fee or ZERO for trade in result.trades), ZERO)),
        "funding": float(sum((each.amount for each in result.payments if each.kind == "funding"), ZERO)),
        "fills": float(len(result.trades)),
    }


def compared(results: Sequence[Result], cuts: Sequence[Window]) -> dict[str, Any]:
    """Runs side by side as JSON values: the whole span, then each window; names are those of the results."""
    whole = Window(results[0].since, cuts[-1].until if cuts else results[0].until)
    return {
        "currency": results[0].currency,
        "whole": _beside(results, whole),
        "windows": [_beside([part(each, cut) for each in results], cut) for cut in cuts] if len(cuts) > 1 else [],
        "notes": {each.name: list(each.notes) for each in results},
    }


def _beside(results: Sequence[Result], span: Window) -> dict[str, Any]:
    found = [measured(each) for each in results]
    drawn = Resampled([daily_of(each) for each in results])
    names = [each.name for each in results]
    apart: list[dict[str, Any]] = []
    for one, other in combinations(range(len(results)), 2):
        for figure in NAMES:
            made = drawn.difference(figure, other, one)
            if made is not None:
                ends = {"low": made.low, "high": made.high, "noise": made.noise}
                apart.append({"of": names[other], "from": names[one], "figure": figure, "value": made.value, **ends})
    return {
        **span.body(),
        "runs": dict(zip(names, found, strict=True)),
        "best": {figure: best for figure in BETTER if (best := _best(figure, names, found)) is not None},
        "differences": apart,
    }


def _best(figure: str, names: Sequence[str], found: Sequence[Mapping[str, float | None]]) -> str | None:
    """Whose figure is the best; None where it is nobody's alone."""
    more = BETTER[figure]
    known = [(value, name) for name, each in zip(names, found, strict=True) if (value := each[figure]) is not None]
    if more is None or len(known) < 2:  # noqa: PLR2004 - the best of one is no news
        return None
    ranked = sorted(known, reverse=more)
    return None if ranked[0][0] == ranked[1][0] else ranked[0][1]


def within_noise(beside: Mapping[str, Any], figure: str, one: str, other: str) -> bool | None:
    """Whether two runs' figures may as well be the same; None where nobody can tell."""
    for each in beside["differences"]:
        if each["figure"] == figure and {each["of"], each["from"]} == {one, other}:
            return bool(each["noise"])
    return None
