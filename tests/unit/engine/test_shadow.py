from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.engine.shadow import LEAST, Done, Paid, assumed_of, calibrated, gap
from bot.render.shadow import lines
from tests.builders import NOON

ONE = Decimal(1)
ASSUMED = {"fees": 0.0010, "spread_and_impact": 0.0005}


def an_order(number: int = 0, **over: Any) -> Done:
    """A buy of 10 at 100 over a mid of 99.9: really 10 bp worse than the mid, on paper alike; fee 10 bp."""
    made = Done(
        client_id=f"b{number}", at=NOON + timedelta(minutes=number), symbol="BTC/USDT", kind="add", buying=True,
        rested=False, asked=Decimal(10), filled=Decimal(10), price=Decimal(100), fee=ONE, reference=Decimal("99.9"),
        paper_filled=Decimal(10), paper_price=Decimal(100), paper_fee=ONE, paper_told=True, assumed=ASSUMED,
    )  # fmt: skip
    return replace(made, **over)


def of(*done: Done, paid: tuple[Paid, ...] = ()) -> dict[str, Any]:
    return gap(done, paid, min_ratio=ONE, pruned=0)


@settings(max_examples=30)
@given(st.lists(st.tuples(st.booleans(), st.integers(90, 110), st.integers(1, 9)), min_size=1, max_size=12))
def test_what_came_to_the_very_price_of_paper_has_no_gap(rows: list[tuple[bool, int, int]]) -> None:
    done = [
        an_order(number, buying=buying, price=Decimal(price), paper_price=Decimal(price), filled=Decimal(size),
                 paper_filled=Decimal(size), asked=Decimal(size))
        for number, (buying, price, size) in enumerate(rows)
    ]  # fmt: skip
    takers = of(*done)["takers"]
    assert takers["gap_bp"] == 0
    assert takers["slippage_bp"] == takers["paper_slippage_bp"]
    assert takers["filled_share"] == takers["paper_filled_share"] == 1


def test_a_worse_price_is_paid_whether_bought_or_sold_and_weighs_by_what_was_traded() -> None:
    buy = an_order(price=Decimal("100.1"))
    sale = an_order(buying=False, price=Decimal("99.9"), paper_price=Decimal(100))
    assert of(buy)["takers"]["gap_bp"] == pytest.approx(10.0, rel=0.01)
    assert of(sale)["takers"]["gap_bp"] == pytest.approx(10.0, rel=0.01)
    small = replace(sale, filled=Decimal("0.001"), price=Decimal(90))
    assert of(buy, small)["takers"]["gap_bp"] == pytest.approx(10.0, rel=0.02)


def test_an_order_that_one_of_the_two_did_not_fill_is_counted_and_not_averaged() -> None:
    missed = an_order(1, filled=Decimal(0), price=None, fee=Decimal(0))
    only_real = an_order(2, paper_filled=Decimal(0), paper_price=None)
    takers = of(an_order(), missed, only_real)["takers"]
    assert (takers["orders"], takers["compared"]) == (3, 1)
    assert (takers["only_paper_filled"], takers["only_really_filled"]) == (1, 1)


def test_a_maker_that_paper_would_have_filled_is_missed_and_one_nobody_can_tell_of_is_untold() -> None:
    resting = an_order(rested=True)
    missed = replace(resting, filled=Decimal(0), price=None)
    untold = replace(missed, paper_filled=Decimal(0), paper_price=None, paper_told=False)
    makers = of(resting, missed, untold)["makers"]
    assert makers == {
        "orders": 3, "told": 2, "untold": 1, "paper_refused": 0, "filled": 1,
        "both": 1, "missed": 1, "only_really_filled": 0, "neither": 0,
    }  # fmt: skip


def test_funding_without_a_recorded_rate_is_untold_and_not_nought() -> None:
    known = Paid(NOON, "BTC/USDT:USDT", Decimal(-3), Decimal("-2.5"))
    unknown = Paid(NOON, "ETH/USDT:USDT", Decimal(9), None)
    assert of(an_order(), paid=(known, unknown))["funding"] == {
        "payments": 2, "compared": 1, "untold": 1, "paid": -3.0, "paper_paid": -2.5, "gap": -0.5,
    }  # fmt: skip


def test_the_gate_is_told_what_orders_cost_and_what_it_assumed() -> None:
    gate = calibrated([an_order(number) for number in range(LEAST)], ONE)
    assert gate["fees_bp"] == pytest.approx(10.0)
    assert gate["fees_assumed_bp"] == pytest.approx(10.0)
    assert gate["spread_and_impact_bp"] == pytest.approx(10.0, rel=0.01)
    assert gate["spread_and_impact_assumed_bp"] == pytest.approx(5.0)
    assert gate["ratio"] == pytest.approx(20 / 15, rel=0.01)
    assert gate["suggested_min_ratio"] == 1.33


def test_few_orders_or_a_ratio_that_may_as_well_be_one_suggest_nothing() -> None:
    few = calibrated([an_order(number) for number in range(LEAST - 1)], ONE)
    assert few["suggested_min_ratio"] is None
    prices = ("99.85", "100.05")  # as often under what was assumed as over it
    even = [an_order(number, price=Decimal(prices[number % 2])) for number in range(2 * LEAST)]
    noise = calibrated(even, ONE)
    assert noise["ratio"] == pytest.approx(1.0, abs=0.05)
    assert noise["suggested_min_ratio"] is None
    assert any("within noise or a tenth; keep costs.min_ratio 1" in line for line in lines(of(*even), "USDT"))


def test_an_order_whose_fee_or_assumption_is_unknown_says_nothing_of_the_gate() -> None:
    assert calibrated([an_order(fee=None), an_order(assumed=None), an_order(reference=None)], ONE)["orders"] == 0


def test_an_opened_futures_legs_later_close_is_taken_out_of_the_assumption() -> None:
    legs = [
        {"symbol": "BTC/USDT", "side": "sell", "notional": "3000.00", "reduce_only": False},
        {"symbol": "BTC/USDT:USDT", "side": "sell", "notional": "2000.00", "reduce_only": False},
    ]
    cost = {"fees": "7.00", "spread": "3.50", "impact": "2.50", "funding": "9.00", "total": "22.00"}
    body = {"actions": [{"id": "d-1", "legs": legs, "cost": cost}]}
    found = assumed_of(body, "d-1", "BTC/USDT")
    assert found is not None
    assert found["fees"] == pytest.approx(7 / 7000)
    assert found["spread_and_impact"] == pytest.approx(3.5 / 7000 + 2.5 / 5000)
    assert assumed_of(body, "d-2", "BTC/USDT") is None
    assert assumed_of(body, "d-1", "ETH/USDT") is None
    assert assumed_of({"actions": [{"id": "d-1", "legs": legs}]}, "d-1", "BTC/USDT") is None


def test_no_order_is_said_in_one_line_and_what_was_pruned_too() -> None:
    assert lines(gap([], [], min_ratio=ONE, pruned=2), "USDT") == [
        "no order has come to its end yet, so there is nothing to compare",
        "2 decisions with orders are left out: their snapshots are not kept any more",
    ]
