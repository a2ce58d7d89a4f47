"""The eyes at the door: what an order takes of the stables is told; what others took meanwhile is not its doing."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from bot.simulation.disk import simulated_disk
from bot.simulation.faults import Fault, Plan
from bot.simulation.history import History
from bot.simulation.loop import Process
from bot.simulation.world import World
from tests.builders import an_intent

FLOOR, OTHERS = Decimal("0.05"), 0.03


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    spends = Fault("world", "place", 2, "manual_trade", OTHERS)
    history = History(Plan(3, 0.6, 3_600, "fifo", (spends,), "cash"), tmp_path)
    with simulated_disk(history.world.ask_disk):
        yield history.world
        history.bury()


def bought(world: World, left: Decimal, *, others: bool) -> tuple[Decimal, list[str]]:
    """Stables over E after a buy that leaves ``left`` of what its decision was told, and what the eyes say of I7."""
    cash, price = world.eyes.cash(), world.exchange.scene.price("BTC/USDT", world.exchange.now)
    assert price is not None
    equity = cash + sum(
        (held.free * (world.exchange.scene.price(f"{asset}/USDT", world.exchange.now) or 0)
         for asset, held in world.exchange.balances().items() if asset != "USDT"),
        Decimal(0),
    )  # fmt: skip
    qty = ((cash - left * equity) / price).quantize(Decimal("0.00001"))
    intent = an_intent(qty=f"{qty}", price=f"{price * Decimal('1.02'):.2f}", kind="add", at=world.exchange.now)
    world.eyes.leaves(intent, world.exchange.now, world.taken)
    if others:
        world.outside("place")
        world.outside("place")
        assert world.seen.marks["manual_trade"] == 1
    world.eyes.arrives(intent, world.exchange.now, Process("main"))
    assert world.seen.creates[0].accepted
    told = [line for line in world.seen.violations if line.startswith("I7")]
    return world.eyes.cash() / equity, told


def test_what_another_spends_while_an_order_is_on_its_way_is_not_held_against_the_order(world: World) -> None:
    share, told = bought(world, Decimal("0.058"), others=True)
    assert share < FLOOR
    assert told == []


def test_an_order_that_takes_stables_under_their_floor_is_told_of(world: World) -> None:
    share, told = bought(world, Decimal("0.03"), others=False)
    assert share < FLOOR
    assert len(told) == 1


def test_an_order_that_takes_too_much_by_itself_is_told_of_whatever_others_took(world: World) -> None:
    _, told = bought(world, Decimal("0.04"), others=True)
    assert len(told) == 1
