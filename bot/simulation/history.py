"""Owns one history from its plan to its result: warm-up, faults, healing, audit; supervisor, signals, burial."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import hashlib
import logging
import signal
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import NoReturn

import structlog

from bot.core.instruments import spot_symbol, swap_symbol
from bot.daemon import Daemon
from bot.engine.verify import verify
from bot.ports.errors import Fenced, StoreError, StoreRefused
from bot.settings import Settings, load_text
from bot.simulation.audit import Audit
from bot.simulation.audit_words import words
from bot.simulation.budgets import Budgets
from bot.simulation.disk import simulated_disk
from bot.simulation.faults import Fault, Plan
from bot.simulation.loop import Deadlock, Process, ProcessDied, Scheduler, SimLoop
from bot.simulation.portfolios import configuration
from bot.simulation.server import Server
from bot.simulation.stage import Stage
from bot.simulation.venue_time import HOST_START
from bot.simulation.world import MINE, World, described
from bot.store.sql import SqlRecord, SqlStore
from bot.venues.simulated.generated import make_scene
from bot.venues.simulated.scene import Scene

RECORD = "record.sqlite"
SHM = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
SCENES = 12  # markets are many histories' backdrop: a seed's number picks one
HEAL_SHARE = 0.7  # of the days; the rest is quiet
CYCLE_S = 3_600
RESTART_S = 5.0
END_WITHIN_S = 120.0
LEASE_S = 15.0  # what a process that was killed leaves behind runs no longer
LOOK_EVERY_S = 2.0
LEFT_MOST_S = 30.0
TOLD_AFTER_S = 3.0  # host time: the watch looks twice a second
CLOCK_FAULTS = ("clock_ahead", "clock_behind", "suspended", "venue_skew")
VERIFIED = 10  # every such seed's record is proven as `ballast audit` does


@dataclass(slots=True)
class Result:
    """What became of one history."""

    plan: Plan
    violations: list[str]
    marks: Counter[str]
    edges: Counter[str]
    digest: str
    cycles: int
    starts: int
    deaths: int
    steps: int
    fills: int
    orders: int
    alerts: Counter[str] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)  # what orders that filled did: "trim spot sell", …
    bands: Counter[str] = field(default_factory=Counter)  # in the end: "in band", or the rule that keeps one out of it
    calls: Counter[str] = field(default_factory=Counter)  # before it was healed: "venue.place", "process.step", …


class History:
    """Plays one plan. ``run`` answers the result; everything simulated is gone afterwards."""

    def __init__(self, plan: Plan, folder: Path, server: Server | None = None) -> None:
        self.plan = plan
        scheduler = Scheduler(plan.mode, Random(f"turns {plan.seed}"))  # type: ignore[arg-type] # noqa: S311
        self.loop = SimLoop(scheduler)
        self.loop.on_step = self._step
        record: Path | Server = server or folder / RECORD
        if isinstance(record, Path):
            record.write_bytes(_empty_record())
        self.world = World(
            plan, self.loop, scene_of(plan.seed % SCENES), settings_of(plan.cycle_s, plan.portfolio), record
        )
        self.world.on_time = self._passes
        start = self.world.time.now()
        quiet = max(timedelta(days=plan.days * (1 - HEAL_SHARE)), plan.quiet * timedelta(seconds=plan.cycle_s))
        self._end = start + timedelta(days=plan.days)
        self._heal_at = max(start, self._end - quiet)
        self._steps = 0
        self._left_s = 0.0
        self._second_until_s = 0.0
        self._calls: Counter[str] = Counter()
        self._strikes = [fault for fault in plan.faults if fault.component == "process"]
        self._finished: asyncio.Event | None = None
        self._daemons: list[tuple[Process, Daemon]] = []
        self._graves: list[object] = []
        self._others: list[asyncio.Task[None]] = []
        self._lives: list[tuple[datetime, datetime]] = []  # host time, of the processes that follow each other

    def run(self) -> Result:
        """Play it to its end and audit it."""
        seen = self.world.seen
        try:
            self.loop.run_until_complete(self._main())
        except Deadlock as dead:
            seen.violated(f"L6 deadlock: {dead}")
        return self._audited()

    def _audited(self) -> Result:
        world, seen = self.world, self.world.seen
        seen.violations += [f"L6 nobody awaited: {error}" for error in self.loop.errors]
        due = (self._end - self._heal_at) / timedelta(seconds=self.plan.cycle_s)
        if len(world.decided) < due / 2 - 2:
            failed = [text for text, _ in seen.alerts.most_common() if text.startswith("failed ")]
            why = f"; cycles {failed[0]}" if failed else ""
            seen.violated(f"L3 {len(world.decided)} decisions in a quiet time of {due:.0f} cycles{why}")
        self._was_told()
        if self.plan.seed % VERIFIED == 0:
            report = self.loop.run_until_complete(verify(SqlRecord(world.url, MINE)))
            seen.violations += [f"I17 the record cannot be proven: {line}" for line in report.lines[:-1]]
        audit = Audit(world.record, world.exchange, seen.creates)
        wrong_clocks = any(seen.marks[kind] for kind in CLOCK_FAULTS)
        policy = world.settings.policy()
        budgets = Budgets(world.record, world.exchange, seen.creates, policy, clocks_right=not wrong_clocks)
        seen.violations += [*audit.all(), *words(world.record, world.exchange), *budgets.all()]
        return Result(
            self.plan, list(seen.violations), seen.marks, audit.edges(), self._digest(), seen.cycles, seen.starts,
            seen.deaths, self.loop.steps, audit.fill_count(), len(seen.creates), seen.alerts, audit.done(),
            budgets.out_of_band(), self._calls,
        )  # fmt: skip

    def _was_told(self) -> None:
        """L5: of a kill that stood and that the bot acknowledged somebody was told."""
        said = self.world.record.execute(
            "SELECT c.id, c.what, c.value, c.at, e.number FROM controls c "
            "LEFT JOIN events e ON e.key = 'control:' || c.id WHERE c.what IN ('kill', 'resume') ORDER BY c.id"
        ).fetchall()
        ends = [datetime.fromisoformat(at) for _, _, _, at, _ in said[1:]] + [datetime.max.replace(tzinfo=UTC)]
        stood = [
            (number, value)
            for (number, what, value, at, heard), end in zip(said, ends, strict=True)
            if what == "kill" and value != "off" and heard is not None
            and self._lived_s(datetime.fromisoformat(at), end) >= TOLD_AFTER_S
        ]  # fmt: skip
        if stood and not any(text.endswith(" level") for text in self.world.seen.alerts):
            self.world.seen.violated(f"L5 nobody was told of {stood[0][1]}, requested in {stood[0][0]}")

    def _lived_s(self, first: datetime, last: datetime) -> float:
        """The longest that one of the processes that came after each other lived, awake, between two host instants."""
        spans = (self.world.time.awake(max(first, start), min(last, end)) for start, end in self._lives)
        return max((span.total_seconds() for span in spans), default=0.0)

    def _digest(self) -> str:
        """The same plan gives the same digest: orders, fills, states, the exchange, and how many turns it took."""
        sql = self.world.record
        rows = [
            sql.execute("SELECT client_id, state, filled, why FROM orders ORDER BY id").fetchall(),
            sql.execute("SELECT key, at FROM events ORDER BY number").fetchall(),
            sql.execute("SELECT decision_id, at FROM decisions ORDER BY number").fetchall(),
        ]
        text = f"{rows} {described(self.world)} {self.loop.steps} {self.loop.time()!r}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    # ---- the outside of the process

    async def _main(self) -> None:
        self._finished = asyncio.Event()
        main = asyncio.create_task(self._supervise("main"))
        looking = asyncio.create_task(self._look_at_the_time())
        bound_s = 3_600 + sum(min(fault.size, 20_000) for fault in self.plan.faults) * 2
        bound_s += self.plan.days * 86_400 / self.plan.cycle_s * 120
        try:
            await asyncio.wait_for(self._finished.wait(), bound_s)
        except TimeoutError:
            at = self.world.time.now()
            self.world.seen.violated(f"L6 the end {self._end} was not reached in {bound_s:.0f} s: it is {at}")
            self._finished.set()
        looking.cancel()
        for process, daemon in self._daemons:
            if process.alive:
                daemon.stop()
        done, late = await asyncio.wait({main, *self._others}, timeout=END_WITHIN_S)
        if late:
            self.world.seen.violated(f"L6 no clean end within {END_WITHIN_S} s of a quiet world")
        for task in done:
            task.result()

    async def _look_at_the_time(self) -> None:
        """Time passes also where no process gets as far as the exchange."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            self._passes(self.world.time.now())
            self._looks_for_leftovers()

    def _looks_for_leftovers(self) -> None:
        """L4: under halt and flatten no own order rests, half a minute after the venue can be reached."""
        world = self.world
        row = world.record.execute(
            "SELECT value FROM controls WHERE what IN ('kill', 'resume') ORDER BY id DESC LIMIT 1"
        ).fetchone()
        reachable = not world.is_out() and not world.is_banned() and not world.outsider.in_force
        reachable = reachable and self.loop.time() >= world.unanswered_until_s
        leads = any(process.alive and process.name in world.cycled for process, _ in self._daemons)
        if not (row and row[0] in ("halt", "flatten") and reachable and leads and world.exchange.open_orders()):
            self._left_s = 0.0
            return
        self._left_s += LOOK_EVERY_S
        if self._left_s > LEFT_MOST_S:
            rests = world.exchange.open_orders()[0].client_id
            world.seen.violated(f"L4 {rests} rests {self._left_s:.0f} s after {row[0]}")

    async def _supervise(self, holder: str) -> None:
        """Start it, and start it again whenever it ended, as systemd would."""
        world = self.world
        assert self._finished is not None  # noqa: S101 - set before the first task is made
        while not self._finished.is_set():
            process = Process(f"{holder} {world.seen.starts + 1}")
            died = asyncio.Event()
            process.on_death += [died.set, lambda process=process: world.time.forget(process)]  # type: ignore[misc]
            begun = world.time.host_now()
            task = self.loop.spawn(process, self._life(process, holder))
            mourner = asyncio.create_task(died.wait())
            await asyncio.wait({task, mourner}, return_when=asyncio.FIRST_COMPLETED)
            self._lives.append((begun, world.time.host_now()))
            if process.alive:
                mourner.cancel()
                why = self._ended(task, process)
                if self._finished.is_set():
                    return
                if world.healed and why and not (why.startswith("Fenced") and self._does_second_lead()):
                    world.seen.violated(f"L6 the daemon ended by itself in a quiet world: {why}")
                process.kill()
                await self._pause(RESTART_S)
            else:
                world.seen.deaths += 1
                self._graves.append(task)
                await self._pause(world.outsider.death_s())

    async def _life(self, process: Process, holder: str) -> str:
        """One process from start to end; why it ended, empty where it was asked to."""
        daemon = self.world.daemon(process, holder)
        self._daemons.append((process, daemon))
        try:
            code = await daemon.run()
        except (Fenced, StoreRefused) as error:
            return f"{type(error).__name__}: {error}"
        if code == 0:
            return ""
        return f"{type(daemon.fatal).__name__}: {daemon.fatal}" if daemon.fatal else f"exit code {code}"

    def _does_second_lead(self) -> bool:
        """Whether another machine may be leading: while it lives, and as long after its death as its lease runs."""
        alive = any(process.alive and process.name.startswith("second") for process, _ in self._daemons)
        return alive or self.loop.time() < self._second_until_s

    async def _pause(self, seconds: float) -> None:
        """Until it is started again, or all is over."""
        if self._finished is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._finished.wait(), seconds)

    def _ended(self, task: asyncio.Task[str], process: Process) -> str:
        """Why a process ended that was not killed; what no port raises, and what only passed by, must not end it."""
        error = task.exception()
        if error is None:
            return task.result()
        if isinstance(error, StoreError) and process.name not in self.world.cycled:
            self.world.seen.bit("(could not begin for a fault of the record)")
            return str(error)
        self.world.seen.violated(f"L6 the daemon died of {type(error).__name__}: {error}")
        return repr(error)

    async def _second(self, seconds: float) -> None:
        """Another process on the same record, on another machine, for a while."""
        process = Process(f"second {self.world.seen.starts + 1}")
        # A lock lets one process of a machine lead a record: where a second one lives, this is on a third machine.
        beside = any(each.alive and each.name.startswith("second") for each, _ in self._daemons)
        holder = process.name if beside else "second"
        died = asyncio.Event()
        process.on_death += [died.set, lambda: self.world.time.forget(process), self._second_died]
        task = self.loop.spawn(process, self._life(process, holder))
        ends = [asyncio.create_task(died.wait())]
        if self._finished is not None:
            ends.append(asyncio.create_task(self._finished.wait()))
        await asyncio.wait({task, *ends}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if self._finished is not None and self._finished.is_set() and process.alive:
            await asyncio.wait({task}, timeout=END_WITHIN_S / 2)  # it was asked to end
        for each in ends:
            each.cancel()
        if task.done() and process.alive:  # who was killed ends with that, whenever it comes
            self._ended(task, process)
        process.kill()
        self._graves.append(task)

    def _second_died(self) -> None:
        self._second_until_s = self.loop.time() + LEASE_S

    # ---- what strikes the process

    def _step(self, process: Process) -> None:
        self._steps += 1
        while self._strikes and self._steps >= self._strikes[0].nth:
            if self._strikes[0].kind.startswith("clock_") and process.name not in self.world.clocks:
                return  # its very first step: it looks at no clock yet, the next one will do
            fault = self._strikes.pop(0)
            if not self.world.healed:
                self._strike(process, fault)

    def _strike(self, process: Process, fault: Fault) -> None:
        world, kind = self.world, fault.kind
        world.seen.bit(kind)
        if kind in ("crash", "crash_again"):
            world.outsider.death_lasts(fault.size)
            process.kill()
        elif kind == "sigterm":
            self.loop.signal(process, signal.SIGTERM)
        elif kind in ("freeze", "halt", "flatten"):
            world.request("kill", kind, "simulated")
            world.later(fault.size, lambda: world.request("resume", "", "simulated"))
        elif kind == "second_process":
            self._others.append(self._outside_task(fault))
        elif kind in ("clock_ahead", "clock_behind"):
            sign = 1 if kind == "clock_ahead" else -1
            clock = world.clocks[process.name]
            clock.skew = timedelta(seconds=sign * fault.size)
        elif kind == "suspended":
            world.time.jump(fault.size)

    def _outside_task(self, fault: Fault) -> asyncio.Task[None]:
        return self.loop.create_task(self._second(fault.size), name="second machine")

    def _passes(self, now: datetime) -> None:
        """Venue time passes: at one point everything is healed, at another it is over."""
        if not self.world.healed and now >= self._heal_at:
            self._calls = self.world.calls()
            self._calls["process.step"] = self._steps
            self.world.heal()
            self.world.request("resume", "", "simulated: all is well again")
            self.world.request("rearm", "", "simulated: all is well again")
        if now >= self._end and self._finished is not None:
            self._finished.set()

    # ---- the end of it

    def bury(self) -> list[object]:
        """Kill what lives; answers with everything that must not be let go before its time has come."""
        for process, _ in self._daemons:
            process.kill()
            process.on_death.clear()  # connections hold their process, and SQLAlchemy holds connections
            process.handlers.clear()
        self.world.record.close()
        return [*self._graves, *self.loop.buried()]


def play(plan: Plan, server: str | None = None) -> Result:
    """One history in a folder of its own that is gone afterwards; ``server``: on PostgreSQL, the URL of one there.

    The dead are let go at one point: what their `finally` would still do finds a fence, and nobody listens.
    """
    home = str(SHM) if SHM.is_dir() else None
    graves: list[object] = []
    with _silence():
        try:
            # In the folder and by a name without it: what errors say of the record is part of the history.
            with tempfile.TemporaryDirectory(dir=home, prefix="ballast-") as folder, contextlib.chdir(folder):
                return _played(plan, Path(), graves, server)
        finally:
            _forget(graves)


def _played(plan: Plan, folder: Path, graves: list[object], url: str | None) -> Result:
    server = None if url is None else Server(url)
    made = History(plan, folder, server)
    under = simulated_disk if server is None else server.under
    with under(made.world.ask_disk):
        try:
            return made.run()
        finally:
            graves += made.bury()


def _forget(graves: list[object]) -> None:
    listening = sys.unraisablehook
    sys.unraisablehook = _deaf
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            graves.clear()
            gc.collect()
    finally:
        sys.unraisablehook = listening


def _deaf(_error: object) -> None:
    """The dead say nothing."""


@contextmanager
def _silence() -> Iterator[None]:
    """The daemon's log lines go nowhere, and nothing is collected but where we say."""
    before = structlog.get_config()
    gc.freeze()  # what was there before is not looked through when the dead are let go
    structlog.configure(processors=[_dropped], wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.unfreeze()
        if collecting:
            gc.enable()
        structlog.configure(**before)


def _dropped(_logger: object, _name: str, _event: object) -> NoReturn:
    raise structlog.DropEvent


@lru_cache(maxsize=SCENES)
def scene_of(number: int) -> Scene:
    """One of the markets; the same object again, since it is a function of time."""
    assets = settings_of(CYCLE_S, "cash").policy().assets
    symbols = frozenset(name for asset in assets for name in (spot_symbol(asset, "USDT"), swap_symbol(asset, "USDT")))
    return Stage(make_scene(scenario="random", seed=number, tape=None, start=None), symbols)


@lru_cache(maxsize=16)
def settings_of(cycle_s: int, portfolio: str) -> Settings:
    """A simulated portfolio's configuration."""
    return load_text(configuration(portfolio, cycle_s), {}, name="the simulated portfolio")


@lru_cache(maxsize=1)
def _empty_record() -> bytes:
    """A record with its tables and nothing in it, made by the product once."""
    with tempfile.TemporaryDirectory(prefix="ballast-") as folder:
        path = Path(folder) / "empty.sqlite"

        async def make() -> None:
            store = SqlStore(f"sqlite+aiosqlite:///{path}", lambda: HOST_START)
            await store.open(MINE, migrate=True)
            await store.close()

        with simulated_disk(lambda _operation: ""):
            SimLoop().run_until_complete(make())
        return path.read_bytes()


__all__ = ["History", "ProcessDied", "Result", "play", "scene_of", "settings_of"]
