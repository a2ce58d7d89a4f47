"""The kill level: its sources, what is sticky, and that nothing leaves once it is set (R-G1)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.clocks import host_utc_now
from bot.core.orders import OrderIntent, OrderState
from bot.core.snapshot import Kill
from bot.engine.controls import Requests
from bot.engine.cycle import Engine
from bot.engine.permit import SendPermit
from bot.engine.stop import KillWatch, SourceUnreadable
from bot.engine.verify import verify
from bot.ports.errors import StoreError
from bot.ports.store import ControlRow
from bot.store.memory import MemoryControls
from bot.venues.simulated.exchange import OrderRequest
from tests.builders import D, a_policy
from tests.unit.engine.world import MINE, FakeAlerts, World, a_world
from tests.unit.venues.simulated.scenes import SPOT, SWAP, StillScene

ETH_SWAP = "ETH/USDT:USDT"


def level(kill: KillWatch) -> str:
    return kill.level


class Unreachable(MemoryControls):
    """A control table that can be cut off."""

    cut = False

    async def kill(self) -> ControlRow | None:
        if self.cut:
            raise StoreError("the database does not answer")
        return await super().kill()

    async def request(self, what: str, value: str, who: str, why: str) -> int:
        if self.cut:
            raise StoreError("the database does not answer")
        return await super().request(what, value, who, why)


class Slow(MemoryControls):
    """A control table that lets others run while it writes, as a database does."""

    async def request(self, what: str, value: str, who: str, why: str) -> int:
        await asyncio.sleep(0)
        return await super().request(what, value, who, why)


async def test_the_highest_source_counts() -> None:
    world = await a_world(environment="freeze")
    await world.kill.look()
    assert level(world.kill) == "freeze"
    await world.controls.request("kill", "halt", "test", "odd fills")
    await world.kill.look()
    assert (level(world.kill), world.kill.standing.by) == ("halt", "test")


async def test_putting_the_file_back_to_off_does_not_resume_and_resume_does() -> None:
    world = await a_world()
    world.file[0] = "halt"
    await world.kill.look()
    world.file[0] = "off"
    await world.kill.look()
    assert level(world.kill) == "halt"
    await world.controls.request("resume", "", "test", "checked")
    await world.kill.look()
    assert level(world.kill) == "off"


async def test_a_source_that_still_says_more_keeps_it_after_a_resume() -> None:
    world = await a_world()
    world.file[0] = "halt"
    await world.kill.look()
    await world.controls.request("resume", "", "test", "checked")
    await world.kill.look()
    assert level(world.kill) == "halt"
    world.file[0] = "off"
    await world.kill.look()
    assert level(world.kill) == "off"


async def test_what_a_person_asked_for_is_told_as_a_warning_and_what_the_bot_did_as_critical() -> None:
    world = await a_world()
    await world.controls.request("kill", "freeze", "cli:ada", "odd fills")
    await world.kill.look()
    world.kill.set("halt", "daemon", "five cycles failed")
    told = [(level, text) for level, text in world.alerts.told if text.startswith("kill level")]
    assert told == [
        ("warning", "kill level freeze: odd fills (cli:ada)"),
        ("critical", "kill level halt: five cycles failed (daemon)"),
    ]


async def test_a_signal_counts_at_once_and_outlives_the_process() -> None:
    world = await a_world()
    world.kill.set("halt", "signal", "SIGUSR1")
    assert level(world.kill) == "halt"
    await world.kill.look()
    after = await world.restarted()
    await after.kill.look()
    assert (level(after.kill), after.kill.standing.by) == ("halt", "signal")


async def test_an_unreadable_file_freezes_while_it_lasts_and_lifts_by_itself() -> None:
    world = await a_world()
    broken = True

    def file() -> Kill:
        if broken:
            raise SourceUnreadable("line 3 is no YAML")
        return "off"

    alerts = FakeAlerts()
    kill = KillWatch(world.controls, alerts, file=file)
    for _ in range(3):
        await kill.look()
    assert level(kill) == "freeze"
    assert alerts.texts.count("frozen while it cannot: line 3 is no YAML") == 1
    broken = False
    await kill.look()
    assert level(kill) == "off"


async def test_a_check_that_cannot_be_made_freezes_while_it_lasts_and_lifts_by_itself() -> None:
    world = await a_world()
    whole = [False]

    def configured() -> None:
        if not whole[0]:
            raise SourceUnreadable("targets sum to 0.9")

    alerts = FakeAlerts()
    kill = KillWatch(world.controls, alerts, checks={"the configuration file": configured})
    await kill.look()
    assert (level(kill), kill.standing.by) == ("freeze", "the configuration file")
    assert "the configuration file cannot be read, frozen while it cannot: targets sum to 0.9" in alerts.texts
    whole[0] = True
    await kill.look()
    assert level(kill) == "off"


async def test_a_file_that_asks_for_less_than_the_table_writes_nothing_into_it() -> None:
    world = await a_world()
    await world.controls.request("kill", "halt", "anna", "odd fills")
    await world.kill.look()
    world.file[0] = "freeze"
    await world.kill.look()
    await world.kill.look()
    assert (level(world.kill), world.kill.standing.by) == ("halt", "anna")
    assert [row.value for row in await world.controls.read(0)] == ["halt"]


async def test_who_waits_for_a_rise_hears_of_it_once() -> None:
    world = await a_world()
    assert not world.kill.rose.is_set()
    world.kill.set("freeze", "signal", "SIGUSR2")
    assert world.kill.rose.is_set()
    world.kill.rose.clear()
    world.kill.set("freeze", "signal", "SIGUSR2")
    assert not world.kill.rose.is_set()


async def test_the_watch_and_a_cycle_that_look_together_write_a_request_once() -> None:
    world = await a_world()
    controls = Slow(world.database, MINE, host_utc_now)
    kill = KillWatch(controls, FakeAlerts())
    kill.set("halt", "signal", "SIGUSR1")
    await asyncio.gather(kill.look(), kill.look(), kill.look())
    assert [row.value for row in await controls.read(0)] == ["halt"]


async def test_an_unreachable_table_freezes_and_what_was_set_meanwhile_is_written_later() -> None:
    world = await a_world()
    controls = Unreachable(world.database, MINE, host_utc_now)
    kill = KillWatch(controls, FakeAlerts())
    controls.cut = True
    await kill.look()
    assert level(kill) == "freeze"
    kill.set("halt", "signal", "SIGUSR1")
    await kill.look()
    assert level(kill) == "halt"
    controls.cut = False
    await kill.look()
    row = await world.controls.kill()
    assert row is not None
    assert (row.value, row.who) == ("halt", "signal")


async def test_a_kill_between_two_legs_denies_the_second_and_breaks_the_pair() -> None:
    world = await a_world()

    def halt_after_the_first(intent: OrderIntent) -> None:
        if intent.leg == 0:
            world.kill.set("halt", "signal", "SIGUSR1")

    # The first leg has passed every check of ours when the halt comes: the venue's last line refuses it too.
    world.venue.before_place = halt_after_the_first
    await world.cycle()
    assert world.exchange.order_requests == 0
    assert {rows[0].state for rows in (await world.orders()).values()} == {OrderState.DENIED}


async def test_a_halt_after_the_first_leg_filled_leaves_a_broken_pair() -> None:
    world = await a_world()
    world.venue.after_place = lambda _intent: world.kill.set("halt", "test", "between the legs")
    await world.cycle()
    orders = await world.orders()
    assert (orders[SPOT][0].state, orders[SWAP][0].state) == (OrderState.FILLED, OrderState.DENIED)
    assert "kill level halt" in orders[SWAP][0].why
    assert [item.contracts for item in (await world.store.memory()).broken] == [D(-20)]


async def test_nothing_is_sent_under_halt_and_the_plan_says_why() -> None:
    world = await a_world()
    await world.controls.request("kill", "halt", "test", "odd fills")
    outcome = await world.cycle()
    assert not outcome.plan.actions
    assert outcome.snapshot.control.kill == "halt"
    refusals = [each for item in outcome.plan.blocked for each in item.not_passed if each.verdict != "resize"]
    assert refusals[0].gate == "R-G1"
    await world.controls.request("resume", "", "test", "checked")
    assert (await world.cycle()).plan.actions
    assert (await verify(world.record)).clean


class Meanwhile(MemoryControls):
    """Somebody asks for a level or a resume just after the requests of a cycle were read; the watch looks at once."""

    world: World
    asked: tuple[str, str] | None = None

    async def read(self, after: int) -> Sequence[ControlRow]:
        rows = await super().read(after)
        if self.asked is not None:
            what, level = self.asked
            self.asked = None
            await self.request(what, level, "test", "meanwhile")
            await self.world.kill.look()
        return rows


async def with_somebody_else() -> tuple[World, Meanwhile]:
    world = await a_world()
    controls = Meanwhile(world.database, MINE, host_utc_now)
    controls.world = world
    parts = replace(world.parts, controls=controls)
    world.engine.requests = Requests(parts, world.engine.recorder)
    return world, controls


@pytest.mark.parametrize("level", ["freeze", "halt", "flatten"])
async def test_a_resume_that_the_record_does_not_name_yet_lets_nothing_leave(level: str) -> None:
    world, controls = await with_somebody_else()
    await world.controls.request("kill", level, "test", "odd fills")
    await world.cycle()
    controls.asked = ("resume", "")
    await world.cycle()
    assert world.kill.level == "off"
    assert world.exchange.order_requests == 0
    await world.cycle()
    assert world.exchange.order_requests
    assert (await verify(world.record)).clean


class NotYet(MemoryControls):
    """A level that was asked for a moment ago: the watch's next look will find it."""

    async def kill(self) -> ControlRow | None:
        return None


