"""What a decision left, with news of its account: money and prices move on, what stress was weighed by stays."""

from __future__ import annotations

import json

import numpy as np
import pytest

from bot.core.foreseen import restated
from bot.core.memory import Memory
from bot.core.plan import plan
from bot.core.policy import Policy
from bot.core.snapshot import Snapshot, parse
from bot.core.still import Held
from tests.unit.cli.snapshots import a_snapshot, a_ticker

POLICY = Policy.model_validate({
    "targets": {"stables": {"weight": "0.1"}, "sleeves": {"majors": {"weight": "0.9", "assets": ["BTC", "ETH"]}}}
})  # fmt: skip


def seen(bitcoin: float) -> Snapshot:
    """An account whose perpetuals stand still while the coin it holds is at this price."""
    made = a_snapshot()
    tickers = {**made["tickers"], "BTC/USDT": a_ticker(bitcoin)}
    return parse(json.dumps({**made, "tickers": tickers}))


def left(snapshot: Snapshot) -> Held:
    return Held(plan(snapshot, POLICY), snapshot, snapshot.memory, POLICY)


def test_an_account_read_again_has_the_exposures_of_now() -> None:
    now = restated(left(seen(50_000)), seen(51_000), Memory())
    assert now is not None
    assert now.items[0].price == 51_000
    assert now.plan.assessment.equity == pytest.approx(101_080)


def test_stress_is_compared_with_the_weights_it_was_read_with_though_the_account_was_read_since() -> None:
    before = left(seen(50_000))
    now = restated(before, seen(51_000), Memory())
    assert now is not None
    assert now.items[0].net != before.items[0].net
    assert np.array_equal(now.weights, before.weights)
    assert np.array_equal(now.wide, before.wide)


def test_an_account_that_holds_other_coins_is_not_restated() -> None:
    assert restated(left(seen(50_000)), parse(json.dumps(a_snapshot({"BTC": 0.5, "ETH": 0.36}))), Memory()) is None
