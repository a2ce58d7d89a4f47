"""Hours that are said to have the same stress have it, whatever is held and whatever spreads do."""

from __future__ import annotations

import numpy as np
import pytest

from bot.core.leaning import leanings
from bot.core.market import view
from bot.core.policy import Policy
from bot.core.snapshot import Snapshot
from bot.core.stirring import Said, unread
from tests.unit.core.markets import ASSETS, a_policy, a_snapshot, candles, walks

SHORT = {"volatility_ratio": "1.1", "volatility_window": "5d", "history": "30d"}


def a_market(seed: int) -> tuple[Snapshot, Policy]:
    """Volumes dry up here and there, and volatility is near its limit."""
    made = candles(walks(seed=seed))
    rng = np.random.default_rng(seed)
    for frames in made.values():
        frames["4h"][-40:, 5] *= rng.choice([0.1, 1.0], 40)
    return a_snapshot(made), a_policy(stress=SHORT)


def level(snapshot: Snapshot, policy: Policy, weights: np.ndarray, wide: np.ndarray) -> int:
    live = {name: "spread" for name, code in zip(ASSETS, wide.tolist(), strict=True) if code}
    return view(snapshot, policy, dict(zip(ASSETS, weights.tolist(), strict=True)), live=live).stress


@pytest.mark.parametrize("seed", range(6))
def test_hours_said_to_be_the_same_have_the_stress_that_was(seed: int) -> None:
    snapshot, policy = a_market(seed)
    rng = np.random.default_rng(seed)
    before, calm = np.array([0.45, 0.25, 0.2]), np.zeros(3, dtype=np.int8)
    known = leanings(snapshot, policy, before)
    weights = np.round(before * (1 + rng.normal(0, 0.2, (200, 3))) * rng.choice([0.0, 1.0], (200, 3), p=[0.1, 0.9]), 9)
    wide = rng.choice([0, 0, 0, 1], (200, 3)).astype(np.int8)
    still = np.broadcast_to(known.still, (200, 3))
    same = known.same((before, calm), weights, wide, still)
    then = level(snapshot, policy, before, calm)
    assert all(level(snapshot, policy, weights[row], wide[row]) == then for row in np.flatnonzero(same))
    assert same.any()


def test_the_index_alone_makes_a_thin_market() -> None:
    snapshot, policy = a_snapshot(candles(walks())), a_policy(stress=SHORT)
    held, calm = np.array([0.1, 0.4, 0.4]), np.zeros(3, dtype=np.int8)
    known = leanings(snapshot, policy, held)
    rows = np.array([[1, 0, 0], [0, 0, 0]], dtype=np.int8)
    same = known.same((held, calm), np.stack([held, held]), rows, np.broadcast_to(known.still, (2, 3)))
    assert same.tolist() == [False, True]


def test_a_close_whose_volumes_ring_for_what_is_held_is_not_the_same() -> None:
    snapshot, policy = a_market(3)
    held, calm = np.array([0.45, 0.25, 0.2]), np.zeros(3, dtype=np.int8)
    known = leanings(snapshot, policy, held)
    rung = np.stack([known.still, ~known.still])
    same = known.same((held, calm), np.stack([held, held]), np.stack([calm, calm]), rung)
    assert not same.all()


def test_a_close_of_hours_passed_before_is_weighed_by_what_is_held_now() -> None:
    snapshot, policy = a_snapshot(candles(walks())), a_policy()
    held, calm = np.array([0.45, 0.25, 0.2]), np.zeros(3, dtype=np.int8)
    known = leanings(snapshot, policy, held)
    grown = np.array([[0.45, 0.26, 0.2], [0.40, 0.35, 0.2]])  # the second coin is a third of it by then
    still, rung = np.zeros((2, 3), dtype=np.bool_), np.array([[False, True, False]])
    assert not known.still.any()
    assert known.same((held, calm), grown, np.stack([calm, calm]), still).tolist() == [True, True]
    assert known.same((held, calm), grown, np.stack([calm, calm]), still, rung).tolist() == [True, False]


def test_what_is_said_of_no_bars_is_nothing() -> None:
    said: Said = unread(a_policy(), np.arange(3, dtype=np.int64)).said
    assert not said.at(slice(0, 2)).still.any()
