"""Owns what a study came to: the best trials on what they were chosen by and on what none of them saw. Pure.

What was chosen on the windows is the in-sample figure; the final window, which no trial saw, gives the out-of-sample
one. The best is chosen by the first alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from bot.backtest.luck import AIMS, luck, ranks, spearman, walked
from bot.backtest.metrics import Floats
from bot.backtest.noise import Resampled
from bot.backtest.study import Tried
from bot.backtest.windows import Window

TOP: Final = 5
NOISE_OF: Final[Mapping[str, str]] = {"sharpe": "sharpe", "sortino": "sharpe", "calmar": "cagr", "cagr": "cagr"}


@dataclass(frozen=True, slots=True)
class Final_:  # noqa: N801 - `Final` is typing's
    """What came of a configuration in the final window: daily returns and the figures of `compare.measured`."""

    daily: Floats
    figures: Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Found:
    """All that a report is made of. ``base``: daily returns of the operator's own configuration, by window."""

    study: str
    aim: str
    windows: tuple[Window, ...]
    final: Window
    tried: Sequence[Tried]
    base: Sequence[Floats]
    base_final: Final_
    finals: Mapping[int, Final_]  # by trial number, of `top_of`
    looked_after: int  # trials that were at their end when the final window was first looked at


def whole_of(tried: Sequence[Tried]) -> list[Tried]:
    """Trials that played every window, the best first."""
    known = [(each.value, -each.number, each) for each in tried if each.state == "whole" and each.value is not None]
    return [each for _, _, each in sorted(known, key=lambda item: item[:2], reverse=True)]


def top_of(tried: Sequence[Tried]) -> list[Tried]:
    """The trials that a report looks at in the final window."""
    return whole_of(tried)[:TOP]


def report(found: Found) -> dict[str, Any]:
    """As JSON values."""
    aim, whole = AIMS[found.aim], whole_of(found.tried)
    counts = Counter(each.state for each in found.tried)
    ended = sum(counts[state] for state in ("whole", "stopped"))
    top = [_row(each, found) for each in whole[:TOP]]
    base_value = aim(np.concatenate(found.base))
    seen = luck(aim, [each.daily for each in whole], ended) if whole else None
    best = whole[0] if whole else None
    return {
        "study": found.study,
        "aim": found.aim,
        "trials": {
            "ended": ended + counts["refused"],
            **{state: counts[state] for state in ("whole", "stopped", "refused", "running", "waiting")},
            "from_dead_workers": sum(each.from_dead for each in found.tried),
            "workers": len({each.worker for each in found.tried if each.worker}),
        },
        "windows": [each.body() for each in found.windows],
        "final": {**found.final.body(), "trials_after_first_look": max(0, _ended(found.tried) - found.looked_after)},
        "yours": {
            "in": base_value,
            "windows": [aim(each) for each in found.base],
            "out": aim(found.base_final.daily),
            "final": dict(found.base_final.figures),
        },
        "top": _ranked(top),
        "best": None if best is None else best.number,
        "better_than_yours": best is not None and (base_value is None or (best.value or 0.0) > base_value),
        "difference": None if best is None else _difference(found, best),
        "luck": None if seen is None else _luck(found, whole, top, seen),
    }


def _ended(tried: Sequence[Tried]) -> int:
    return sum(each.state in ("whole", "stopped", "refused") for each in tried)


def _row(each: Tried, found: Found) -> dict[str, Any]:
    aim, final = AIMS[found.aim], found.finals[each.number]
    return {
        "trial": each.number,
        "values": dict(each.values),
        "in": each.value,
        "windows": [aim(daily) for daily in each.daily],
        "out": aim(final.daily),
        "final": dict(final.figures),
    }


def _ranked(top: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """With each one's rank in the final window, 1 the best."""
    known = [(place, -row["out"]) for place, row in enumerate(top) if row["out"] is not None]
    placed = ranks(np.array([value for _, value in known], dtype=np.float64))
    made = {place: float(rank) for (place, _), rank in zip(known, placed, strict=True)}
    return [{**row, "rank_in": place + 1, "rank_out": made.get(place)} for place, row in enumerate(top)]


def _difference(found: Found, best: Tried) -> dict[str, Any] | None:
    """The best minus the operator's own in the final window, resampled alike."""
    figure = NOISE_OF[found.aim]
    drawn = Resampled([found.finals[best.number].daily, found.base_final.daily])
    made = drawn.difference(figure, 0, 1)
    if made is None:
        return None
    return {"figure": figure, "value": made.value, "low": made.low, "high": made.high, "noise": made.noise}


def _luck(found: Found, whole: Sequence[Tried], top: Sequence[Mapping[str, Any]], seen: Any) -> dict[str, Any]:
    aim = AIMS[found.aim]
    pairs = [(row["in"], row["out"]) for row in top if row["out"] is not None]
    steps = walked(aim, [each.daily for each in whole])
    known = [(step.value, own) for step in steps if step.value is not None
             and (own := aim(found.base[step.window])) is not None]  # fmt: skip
    return {
        "whole_trials": seen.trials,
        "overfit": seen.overfit,
        "rank_correlation": seen.correlation,
        "rank_correlation_final": spearman(*np.array(pairs).T) if len(pairs) > 1 else None,
        "deflated_sharpe": seen.deflated,
        "walked": [
            {"window": step.window, "trial": whole[step.chosen].number, "value": step.value,
             "yours": aim(found.base[step.window])}
            for step in steps
        ],
        "walked_mean": float(np.mean([value for value, _ in known])) if known else None,
        "walked_yours_mean": float(np.mean([own for _, own in known])) if known else None,
    }  # fmt: skip
