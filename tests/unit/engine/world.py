"""Owns a small world for the effects: the simulated exchange at a price that stands still, the record in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

from bot.clocks import StepClock, host_utc_now
from bot.core.events import Event
from bot.core.orders import Fill, MoveIntent, OrderIntent, OrderState, OrderView, Placed
from bot.core.policy import Policy
from bot.core.snapshot import Book, Kill
from bot.engine.cycle import Engine, Outcome
from bot.engine.parts import VISIBLE_WITHIN, Parts
from bot.engine.permit import SendPermit
from bot.engine.stop import KillWatch
from bot.ports.errors import Rejected, StoreAway, Transient
from bot.ports.store import Identity, OrderRow
from bot.ports.venue import Gap, Permit
from bot.store.memory import MemoryControls, MemoryDatabase, MemoryRecord, MemoryStore
from bot.venues.simulated.exchange import Exchange
from bot.venues.simulated.mapping import request_of
from bot.venues.simulated.venue import SimulatedVenue
from tests.builders import a_policy
from tests.unit.venues.simulated.scenes import START, StillScene

D = Decimal
CYCLE = timedelta(minutes=10)
MINE = Identity("main", "paper", "binance", "local")
OPENING = {"USDT": D(40_000), "BTC": D(600)}


@dataclass
class FakeAlerts:
    """Keeps what was told."""

    told: list[tuple[str, str]] = field(default_factory=list)

    def send(self, level: Literal["info", "warning", "critical"], text: str, *, key: str = "") -> None:
        self.told.append((level, text))

    @property
    def texts(self) -> str:
        return "\n".join(text for _, text in self.told)


class ProcessEnded(BaseException):
    """The process is gone: nothing catches it."""


class BrittleStore(MemoryStore):
    """The record of a process that ends before it can commit an event of kind ``ends_at``.

    Of kind ``fails_at`` it commits none, and the process goes on.
    """

    ends_at = ""
    fails_at = ""

    async def append(self, events: Sequence[Event], fence: int) -> None:
        if any(event.kind == self.fails_at for event in events):
            raise StoreAway("the disk is full")
        if any(event.kind == self.ends_at for event in events):
            raise ProcessEnded
        await super().append(events, fence)


class FlakyVenue(SimulatedVenue):
    """The simulated venue over a bad line. ``answers``: what happens to each `place`, in order; then all goes well.

    `lost`: it arrives and its answer does not; `never`: it does not arrive; `refused`: the venue says no; `rests`: it
    stays in the book, where it can be cancelled; `missed`: it is taken, and ends without a fill; `raises`: the adapter
    gives up; `exists`: it arrives and is told as known before.
    """

    def __init__(self, exchange: Exchange, clock: StepClock) -> None:
        super().__init__(exchange, clock)
        self.answers: list[Literal["ok", "lost", "never", "refused", "rests", "missed", "raises", "exists"]] = []
        self.transfers_answer: list[Literal["ok", "lost", "late", "refused", "raises", "denied", "ends"]] = []
        self.moves_seen: list[Placed | Gap] = []  # what `find_move` answers, in order; then what is true
        self.unprepared = ""  # why leverage cannot be set
        self.forgets: set[str] = set()  # client ids that no list shows any more
        self.lists_gap = False  # whether open orders cannot be listed
        self.trades_gap = False  # whether trades cannot be listed
        self.shows: OrderIntent | None = None  # listed as open, whatever is true
        self.blind = False  # whether `find` can be answered
        self.hides_trades = False  # whether its list of trades lags behind
        self.keeps = False  # whether a cancel gets lost
        self.shrugs = False  # whether it is taken and not acted upon yet
        self.before_place: Callable[[OrderIntent], None] = lambda _intent: None
        self.after_place: Callable[[OrderIntent], None] = lambda _intent: None
        self.placed: list[OrderIntent] = []
        self.booked: list[str] = []  # symbols whose book was asked for

    async def place(self, intent: OrderIntent, permit: Permit) -> tuple[Placed, OrderView | None, str]:
        self.before_place(intent)
        how = self.answers.pop(0) if self.answers else "ok"
        if how == "never":
            permit(intent)
            return Placed.UNKNOWN, None, "timed out"
        if how == "raises":
            permit(intent)
            raise Transient("the adapter gave up")
        if how == "refused":
            permit(intent)
            return Placed.REJECTED, None, "-2010: the venue said no"
        if how in ("rests", "missed"):
            intent = replace(intent, tif="gtc" if how == "rests" else "ioc", price=D(150))
            self._exchange.place(request_of(intent))
            return Placed.ACCEPTED, None, ""
        answer = await super().place(intent, permit)
        self.after_place(intent)
        if answer[0] != Placed.DENIED:
            self.placed.append(intent)
        if how == "exists":
            return Placed.EXISTS, None, "sent before"
        return (Placed.UNKNOWN, None, "timed out") if how == "lost" else answer

    async def book(self, symbol: str, depth: int) -> Book | Gap:
        self.booked.append(symbol)
        return await super().book(symbol, depth)

    async def fills(self, symbol: str, since: datetime) -> Sequence[Fill] | Gap:
        if self.trades_gap:
            return Gap(f"fills {symbol}", "timed out")
        return [] if self.hides_trades else await super().fills(symbol, since)

    async def cancel(self, intent: OrderIntent) -> OrderView | Gap:
        if self.shrugs:
            found = await super().find(intent)
            return found if found is not None else Gap("order", "no such order")
        return Gap("order", "timed out") if self.keeps else await super().cancel(intent)

    async def find(self, intent: OrderIntent) -> OrderView | Gap | None:
        if intent.client_id in self.forgets:
            return None
        return Gap("order", "timed out") if self.blind else await super().find(intent)

    async def open_orders(self, symbols: Sequence[str]) -> Sequence[OrderView] | Gap:
        if self.lists_gap:
            return Gap("open orders", "timed out")
        if self.shows is not None:
            return [OrderView(self.shows.client_id, "1", OrderState.OPEN, D(0), None, self.shows.symbol)]
        found = await super().open_orders(symbols)
        return found if isinstance(found, Gap) else [view for view in found if view.client_id not in self.forgets]

    async def prepare(self, symbol: str, leverage: Decimal, margin: Literal["cross", "isolated"]) -> None:
        if self.unprepared:
            raise Rejected(self.unprepared)
        await super().prepare(symbol, leverage, margin)

    async def move(self, intent: MoveIntent, permit: Permit) -> tuple[Placed, str]:
        how = self.transfers_answer.pop(0) if self.transfers_answer else "ok"
        if how == "refused":
            return Placed.REJECTED, "not enough"
        if how == "denied":
            return Placed.DENIED, "not now"
        if how == "raises":
            raise Transient("the adapter gave up")
        if how == "ends":
            raise ProcessEnded
        if how == "late":
            permit(intent)
            return Placed.ACCEPTED, ""
        answer = await super().move(intent, permit)
        return (Placed.UNKNOWN, "timed out") if how == "lost" else answer

    async def find_move(self, intent: MoveIntent) -> Placed | Gap:
        return self.moves_seen.pop(0) if self.moves_seen else await super().find_move(intent)


@dataclass
class World:
    """One portfolio on one exchange; `restarted` is the next process on the same record and account."""

    scene: StillScene
    clock: StepClock
    exchange: Exchange
    venue: FlakyVenue
    database: MemoryDatabase
    policy: Policy
    store: BrittleStore
    record: MemoryRecord
    controls: MemoryControls
    alerts: FakeAlerts
    kill: KillWatch
    engine: Engine
    parts: Parts
    adopts: bool = True
    standing: str = ""
    file: list[Kill] = field(default_factory=lambda: ["off"])
    number: int = 0

    async def cycle(self, *, later: timedelta = CYCLE) -> Outcome:
        """Let time pass, then run one cycle."""
        if self.number:
            await self.clock.until(self.clock.now() + later)
        self.number += 1
        return await self.engine.cycle(f"c{self.number}", self.policy)

    async def orders(self) -> dict[str, list[OrderRow]]:
        """All recorded orders by symbol, oldest first."""
        made: dict[str, list[OrderRow]] = {}
        for row in await self.store.orders(unfinished=False):
            made.setdefault(row.intent.symbol, []).append(row)
        return made

    async def kinds(self) -> list[str]:
        return [event.kind async for event in self.record.events()]

    async def bodies(self, kind: str) -> list[dict[str, object]]:
        return [dict(event.body) async for event in self.record.events() if event.kind == kind]

    def held(self, asset: str = "BTC") -> Decimal:
        balance = self.exchange.balances()[asset]
        return balance.free + balance.locked

    def short(self) -> Decimal:
        return sum((-position.quantity for position in self.exchange.positions()), D(0))

    async def restarted(self) -> World:
        """Another process: nothing but the record and the venue is left of the first."""
        made = await a_world(
            scene=self.scene, exchange=self.exchange, clock=self.clock, database=self.database, policy=self.policy,
            adopts=self.adopts,
        )  # fmt: skip
        made.number = self.number
        return made


async def a_world(
    *,
    policy: Policy | None = None,
    scene: StillScene | None = None,
    exchange: Exchange | None = None,
    clock: StepClock | None = None,
    database: MemoryDatabase | None = None,
    opening: dict[str, Decimal] | None = None,
    futures: str = "5000",
    adopts: bool = True,
    standing: str = "",
    environment: Kill = "off",
    visible_within: timedelta = VISIBLE_WITHIN,
) -> World:
    """60 % BTC where half is wanted, margin in place, deep books."""
    scene = scene or StillScene(depth=D(100_000), spread=D("0.02"))
    clock = clock or StepClock(START)
    if exchange is None:
        exchange = Exchange(scene, opening=OPENING if opening is None else opening)
        if D(futures):
            exchange.transfer("USDT", D(futures), "spot", "futures", client_id="opening")
    venue = FlakyVenue(exchange, clock)
    database = database or MemoryDatabase()
    store, record = BrittleStore(database, host_utc_now), MemoryRecord(database, MINE)
    controls, alerts = MemoryControls(database, MINE, host_utc_now), FakeAlerts()
    await store.open(MINE, migrate=True)
    fence = await store.lead("here", 3_600)
    parts = Parts(
        mode="paper", portfolio="main", venue="binance", environment="local", market=venue, account=venue,
        broker=venue, transfers=venue, store=store, controls=controls, record=record, clock=clock, alerts=alerts,
        adopts=adopts, feeds=venue, savings=venue, keep=store.keep, visible_within=visible_within,
    )  # fmt: skip
    file: list[Kill] = ["off"]
    kill = KillWatch(controls, alerts, file=lambda: file[0], environment=environment)
    engine = Engine(parts, kill, SendPermit(lambda: kill.level, lambda: float("inf"), clock, standing=standing))
    engine.lead(fence)
    return World(
        scene, clock, exchange, venue, database, policy or a_policy(), store, record, controls, alerts, kill, engine,
        parts, adopts, standing, file,
    )  # fmt: skip


def bought_and_sold(intents: Sequence[OrderIntent]) -> list[tuple[str, str]]:
    return [(intent.symbol, "buy" if intent.qty > 0 else "sell") for intent in intents]
