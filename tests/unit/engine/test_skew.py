"""The venue's clock against ours: told from 250 ms, no order from a second, and only what is proven counts (I11)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bot.clocks import StepClock
from bot.engine.cycle import Engine
from bot.engine.permit import SendPermit
from bot.engine.skew import Skew
from bot.ports.venue import Gap
from bot.venues.simulated.venue import SimulatedVenue
from tests.builders import a_policy
from tests.unit.engine.world import World, a_world


class SlowClock(StepClock):
    """A clock that goes on whenever a slow venue is asked."""

    def pass_by(self, taken: timedelta) -> None:
        self._now += taken


class ClockVenue(SimulatedVenue):
    """Its clock is ``ahead``; its answer takes ``takes``, half of it on the way there."""

    def __init__(self, world: World, clock: SlowClock) -> None:
        super().__init__(world.exchange, clock)
        self.clock = clock
        self.ahead = timedelta()
        self.takes = timedelta()
        self.answers: list[timedelta | None] = []  # instead of ``ahead``, one each; None: no answer

    async def now(self) -> datetime | Gap:
        ahead = self.answers.pop(0) if self.answers else self.ahead
        self.clock.pass_by(self.takes / 2)
        there = self.clock.now()
        self.clock.pass_by(self.takes / 2)
        return Gap("server time", "timed out") if ahead is None else there + ahead


def ms(value: int) -> timedelta:
    return timedelta(milliseconds=value)


async def a_skew() -> tuple[World, ClockVenue, Skew]:
    world = await a_world()
    venue = ClockVenue(world, SlowClock(world.clock.now()))
    parts = replace(world.parts, market=venue, clock=venue.clock)
    return world, venue, Skew(parts, world.engine.recorder, world.kill)


@pytest.mark.parametrize(
    ("ahead", "level", "told", "blocked"),
    [
        (0, "off", "", False),
        (249, "off", "", False),
        (250, "off", "0.250 s behind the venue's", False),
        (-250, "off", "0.250 s ahead of the venue's", False),
        (999, "off", "0.999 s behind the venue's", False),
        (1_000, "freeze", "1.000 s behind the venue's", True),
        (-5_000, "freeze", "5.000 s ahead of the venue's", True),
    ],
)
async def test_what_an_offset_does(ahead: int, level: str, told: str, blocked: bool) -> None:
    world, venue, skew = await a_skew()
    venue.ahead = ms(ahead)
    await skew.measure()
    assert world.kill.level == level
    assert told in world.alerts.texts
    assert bool(world.alerts.told) is bool(told)
    assert bool(skew.blocked) is blocked
    assert skew.offset_ms == ahead


@pytest.mark.parametrize(
    ("ahead", "takes", "level"), [(1_900, 4_000, "off"), (2_900, 4_000, "off"), (3_000, 4_000, "freeze")]
)
async def test_what_the_way_may_have_taken_is_not_held_against_the_clock(ahead: int, takes: int, level: str) -> None:
    world, venue, skew = await a_skew()
    venue.ahead, venue.takes = ms(ahead), ms(takes)
    await skew.measure()
    assert world.kill.level == level


@pytest.mark.parametrize(("ahead", "level"), [(59_000, "off"), (60_000, "freeze")])
async def test_where_time_runs_faster_beside_us_a_second_of_the_wire_is_many_of_the_venues(
    ahead: int, level: str
) -> None:
    world, venue, _ = await a_skew()
    parts = replace(world.parts, market=venue, clock=venue.clock, time_scale=60.0)
    venue.ahead = ms(ahead)
    await Skew(parts, world.engine.recorder, world.kill).measure()
    assert world.kill.level == level


async def test_one_answer_out_of_line_stops_nothing() -> None:
    world, venue, skew = await a_skew()
    venue.answers = [ms(9_000), ms(3)]
    await skew.measure()
    assert world.kill.level == "off"
    assert skew.offset_ms == 3


async def test_silence_changes_no_verdict_and_a_clock_set_right_frees_by_itself() -> None:
    world, venue, skew = await a_skew()
    venue.answers = [None]
    await skew.measure()
    assert (world.kill.level, skew.offset_ms) == ("off", None)
    venue.ahead = ms(2_000)
    await skew.measure()
    venue.answers = [None]
    await skew.measure()
    assert (world.kill.level, bool(skew.blocked)) == ("freeze", True)
    venue.ahead = ms(10)
    await skew.measure()
    assert (world.kill.level, skew.blocked) == ("off", "")
    assert "the clock is well again" in world.alerts.texts
    assert await world.controls.kill() is None  # nothing that anybody would have to resume
    assert [body["verdict"] for body in await world.bodies("clock.offset")] == ["far off", "well"]


async def test_a_cycle_with_a_clock_that_is_off_sends_nothing_and_says_why() -> None:
    world = await a_world()
    venue = ClockVenue(world, SlowClock(world.clock.now()))
    venue.ahead = ms(1_500)
    parts = replace(world.parts, market=venue, clock=venue.clock)
    permit = SendPermit(
        lambda: "off", lambda: float("inf"), venue.clock, blocked=lambda: engine.guard.skew.blocked
    )  # even a permit that saw no freeze
    engine = Engine(parts, world.kill, permit)
    engine.lead(1)
    outcome = await engine.cycle("c1", a_policy())
    assert world.exchange.order_requests == 0
    assert not outcome.plan.actions
    assert any(verdict.gate == "R-G1" for item in outcome.plan.blocked for verdict in item.not_passed)


async def test_a_machine_that_slept_between_decision_and_send_sends_nothing() -> None:
    world = await a_world()
    clock = world.clock
    world.venue.before_place = lambda _intent: setattr(clock, "_now", clock.now() + timedelta(hours=9))
    outcome = await world.cycle()
    assert [item.state.value for item in outcome.sent] == ["denied"] * len(outcome.sent)
    assert outcome.sent
    assert "it had to leave before" in outcome.sent[0].why
    assert world.exchange.order_requests == 0


async def test_what_is_held_is_told_once_and_is_under_whatever_is_stronger() -> None:
    world = await a_world()
    for _ in range(3):
        world.kill.hold("the moon", "it is full")
    world.kill.set("halt", "anna", "lunch")
    await world.kill.look()
    assert (world.kill.level, world.kill.standing.by) == ("halt", "anna")
    world.kill.release("the moon")
    world.kill.release("the sun")
    assert world.kill.level == "halt"
    assert [text for _, text in world.alerts.told if "moon" in text or "full" in text] == [
        "frozen while it lasts: it is full",
        "kill level freeze: it is full (the moon)",
        "the moon is well again",
    ]