async def test_a_stop_that_the_record_names_before_the_watch_saw_it_is_obeyed() -> None:
    world = await a_world()
    kill = KillWatch(NotYet(world.database, MINE, host_utc_now), world.alerts)
    world.engine = Engine(world.parts, kill, SendPermit(lambda: kill.level, lambda: float("inf"), world.clock))
    world.engine.lead(await world.store.lead("here", 3_600))
    await world.controls.request("kill", "halt", "test", "odd fills")
    await world.cycle()
    assert world.exchange.order_requests == 0
    assert (await verify(world.record)).clean


async def test_a_halt_cancels_what_rests_and_learns_what_became_of_what_is_unknown() -> None:
    world = await a_world()
    world.venue.answers = ["rests"]
    await world.cycle()
    assert len(world.exchange.open_orders()) == 1
    assert await world.engine.cancel_own() == 1
    assert not world.exchange.open_orders()
    assert (await world.orders())[SPOT][0].state == OrderState.CANCELLED


async def test_a_halt_set_before_a_cycle_cancels_at_its_start() -> None:
    world = await a_world()
    world.venue.answers = ["rests"]
    await world.cycle()
    world.file[0] = "halt"
    await world.cycle()
    assert not world.exchange.open_orders()
    assert world.exchange.order_requests == 1


