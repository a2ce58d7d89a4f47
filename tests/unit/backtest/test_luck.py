from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.backtest.luck import AIMS, deflated_sharpe, luck, ranks, spearman, walked
from bot.backtest.metrics import Floats

WINDOWS, DAYS = 6, 60
SHARPE = AIMS["sharpe"]


def trials(count: int, *, merit: float = 0.0, seed: int = 1) -> list[list[Floats]]:
    """Daily returns by trial and window; ``merit``: how much more a day each trial has than the one before."""
    rng = np.random.default_rng(seed)
    return [[rng.normal(merit * number, 0.02, DAYS) for _ in range(WINDOWS)] for number in range(count)]


def test_trials_that_differ_by_merit_alone_are_ranked_alike_in_every_half() -> None:
    seen = luck(SHARPE, trials(8, merit=0.002), 8)
    assert seen.overfit == 0
    assert seen.correlation is not None
    assert seen.correlation > 0.9
    assert seen.deflated is not None
    assert seen.deflated > 0.95


def test_trials_without_merit_have_a_best_that_is_luck() -> None:
    found = [luck(SHARPE, trials(12, seed=seed), 12) for seed in range(8)]
    overfit = np.mean([each.overfit for each in found if each.overfit is not None])
    assert 0.3 < overfit < 0.8
    assert np.mean([each.deflated for each in found if each.deflated is not None]) < 0.9


def test_the_more_trials_there_were_the_less_sure_is_the_best() -> None:
    whole = [np.concatenate(each) for each in trials(10, merit=0.0003)]
    few, many = deflated_sharpe(whole[-1], whole, 10), deflated_sharpe(whole[-1], whole, 1_000)
    assert few is not None
    assert many is not None
    assert many < few


def test_one_trial_or_one_window_tells_nothing_about_luck() -> None:
    alone = luck(SHARPE, trials(1), 1)
    assert (alone.overfit, alone.correlation, alone.deflated) == (None, None, None)
    assert luck(SHARPE, [], 0).trials == 0
    single = luck(SHARPE, [each[:1] for each in trials(4)], 4)
    assert single.overfit is None


def test_walking_forward_chooses_by_what_lies_before_and_never_by_the_window_itself() -> None:
    daily = trials(5)
    before = walked(SHARPE, daily)
    other = [[*each[:-1], each[-1] + 0.01 * (number + 1)] for number, each in enumerate(daily)]
    after = walked(SHARPE, other)
    assert [step.chosen for step in before] == [step.chosen for step in after]
    assert [step.window for step in before] == list(range(1, WINDOWS))
    assert before[-1].value != after[-1].value


def test_ranks_share_what_is_equal() -> None:
    assert ranks(np.array([3.0, 1.0, 3.0, 2.0])).tolist() == [3.5, 1.0, 3.5, 2.0]
    assert spearman(np.array([1.0, 2.0]), np.array([1.0, 1.0])) is None


@given(st.lists(st.integers(-1_000, 1_000), min_size=2, max_size=20, unique=True))
def test_ranks_correlate_wholly_with_themselves_and_against_their_mirror(values: list[int]) -> None:
    made = np.array(values, dtype=np.float64)
    assert spearman(made, made**3) == pytest.approx(1.0)
    assert spearman(made, -made) == pytest.approx(-1.0)


def test_an_aim_that_has_no_value_is_unknown() -> None:
    still = np.zeros(30)
    assert (AIMS["sharpe"](still), AIMS["calmar"](still), AIMS["sortino"](still)) == (None, None, None)
    assert AIMS["cagr"](still) == 0.0
    assert AIMS["cagr"](np.array([-1.0])) is None
