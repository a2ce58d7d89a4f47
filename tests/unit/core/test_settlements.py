"""A settlement that is not felt rings no alarm; one that is outlived counts no more."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from bot.core.costs import since_calm
from bot.core.market import asked_of
from bot.core.readings.stress import LEVELS, funding_alarm, swings
from bot.core.settlements import Settlements, felt, outlived, window_ms
from tests.unit.core.markets import a_policy

EIGHT_MS = 8 * 3_600_000
STEP_MS = 4 * 3_600_000
DAY_MS = 86_400_000
COUNT = 420


def settled(seed: int, scale: float = 1.0) -> Settlements:
    rng = np.random.default_rng(seed)
    rates = (rng.normal(0.0001, 0.0002, COUNT) * np.repeat(rng.choice([0.2, 1.0, 3.0], COUNT // 7), 7) * scale).round(8)
    times = 1_600_000_000_000 // EIGHT_MS * EIGHT_MS + np.arange(COUNT, dtype=np.int64) * EIGHT_MS
    return Settlements(times, rates, np.full(COUNT, EIGHT_MS))


@pytest.mark.parametrize("seed", range(4))
def test_what_is_not_felt_rings_at_no_close_that_counts(seed: int) -> None:
    policy, known = a_policy(stress={"funding_zscore": "1.6"}), settled(seed)
    asked = asked_of(policy)
    at_ms = known.times_ms[300:]
    quiet = ~felt(policy, [known], at_ms)
    for now in at_ms[quiet].tolist():
        mine = (known.times_ms <= now) & (known.times_ms >= now - window_ms(policy))
        points = tuple(zip(known.times_ms[mine].astype(float).tolist(), known.rates[mine].tolist(), strict=True))
        closes = now - now % STEP_MS - np.arange(0, (LEVELS * asked.calm_closes + 1) * DAY_MS, STEP_MS)
        assert not funding_alarm(points, np.append(closes, now).astype(np.float64), asked).any()
    assert quiet.any()
    assert not quiet.all()


def test_swings_told_by_sums_are_those_told_by_rates() -> None:
    asked, known = asked_of(a_policy(stress={"funding_zscore": "1.5"})), settled(9)
    ends = np.arange(40, COUNT)
    starts = np.maximum(0, ends - 90)
    sure, swung = swings(known.rates, starts, ends, asked)
    for start, end, told in zip(starts[sure], ends[sure], swung[sure], strict=True):
        part = known.rates[start:end]
        exact = abs(part[-3:].mean() - part.mean()) >= asked.funding_zscore * part.std(ddof=1)
        assert bool(told) == exact
    assert sure.mean() > 0.9
    assert 0 < swung[sure].mean() < 1


def test_rates_that_do_not_move_are_told_by_nobody() -> None:
    asked = asked_of(a_policy())
    sure, _ = swings(np.full(60, 0.0001), np.array([0]), np.array([60]), asked)
    assert not sure.any()


@pytest.mark.parametrize("seed", range(3))
def test_what_is_outlived_changes_nothing_that_stands_for_it(seed: int) -> None:
    policy, known = a_policy(), settled(seed, scale=3.0)
    limit = policy.hedge_for("BTC").funding_limit / (3 * 365)
    rates = [Decimal(repr(rate)) for rate in known.rates.tolist()]
    window = window_ms(policy) // EIGHT_MS
    made = outlived(policy, known)
    for place in np.flatnonzero(made)[: COUNT - window - 1].tolist():
        for sign in (1, -1):
            seen = [sign * rate for rate in rates[place : place + window + 1]]
            assert since_calm(seen, limit) == since_calm(seen[1:], limit)
    assert made.any()


def test_under_no_stress_nothing_is_felt() -> None:
    off: dict[str, Any] = {"enabled": False}
    assert not felt(a_policy(stress=off), [settled(1)], settled(1).times_ms).any()
