"""R-G10's tax and R-A3's cheapest route with lots: the gain is taxed, not the proceeds, and the unknown is no gift."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.assess import assess
from bot.core.desk import Desk
from bot.core.futures import tax_of
from bot.core.plan_record import Plan
from bot.core.snapshot import parse
from bot.core.wishes import Cost, Leg, Wish
from tests.rules.accounts import AT, after, approved, blocked, decide, legs, policy, reads, seen

RANGE = {name: reads() for name in ("BTC", "ETH", "SOL")}
TAXED: Mapping[str, Any] = {"tax_rate": "0.25"}
NO_HEDGE: Mapping[str, Any] = {"hedge": {"enabled": False}}


def lot(qty: str, cost: str | None, days: int = 100, asset: str = "BTC") -> dict[str, Any]:
    return {"asset": asset, "opened_at": AT - timedelta(days=days), "qty": qty, "cost": cost}


def trim(*own: dict[str, Any], costs: Mapping[str, Any] = TAXED, **config: Any) -> Plan:
    """BTC at 58 of its 50: 5,000 of it, a tenth of a coin, is sold first."""
    state = seen({"BTC": 58}, 42, memory={"lots": {"BTC": list(own)}})
    return decide(state, policy({"BTC": 50}, costs=costs, **{**NO_HEDGE, **config}), RANGE)


def cost_of(made: Plan, asset: str = "BTC") -> Cost:
    wishes: list[Wish] = [*(item.wish for item in made.actions), *(item.wish for item in made.blocked)]
    (cost,) = [item.cost for item in wishes if item.asset == asset]
    assert cost is not None
    return cost


@pytest.mark.parametrize(
    ("own", "tax"),
    [
        ([lot("1.16", "34800")], "500"),  # 30,000 a coin: a quarter of 2,000
        ([lot("1.16", "58000")], "0"),  # bought at what it is worth now
        ([lot("1.16", "63800")], "0"),  # a loss is not taxed, and gives nothing back
        ([lot("0.05", "500", 200), lot("1.11", "55500")], "500"),  # first in, first out: half at 10,000, half at 50,000
        ([lot("0.05", None, 200), lot("1.11", "55500")], "625"),  # half of it has no known cost
        ([], "1250"),
    ],
    ids=["gain", "even", "loss", "two lots", "half unknown", "unknown"],
)
def test_r_g10_the_gain_of_a_sale_is_taxed_by_its_lots(own: list[dict[str, Any]], tax: str) -> None:
    assert cost_of(trim(*own)).tax == Decimal(tax)


def test_r_g10_what_nobody_knows_the_cost_of_is_taxed_whole_and_the_reason_says_so() -> None:
    made = trim(lot("0.04", "2000"))
    assert cost_of(made).tax == Decimal("0.25") * 3_000
    (verdict,) = blocked(made, "BTC").not_passed
    assert "what 0.06 of 0.1 BTC cost is unknown: taxed whole" in verdict.why
    cheap = trim(lot("0.04", "2000"), costs={**TAXED, "min_ratio": "0"})
    assert "what 0.06 of 0.1 BTC cost is unknown: taxed whole" in approved(cheap, "BTC").wish.why


def test_r_g10_with_every_cost_known_nothing_is_said_of_unknown_ones() -> None:
    assert "unknown" not in approved(trim(lot("1.16", "58000")), "BTC").wish.why
    assert "unknown" not in approved(trim(costs={}), "BTC").wish.why  # no tax: nobody asks


def test_r_g10_coins_without_a_gain_are_sold_where_dear_taxes_would_forbid_it() -> None:
    assert trim(lot("1.16", "58000")).actions != ()
    assert trim(lot("1.16", "11600")).actions == ()


def test_r_g10_a_memory_that_never_kept_lots_taxes_whole_and_says_what_it_always_said() -> None:
    state = seen({"BTC": 58}, 42)
    assert state.memory.lots is None
    made = decide(state, policy({"BTC": 50}, costs=TAXED, **NO_HEDGE), RANGE)
    assert cost_of(made).tax == Decimal(1_250)
    assert "unknown" not in blocked(made, "BTC").not_passed[0].why


def test_r_g10_the_whole_way_is_taxed_by_the_lots_of_the_whole_way() -> None:
    # The step's coins cost what they are worth, those of the rest of the way nothing.
    first = lot("0.1", "5000", 200)
    assert cost_of(trim(first, lot("1.06", "0"))).tax == 0
    assert blocked(trim(first, lot("1.06", "0")), "BTC").not_passed[0].gate == "R-G10"
    assert trim(first, lot("1.06", "53000")).actions != ()


def test_r_g10_coins_that_the_plan_sells_before_are_not_sold_twice() -> None:
    state = seen({"BTC": 58}, 42, memory={"lots": {"BTC": [lot("0.1", "5000", 200), lot("1.06", "0")]}})
    wanted = policy({"BTC": 50}, costs=TAXED, **NO_HEDGE)
    desk = Desk(state, wanted, *assess(state, wanted, RANGE))
    sale = Leg("BTC/USDT", Decimal("-0.1"), Decimal(50_000))
    assert tax_of([sale], desk) == 0
    later = desk.after(Wish("R-W3", "trim", "floor", "BTC", "", legs=(replace(sale, qty=Decimal("-0.04")),)))
    assert tax_of([sale], later) == Decimal("0.25") * 2_000


def test_r_a3_the_three_prices_of_the_cheapest_route_tax_the_gain_alone() -> None:
    config = {"trim": {"route": "cheapest"}, "hedge": {"enabled": True}}
    state = {"memory": {"lots": {"BTC": [lot("1.16", "56840")]}}}  # 49,000 a coin: 100 of gain on 5,000
    wanted = policy({"BTC": 50}, costs={**TAXED, "min_ratio": "0"}, **config)
    wish = approved(decide(seen({"BTC": 58}, 32, futures=10, **state), wanted, RANGE), "BTC").wish
    assert wish.notes["prices"] == {"sale": "30.50", "short": "6.00", "mix": "20.70"}
    assert legs(wish) == {"BTC/USDT:USDT": Decimal(-5)}
    state = {"memory": {"lots": {"BTC": [lot("1.16", "58000")]}}}
    wish = approved(decide(seen({"BTC": 58}, 32, futures=10, **state), wanted, RANGE), "BTC").wish
    assert wish.notes["prices"] == {"sale": "5.50", "short": "6.00", "mix": "5.70"}
    assert legs(wish) == {"BTC/USDT": Decimal(-5)}


def test_r_g10_lots_follow_the_fills_of_what_was_decided() -> None:
    wanted = policy({"BTC": 50}, costs={**TAXED, "min_ratio": "0"}, **NO_HEDGE)
    state = seen({"BTC": 42}, 58, memory={"lots": {"BTC": [lot("0.84", "21000")]}})
    state = after(state, decide(state, wanted, RANGE))
    assert state.memory.lots is not None
    assert [(item.qty, item.cost) for item in state.memory.lots["BTC"]] == [
        (Decimal("0.84"), Decimal(21_000)),
        (Decimal("0.1"), Decimal(5_000)),
    ]


def test_r_g10_lots_in_a_recorded_snapshot_are_read_back_as_they_were() -> None:
    state = seen({"BTC": 58}, 42, memory={"lots": {"BTC": [lot("0.05", None, 200), lot("1.11", "55500.5")]}})
    again = parse(state.to_json())
    assert (again.memory, again.digest) == (state.memory, state.digest)
    wanted = policy({"BTC": 50}, costs=TAXED, **NO_HEDGE)
    assert decide(again, wanted, RANGE).to_json() == decide(state, wanted, RANGE).to_json()
    bare = seen({"BTC": 58}, 42)
    assert "lots" not in bare.to_json()  # a record of before lots keeps its digest
    assert parse(bare.to_json()).memory.lots is None


LOTS = st.lists(
    st.tuples(st.integers(1, 60), st.one_of(st.none(), st.integers(0, 4_000))).map(
        lambda pair: lot(str(Decimal(pair[0]) / 100), None if pair[1] is None else str(pair[1]), 400 - pair[0])
    ),
    max_size=6,
)


@given(LOTS)
def test_r_g10_a_tax_is_never_over_its_rate_of_the_proceeds_and_never_under_none(own: list[dict[str, Any]]) -> None:
    made = trim(*own)
    assert 0 <= cost_of(made).tax <= Decimal("0.25") * 5_000
