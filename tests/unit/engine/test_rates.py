"""Funding settled so far: asked once per symbol and settlement, however many cycles pass."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from bot.clocks import StepClock
from bot.core.numbers import milliseconds
from bot.core.snapshot import Funding, Point
from bot.engine.rates import FundingRates
from bot.ports.venue import Gap
from bot.venues.simulated.exchange import Exchange
from bot.venues.simulated.venue import SimulatedVenue
from tests.builders import D
from tests.unit.engine.world import a_world
from tests.unit.venues.simulated.scenes import START, SWAP, StillScene

HOURS = timedelta(hours=1)
WINDOW = timedelta(days=90)


class AskedVenue(SimulatedVenue):
    """Counts what it is asked; ``down`` answers nothing."""

    def __init__(self, scene: StillScene, clock: StepClock) -> None:
        super().__init__(Exchange(scene, opening={}), clock)
        self.scene = scene
        self.asked: list[datetime] = []
        self.down = False

    async def funding_history(self, symbol: str, since: datetime) -> Sequence[Point] | Gap:
        self.asked.append(since)
        return Gap("funding history", "timed out") if self.down else await super().funding_history(symbol, since)


def a_settled_world(*rates: str) -> tuple[StepClock, AskedVenue, FundingRates]:
    """``rates`` were settled every eight hours up to START - 8 h, and go on so."""
    first = START - len(rates) * 8 * HOURS
    scene = StillScene(settlements={SWAP: [(first + number * 8 * HOURS, D(rate)) for number, rate in enumerate(rates)]})
    clock = StepClock(START)
    venue = AskedVenue(scene, clock)
    return clock, venue, FundingRates(venue)


def now_told(at: datetime) -> Funding:
    """As the venue tells it: the next settlement is on the grid of eight hours."""
    return Funding(rate=D("0.0001"), next_at=START + ((at - START) // (8 * HOURS) + 1) * 8 * HOURS)


async def look(clock: StepClock, rates: FundingRates) -> tuple[Point, ...] | Gap:
    return await rates.points(SWAP, clock.now(), WINDOW, now_told(clock.now()))


async def test_the_whole_window_comes_once_and_then_nothing_is_asked_until_a_settlement() -> None:
    clock, venue, rates = a_settled_world("0.0001", "0.0002", "0.0003")
    for _ in range(40):
        found = await look(clock, rates)
        await clock.until(clock.now() + timedelta(minutes=10))
    assert not isinstance(found, Gap)
    assert [rate for _, rate in found] == [D("0.0001"), D("0.0002"), D("0.0003")]
    assert venue.asked == [START - WINDOW]


async def test_a_settlement_is_asked_for_from_the_last_known_one_on() -> None:
    clock, venue, rates = a_settled_world("0.0001", "0.0002")
    await look(clock, rates)
    clock_at = START + 8 * HOURS
    venue.scene.settlements[SWAP].append((clock_at, D("0.0009")))
    await clock.until(clock_at + timedelta(minutes=10))
    found = await look(clock, rates)
    assert not isinstance(found, Gap)
    assert found[-1] == (milliseconds(clock_at), D("0.0009"))
    assert len(found) == 3
    assert venue.asked[1:] == [START - 8 * HOURS]


async def test_a_settlement_that_is_late_is_asked_for_every_five_minutes_at_most() -> None:
    clock, venue, rates = a_settled_world("0.0001")
    await look(clock, rates)
    await clock.until(START + 8 * HOURS)
    for _ in range(12):
        await look(clock, rates)
        await clock.until(clock.now() + timedelta(minutes=1))
    assert len(venue.asked) == 1 + 3


async def test_a_venue_that_does_not_answer_leaves_what_is_known_for_a_day_and_then_it_is_unknown() -> None:
    clock, venue, rates = a_settled_world("0.0001")
    await look(clock, rates)
    venue.down = True
    await clock.until(START + 9 * HOURS)
    assert not isinstance(await look(clock, rates), Gap)
    await clock.until(START + 25 * HOURS)
    await look(clock, rates)
    assert isinstance(await look(clock, rates), Gap)


async def test_what_was_never_answered_is_a_gap_and_no_empty_history() -> None:
    clock, venue, rates = a_settled_world()
    venue.down = True
    assert isinstance(await look(clock, rates), Gap)


async def test_a_held_perpetual_brings_its_settled_funding_into_the_snapshot() -> None:
    world = await a_world()
    world.scene.settlements[SWAP] = [(START - 8 * HOURS, D("0.0004"))]
    await world.cycle()
    assert world.short() > 0
    outcome = await world.cycle()
    assert outcome.snapshot.history[SWAP].funding == ((milliseconds(START - 8 * HOURS), D("0.0004")),)
