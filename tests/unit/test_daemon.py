"""The daemon in this process: schedule, lease, configuration, heartbeat, clean ends."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from bot.clocks import StepClock, host_utc_now
from bot.core.events import Event
from bot.core.instruments import Market
from bot.core.numbers import milliseconds
from bot.core.orders import OrderIntent, OrderView, Placed
from bot.core.plan_record import Plan
from bot.daemon import Body, Daemon
from bot.engine.cycle import Outcome
from bot.engine.parts import Parts
from bot.engine.sign_of_life import SignsOfLife
from bot.engine.stop import SourceUnreadable
from bot.ports.errors import Fenced, StoreAway, StoreError
from bot.ports.store import Identity, Run
from bot.ports.venue import Gap, Permit
from bot.settings import Settings, load
from bot.settings.watch import ConfigWatch
from bot.store.memory import MemoryControls, MemoryDatabase, MemoryRecord, MemoryStore
from bot.venues.simulated.exchange import Exchange
from bot.venues.simulated.venue import SimulatedVenue
from tests.unit.engine.test_sign_of_life import Switch
from tests.unit.engine.world import MINE, FakeAlerts, a_world
from tests.unit.venues.simulated.scenes import START, StillScene

D = Decimal
TEXT = """
mode: paper
kill_switch: off
cycle: 10m
targets:
  stables: {weight: 0.5, floor: 0.05}
  sleeves: {majors: {weight: 0.5, assets: [BTC]}}
signals: {enabled: false}
execution: {slice_max: 0.10}
"""


class World:
    """One record and one exchange that daemons come and go on."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "portfolio.yaml"
        self.file.write_text(TEXT, encoding="utf-8")
        self.scene = StillScene(depth=D(100_000), spread=D("0.02"))
        self.clock = StepClock(START)
        self.exchange = Exchange(self.scene, opening={"USDT": D(40_000), "BTC": D(600)})
        self.database = MemoryDatabase()
        self.alerts = FakeAlerts()
        self.controls = MemoryControls(self.database, MINE, host_utc_now)
        self.record = MemoryRecord(self.database, MINE)
        self.venue: SimulatedVenue | None = None
        self.ended = 0
        self.plans: list[Plan] = []
        self.after_plan: Callable[[int], None] = lambda _number: None

    def daemon(self, *, holder: str = "here", store: MemoryStore | None = None, confirms: bool = False) -> Daemon:
        settings = load(self.file, {})
        venue = self.venue or SimulatedVenue(self.exchange, self.clock)
        parts = Parts(
            mode="paper", portfolio="main", venue="binance", environment="local", market=venue, account=venue,
            broker=venue, transfers=venue, store=store or MemoryStore(self.database, host_utc_now),
            controls=self.controls, record=self.record, clock=self.clock, alerts=self.alerts,
        )  # fmt: skip
        run = Run("0.1.0", {}, "{}", "h")
        body = Body(parts, MINE, run, settings, holder, self._closed, config_path=self.file, confirms=confirms)
        return Daemon(body, on_cycle=self._saw)

    def write(self, old: str, new: str) -> None:
        text = self.file.read_text(encoding="utf-8")
        assert old in text
        self.file.write_text(text.replace(old, new), encoding="utf-8")

    async def _closed(self) -> None:
        self.ended += 1

    def _saw(self, plan: Plan, outcome: Outcome) -> None:
        assert outcome.plan is plan
        self.plans.append(plan)
        self.after_plan(len(self.plans))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


async def test_it_ends_by_itself_after_the_cycles_asked_for(world: World) -> None:
    assert await world.daemon().run(3) == 0
    assert [plan.at for plan in world.plans] == [START + number * timedelta(minutes=10) for number in range(3)]
    assert world.ended == 1


