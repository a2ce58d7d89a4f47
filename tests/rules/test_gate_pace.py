"""R-G6: interval, cooldown, whipsaw, turnover and the rate of orders."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.rules.accounts import AT, actions, after, approved, blocked, decide, legs, policy, seen, verdicts
from tests.rules.gated import BTC, OFF, RANGE, episode, floor, safety, stopped, trim


@pytest.mark.parametrize(("minutes", "passes"), [(14, False), (15, True)])
def test_r_g6_increments_are_a_quarter_of_an_hour_apart(minutes: int, passes: bool) -> None:
    made = trim(**episode(minutes))
    assert bool(made.actions) == passes
    if not passes:
        assert blocked(made, "BTC").not_passed[0].until == AT + timedelta(minutes=1)


def ended(hours: float, sign: str) -> dict[str, Any]:
    return {"memory": {"ended": {"BTC": {"at": AT - timedelta(hours=hours), "sign": sign}}}}


@pytest.mark.parametrize(
    ("hours", "sign", "passes"),
    [(3.9, "down", False), (4, "down", True), (4, "up", False), (23.9, "up", False), (24, "up", True)],
)
def test_r_g6_after_an_episode_comes_a_cooldown_longer_where_the_direction_turns(
    hours: float, sign: str, passes: bool
) -> None:
    made = trim(**ended(hours, sign))
    assert bool(made.actions) == passes
    assert passes or stopped(made, "R-G6")


def test_r_g6_a_turn_within_one_plan_meets_the_whipsaw_guard_too() -> None:
    bought = {"direction": "add", "sign": "up", "goal": "0.5"}
    made = trim(**episode(60, **bought))
    assert stopped(made, "R-G6")
    assert blocked(made, "BTC").not_passed[0].until == AT + timedelta(hours=24)
    assert [item.kind for item in made.events] == ["episode.ended"]


def test_r_g6_an_episode_that_never_traded_owes_no_cooldown() -> None:
    made = trim(**episode(60, direction="add", sign="up", last_increment_at=None))
    assert made.actions != ()


def spent(sold: str, bought: str = "0") -> dict[str, Any]:
    return {"memory": {"turnover": {"day": "2026-03-05", "sold": sold, "bought": bought}}}


def test_r_g6_turnover_makes_smaller_then_puts_off_to_the_next_day() -> None:
    found = approved(trim(**spent("0.17")), "BTC")
    assert (legs(found.wish), verdicts(found)) == ({BTC: Decimal(-3)}, {"R-G6": "resize"})
    made = trim(**spent("0.20"))
    assert stopped(made, "R-G6")
    assert blocked(made, "BTC").not_passed[0].until == datetime(2026, 3, 6, tzinfo=UTC)
    assert verdicts(approved(trim(**spent("0.15", "0.20")), "BTC")) == {}


def test_r_g6_turnover_does_not_ask_the_floor() -> None:
    assert floor(**spent("0.20")).actions != ()


def test_r_g6_turnover_counts_what_this_plan_did_before() -> None:
    wanted = policy({"BTC": 40, "ETH": 30}, pace={"turnover_per_day": "0.08"}, **OFF)
    made = decide(seen({"BTC": 48, "ETH": 38}, 14), wanted, RANGE)
    assert [legs(item) for item in actions(made)] == [{BTC: Decimal(-5)}, {"ETH/USDT": Decimal(-3)}]


def sends(seconds_ago: Sequence[int], hour: int = 0) -> dict[str, Any]:
    at = [AT - timedelta(seconds=second) for second in seconds_ago]
    return {"memory": {"submitted_at": at, "orders_last_hour": hour}}


def test_r_g6_orders_per_minute_and_per_hour_are_limited() -> None:
    assert stopped(trim(**sends([5] * 10)), "R-G6")
    assert trim(**sends([5] * 9)).actions != ()
    assert trim(**sends([61] * 10)).actions != ()
    assert stopped(trim(**sends([], 240)), "R-G6")
    assert trim(**sends([], 239)).actions != ()


def test_r_g6_safety_asks_no_pace() -> None:
    assert safety(**sends([5] * 10, 240)).actions != ()


def test_a_plan_after_a_full_trim_waits_for_its_interval() -> None:
    state = seen({"BTC": 65}, 35)
    wanted = policy({"BTC": 50}, **OFF)
    soon = after(state, decide(state, wanted, RANGE), later=timedelta(minutes=1))
    assert stopped(decide(soon, wanted, RANGE), "R-G6")


def test_r_g6_turnover_counts_what_is_under_way() -> None:
    order = {"symbol": "ETH/USDT", "side": "sell", "amount": "9", "price": "2000", "client_id": "bp1", "state": "open"}
    tight = {"pace": {"turnover_per_day": "0.20"}}
    free = trim(config=tight)
    assert not any(word.gate == "R-G6" for item in free.actions for word in item.not_passed)
    less = trim(config=tight, orders=[order])
    verdict = next(word for item in less.actions for word in item.not_passed if word.gate == "R-G6")
    assert verdict.verdict == "resize"
    assert stopped(trim(config=tight, orders=[{**order, "amount": "10"}]), "R-G6")
