from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.backtest import metrics

DAY = metrics.DAY_MS


def days(count: int, a_day: int = 1) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.arange(count, dtype=np.int64) * (DAY // a_day)


def test_a_doubling_over_a_year_is_a_cagr_of_one_hundred_percent() -> None:
    equity = 1000 * 2 ** (np.arange(366) / 365)
    found = metrics.figures(days(366), equity)
    assert found.total == pytest.approx(1.0)
    assert found.cagr == pytest.approx(1.0, rel=0.01)
    assert found.drawdown == 0.0
    assert found.calmar is None


def test_money_that_comes_in_is_no_gain() -> None:
    equity = np.array([100.0, 110.0, 220.0, 220.0])
    flows = np.array([0.0, 0.0, 110.0, 0.0])
    assert metrics.growth(equity, flows).tolist() == pytest.approx([1.0, 1.1, 1.1, 1.1])


def test_an_unknown_equity_is_bridged_and_never_a_loss() -> None:
    equity = np.array([100.0, np.nan, 120.0])
    assert metrics.growth(equity).tolist() == pytest.approx([1.0, 1.0, 1.2])


def test_drawdown_is_from_the_highest_value_so_far() -> None:
    worth = np.array([1.0, 2.0, 1.0, 1.5, 3.0])
    assert metrics.drawdowns(worth).tolist() == pytest.approx([0, 0, 0.5, 0.25, 0])
    assert metrics.underwater_days(days(5), metrics.drawdowns(worth)) == 2.0


def test_volatility_and_ratios_are_those_of_a_hand_worked_case() -> None:
    daily = np.array([0.01, -0.01, 0.02, -0.02])
    assert metrics.volatility(daily) == pytest.approx(np.std(daily, ddof=1) * 365**0.5)
    assert metrics.sharpe(daily) == pytest.approx(0.0)
    assert metrics.sharpe(np.zeros(4)) is None
    assert metrics.sortino(np.array([0.01, 0.02])) is None
    assert metrics.sortino(np.array([0.02, -0.01])) == pytest.approx(0.005 / (0.0001 / 2) ** 0.5 * 365**0.5)


def test_hourly_rows_make_one_return_per_day() -> None:
    times = days(24 * 10, a_day=24)
    worth = 1.01 ** (times / DAY)
    assert len(metrics.daily_returns(times, worth)) == 10


def test_a_short_span_has_no_yearly_figures() -> None:
    found = metrics.figures(days(10), np.linspace(100, 110, 10))
    assert (found.cagr, found.sharpe, found.sortino, found.volatility) == (None, None, None, None)
    assert found.intervals == {}


def test_an_empty_curve_has_figures_of_nothing() -> None:
    found = metrics.figures(days(0), np.empty(0))
    assert (found.total, found.drawdown, found.cagr) == (0.0, 0.0, None)


def test_intervals_hold_the_figure_of_a_steady_series_and_are_the_same_for_the_same_seed() -> None:
    rng = np.random.default_rng(3)
    daily = rng.normal(0.001, 0.02, 500)
    found = metrics.intervals(daily, seed=1, samples=300)
    low, high = found["sharpe"]
    sharpe = metrics.sharpe(daily)
    assert sharpe is not None
    assert low < sharpe < high
    assert found == metrics.intervals(daily, seed=1, samples=300)
    assert found != metrics.intervals(daily, seed=2, samples=300)


@given(st.lists(st.floats(-0.5, 1.0), min_size=2, max_size=60), st.floats(1.0, 1e6))
def test_growth_does_not_depend_on_the_size_of_the_account(returns: list[float], start: float) -> None:
    equity = np.asarray(np.cumprod(np.array([1.0, *(1 + each for each in returns)])), dtype=np.float64)
    assert metrics.growth(equity * start) == pytest.approx(metrics.growth(equity), rel=1e-9)


@given(st.lists(st.floats(0.01, 1e6), min_size=1, max_size=60))
def test_a_drawdown_lies_between_nothing_and_everything(values: list[float]) -> None:
    down = metrics.drawdowns(np.array(values))
    assert ((down >= 0) & (down < 1)).all()