async def test_between_two_cycles_what_rested_long_enough_goes_and_the_next_cycle_takes(world: World) -> None:
    await world.daemon().run(3)  # the first moves margin
    states = [event async for event in world.record.events() if event.kind == "order.state"]
    # `execution.maker_wait` is a minute, the cycle ten.
    assert [(event.at - START, event.body["state"]) for event in states][:3] == [
        (timedelta(minutes=10), "open"),
        (timedelta(minutes=11), "cancelled"),
        (timedelta(minutes=20), "filled"),
    ]
    assert not world.exchange.open_orders()


async def test_the_end_leaves_no_order_of_ours_in_the_book(world: World) -> None:
    await world.daemon().run(2)
    assert world.exchange.order_requests == 1
    assert not world.exchange.open_orders()
    assert [row.state.value for row in await world.record.orders(5)] == ["cancelled"]


@pytest.mark.parametrize("woken", [False, True])
async def test_a_cycle_is_not_run_again_after_a_restart_where_the_clock_was_set_back_meanwhile(
    world: World, woken: bool
) -> None:
    class Settable(StepClock):
        def back(self, by: timedelta) -> None:
            self._now -= by

    class SetRight(SimulatedVenue):
        """While the first cycle reads, the machine's clock is set back, to before that cycle's turn."""

        async def markets(self) -> Mapping[str, Market]:
            if clock.now() == START:
                clock.back(timedelta(seconds=30))
            return await super().markets()

    clock = world.clock = Settable(START)
    world.venue = SetRight(world.exchange, clock)
    daemon = world.daemon()
    early = daemon._early  # noqa: SLF001 - what a stream's word or a flatten sets
    world.after_plan = lambda number: early.set() if woken and number == 1 else None
    await daemon.run(2 if woken else 1)
    assert {plan.at for plan in world.plans} == {START - timedelta(seconds=30)}
    await world.daemon().run(1)
    assert world.plans[-1].at == START + timedelta(minutes=10)
    assert "failed" not in world.alerts.texts


async def test_an_order_that_will_not_go_is_asked_again_before_the_next_cycle(world: World) -> None:
    class Deaf(SimulatedVenue):
        asked = 0

        async def cancel(self, intent: OrderIntent) -> OrderView | Gap:
            Deaf.asked += 1
            return Gap("order", "timed out") if Deaf.asked < 4 else await super().cancel(intent)

    world.venue = Deaf(world.exchange, world.clock)
    await world.daemon().run(3)
    cancelled = [row.why for row in await world.record.orders(5) if row.state.value == "cancelled"]
    assert (Deaf.asked, cancelled) == (4, ["rested for 95 s, 0 of 30 filled"])  # 5, 10 and 20 s on


async def test_a_record_that_fails_while_orders_are_tended_ends_nothing(world: World) -> None:
    class Blinking(MemoryStore):
        blinks = 0

        async def append(self, events: Sequence[Event], fence: int) -> None:
            if not Blinking.blinks and any(event.body.get("state") == "cancelled" for event in events):
                Blinking.blinks += 1
                raise StoreError("the database does not answer")
            await super().append(events, fence)

    assert await world.daemon(store=Blinking(world.database, host_utc_now)).run(3) == 0
    assert (Blinking.blinks, len(world.plans)) == (1, 3)
    assert "cancelled" in [row.state.value for row in await world.record.orders(5)]


async def test_the_heartbeat_says_what_status_promises(world: World) -> None:
    await world.daemon().run(3)
    status = await world.record.status()
    assert status is not None
    assert {key: status[key] for key in ("mode", "venue", "environment", "cycles", "decisions")} == {
        "mode": "paper", "venue": "binance", "environment": "local", "cycles": 3, "decisions": 3,
    }  # fmt: skip
    assert status["kill"] == {"level": "off", "reason": None, "by": None, "at": None}
    assert status["last_cycle_at"] == "2026-01-01T00:20:00Z"
    assert Decimal(status["equity"]) == pytest.approx(D(100_000), rel=D("0.001"))
    assert [item["asset"] for item in status["exposures"]] == ["BTC"]
    assert {"orders_open", "unknown_orders", "waiting_for", "version", "requests"} <= status.keys()
    assert timedelta(0) <= host_utc_now() - datetime.fromisoformat(str(status["beat_at"])) < timedelta(minutes=1)


