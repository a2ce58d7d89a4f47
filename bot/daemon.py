"""Owns a running portfolio: schedule, signals, lease, kill watch, heartbeat, configuration. Decides nothing."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import structlog

from bot import __version__
from bot.clocks import host_utc_now
from bot.core.numbers import utc_text
from bot.core.orders import OrderState
from bot.core.plan_record import Plan
from bot.core.policy import Policy
from bot.core.snapshot import Kill
from bot.engine import starts, turns
from bot.engine.cycle import Engine, Outcome
from bot.engine.parts import Parts
from bot.engine.permit import SendPermit
from bot.engine.push import Listening
from bot.engine.record import alert_event
from bot.engine.sign_of_life import SignsOfLife
from bot.engine.status import NotedAlerts, standing_body
from bot.engine.stop import CANCELS, KillWatch
from bot.engine.tending import Tending
from bot.ports.alerts import Alerts, Delivery
from bot.ports.dead_man import DeadMan
from bot.ports.errors import Fenced, PortError, StoreAway, StoreError
from bot.ports.push import Push
from bot.ports.store import Identity, Run
from bot.settings import Settings
from bot.settings.watch import ConfigWatch
from bot.signals import heard
from bot.vitals import give_back_memory, memory_bytes

LOOK_EVERY_S = 0.5
LEASE_S = 15.0
RENEW_EVERY_S = 4.0
BEAT_EVERY_S = 1.0  # at most
PULSE_EVERY_S = 20.0  # and at least, whatever a cycle or a wait is doing
LEAVE_WITHIN_S = 15.0  # host seconds in which own orders are cancelled at the end; what is left is the next start's
END_WITHIN_S = 6.0  # of a cycle that is under way when the end is asked for
FAILURES_MAX = 5
OK, FAILED = 0, 1


@dataclass(slots=True)
class Body:
    """A portfolio as `bot.wiring` hands it over, its venue up; ``closed`` brings that down, ``finished`` is last."""

    parts: Parts
    identity: Identity
    run: Run
    settings: Settings
    holder: str
    closed: Callable[[], Awaitable[None]]
    finished: Callable[[], None] = lambda: None
    requests: Callable[[], Mapping[str, int]] = dict
    tended: Callable[[], Awaitable[None]] | None = None  # before each cycle: a foreign clock is measured again
    kept: Callable[[], Awaitable[None]] | None = None  # after each: what the venue asked of us outlives the process
    standing: str = ""  # why orders go nowhere, where they do
    starts_most: int | None = None  # that may end badly within ten minutes; None: any number
    clean: Callable[[str], str] = str  # takes secrets out of what is written down
    notes: Sequence[str] = ()  # what is to be said at the start
    daily: Callable[[Alerts], Coroutine[Any, Any, None]] | None = None  # tells what a day came to
    delivery: Callable[[], Delivery] | None = None  # of alerts, to people
    push: Push | None = None  # what may wake a cycle early
    dead_man: DeadMan | None = None  # cancels what rests at the venue once it no longer hears of us
    hears: bool = True  # signals; False: who runs several of them in one process hears for all
    confirms: bool = False  # whether an edit that raises risk waits for somebody's yes
    utc_now: Callable[[], datetime] = host_utc_now  # the wall clock that leases run by; it goes on in a sleep
    config_path: Path | None = None
    env: Mapping[str, str] = field(default_factory=dict)


class Daemon:
    """Runs one portfolio until a signal, a number of cycles or another leader ends it. `run` answers an exit code.

    ``on_cycle`` is told every decision and what became of it.
    """

    def __init__(self, body: Body, *, on_cycle: Callable[[Plan, Outcome], None] | None = None) -> None:
        self._body = body
        self._on_cycle = on_cycle
        self._alerts = NotedAlerts(body.parts.alerts, body.clean)
        self._parts = replace(body.parts, alerts=self._alerts)
        self._clock = body.parts.clock
        self._store = body.parts.store
        self._config = ConfigWatch(body.config_path, body.settings, body.env, confirms=body.confirms)
        self._edit_told = ""
        from_env = body.settings.origins.get("kill_switch", "").startswith("environment")
        self.kill = KillWatch(
            body.parts.controls,
            self._alerts,
            file=self._config.level,
            checks={"the configuration": self._config.check},
            environment=body.settings.kill_switch if from_env or body.config_path is None else "off",
            utc_now=body.utc_now,
        )
        self._held_until = 0.0
        self._held_to = datetime.max.replace(tzinfo=UTC)
        permit = SendPermit(self._level, self._lease_ends, self._clock, standing=body.standing, blocked=self._blocked)
        self.engine = Engine(self._parts, self.kill, permit)
        switch = body.dead_man
        self._signs = SignsOfLife(switch, self._store, self._clock, self._alerts) if switch else None
        self._tending = Tending(self.engine, self._clock)
        self._policy: Policy = body.settings.policy()
        self._log = structlog.get_logger("ballast")
        self._stop = asyncio.Event()
        self._early = asyncio.Event()
        self._fence = 0
        self._failures = 0
        self._faults = 0  # of them, what was not the record being away
        self._cycles = 0
        self._decisions = 0
        self._last: Outcome | None = None
        self._last_number: int | None = None
        self._beaten_at = -BEAT_EVERY_S
        self._alerts_told = 0
        self.fatal: PortError | None = None  # what ended it, where it was not asked to end
        self._started_at: datetime | None = None

    def stop(self) -> None:
        """Ask for a clean end: nothing more is sent, what is under way is finished and recorded."""
        self._stop.set()

    def halt(self) -> None:
        """A signal asks for a halt."""
        self.kill.set("halt", "signal", "SIGUSR1")

    async def run(self, cycles: int | None = None) -> int:
        """Open, lead, cycle, and let go of everything again; raises PortError when it cannot begin."""
        with heard(stop=self.stop, halt=self.halt) if self._body.hears else contextlib.nullcontext():
            try:
                await self._begin()
                await self._work(cycles)
                await self._ended_well()
            finally:
                await self._end()
        if self.fatal is not None:
            self._log.critical("stopped", why=str(self.fatal))
            return FAILED
        return OK

    # ---- begin and end

    async def _begin(self) -> None:
        give_back_memory()
        await self._store.open(self._body.identity, migrate=True)
        await self._take_lease()
        await self._store.start_run(self._body.run, self._fence)
        loaded = await self._store.load()
        self.engine.recorder.memory = loaded.memory
        self._decisions = (await self._parts.record.counts())["decisions"] if loaded.last_cycle_at else 0
        if loaded.last_cycle_at is not None:
            self._last_number = turns.last_turn(loaded.last_cycle_id, loaded.last_cycle_at, self._policy.cycle)
        await self._count_start()
        for note in self._body.notes:
            self._alerts.send("warning", note, key="start")
        await self.kill.look()
        self._log.info(
            "leads", portfolio=self._parts.portfolio, mode=self._parts.mode, venue=self._parts.venue,
            environment=self._parts.environment, fence=self._fence, unfinished=len(loaded.orders) + len(loaded.moves),
            kill=self.kill.level, version=__version__,
        )  # fmt: skip

    async def _count_start(self) -> None:
        """Freeze a bot that somebody starts again and again: what makes it end is no reason to trade."""
        if self._body.starts_most is None:
            return
        self._started_at = host_utc_now()
        count = await starts.begun(self._store.keep, self._started_at)
        if count > self._body.starts_most:
            minutes = starts.WITHIN // timedelta(minutes=1)
            self.kill.set("freeze", "crash loop", f"{count} starts within {minutes} min, each but this one ended badly")

    async def _ended_well(self) -> None:
        if self._started_at is not None and self.fatal is None:
            await starts.ended(self._store.keep, self._started_at)

    async def _take_lease(self) -> None:
        """Lead; where another holder's lease still runs, wait for it once to end (it may have died)."""
        until = self._clock.mono() + LEASE_S + 1
        while True:
            asked_at = self._asks()
            try:
                self._fence = await self._store.lead(self._body.holder, LEASE_S)
            except Fenced as fenced:
                if self._clock.mono() >= until or self._stop.is_set():
                    raise
                self._log.info("waits for the lease", why=str(fenced))
                await self._clock.sleep(1.0)
                continue
            self._held_until, self._held_to = asked_at
            self.engine.lead(self._fence)
            return

    def _asks(self) -> tuple[float, datetime]:
        """When a lease that is asked for now would end, by either clock of the host."""
        return self._clock.mono() + LEASE_S, self._body.utc_now() + timedelta(seconds=LEASE_S)

    def _lease_ends(self) -> float:
        """Host-monotonic second at which the lease ends; that clock stands while a machine sleeps, a lease runs on."""
        return self._held_until if self._body.utc_now() < self._held_to else 0.0

    async def _end(self) -> None:
        """Say the last word, give the lease back, close everything; what fails here must not hide why it ended."""
        steps = (
            self._leave,
            lambda: self._beat(force=True),
            self._body.closed,
            lambda: self._store.release(self._fence),
            self._store.close,
            self._parts.controls.close,
            self._parts.record.close,
        )
        for step in steps:
            try:
                await step()
            except (PortError, OSError) as error:
                self._log.warning("at the end", why=str(error))
        self._body.finished()

    # ---- the loop

    async def _work(self, cycles: int | None) -> None:
        watchers = [
            asyncio.create_task(self._watch(), name="kill watch"),
            asyncio.create_task(self._renew(), name="lease"),
            asyncio.create_task(self._pulse(), name="heartbeat"),
        ]
        if self._body.push is not None:
            listening = Listening(self._body.push, self._clock, self._alerts, self._early.set)
            watchers.append(asyncio.create_task(listening.run(), name="push"))
        if self._body.daily is not None:
            watchers.append(asyncio.create_task(self._body.daily(self._alerts), name="daily summary"))
        if self._signs is not None:
            watchers.append(asyncio.create_task(self._signs.run(), name="dead man"))
        try:
            while not self._stop.is_set() and (cycles is None or self._cycles < cycles):
                cycle_id = await self._wait_for_turn(watchers)
                if cycle_id is None:
                    break
                await self._one(cycle_id)
                await self._beat_again()
        finally:
            for task in watchers:
                task.cancel()
            await asyncio.gather(*watchers, return_exceptions=True)

    async def _wait_for_turn(self, watchers: list[asyncio.Task[None]]) -> str | None:
        """Sleep to the next cycle that has not run yet and answer its id; None when the end came first.

        A flatten does not wait for it (R-G1), nor what a stream heard: they get a cycle of their own.
        """
        number = self._number(self._clock.now())
        while self._last_number is not None and number <= self._last_number and not self._early.is_set():
            due = turns.due_at(self._last_number + 1, self._policy.cycle)
            due = min(due, await self._tending.due(self._policy, due))
            waits = [
                asyncio.create_task(self._clock.until(due)),
                asyncio.create_task(self._stop.wait()),
                asyncio.create_task(self._early.wait()),
            ]
            await asyncio.wait({*waits, *watchers}, return_when=asyncio.FIRST_COMPLETED)
            for task in waits:
                task.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
            if self._stop.is_set():
                return None
            self._check(watchers)
            number = self._number(self._clock.now())
        self._check(watchers)
        early = self._last_number is not None and number <= self._last_number
        self._early.clear()
        self._last_number = number if self._last_number is None else max(number, self._last_number)
        cycle_id = turns.named(self._last_number, self._policy.cycle, self._clock.now() if early else None)
        return None if self._stop.is_set() else cycle_id

    async def _leave(self) -> None:
        """Nothing of ours stays in a book that nobody watches (R-G1)."""
        leads = bool(self._fence) and not isinstance(self.fatal, Fenced)  # who never led leaves the leader's alone
        async with asyncio.timeout(LEAVE_WITHIN_S):
            await self.engine.leave(leads=leads)
            if self._signs is not None:
                await self._signs.end(leads=leads)

    def _check(self, watchers: list[asyncio.Task[None]]) -> None:
        """A watcher that ended is a deaf daemon: what ended it comes out here."""
        for task in watchers:
            if task.done():
                task.result()

    def _number(self, at: datetime) -> int:
        return turns.turn_at(at, self._policy.cycle)

    async def _one(self, cycle_id: str) -> None:
        """One cycle; the end asked for meanwhile gives it a few seconds. The program's only catch-all stands here."""
        self._take_configuration()
        started = self._clock.mono()
        task = asyncio.create_task(self._cycle(cycle_id))
        stopping = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                await asyncio.wait({task}, timeout=END_WITHIN_S)
            if not task.done():
                task.cancel()
            self._last = await task
            self._failures = self._faults = 0
        except Fenced as fenced:
            self.fatal = fenced
            self._stop.set()
            return
        except asyncio.CancelledError:
            if not self._stop.is_set():
                raise
            self._log.warning("cycle cut off", cycle=cycle_id)
            return
        except Exception as error:  # noqa: BLE001 - the last resort of a program that must not die of one bad cycle
            self._failed(cycle_id, error)
            return
        finally:
            stopping.cancel()
            self._cycles += 1
        self._tell(self._last, self._clock.mono() - started)

    async def _cycle(self, cycle_id: str) -> Outcome:
        if self._body.tended is not None:
            await self._body.tended()
        try:
            return await self.engine.cycle(cycle_id, self._policy)
        finally:
            if self._body.kept is not None:
                await self._body.kept()

    def _failed(self, cycle_id: str, error: Exception) -> None:
        self._failures += 1
        self._log.error("cycle failed", cycle=cycle_id, in_a_row=self._failures, exc_info=error)
        text = f"cycle {cycle_id} failed: {type(error).__name__}: {error}"
        self._alerts.send("critical", text, key="cycle failed")
        if isinstance(error, StoreAway):
            return  # nothing is sent without the record, and it comes back by itself: nobody must resume from that
        self._faults += 1
        if self._faults == FAILURES_MAX:
            self.kill.set("halt", "daemon", f"{FAILURES_MAX} cycles in a row failed; last: {error}")

    def _tell(self, outcome: Outcome, took_s: float) -> None:
        plan = outcome.plan
        self._decisions += 1
        self._log.info(
            "cycle", cycle=outcome.cycle_id, decision=plan.decision_id, at=utc_text(plan.at),
            equity=None if plan.assessment.equity is None else f"{plan.assessment.equity:.2f}",
            actions=len(plan.actions), blocked=len(plan.blocked), holds=len(plan.holds), sent=len(outcome.sent),
            filled=sum(bool(item.filled) for item in outcome.sent), unknown=outcome.count(OrderState.UNKNOWN),
            denied=outcome.count(OrderState.DENIED), gaps=len(outcome.snapshot.gaps), kill=self.kill.level,
            clock_ms=self.engine.guard.skew.offset_ms, ms=round(took_s * 1000),
        )  # fmt: skip
        if self._on_cycle is not None:
            self._on_cycle(plan, outcome)

    # ---- watchers

    def _blocked(self) -> str:
        return self.engine.guard.skew.blocked or self.kill.unseen

    def _level(self) -> Kill:
        """What the permit asks: once the end is asked for, nothing new leaves."""
        return "halt" if self._stop.is_set() else self.kill.level

    async def _watch(self) -> None:
        """Look at every source of the kill level; a halt cancels own orders at once, whatever a cycle is doing."""
        while True:
            await self.kill.look()
            if self.kill.rose.is_set():
                self.kill.rose.clear()
                await self._cancel_if_told()
            # Not `wait_for`: before Python 3.12 it swallows a cancellation that meets the event.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self.kill.rose.wait()

    async def _cancel_if_told(self) -> None:
        if self.kill.level not in CANCELS:
            return
        if self.kill.level == "flatten":
            self._early.set()
        try:
            asked = await self.engine.cancel_own()
        except Fenced:
            raise
        except PortError as error:
            self._alerts.send("critical", f"open orders could not be cancelled: {error}", key="cancel")
        else:
            self._log.warning("own orders cancelled", asked=asked, kill=self.kill.level)

    async def _renew(self) -> None:
        """Keep the lease; the permit stops by itself when it has run out."""
        while True:
            await self._clock.sleep(RENEW_EVERY_S)
            asked_at = self._asks()
            try:
                fence = await self._store.lead(self._body.holder, LEASE_S)
            except Fenced as fenced:
                self.fatal = fenced
                self._held_until = 0.0
                self._stop.set()
                return
            except StoreError as error:
                self._alerts.send("warning", f"the lease could not be renewed: {error}", key="lease")
                continue
            if fence != self._fence:
                self.fatal = Fenced(f"the lease was lost and taken again: fence {self._fence} became {fence}")
                self._stop.set()
                return
            self._held_until, self._held_to = asked_at

    async def _pulse(self) -> None:
        """Beat while nothing else does, so that silence means a dead process."""
        while True:
            await self._clock.sleep(PULSE_EVERY_S)
            if self._last is not None:
                self.engine.guard.exposed(self._last.snapshot.positions)
            await self._beat_again()

    async def _beat_again(self) -> None:
        """A beat that fails is the next one's to make good; it must not end the daemon (L6)."""
        try:
            await self._beat()
        except Fenced:
            raise
        except StoreError as error:
            self._log.warning("no heartbeat", why=str(error))

    # ---- configuration and heartbeat

    def _take_configuration(self) -> None:
        """At a cycle's boundary: the new policy; what a running bot cannot take over stays as it was and is named."""
        taken = self._config.take(self.engine.requests.accepted)
        self._tell_edit()
        if taken is None:
            return
        fresh, fixed = taken
        before, wanted = self._policy, fresh.policy()
        kept = {name: getattr(before, name) for name in ("futures", "margin_mode", "aliases")}
        self._policy = Policy.model_validate({name: getattr(wanted, name) for name in Policy.model_fields} | kept)
        if fixed:
            self._alerts.send("warning", f"needs a restart to take effect: {', '.join(fixed)}", key="restart")
        if self._policy.cycle != before.cycle:
            self._last_number = self._number(self._clock.now())
        self._alerts.send("info", "the configuration was changed and is in force", key="configuration")

    def _tell_edit(self) -> None:
        edit = self._config.waiting
        if edit is None or edit.id == self._edit_told:
            return
        self._edit_told = edit.id
        text = f"the edited configuration raises risk and waits for a yes: {'; '.join(edit.raises)}"
        self._alerts.send("warning", f"{text}. What was before stays in force; `ballast accept` shows it", key="edit")

    async def _beat(self, *, force: bool = False) -> None:
        """Say how things stand, at most once a second, and record the alerts since."""
        now = self._clock.mono()
        if not self._fence or (not force and now - self._beaten_at < BEAT_EVERY_S):
            return
        self._beaten_at = now
        batch, self._alerts.waiting = self._alerts.waiting, []
        at = self._clock.now()
        made = []
        for level, text in batch:
            self._alerts_told += 1
            made.append(alert_event(level, text, at, self._alerts_told))
        try:
            await self.engine.recorder.append(made)
            await self._store.beat(await self._status(), self._fence)
        except StoreError:
            self._alerts.waiting = [*batch, *self._alerts.waiting]
            raise

    async def _status(self) -> dict[str, Any]:
        last = self._last.plan if self._last else None
        return {
            **await standing_body(self._parts, last, self.kill.standing),
            "cycles": self._cycles,
            "decisions": self._decisions,
            "version": __version__,
            "requests": dict(self._body.requests()),
            "failures": self._failures,
            "memory_bytes": memory_bytes(),
            "edit": asdict(self._config.waiting) if self._config.waiting else None,
            "clock_offset_ms": self.engine.guard.skew.offset_ms,
            "alerts": asdict(self._body.delivery()) if self._body.delivery else None,
            "beat_at": utc_text(host_utc_now()),
        }
