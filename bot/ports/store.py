"""Owns the Protocols of the record: the leader's store, the operators' controls, the readers' record."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from bot.core.events import Event
from bot.core.memory import Memory
from bot.core.orders import MoveIntent, OrderIntent, OrderState
from bot.core.plan_record import Plan
from bot.core.policy import Policy
from bot.core.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose record this is: a store made for another one is refused."""

    portfolio: str
    mode: str
    venue: str
    environment: str
    account: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """One process' life: what ran, on what."""

    version: str
    fingerprint: Mapping[str, str]  # python, numpy, TA-Lib, CPU features
    config: str  # the effective configuration as canonical JSON, without secrets
    config_hash: str


@dataclass(frozen=True, slots=True)
class OrderRow:
    """An order as recorded: the intent, where it stands, what filled (unsigned base units, from booked fills)."""

    intent: OrderIntent
    state: OrderState
    filled: Decimal
    created_at: datetime
    submitted_at: datetime | None = None
    sent_qty: Decimal | None = None  # signed, as really sent: at most the intent's
    price_avg: Decimal | None = None
    venue_id: str | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class MoveRow:
    """A transfer as recorded."""

    intent: MoveIntent
    state: OrderState
    created_at: datetime
    why: str = ""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a start finds: folded memory, unfinished work, when the last cycle decided and how it is called."""

    memory: Memory
    orders: Sequence[OrderRow]
    moves: Sequence[MoveRow]
    last_cycle_at: datetime | None
    kill: ControlRow | None = None
    last_cycle_id: str = ""


@dataclass(frozen=True, slots=True)
class ControlRow:
    """One operator request: ``what`` is kill (value off, freeze, halt or flatten), resume, adopt, rearm and so on."""

    id: int
    at: datetime  # host time of insertion, UTC
    what: str
    value: str
    who: str
    why: str


@dataclass(frozen=True, slots=True)
class DecisionRow:
    """One recorded decision: the plan's JSON text as recorded, and where its parts are."""

    number: int  # grows by one
    decision_id: str
    cycle_id: str
    at: datetime
    version: str
    config_hash: str
    plan_json: str
    outcome: str  # hold | actions | blocked
    mode: str = ""
    summary: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AlertRow:
    """One alert as recorded. ``number`` grows; ``at`` is venue time."""

    number: int
    at: datetime
    level: str
    text: str


class Store(Protocol):
    """The leader's handle; sole writer of all but controls. Every write checks the fence in its own transaction."""

    async def open(self, identity: Identity, *, migrate: bool) -> None:
        """Connect, bring the schema up (refused while an intent is unfinished), bind or check the identity."""
        ...

    async def close(self) -> None:
        """Let go; safe to call twice."""
        ...

    async def lead(self, holder: str, ttl_s: float) -> int:
        """Take or renew the lease and return its fencing number; raises Fenced while another holds it."""
        ...

    async def release(self, fence: int) -> None:
        """Give the lease back."""
        ...

    async def start_run(self, run: Run, fence: int) -> None:
        """Record this process' life and its configuration by hash."""
        ...

    async def load(self) -> Loaded:
        """Folded memory, unfinished orders and moves, the last cycle."""
        ...

    async def begin(
        self,
        cycle_id: str,
        snapshot: Snapshot,
        policy: Policy,
        plan: Plan,
        intents: Sequence[OrderIntent],
        moves: Sequence[MoveIntent],
        fence: int,
    ) -> None:
        """Commit decision, snapshot (bars once), policy, plan, its events, order and move intents: one transaction."""
        ...

    async def append(self, events: Sequence[Event], fence: int) -> None:
        """Commit events in one transaction, idempotent by key.

        Kinds the record also tabulates:
        `order.submitted` {client_id, qty, wish}, `order.state` {client_id, state, why, venue_id?, price_avg?},
        `fill` {client_id, trade_id, symbol, qty, price, fee, fee_asset, fee_value, equity, asset, purpose, …},
        `move.state` {client_id, state, why}, `funding`, `flow`, `alert` {level, text}; others are kept as events only.
        """
        ...

    async def memory(self) -> Memory:
        """The memory as folded from all committed events."""
        ...

    async def orders(self, *, unfinished: bool = True) -> Sequence[OrderRow]:
        """Orders that are not in a terminal state (or all), oldest first."""
        ...

    async def orders_named(
        self, client_ids: Collection[str] = (), *, venue_ids: Collection[str] = ()
    ) -> Sequence[OrderRow]:
        """Orders, finished or not, that bear one of these ids: of ours, or of the venue's; each once, oldest first."""
        ...

    async def moves(self, *, unfinished: bool = True) -> Sequence[MoveRow]:
        """Transfers likewise."""
        ...

    async def beat(self, status: Mapping[str, Any], fence: int) -> None:
        """Replace the one status row that `status` reads; renews nothing."""
        ...

    async def keep(self, name: str, state: bytes | None = None) -> bytes | None:
        """Write (when given) and read the state of a simulated account: a transaction of its own."""
        ...


class Controls(Protocol):
    """Operators' handle: insert-only."""

    async def request(self, what: str, value: str, who: str, why: str) -> int:
        """Insert one request and return its id."""
        ...

    async def read(self, after: int) -> Sequence[ControlRow]:
        """Requests newer than ``after``, oldest first; raises StoreError when they can't be read."""
        ...

    async def kill(self) -> ControlRow | None:
        """The kill level somebody set and nobody resumed, or None."""
        ...

    async def close(self) -> None:
        """Let go."""
        ...


class Record(Protocol):
    """Readers' handle: query-only."""

    async def status(self) -> Mapping[str, Any] | None:
        """The last beat, or None before the first."""
        ...

    async def decision(self, decision_id: str) -> tuple[DecisionRow, Snapshot, Policy] | None:
        """A decision with its inputs; a unique prefix of the id is enough; None when there is no such."""
        ...

    async def told(self, decision_id: str) -> DecisionRow | None:
        """A decision without its inputs, so also when they were pruned; by id or unique prefix, as `decision`."""
        ...

    async def decisions(self, limit: int, *, asset: str | None = None) -> Sequence[DecisionRow]:
        """Newest first."""
        ...

    async def orders(self, limit: int, *, decision_id: str | None = None) -> Sequence[OrderRow]:
        """Newest first."""
        ...

    async def fills(self, *, decision_id: str | None = None) -> Sequence[Mapping[str, Any]]:
        """Booked fills, oldest first."""
        ...

    async def alerts(self, limit: int) -> Sequence[AlertRow]:
        """Newest first."""
        ...

    def events(self) -> AsyncIterator[Event]:
        """All events in the order they were committed."""
        ...

    async def checkpoint(self) -> Memory:
        """The memory as the store would load it."""
        ...

    def everything(self) -> AsyncIterator[tuple[DecisionRow, Snapshot | None, Policy]]:
        """All decisions with their inputs, oldest first; the snapshot is None once it was pruned."""
        ...

    async def counts(self) -> Mapping[str, int]:
        """Rows per table, for `status`."""
        ...

    async def close(self) -> None:
        """Let go."""
        ...
