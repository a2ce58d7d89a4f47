"""Settled funding through the port: in process and over HTTP the same rates, pages and refusals."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from bot.core.numbers import milliseconds
from bot.ports.venue import Gap
from tests.unit.venues.simulated.scenes import SPOT, START, SWAP, D

if TYPE_CHECKING:
    from tests.contract.venue.conftest import World

HOURS = timedelta(hours=1)


async def test_what_was_settled_after_an_instant_comes_oldest_first(world: World) -> None:
    world.scene.settlements[SWAP] = [
        (START - 16 * HOURS, D("0.0001")),
        (START - 8 * HOURS, D("-0.00023456")),
        (START + 8 * HOURS, D("0.0003")),
    ]
    assert await world.venue.funding_history(SWAP, START - 17 * HOURS) == [
        (milliseconds(START - 16 * HOURS), D("0.0001")),
        (milliseconds(START - 8 * HOURS), D("-0.00023456")),
    ]
    # The instant itself is known already; what is not settled yet is nobody's knowledge.
    assert await world.venue.funding_history(SWAP, START - 8 * HOURS) == []
    world.clock.at = START + 9 * HOURS
    assert await world.venue.funding_history(SWAP, START - 8 * HOURS) == [
        (milliseconds(START + 8 * HOURS), D("0.0003"))
    ]


async def test_more_than_a_page_comes_whole(world: World) -> None:
    first = START - 1_500 * HOURS
    world.scene.settlements[SWAP] = [(first + number * HOURS, D("0.0001")) for number in range(1_500)]
    found = await world.venue.funding_history(SWAP, first - HOURS)
    assert not isinstance(found, Gap)
    assert [at for at, _ in found] == [milliseconds(first + number * HOURS) for number in range(1_500)]


async def test_what_is_no_perpetual_here_has_no_history(world: World) -> None:
    for symbol in (SPOT, "NONE/USDT:USDT"):
        assert isinstance(await world.venue.funding_history(symbol, START), Gap)
