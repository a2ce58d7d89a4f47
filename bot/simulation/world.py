"""Owns one simulated world: exchange, time, record, what is in force against them, the processes that live in it."""

from __future__ import annotations

import heapq
import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Literal, cast

from bot.core.numbers import ZERO, utc_text
from bot.core.plan_record import Plan as Decision
from bot.daemon import Body, Daemon
from bot.engine.cycle import Outcome
from bot.engine.parts import Parts
from bot.ports.store import Identity, Run
from bot.settings import Settings
from bot.simulation.beliefs import Beliefs, WatchedStore
from bot.simulation.disk import plain_connection
from bot.simulation.eyes import Eyes
from bot.simulation.faults import Fault, Plan
from bot.simulation.ledger import Seen
from bot.simulation.loop import Process, SimLoop
from bot.simulation.outsider import Outsider
from bot.simulation.portfolios import PORTFOLIOS
from bot.simulation.server import Server
from bot.simulation.venue import FaultyVenue
from bot.simulation.venue_time import ProcessClock, TrueClock, WorldTime
from bot.store.sql import SqlControls, SqlRecord
from bot.venues.simulated.exchange import Exchange
from bot.venues.simulated.scene import Scene
from bot.venues.simulated.venue import SimulatedVenue

MINE = Identity("main", "paper", "binance", "local")
TWICE = "holds this already"  # the store's words for what was written once
#: What a port may raise and a cycle may fail with.
FAIL_A_CYCLE = frozenset({"StoreAway", "StoreError", "Transient", "RateLimited", "Unauthorized", "Malformed"})


class Heard:
    """`bot.ports.alerts.Alerts` that only counts: by level and the first words."""

    def __init__(self, seen: Seen, process: Process, is_quiet: Callable[[], bool]) -> None:
        self._seen = seen
        self._process = process
        self._is_quiet = is_quiet

    def send(self, level: Literal["info", "warning", "critical"], text: str, *, key: str = "") -> None:
        """Count it; why a cycle failed is looked at, since a port's error may fail one and nothing else may."""
        if not self._process.alive:
            return
        self._seen.alerts[f"{level} {key.partition(':')[0]}"] += 1
        if key == "cycle failed":
            why = text.partition(" failed: ")[2]
            self._seen.alerts[f"failed {why[:200]}"] += 1
            if why.partition(":")[0] not in FAIL_A_CYCLE:
                self._seen.violated(f"L6 a cycle failed with {why[:300]}")
            elif TWICE in why:
                self._seen.violated(f"I12 a cycle failed for what the record had of it: {why[:300]}")
            elif self._is_quiet():
                self._seen.violated(f"L6 a cycle failed while all was well: {why[:300]}")