async def test_a_cycle_that_was_completed_never_runs_again(world: World) -> None:
    await world.daemon().run(2)
    await world.daemon().run(2)
    numbers = [plan.at for plan in world.plans]
    assert numbers == [START + number * timedelta(minutes=10) for number in range(4)]


async def test_a_second_process_is_refused_while_the_first_leads(world: World) -> None:
    first = MemoryStore(world.database, host_utc_now)
    await first.open(MINE, migrate=True)
    await first.lead("there", 3_600)
    second = world.daemon()
    second.stop()  # it would otherwise wait a lease's length for the first to die
    with pytest.raises(Fenced, match="there leads this portfolio"):
        await second.run(1)
    assert not world.plans


async def test_who_never_led_leaves_the_orders_and_the_switch_of_who_leads_alone(world: World) -> None:
    leader = await a_world()
    leader.venue.answers = ["rests"]
    await leader.cycle()
    world.exchange, world.database = leader.exchange, leader.database
    second, switch = world.daemon(holder="there"), Switch()
    second._signs = SignsOfLife(switch, second._store, world.clock, world.alerts)  # noqa: SLF001 - it waits for none
    second.stop()  # it would otherwise wait a lease's length for the first to die
    with pytest.raises(Fenced, match="here leads this portfolio"):
        await second.run(1)
    assert len(leader.exchange.open_orders()) == 1
    assert switch.ended == "closed"


async def test_after_the_machine_slept_through_its_lease_nothing_leaves_until_it_is_renewed(world: World) -> None:
    class Asleep(SimulatedVenue):
        """As an order is about to leave, the machine sleeps: its wall clock goes on, its monotonic one does not."""

        async def place(self, intent: OrderIntent, permit: Permit) -> tuple[Placed, OrderView | None, str]:
            slept.append(timedelta(seconds=16))
            return await super().place(intent, permit)

    slept: list[timedelta] = []
    world.venue = Asleep(world.exchange, world.clock)
    daemon = world.daemon()
    daemon._body.utc_now = lambda: host_utc_now() + sum(slept, timedelta())  # noqa: SLF001 - as a composition hands it over
    await daemon.run(2)
    assert len(slept) == 1
    assert world.exchange.order_requests == 0
    assert ["lease" in row.why for row in await world.record.orders(5)] == [True]


async def test_who_loses_the_lease_stops_at_once(world: World) -> None:
    class Robbed(MemoryStore):
        """A record that another process takes over after the first cycle."""

        async def append(self, events: Sequence[Event], fence: int) -> None:
            if world.plans:
                raise Fenced("another process leads")
            await super().append(events, fence)

    world.alerts.send("info", "x")
    store = Robbed(world.database, host_utc_now)
    assert await world.daemon(store=store).run(5) == 1
    assert len(world.plans) <= 2


async def test_a_signal_ends_it_cleanly(world: World) -> None:
    world.after_plan = lambda number: os.kill(os.getpid(), signal.SIGTERM) if number == 2 else None
    assert await world.daemon().run() == 0
    assert world.ended == 1
    assert world.database.books["main", "paper", "binance", "local"].holder == ""


async def test_sigusr1_halts_at_once(world: World) -> None:
    world.after_plan = lambda number: os.kill(os.getpid(), signal.SIGUSR1) if number == 1 else None
    await world.daemon().run(3)
    row = await world.controls.kill()
    assert row is not None
    assert (row.value, row.who) == ("halt", "signal")
    assert not world.plans[-1].actions


async def test_a_heartbeat_that_fails_after_a_cycle_ends_nothing(world: World) -> None:
    class Breathless(MemoryStore):
        missed = 0

        async def beat(self, status: Mapping[str, object], fence: int) -> None:
            if len(world.plans) == 1 and not Breathless.missed:
                Breathless.missed += 1
                raise StoreError("the database is locked")
            await super().beat(status, fence)

    world.after_plan = lambda _number: time.sleep(1.1)  # a beat a second at most
    assert await world.daemon(store=Breathless(world.database, host_utc_now)).run(2) == 0
    assert (Breathless.missed, len(world.plans)) == (1, 2)


