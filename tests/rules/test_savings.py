"""R-A19: what lies idle is parked, and recalled when it is needed."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from bot.core.plan_record import Plan
from tests.rules.accounts import (
    after,
    decide,
    hold,
    legs,
    policy,
    seen,
)
from tests.rules.gated import BTC, RANGE, kinds, the

# ---- R-A19: savings

EARNS: Mapping[str, Any] = {
    "account": {"can": ["swap", "transfer", "earn"]},
    "savings": {"USDT": {"product": "USDT001", "rate": "0.04", "instant": True}},
}

EARNING = policy({"BTC": 75}, stables={"floor": "0.10", "buffer": "0.05"}, savings={"enabled": True})


def idle(stables: Any = 25, *, earn: Any = 0, btc: Any = 75, on: bool = True, **more: Any) -> Plan:
    wanted = EARNING.model_copy(update={"savings": EARNING.savings.model_copy(update={"enabled": on})})
    return decide(seen({"BTC": btc}, stables, earn=earn, **{**EARNS, **more}), wanted, RANGE)


def test_r_a19_what_is_idle_is_parked() -> None:
    (move,) = the(idle(), "park").moves
    assert (move.amount, move.source, move.to) == (Decimal(10_000), "spot", "earn")


@pytest.mark.parametrize(
    "case",
    [
        {"stables": 15},
        {"stables": "15.99", "earn": "9.01"},
        {"on": False},
        {"account": {"can": ["swap", "transfer"]}},
        {"savings": {}},
        {"savings": {"USDT": {"product": "locked", "rate": "0.04", "instant": False}}},
        {"memory": {"last_parked_at": "2026-03-04T12:30:00Z"}},
        {"stables": 30, "btc": 70},  # what is wished for is not idle
        {"control": {"kill": "freeze"}},
    ],
    ids=["buffer", "little", "off", "cannot", "none", "locked", "today", "wished for", "frozen"],
)
def test_r_a19_otherwise_nothing_is_parked(case: Mapping[str, Any]) -> None:
    assert "park" not in kinds(idle(**case))


def test_r_a19_what_a_sale_of_the_same_plan_may_bring_is_not_parked_yet() -> None:
    """Ten of the wallet's 17 are the floor and five the buffer; what the trim sells is idle once it is sold."""
    wanted = policy(
        {"BTC": 75}, stables={"floor": "0.10", "buffer": "0.05"}, hedge={"enabled": False}, savings={"enabled": True}
    )
    made = decide(seen({"BTC": 83}, 17, **EARNS), wanted, RANGE)
    assert kinds(made) == ["trim", "park"]
    assert the(made, "park").moves[0].amount == Decimal("2000.00")


def test_r_a19_a_recall_comes_before_an_add_and_counts_when_it_has_arrived() -> None:
    made = idle(10, earn=20, btc=70)
    assert kinds(made) == ["recall"]
    assert the(made, "recall").moves[0].amount == Decimal(5_005)
    assert "dry powder" in hold(made, "BTC", "R-A11").why


def test_r_a19_a_recall_is_worth_a_move_so_that_the_next_tick_asks_for_none() -> None:
    """An add of 5 takes 5.005 of powder; 4.405 are there: 600 USDT are short, a hundredth of E comes."""
    made = idle("14.405", earn="15.595", btc=70)
    assert the(made, "recall").moves[0].amount == Decimal(1_000)
    assert the(made, "recall").why == "R-A19: 600.00 of what is parked is needed now, 1000.00 is recalled"
    then = decide(after(seen({"BTC": 70}, "14.405", earn="15.595", **EARNS), made), EARNING, RANGE)
    assert "recall" not in kinds(then)


def test_r_a19_an_add_that_lacks_a_tenth_or_less_is_that_much_smaller() -> None:
    made = idle("14.51", earn="15.49", btc=70)
    assert "recall" not in kinds(made)
    assert legs(the(made, "add"))[BTC] == pytest.approx(Decimal("4.5"), abs=Decimal("0.01"))


def test_r_a19_a_margin_need_that_spot_does_not_cover_is_recalled() -> None:
    state = seen({"ETH": 20}, "0.5", futures=6, earn="73.5", shorts={"ETH": 20}, leverage=10, **EARNS)
    made = decide(state, policy({"ETH": 20}, stables={"floor": "0"}, savings={"enabled": True}), RANGE)
    # ten of collateral and 0.2 of maintenance are called for; 6 and 0.5 are there
    assert the(made, "recall").moves[0].amount >= Decimal(3_700)
