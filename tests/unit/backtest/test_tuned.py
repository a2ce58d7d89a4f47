from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from bot.backtest.metrics import Floats
from bot.backtest.study import Tried
from bot.backtest.tuned import TOP, Final_, Found, report, top_of
from bot.backtest.windows import windows
from bot.render.tune import lines, tune_view, verdict
from tests.unit.render.bodies import one_line

BEGUN = datetime(2022, 1, 1, tzinfo=UTC)
DAYS, WINDOWS = 60, 4
CUTS = windows(BEGUN, BEGUN + timedelta(days=DAYS * (WINDOWS + 1)), WINDOWS + 1)


def daily(seed: int, edge: float = 0.0) -> Floats:
    made: Floats = np.random.default_rng(seed).normal(edge, 0.02, DAYS)
    return made


def a_trial(number: int, edge: float, **over: Any) -> Tried:
    known = tuple(daily(window, edge) for window in range(WINDOWS))
    whole = np.concatenate(known)
    value = float(whole.mean() / whole.std(ddof=1) * np.sqrt(365))
    made: Tried = replace(Tried(number, "whole", {"key": str(edge)}, known, value), **over)
    return made


def a_final(edge: float) -> Final_:
    return Final_(daily(99, edge), {"total": edge, "drawdown": 0.1})


def a_report(tried: Sequence[Tried], final_edges: Sequence[float], looked_after: int = 99) -> dict[str, Any]:
    finals = {each.number: a_final(edge) for each, edge in zip(tried, final_edges, strict=False)}
    base = [daily(window) for window in range(WINDOWS)]
    return report(Found("s", "sharpe", CUTS[:-1], CUTS[-1], tried, base, a_final(0.0), finals, looked_after))


def merits(count: int) -> list[Tried]:
    """Trials over the same noise, each a little better than the one before."""
    return [a_trial(number, 0.002 * (number + 1)) for number in range(count)]


def test_what_is_better_everywhere_and_also_where_nobody_looked_is_worth_a_try() -> None:
    tried = merits(4)
    body = a_report(tried, [0.002, 0.004, 0.006, 0.008])
    assert body["best"] == 3
    assert body["top"][0]["rank_out"] == 1
    assert body["luck"]["overfit"] == 0
    assert body["difference"]["noise"] is False
    assert verdict(body) == "verdict: trial 3 held up on what it never saw; paper it before you trust it"


def test_the_best_is_chosen_by_what_trials_saw_never_by_the_final_window() -> None:
    body = a_report(merits(4), [0.02, 0.004, 0.006, -0.02])
    assert body["best"] == 3
    assert [row["rank_out"] for row in body["top"]] == [4, 2, 3, 1]
    assert body["luck"]["rank_correlation_final"] < 0
    assert "on the final window it is worse than yours" in verdict(body)


def test_a_best_that_differs_within_noise_is_no_reason_to_change() -> None:
    body = a_report(merits(4), [0.0, 0.0, 0.0, 0.00001], looked_after=3)
    body["difference"]["noise"] = True
    assert "within noise" in verdict(body)
    assert body["final"]["trials_after_first_look"] == 1
    assert "1 trials were made after somebody had looked at it" in one_line(tune_view(body))


def test_nothing_better_than_yours_is_said_and_nothing_whole_is_too() -> None:
    assert verdict(a_report([a_trial(0, -0.01)], [0.0])).startswith(
        "verdict: nothing was found in-sample that is better"
    )
    stopped = a_trial(0, 0.1, state="stopped", value=None)
    body = a_report([stopped], [])
    assert (body["best"], body["top"], body["trials"]["stopped"]) == (None, [], 1)
    assert lines(body) == ["no trial played every window, so there is nothing to choose from"]


def test_only_the_first_few_are_looked_at_in_the_final_window() -> None:
    assert [each.number for each in top_of(merits(TOP + 3))] == [7, 6, 5, 4, 3]


def test_a_report_counts_workers_and_what_was_taken_over_and_shows_every_value() -> None:
    tried = [a_trial(0, 0.002, worker="a:1"), a_trial(1, 0.004, worker="b:1", from_dead=True)]
    text = one_line(tune_view(a_report(tried, [0.002, 0.004])))
    assert "study s: 2 trials by 2 workers, 2 whole, 0 stopped early, 1 taken over from a worker that ended" in text
    assert "trial 1: key 0.004" in text
    assert "which no trial saw" in text
