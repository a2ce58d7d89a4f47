"""The market of chance: reproducible, correlated, clustered, and never absurd."""

from __future__ import annotations

from datetime import timedelta
from itertools import islice

import numpy as np
import pytest

from bot.venues.simulated.generated import START, random
from bot.venues.simulated.market import COINS
from bot.venues.simulated.paths import CHUNK_HOURS, Stretch, joined
from bot.venues.simulated.random_walk import REGIMES, RandomWalk, Walk, remembered, shocks

SEEDS = (7, 1, 2, 3)


def a_stretch(seed: int, chunks: int = 20) -> Stretch:
    return joined(list(islice(RandomWalk(seed, COINS).stretches(), chunks)))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_walk_begun_anew_says_the_same(seed: int) -> None:
    assert np.array_equal(a_stretch(seed, 2).returns, a_stretch(seed, 2).returns)


@pytest.mark.parametrize("seed", SEEDS)
def test_coins_move_together_but_not_as_one(seed: int) -> None:
    returns = a_stretch(seed).returns
    together = np.corrcoef(returns[:, 0], returns[:, 1])[0, 1]
    assert 0.6 < together < 0.95


@pytest.mark.parametrize("seed", SEEDS)
def test_wild_hours_come_in_clusters(seed: int) -> None:
    size = np.abs(a_stretch(seed).returns[:, 0])
    near = np.corrcoef(size[:-1], size[1:])[0, 1]
    far = np.corrcoef(size[:-5_000], size[5_000:])[0, 1]
    assert near > 0.1
    assert near > far + 0.05


@pytest.mark.parametrize("seed", SEEDS)
def test_funding_follows_the_trend(seed: int) -> None:
    stretch = a_stretch(seed)
    moved = np.convolve(stretch.returns[:, 0], np.ones(72), mode="full")[: len(stretch.returns)]
    assert np.corrcoef(moved[200:], stretch.premium[200:, 0])[0, 1] > 0.8
    assert np.abs(stretch.premium).max() < 0.002


@pytest.mark.parametrize("seed", SEEDS)
def test_prices_stay_where_prices_are_for_ten_years(seed: int) -> None:
    scene = random(seed)
    closes = scene.candles("BTC/USDT", "1d", 0, 5_000, START + timedelta(days=3_650))[:, 4]
    assert len(closes) == 4_451
    assert closes.min() > 500
    assert closes.max() < 5e6


def test_every_regime_leads_somewhere_known_with_odds_that_sum_to_one() -> None:
    for regime in REGIMES.values():
        assert {name for name, _ in regime.after} <= set(REGIMES)
        assert sum(odds for _, odds in regime.after) == pytest.approx(1)


def test_a_crash_falls_thins_books_and_ties_coins_together() -> None:
    walk = Walk(5, COINS, "crash")
    hours = walk.hours(6)
    assert hours.spread.min() > 2
    assert hours.depth.max() < 0.5
    assert hours.wobble[:, 0].min() > 1.5 * COINS[0].volatility
    falls = [Walk(seed, COINS, "crash").hours(6).returns[:, 0].sum() for seed in range(60)]
    assert np.mean(falls) == pytest.approx(-0.22 / 4, abs=0.02)


def test_tightness_moves_correlation_up_to_one() -> None:
    loose, tight = (shocks(np.random.default_rng(1), COINS, np.full(4_000, t)) for t in (0.0, 1.0))
    assert np.corrcoef(loose[:, 0], loose[:, 5])[0, 1] < 0.75
    assert np.corrcoef(tight[:, 0], tight[:, 5])[0, 1] > 0.999
    assert loose.std() == pytest.approx(1, abs=0.05)


def test_what_is_remembered_fades() -> None:
    values = remembered(np.array([8.0]), 0.5, np.zeros((3, 1)))
    assert values[:, 0].tolist() == [4, 2, 1]


def test_a_walk_asked_in_pieces_goes_on_where_it_stopped() -> None:
    walk = Walk(7, COINS)
    first, second = walk.hours(CHUNK_HOURS // 2), walk.hours(CHUNK_HOURS // 2)
    assert not np.array_equal(first.returns, second.returns)
    assert np.isfinite(first.returns).all()
