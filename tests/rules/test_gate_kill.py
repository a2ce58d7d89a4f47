"""R-G1: what each level of the kill switch lets through."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from bot.core.gates.kill import while_frozen
from bot.core.plan_record import Plan
from bot.core.wishes import Wish
from tests.rules.accounts import actions, verdicts
from tests.rules.gated import add, convert, floor, safety, stopped, transfer, trim, unhedge

FROZEN = {"control": {"kill": "freeze", "reason": "test"}}


@pytest.mark.parametrize(
    ("made", "passes"),
    [
        (safety(**FROZEN), True),
        (floor(**FROZEN), False),
        (transfer(**FROZEN), True),
        (convert(**FROZEN), True),
        (unhedge(**FROZEN), False),  # net exposure would rise
        (trim(**FROZEN), False),
        (add(**FROZEN), False),
    ],
    ids=["safety", "floor", "transfer", "convert", "unhedge", "trim", "add"],
)
def test_r_g1_freeze_lets_through_what_the_table_says(made: Plan, passes: bool) -> None:
    assert bool(made.actions) == passes
    assert passes or stopped(made, "R-G1", "veto")


@pytest.mark.parametrize(("change", "passes"), [("-0.01", True), ("0", False), ("0.01", False)])
def test_r_g1_freeze_lets_derisk_through_if_it_reduces(change: str, passes: bool) -> None:
    assert while_frozen(Wish("R-A16", "derisk", "derisk", "BTC", "", exposure_change=Decimal(change))) == passes


@pytest.mark.parametrize("make", [safety, floor, transfer, convert, unhedge, trim, add])
def test_r_g1_halt_lets_nothing_through(make: Any) -> None:
    assert stopped(make(control={"kill": "halt"}), "R-G1", "veto")


@pytest.mark.parametrize("make", [safety, floor, transfer, convert, unhedge, trim, add])
def test_r_g1_flatten_closes_positions_and_lets_nothing_else_through(make: Any) -> None:
    made = make(control={"kill": "flatten"})
    assert {(item.cls, item.kind) for item in actions(made)} <= {("safety", "flatten")}
    assert all(leg.reduce_only for item in actions(made) for leg in item.legs)
    assert all(verdicts(item).get("R-G1") == "veto" for item in made.blocked)
    assert {item.asset for item in actions(made)} == {"BTC"} & {
        item.asset for item in made.assessment.exposures if item.contracts
    }


@pytest.mark.parametrize("make", [safety, floor, transfer, convert, unhedge, trim, add])
def test_r_g1_off_stops_nothing(make: Any) -> None:
    assert make().actions != ()