async def test_flatten_closes_the_short_and_sends_nothing_else() -> None:
    world = await a_world()
    await world.cycle()
    assert world.short() > 0
    held = world.held()
    await world.controls.request("kill", "flatten", "anna", "out")
    outcome = await world.cycle()
    assert [item.wish.kind for item in outcome.plan.actions] == ["flatten"]
    assert (world.short(), world.held()) == (D(0), held)
    (closing,) = [intent for intent in world.venue.placed if intent.kind == "flatten"]
    assert closing.reduce_only
    assert not (await world.cycle()).plan.actions
    assert not (await world.store.memory()).hedges


async def test_flatten_closes_longs_then_shorts_and_says_what_rises() -> None:
    scene = StillScene(depth=D(100_000), spread=D("0.02"))
    for symbol, like in (("ETH/USDT", SPOT), (ETH_SWAP, SWAP)):
        scene.listed[symbol], scene.moves[symbol] = scene.listed[like], list(scene.moves[like])
    both = {"majors": {"weight": "0.50", "assets": {"BTC": "0.9", "ETH": "0.1"}}}
    policy = a_policy(targets={"stables": {"weight": "0.50", "floor": "0.05"}, "sleeves": both})
    world = await a_world(scene=scene, policy=policy, futures="20000")
    world.exchange.place(OrderRequest(ETH_SWAP, "buy", "market", amount=D(30)))
    world.exchange.place(OrderRequest(SWAP, "sell", "market", amount=D(20)))
    resting = OrderRequest(SPOT, "sell", "limit", amount=D(5), price=D(120), tif="gtc")
    world.exchange.place(resting)
    await world.controls.request("kill", "flatten", "anna", "out")
    outcome = await world.cycle()
    wishes = [item.wish for item in outcome.plan.actions]
    assert [(wish.asset, wish.kind, wish.legs[0].qty > 0) for wish in wishes] == [
        ("ETH", "flatten", False),
        ("BTC", "flatten", True),
    ]
    assert "net exposure of BTC rises by" in wishes[1].why
    assert all(leg.reduce_only for wish in wishes for leg in wish.legs)
    assert world.exchange.positions() == []
    # A person's own order is no business of ours (R-G16), nor is spot sold.
    assert ([order.amount for order in world.exchange.open_orders()], world.held()) == ([D(5)], D(600))
    assert (await verify(world.record)).clean


async def test_flatten_takes_as_many_cycles_as_the_largest_order_asks_for() -> None:
    world = await a_world(policy=a_policy(limits={"order_value_max": "0.01"}), futures="20000")
    world.exchange.place(OrderRequest(SWAP, "sell", "market", amount=D(25)))
    await world.controls.request("kill", "flatten", "anna", "out")
    closed = []
    for _ in range(4):
        await world.cycle()
        closed.append(world.short())
    assert closed[:3] == sorted(closed[:3], reverse=True)
    assert (closed[0] > 0, closed[-1]) == (True, D(0))
    assert {intent.kind for intent in world.venue.placed} == {"flatten"}