async def test_a_kill_that_meets_the_end_does_not_keep_the_daemon_alive(world: World) -> None:
    daemon = world.daemon()
    watch = asyncio.create_task(daemon._watch())  # noqa: SLF001 - the race is between this task's two wake-ups
    for _ in range(20):
        await asyncio.sleep(0)
    daemon.kill.rose.set()
    watch.cancel()
    done, _ = await asyncio.wait({watch}, timeout=2)
    assert watch in done


class PatientClock(StepClock):
    """Nobody's turn ever comes by itself."""

    async def until(self, venue_at: datetime) -> None:
        if venue_at > self.now():
            await asyncio.Event().wait()


async def test_a_flatten_does_not_wait_for_the_next_cycle(world: World) -> None:
    world.clock = PatientClock(START)
    daemon = world.daemon()
    world.after_plan = lambda number: daemon.kill.set("flatten", "test", "out") if number == 1 else None
    async with asyncio.timeout(20):
        assert await daemon.run(2) == 0
    assert [plan.at for plan in world.plans] == [START, START]
    assert [row.cycle_id for row in await world.record.decisions(2)] == [
        f"600000:2945376:{milliseconds(START)}",
        "600000:2945376",
    ]
    assert not world.plans[-1].actions  # there was nothing to close


async def test_it_beats_while_it_waits(world: World) -> None:
    beats: list[object] = []

    class Listening(MemoryStore):
        async def beat(self, status: Mapping[str, object], fence: int) -> None:
            beats.append(status["beat_at"])
            await super().beat(status, fence)

    world.clock = HastyClock(START)
    daemon = world.daemon(store=Listening(world.database, host_utc_now))
    running = asyncio.create_task(daemon.run())
    async with asyncio.timeout(20):
        while len(beats) < 4:  # noqa: ASYNC110 - a test that looks on
            await asyncio.sleep(0.01)
    daemon.stop()
    assert await running == 0
    assert len(world.plans) == 1


class HastyClock(PatientClock):
    """Host time goes a hundred times as fast, and no turn comes by itself."""

    def __init__(self, start: datetime) -> None:
        super().__init__(start, mono=lambda: time.monotonic() * 100)

    async def sleep(self, host_s: float) -> None:
        await asyncio.sleep(host_s / 100)


async def test_halt_in_the_file_outlives_the_file(world: World) -> None:
    world.write("kill_switch: off", "kill_switch: halt")
    await world.daemon().run(1)
    world.write("kill_switch: halt", "kill_switch: off")
    await world.daemon().run(1)
    assert not world.plans[-1].actions
    await world.controls.request("resume", "", "test", "checked")
    await world.daemon().run(1)
    assert world.plans[-1].actions


async def test_five_failing_cycles_in_a_row_halt(world: World) -> None:
    class Failing(MemoryStore):
        """A record in which no decision can be written."""

        async def begin(self, *args: object, **kwargs: object) -> None:
            raise ValueError("no")

    assert await world.daemon(store=Failing(world.database, host_utc_now)).run(6) == 0
    row = await world.controls.kill()
    assert row is not None
    assert (row.value, row.who) == ("halt", "daemon")
    assert world.exchange.order_requests == 0


async def test_a_record_that_is_away_stops_orders_and_asks_for_no_resume(world: World) -> None:
    class Away(MemoryStore):
        """A record out of reach for a while."""

        left = 7

        async def begin(self, *args: object, **kwargs: object) -> None:
            if self.left:
                self.left -= 1
                raise StoreAway("the server is starting up")
            await super().begin(*args, **kwargs)  # type: ignore[arg-type]

    assert await world.daemon(store=Away(world.database, host_utc_now)).run(7) == 0
    assert world.exchange.order_requests == 0
    assert await world.controls.kill() is None
    assert await world.daemon().run(3) == 0
    assert world.exchange.order_requests > 0


