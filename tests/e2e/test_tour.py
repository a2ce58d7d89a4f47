"""The demonstration, end to end: what the generated market makes the paper bot do, read from the record as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.folder import FULL, Folder

# 300 cycles are five minutes of `make run`; two dozen show the same things.
CYCLES, MORE = (300, 20) if FULL else (24, 3)
STEP = {"BALLAST_LOCAL__SPEED": "step"}
ENDED = {"filled", "cancelled", "expired", "rejected", "denied"}
pytestmark = pytest.mark.timeout(900)
Rows = Sequence[Mapping[str, Any]]


def of_kind(decisions: Rows, kind: str) -> list[Mapping[str, Any]]:
    return [action for each in decisions for action in each["actions"] if action["kind"] == kind]


def filled_legs(action: Mapping[str, Any], orders: Rows) -> set[str]:
    """Symbols of the action's orders that are filled in whole."""
    return {
        order["symbol"]
        for order in orders
        if order["action_id"] == action["id"]
        and order["state"] == "filled"
        and Decimal(order["filled"]) == Decimal(order["amount"])
    }


@pytest.mark.parametrize("seed", [7, 1, 2, 3])
def test_the_tour_holds_a_trim_with_both_legs_an_add_and_a_hold_and_goes_on(seed: int, tmp_path: Path) -> None:
    folder = Folder(tmp_path, {**STEP, "BALLAST_LOCAL__SEED": str(seed)})
    done = folder.ballast("run", "--cycles", str(CYCLES))
    assert done.returncode == 0, done.stderr
    decisions, orders = folder.decisions(), folder.orders()
    assert len(decisions) == CYCLES

    trims, adds = of_kind(decisions, "trim"), of_kind(decisions, "add")
    assert [a["id"] for a in trims if len(a["legs"]) == 2 and len(filled_legs(a, orders)) == 2]
    assert [a["id"] for a in adds if filled_legs(a, orders)]
    holds = [hold for each in decisions for hold in each["holds"]]
    assert holds
    assert all(hold["why"] and hold["nearest"] for hold in holds)

    # Filled or explained: no order is still under way, and one that did not fill says why.
    assert {order["state"] for order in orders} <= ENDED
    assert [order for order in orders if order["state"] != "filled" and not order["why"]] == []
    assert {order["decision_id"] for order in orders} <= {each["decision_id"] for each in decisions}
    folder.proven()

    # The next start goes on: the same history and, cycle by cycle, the same account.
    again = folder.ballast("run", "--cycles", str(MORE))
    assert again.returncode == 0, again.stderr
    after = folder.decisions()
    assert [each["decision_id"] for each in after[:CYCLES]] == [each["decision_id"] for each in decisions]
    assert len(after) == CYCLES + MORE
    assert [each["at"] for each in after] == sorted({each["at"] for each in after})
    last, first = (Decimal(after[at]["equity"]) for at in (CYCLES - 1, CYCLES))
    assert abs(first / last - 1) < Decimal("0.02")
    held = [{row["asset"]: row["net"] for row in after[at]["exposures"]} for at in (CYCLES - 1, CYCLES)]
    assert held[1] == pytest.approx(held[0], abs=0.05)  # one cycle moves a slice or two, a fresh account all of it
    folder.proven()