class World:
    """One history's world. ``ask`` says what fault strikes an operation; after `heal` none does."""

    def __init__(self, plan: Plan, loop: SimLoop, scene: Scene, settings: Settings, record: Path | Server) -> None:
        self.plan = plan
        self.loop = loop
        self.settings = settings
        self.random = Random(f"world {plan.seed}")  # noqa: S311 - a seed is meant to be replayed
        self._latency = Random(f"latency {plan.seed}")  # noqa: S311 - the same
        speed = plan.cycle_s / (0.25 * 10 ** self.random.uniform(0, 1))
        self.time = WorldTime(loop, scene.start, speed)
        opening = {asset: Decimal(amount) for asset, amount in PORTFOLIOS[plan.portfolio].coins.items()}
        self.exchange = Exchange(scene, opening=opening)
        self.listed = dict(scene.markets())  # filters as they were; changed ones are multiples of these
        self.venue = SimulatedVenue(self.exchange, TrueClock(self.time, loop))
        self.symbols = sorted(f"{asset}/USDT" for asset in settings.policy().assets)
        self.floor = settings.policy().targets.stables.floor
        self.seen = Seen()
        looked = plain_connection(record) if isinstance(record, Path) else cast("sqlite3.Connection", record)
        self.record = looked  # a server's answers as a connection does
        self.url = f"sqlite+aiosqlite:///{record}" if isinstance(record, Path) else record.url
        self.eyes = Eyes(self, self.record)
        self.beliefs = Beliefs(self.seen)
        self.outsider = Outsider(self)
        self.healed = False
        self.healed_at = self.time.now()
        self.out_until = self.time.now()
        self.shaken_until = self.time.now()  # a crash or a lost peg may come between a decision and its orders
        self.banned_until = self.time.now()
        self.taken = ZERO  # stables that others spent or took out so far: no order of ours did
        self.unanswered_until_s = 0.0  # host time: what became of a request that is struck is known only then
        self.veils: dict[str, tuple[str, datetime]] = {}
        self.refused: set[str] = set()  # orders that the venue refused without our hearing of it
        self.forgotten: set[str] = set()  # ended orders that the venue tells no more by name; their trades it does
        self.expired: set[str] = set()  # orders that the venue let expire by itself
        self._counted: Counter[tuple[str, str]] = Counter()
        self._faults = {(each.component, each.operation, each.nth): each for each in plan.faults}
        self._lasting: dict[tuple[str, str], tuple[Fault, int]] = {}
        self._later: list[tuple[datetime, int, Callable[[], object]]] = []
        self._serial = 0
        self.clocks: dict[str, ProcessClock] = {}
        self.on_time: Callable[[datetime], None] = lambda _now: None
        self.decided: list[datetime] = []  # in the quiet time
        self.cycled: set[str] = set()  # processes that came as far as a cycle

    # ---- what strikes when

    def ask(self, component: str, operation: str) -> Fault | None:
        """Count an operation; the fault that strikes it, or None."""
        key = (component, operation)
        self._counted[key] += 1
        if self.healed:
            return None
        known = self._lasting.get(key)
        if known is not None:
            fault, left = known
            if left > 1:
                self._lasting[key] = (fault, left - 1)
            else:
                del self._lasting[key]
            return fault
        struck = self._faults.get((component, operation, self._counted[key]))
        if struck is not None and struck.kind in LASTING:
            times = int(struck.size)
            if times > 1:
                self._lasting[key] = (struck, times - 1)
        return struck

    def calls(self) -> Counter[str]:
        """How often each operation came so far."""
        return Counter({f"{component}.{operation}": count for (component, operation), count in self._counted.items()})

    def ask_disk(self, operation: str) -> str:
        """The fault that strikes a transaction."""
        fault = self.ask("store", operation)
        if fault is None:
            return ""
        self.seen.bit(fault.kind)
        self.outsider.death_lasts(fault.size)
        return fault.kind

    def latency_s(self) -> float:
        """How long the wire takes: mostly milliseconds, sometimes a fifth of a second."""
        return float(10 ** self._latency.uniform(-3, -0.7))

    def skewed_by(self) -> timedelta:
        """The most any process' clock is behind: deadlines are kept by its own clock."""
        return max((-clock.skew for clock in self.clocks.values()), default=timedelta(0))

    def heal(self) -> None:
        """From here on nothing goes wrong any more; what is in force is lifted."""
        self.healed, self.healed_at = True, self.time.now()
        self._lasting.clear()
        self.veils.clear()
        self.out_until = self.banned_until = self.time.now()
        for clock in self.clocks.values():
            clock.skew = timedelta(0)
        self.outsider.lift()

    # ---- what is in force

    def is_out(self) -> bool:
        """Whether the venue cannot be reached."""
        return self.time.now() < self.out_until

    def is_banned(self) -> bool:
        """Whether the venue does not talk to us."""
        return self.time.now() < self.banned_until

    def goes_out(self, seconds: float) -> None:
        """The venue cannot be reached for a while."""
        self.out_until = max(self.out_until, self.time.now() + timedelta(seconds=seconds))

    def unanswered(self, seconds: float) -> None:
        """An order or a cancel is struck; whoever sent it hears so after a while, a client's time-out at most."""
        self.unanswered_until_s = max(self.unanswered_until_s, self.loop.time() + min(seconds, 60.0))

    def bans(self, seconds: float) -> None:
        """The venue bans us for a while."""
        self.banned_until = max(self.banned_until, self.time.now() + timedelta(seconds=seconds))

    def veil(self, client_id: str, kind: str, seconds: float) -> None:
        """An order's trades, or all of it, show later."""
        self.veils[client_id] = (kind, self.time.now() + timedelta(seconds=seconds))

    def veiled_as(self, client_id: str) -> str:
        """In which way an order does not show yet; empty where it does."""
        kind, until = self.veils.get(client_id, ("", self.time.now()))
        return kind if self.time.now() < until else ""

    def hides_trades(self, client_id: str) -> bool:
        """Whether an order's trades are not in any list yet: those of one that was hidden come later than itself."""
        kind, until = self.veils.get(client_id, ("", self.time.now()))
        return bool(kind) and self.time.now() < until + (TRADES_LATER if kind == "hidden" else timedelta(0))

    # ---- what comes to pass by venue time

    def later(self, seconds: float, what: Callable[[], object]) -> None:
        """Do it that many venue seconds from now."""
        self._serial += 1
        heapq.heappush(self._later, (self.time.now() + timedelta(seconds=seconds), self._serial, what))

    def come(self) -> None:
        """Bring the exchange to now, through everything that was due on the way."""
        now = self.time.now()
        while self._later and self._later[0][0] <= now:
            at, _, what = heapq.heappop(self._later)
            self.exchange.advance(at)
            what()
        self.exchange.advance(now)
        self.on_time(now)

    def cycle_begins(self) -> None:
        """A cycle of the daemon reads the world."""
        self.come()
        self.outside("cycle")

    def outside(self, operation: str) -> None:
        """What people and markets do at this moment."""
        fault = self.ask("world", operation)
        if fault is not None:
            before = self.eyes.cash()
            self.outsider.does(fault)
            self.taken += max(ZERO, before - self.eyes.cash())

    # ---- processes

    def _is_quiet(self) -> bool:
        """Whether nothing was wrong for a whole cycle: what was under way as the faults ended has ended too."""
        return self.healed and self.time.now() - self.healed_at >= timedelta(seconds=self.plan.cycle_s)

    def daemon(self, process: Process, holder: str) -> Daemon:
        """The whole daemon as this process would run it; nothing of it is simulated but the ports."""
        clock = ProcessClock(self.time, self.loop, process)
        self.clocks[process.name] = clock
        venue = FaultyVenue(self, process)
        utc_now = self.time.host_now
        settings, url = self.settings, self.url
        store = WatchedStore(url, utc_now, self.record, self.seen)
        parts = Parts(
            mode=MINE.mode, portfolio=MINE.portfolio, venue=MINE.venue, environment=MINE.environment,
            market=venue, account=venue, broker=venue, transfers=venue, store=store,
            controls=SqlControls(url, MINE, utc_now), record=SqlRecord(url, MINE), clock=clock,
            alerts=Heard(self.seen, process, self._is_quiet), feeds=venue, savings=venue, keep=store.keep, adopts=True,
        )  # fmt: skip
        run = Run("simulated", {}, "{}", "simulated")
        body = Body(parts, MINE, run, settings, holder, venue.close, utc_now=utc_now)
        self.seen.starts += 1

        def told(plan: Decision, outcome: Outcome) -> None:
            del outcome
            process.must_live()
            self.seen.cycles += 1
            self.beliefs.decided(process.name, plan)
            self.cycled.add(process.name)
            if self.healed:
                self.decided.append(plan.at)

        return Daemon(body, on_cycle=told)

    def request(self, what: str, value: str, why: str) -> None:
        """An operator's request, from another process; while the record is locked he tries again."""
        try:
            self.record.execute(
                "INSERT INTO controls (book_id, at, what, value, who, why) SELECT id, ?, ?, ?, 'operator', ? "
                "FROM portfolios",
                (self.time.host_now().strftime("%Y-%m-%dT%H:%M:%S.%fZ"), what, value, why),
            )
        except sqlite3.OperationalError:
            self.later(1.0, lambda: self.request(what, value, why))


TRADES_LATER = timedelta(minutes=90)
LASTING = frozenset(
    {
        "cancel_fails",
        "stale_view",
        "stale_balances",
        "empty_balances",
        "zero_balances",
        "funding_unknown",
        "locked",
        "full_before",
        "io_error",
    }
)


def wealth(exchange: Exchange) -> Mapping[str, Decimal]:
    """Spot coins by asset, for whoever acts on the account by hand."""
    return {asset: held.free for asset, held in exchange.balances().items()}


def described(world: World) -> str:
    """The world's end as text, for the digest: the same history gives the same text."""
    creates = [[each.client_id, str(each.qty), utc_text(each.arrived), each.accepted] for each in world.seen.creates]
    return json.dumps([creates, world.exchange.dump().decode(), world.seen.cycles, world.seen.starts], sort_keys=True)
