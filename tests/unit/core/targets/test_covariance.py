"""Ledoit-Wolf shrinkage and equal risk, against values that scikit-learn 1.9.1 and scipy 1.17.1 (L-BFGS-B) computed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.targets.covariance import equal_risk, risk_shares, shrunk_covariance, weight_of_share

LEDOIT_WOLF = [
    [0.00016993130474385004, 6.190055816376927e-05, 5.481805728532092e-05, 5.3795522265527526e-05],
    [6.190055816376927e-05, 0.0003009027847289934, 2.1698301305125443e-05, 7.310188399772763e-05],
    [5.481805728532092e-05, 2.1698301305125443e-05, 0.0005296240093486475, 8.018841324481388e-05],
    [5.3795522265527526e-05, 7.310188399772763e-05, 8.018841324481388e-05, 0.0008478333992928136],
]


def waves() -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """60 returns of 4 assets made of sines: the same on every machine, without a generator."""
    t, k = np.arange(60)[:, None], np.arange(1, 5)[None, :]
    made = 0.01 * np.sin(t * (k + 0.7)) * k + 0.012 * np.sin(t * 1.3) + 0.004 * np.cos(t * k * k)
    return np.asarray(made, dtype=np.float64)


def test_shrinkage_is_what_scikit_learn_computed() -> None:
    np.testing.assert_allclose(shrunk_covariance(waves()), LEDOIT_WOLF, rtol=1e-10)


def test_shrinkage_is_what_an_installed_scikit_learn_computes() -> None:
    library = pytest.importorskip("sklearn.covariance")
    for seed, (bars, assets) in enumerate([(90, 2), (90, 22), (60, 100), (14, 5)]):
        moves = np.random.default_rng(seed).normal(0, 0.03, (bars, assets)) @ np.diag(np.linspace(0.5, 2, assets))
        np.testing.assert_allclose(shrunk_covariance(moves), library.ledoit_wolf(moves)[0], rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize(
    ("budgets", "weights"),
    [
        ([0.25] * 4, [0.3431819791340948, 0.2736783073799859, 0.21610081361509187, 0.16703889987082746]),
        ([0.4, 0.3, 0.2, 0.1], [0.44340529705404697, 0.28798294364624855, 0.17982547804691232, 0.08878628125279216]),
    ],
)
def test_equal_risk_is_what_a_general_optimiser_found(budgets: list[float], weights: list[float]) -> None:
    np.testing.assert_allclose(equal_risk(np.array(LEDOIT_WOLF), np.array(budgets)), weights, rtol=1e-6)


def test_uncorrelated_assets_weigh_by_the_inverse_of_their_volatility() -> None:
    weights = equal_risk(np.diag([0.01**2, 0.02**2, 0.04**2]), np.full(3, 1 / 3))
    np.testing.assert_allclose(weights, np.array([4, 2, 1]) / 7, rtol=1e-12)


def test_two_assets_of_equal_budget_weigh_by_inverse_volatility_whatever_their_correlation() -> None:
    for rho in (-0.9, 0.0, 0.6, 0.99):
        made = equal_risk(np.array([[1.0, 2 * rho], [2 * rho, 4.0]]) * 1e-4, np.full(2, 0.5))
        np.testing.assert_allclose(made, [2 / 3, 1 / 3], rtol=1e-9)


@settings(max_examples=60)
@given(seed=st.integers(0, 10_000), size=st.integers(1, 40), scale=st.floats(1e-6, 1e3))
def test_every_share_of_risk_is_its_budget_and_the_weights_are_one_long_only_whole(
    seed: int, size: int, scale: float
) -> None:
    rng = np.random.default_rng(seed)
    moves = (rng.normal(0, 1, (90, 1)) * rng.uniform(-0.5, 2, size) + rng.normal(0, 1, (90, size))) * scale
    covariance, budgets = shrunk_covariance(moves), rng.dirichlet(np.full(size, 4.0))
    weights = equal_risk(covariance, budgets)
    assert (weights > 0).all()
    assert weights.sum() == pytest.approx(1.0)
    np.testing.assert_allclose(risk_shares(weights, covariance), budgets, atol=1e-9)


def test_what_equal_risk_returns_may_be_changed_without_changing_what_it_returns_next() -> None:
    first = equal_risk(np.array(LEDOIT_WOLF), np.full(4, 0.25))
    first[:] = 0
    assert equal_risk(np.array(LEDOIT_WOLF), np.full(4, 0.25)).sum() == pytest.approx(1.0)


def test_shares_of_an_empty_book_are_nothing() -> None:
    assert risk_shares(np.zeros(4), np.array(LEDOIT_WOLF)).tolist() == [0, 0, 0, 0]


@settings(max_examples=60)
@given(seed=st.integers(0, 10_000), size=st.integers(2, 12), budget=st.floats(0.02, 0.95))
def test_at_the_weight_of_a_share_the_share_is_that(seed: int, size: int, budget: float) -> None:
    rng = np.random.default_rng(seed)
    covariance = shrunk_covariance(rng.normal(0, 0.03, (60, size)))
    weights = rng.uniform(0.01, 0.5, size)
    weights[0] = weight_of_share(weights, covariance, 0, budget)
    assert weights[0] >= 0
    assert risk_shares(weights, covariance)[0] == pytest.approx(budget, abs=1e-9)


def test_the_weight_of_a_share_is_never_under_nothing() -> None:
    assert weight_of_share(np.array([0.3, 0.0]), np.eye(2), 0, 0.5) == 0.0