def test_a_file_that_is_gone_is_a_source_that_cannot_be_read(tmp_path: Path) -> None:
    file = tmp_path / "portfolio.yaml"
    file.write_text(TEXT, encoding="utf-8")
    settings: Settings = load(file, {})
    watch = ConfigWatch(file, settings, {})
    assert watch.level() == "off"
    file.unlink()
    with pytest.raises(SourceUnreadable, match="cannot be read"):
        watch.level()
    file.write_text(TEXT.replace("kill_switch: off", "kill_switch: true"), encoding="utf-8")
    assert watch.level() == "halt"


class Limited(World):
    """Starts that end badly are counted."""

    starts_most: int | None = 3

    def daemon(self, *, holder: str = "here", store: MemoryStore | None = None, confirms: bool = False) -> Daemon:
        made = super().daemon(holder=holder, store=store)
        body = replace(made._body, starts_most=self.starts_most)  # noqa: SLF001 - the same daemon but for its limit
        return Daemon(body, on_cycle=self._saw)

    async def killed(self) -> None:
        """A life that nothing ends well: whatever a process would do at its end is not done."""

        class Killed(BaseException):
            """The process is gone."""

        def die(_number: int) -> None:
            raise Killed

        self.after_plan = die
        with pytest.raises(Killed):
            await self.daemon().run(1)
        self.after_plan = lambda _number: None


async def test_the_fourth_start_within_ten_minutes_of_three_bad_ends_freezes(tmp_path: Path) -> None:
    world = Limited(tmp_path)
    for _ in range(3):
        await world.killed()
        assert await world.controls.kill() is None
    sent = world.exchange.order_requests
    assert await world.daemon().run(2) == 0
    row = await world.controls.kill()
    assert row is not None
    assert (row.value, row.who) == ("freeze", "crash loop")
    assert "4 starts within 10 min" in world.alerts.texts
    assert world.exchange.order_requests == sent
    status = await world.record.status()
    assert status is not None
    assert status["kill"]["reason"] == "4 starts within 10 min, each but this one ended badly"


async def test_starts_that_ended_well_are_no_crash_loop(tmp_path: Path) -> None:
    world = Limited(tmp_path)
    for _ in range(6):
        assert await world.daemon().run(1) == 0
    assert await world.controls.kill() is None


async def test_without_a_limit_any_number_of_bad_ends_is_taken(tmp_path: Path) -> None:
    world = Limited(tmp_path)
    world.starts_most = None
    for _ in range(4):
        await world.killed()
    assert await world.daemon().run(1) == 0
    assert await world.controls.kill() is None


async def test_a_clock_set_back_runs_no_completed_cycle_again_and_one_set_on_runs_none_twice(world: World) -> None:
    await world.daemon().run(3)
    world.clock = StepClock(START + timedelta(minutes=5))  # a quarter of an hour back
    await world.daemon().run(1)
    world.clock = StepClock(START + timedelta(days=1, minutes=3))  # the machine slept for a day
    await world.daemon().run(2)
    ids = [row.cycle_id for row in await world.record.decisions(10)]
    assert len(ids) == len(set(ids)) == 6
    first = milliseconds(START) // 600_000
    assert [int(name.split(":")[1]) - first for name in reversed(ids)] == [0, 1, 2, 3, 144, 145]


async def test_what_a_start_has_to_say_is_told_and_recorded(world: World) -> None:
    made = world.daemon()
    said = "venue.secret sesame stands in the environment"
    body = replace(made._body, notes=(said,), clean=lambda text: text.replace("sesame", "********"))  # noqa: SLF001
    await Daemon(body).run(1)
    assert "venue.secret ******** stands in the environment" in world.alerts.texts
    recorded = [str(event.body["text"]) async for event in world.record.events() if event.kind == "alert"]
    assert any("********" in text for text in recorded)
    assert not any("sesame" in text for text in recorded)


def test_identity_is_the_portfolios() -> None:
    assert Identity("main", "paper", "binance", "local") == MINE
