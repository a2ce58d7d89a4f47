"""A coin that is configured no more, or anew, is neither loss nor profit (R-W9, R-G13, R-G18)."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from bot.core.events import Event
from bot.core.memory import Memory, fold
from bot.core.numbers import plain
from bot.core.plan_record import Plan
from bot.core.policy import Policy
from bot.core.snapshot import Snapshot
from tests.rules.accounts import AT, decide, policy, reads, seen
from tests.rules.gated import OFF, RANGE

TABLE = {**RANGE, "ETH": reads()}
BOTH = policy({"BTC": 30, "ETH": 50}, **OFF)
BTC_ALONE = policy({"BTC": 60}, **OFF)
LATER = AT + timedelta(minutes=5)


def looked(made: Plan, **more: Any) -> Event:
    """What a cycle writes of what it saw."""
    told = made.assessment
    body = {
        "equity": plain(told.read_equity or Decimal(0)),
        "unit_value": "1",
        "coins": {item.asset: plain(item.coins) for item in told.exposures if item.coins},
        "contracts": {item.asset: plain(item.contracts) for item in told.exposures if item.contracts},
        "prices_by_asset": {item.asset: plain(item.price) for item in told.exposures if item.price},
        "worth": {name: plain(value) for name, value in told.worth.items()},
        **more,
    }
    return Event(f"{made.decision_id}:seen", made.at, "seen", body)


def account(at: Any = AT, memory: Memory | None = None, **more: Any) -> Snapshot:
    """BTC at 30, ETH at 50, the rest stables."""
    state = seen({"BTC": 30, "ETH": 50}, 10, futures=10, at=at, **more)
    return state.model_copy(update={"memory": memory}) if memory is not None else state


def then(before: Policy, after: Policy, *, told: bool = True, **more: Any) -> Plan:
    """The plan of the cycle after a configuration change."""
    first = decide(account(**more), before, TABLE)
    event = looked(first) if told else looked(first, worth=None)
    return decide(account(LATER, fold(Memory(), event).at(LATER), **more), after, TABLE)


def refusals(made: Plan) -> set[str]:
    return {verdict.gate for item in made.blocked for verdict in item.not_passed}


def test_r_w9_what_a_coin_was_worth_leaves_with_it_and_is_explained() -> None:
    made = then(BOTH, BTC_ALONE)
    assert [made.assessment.equity, made.assessment.strange] == [50_000, ""]
    assert made.assessment.rescoped == -50_000


def test_r_w9_a_coin_that_is_configured_anew_is_no_profit_and_explained() -> None:
    made = then(BTC_ALONE, BOTH)
    assert [made.assessment.equity, made.assessment.strange] == [100_000, ""]
    assert made.assessment.rescoped == 50_000


def test_r_w9_while_the_configuration_stands_nothing_is_taken_for_a_change_of_it() -> None:
    assert then(BOTH, BOTH).assessment.rescoped == 0
    assert then(BOTH, BTC_ALONE, told=False).assessment.rescoped == 0  # a record of before: nobody wrote it down


def test_r_w9_money_that_comes_with_a_change_of_the_configuration_is_still_asked_about() -> None:
    first = decide(account(), BOTH, TABLE)
    memory = fold(Memory(), looked(first)).at(LATER)
    rich = seen({"BTC": 30, "ETH": 50}, 20, futures=10, at=LATER).model_copy(update={"memory": memory})
    assert decide(rich, BTC_ALONE, TABLE).assessment.strange == "new"


def test_r_w9_what_was_sold_of_a_coin_before_it_was_dropped_stays_counted() -> None:
    memory = fold(Memory(), looked(decide(account(), BOTH, TABLE)))
    sale = {"symbol": "ETH/USDT", "qty": "-4", "price": "2500", "equity": "100000", "fee_value": "0"}
    memory = fold(memory, Event("f", AT + timedelta(minutes=1), "fill", sale)).at(LATER)
    state = seen({"BTC": 30, "ETH": 40}, 20, futures=10, at=LATER).model_copy(update={"memory": memory})
    made = decide(state, BTC_ALONE, TABLE)
    assert [made.assessment.rescoped, made.assessment.equity, made.assessment.strange] == [-40_000, 60_000, ""]


def test_r_w9_the_profit_of_a_position_leaves_with_its_coin() -> None:
    long = {"symbol": "ETH/USDT:USDT", "side": "long", "contracts": "2", "entry_price": "2000", "mark_price": "2500"}
    state = {**account().model_dump(), "positions": [long]}
    first = decide(state, BOTH, TABLE)
    assert first.assessment.worth["ETH"] == 51_000
    later = {**state, "at": LATER, "memory": fold(Memory(), looked(first)).at(LATER).model_dump()}
    made = decide(later, BTC_ALONE, TABLE)
    assert [made.assessment.rescoped, made.assessment.strange] == [-51_000, ""]


def test_r_w9_a_stable_that_is_cash_no_more_is_told_apart_too() -> None:
    stables = {"floor": "0.05", "assets": ["USDT", "USDC"]}
    two = policy({"BTC": 30, "ETH": 50}, stables=stables, **OFF)
    state = account().model_dump()
    state["balances"] = [*state["balances"], {"wallet": "spot", "asset": "USDC", "free": "7000", "locked": "0"}]
    state["tickers"]["USDC/USDT"] = {"bid": "1", "ask": "1", "last": "1"}
    first = decide(state, two, TABLE)
    later = {**state, "at": LATER, "memory": fold(Memory(), looked(first)).at(LATER).model_dump()}
    made = decide(later, BOTH, TABLE)
    assert [made.assessment.rescoped, made.assessment.strange] == [-7_000, ""]


@pytest.mark.parametrize("told", [True, False])
def test_r_g13_a_coin_that_is_dropped_trips_no_breaker(told: bool) -> None:
    limit = {"limits": {"drawdown": "0.4", "loss_per_day": "0.9"}}
    made = then(BOTH, policy({"BTC": 60}, **OFF, **limit), told=told)
    assert ("R-G13" in refusals(made) or any(item.kind == "breaker.tripped" for item in made.events)) != told


def test_r_g13_a_real_fall_trips_it_whatever_else_changed() -> None:
    limit = {"limits": {"drawdown": "0.4", "loss_per_day": "0.9"}}
    memory = fold(Memory(), looked(decide(account(), BOTH, TABLE))).model_copy(update={"unit_peak": Decimal("1.7")})
    made = decide(account(LATER, memory.at(LATER)), policy({"BTC": 60}, **OFF, **limit), TABLE)
    assert any(item.kind == "breaker.tripped" for item in made.events)


@pytest.mark.parametrize("told", [True, False])
def test_r_g18_a_coin_that_is_dropped_is_no_loss_of_the_day(told: bool) -> None:
    made = then(BOTH, policy({"BTC": 40}, **OFF), told=told)
    assert ("R-G18" in refusals(made)) != told
    assert bool(made.actions) == told


def test_r_g18_for_the_rest_of_the_day_the_start_is_told_in_what_is_counted_now() -> None:
    memory = fold(Memory(), looked(decide(account(), BOTH, TABLE)))
    assert memory.day_start_equity == 100_000
    made = then(BOTH, BTC_ALONE)
    memory = fold(memory, looked(made, rescoped=plain(made.assessment.rescoped)))
    assert memory.day_start_equity == 50_000
    tomorrow = Event("t", AT + timedelta(days=1), "seen", {"equity": "40000", "rescoped": "-10000"})
    assert fold(memory, tomorrow).day_start_equity == 40_000
