"""Sending leaves the decimal context as it was: what is reckoned next must not round another way."""

from __future__ import annotations

from decimal import Decimal, getcontext
from typing import TYPE_CHECKING

from bot.core.orders import OrderIntent, Placed
from tests.builders import an_intent
from tests.unit.venues.simulated.scenes import START

if TYPE_CHECKING:
    from bot.core.orders import MoveIntent
    from tests.contract.venue.conftest import World


def yes(intent: OrderIntent | MoveIntent) -> None:
    del intent


async def test_an_order_changes_nothing_of_how_we_round(world: World) -> None:
    before = getcontext().copy()
    placed, _, why = await world.venue.place(an_intent(qty="-1", price="99", at=START), yes)
    assert (placed, why) == (Placed.ACCEPTED, "")
    after = getcontext()
    assert (after.prec, after.rounding, after.traps) == (before.prec, before.rounding, before.traps)
    assert Decimal("2.5").to_integral_value() == Decimal(2)  # half even still