async def test_a_flatten_whose_answer_is_lost_closes_no_more_than_there_is() -> None:
    world = await a_world()
    await world.cycle()
    await world.controls.request("kill", "flatten", "anna", "out")
    world.venue.answers = ["lost"]
    await world.cycle()
    assert world.short() == 0
    for _ in range(2):
        await world.cycle()
    assert world.short() == 0
    assert len([intent for intent in world.venue.placed if intent.kind == "flatten"]) == 1
    assert (await verify(world.record)).clean


async def test_a_halt_that_comes_while_it_flattens_changes_nothing_for_the_highest_level_counts() -> None:
    world = await a_world()
    await world.cycle()
    await world.controls.request("kill", "flatten", "anna", "out")
    world.venue.before_place = lambda _intent: world.kill.set("halt", "test", "not like this")
    short = world.short()
    outcome = await world.cycle()
    # The highest level counts, and flatten is above halt: what closes goes on (R-G1).
    assert outcome.count(OrderState.FILLED) == 1
    assert world.short() == short - D(20)


async def test_a_level_that_nobody_looked_at_lately_is_not_known() -> None:
    # Seed 4783 of 2026-12-01: a machine slept 7 s after a halt was asked for, and its first act was to send.
    world, now = await a_world(), [datetime(2026, 3, 2, 8, tzinfo=UTC)]
    kill = KillWatch(world.controls, FakeAlerts(), utc_now=lambda: now[0])
    assert kill.unseen == "the kill switch was not looked at yet"
    await kill.look()
    assert kill.unseen == ""
    now[0] += timedelta(seconds=5)
    assert kill.unseen == ""
    now[0] += timedelta(seconds=1.8)
    assert kill.unseen == "the kill switch was looked at 6.8 s ago, must be within 5 s"
    await kill.look()
    assert kill.unseen == ""
    now[0] -= timedelta(hours=1)
    assert kill.unseen == "the kill switch was looked at -3600.0 s ago, must be within 5 s"


async def test_a_look_counts_from_when_it_began() -> None:
    """What was asked for while it waited for the record may not be in it."""
    world, now = await a_world(), [datetime(2026, 3, 2, 8, tzinfo=UTC)]

    def file() -> Kill:
        now[0] += timedelta(seconds=7)
        return "off"

    kill = KillWatch(world.controls, FakeAlerts(), file=file, utc_now=lambda: now[0])
    await kill.look()
    assert kill.unseen.startswith("the kill switch was looked at 7.0 s ago")


async def test_before_an_order_it_is_looked_at_again_where_the_last_look_is_old() -> None:
    """A flatten's own cancelling may keep the watch from looking for longer than orders may do without."""
    world, now = await a_world(), [datetime(2026, 3, 2, 8, tzinfo=UTC)]
    kill = KillWatch(world.controls, FakeAlerts(), utc_now=lambda: now[0])
    await kill.look()
    await world.controls.request("kill", "halt", "cli", "")
    await kill.look_if_old()
    assert kill.level == "off"
    now[0] += timedelta(seconds=30)
    await kill.look_if_old()
    assert (kill.level, kill.unseen) == ("halt", "")


class Waiting(MemoryControls):
    """A control table whose answers wait, each until it is let go."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.waits: list[asyncio.Event] = []

    async def kill(self) -> ControlRow | None:
        row = await super().kill()
        self.waits.append(asyncio.Event())
        await self.waits[-1].wait()
        return row


async def test_an_older_answer_that_comes_later_does_not_lower_the_level() -> None:
    world, now = await a_world(), [datetime(2026, 3, 2, 8, tzinfo=UTC)]
    controls = Waiting(world.database, MINE, host_utc_now)
    kill = KillWatch(controls, FakeAlerts(), utc_now=lambda: now[0])
    older = asyncio.create_task(kill.look())
    await asyncio.sleep(0.01)
    await controls.request("kill", "halt", "cli", "")
    newer = asyncio.create_task(kill.look())
    await asyncio.sleep(0.01)
    while not (older.done() and newer.done()):
        controls.waits[-1].set()  # the newest first
        await asyncio.sleep(0.01)
        controls.waits[0].set()
    assert kill.level == "halt"


async def test_who_has_no_clock_asks_no_age() -> None:
    assert (await a_world()).kill.unseen == ""
