"""Owns the record for as long as the process lives: the same promises as in SQL, without a file."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from bot import __version__
from bot.core.events import Event
from bot.core.memory import Memory
from bot.core.numbers import canonical_json
from bot.core.orders import TERMINAL, MoveIntent, OrderIntent, OrderState
from bot.core.plan_record import Plan
from bot.core.policy import Policy
from bot.core.snapshot import Snapshot
from bot.ports.errors import Fenced, StoreError, StoreRefused
from bot.ports.store import AlertRow, ControlRow, DecisionRow, Identity, Loaded, MoveRow, OrderRow, Run
from bot.store import rows
from bot.store.draft import Draft, named, order_event

Key = tuple[str, str, str, str]  # portfolio, mode, venue, environment
Recorded = tuple[DecisionRow, Snapshot | None, Policy]


@dataclass(slots=True)
class Book:
    """All that is recorded of one portfolio in one mode on one venue's environment."""

    identity: Identity
    holder: str = ""
    fence: int = 0
    until: datetime | None = None
    decisions: list[Recorded] = field(default_factory=list)
    decided: set[str] = field(default_factory=set)
    cycles: set[str] = field(default_factory=set)
    actions: list[dict[str, Any]] = field(default_factory=list)
    orders: dict[str, OrderRow] = field(default_factory=dict)
    moves: dict[str, MoveRow] = field(default_factory=dict)
    order_events: list[dict[str, Any]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    fills: list[dict[str, Any]] = field(default_factory=list)
    trades: set[tuple[str, str]] = field(default_factory=set)
    funding: list[dict[str, Any]] = field(default_factory=list)
    flows: list[dict[str, Any]] = field(default_factory=list)
    alerts: list[dict[str, Any]] = field(default_factory=list)
    equity: list[dict[str, Any]] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    controls: list[ControlRow] = field(default_factory=list)
    kept: dict[str, bytes] = field(default_factory=dict)
    status: str | None = None
    memory: Memory = field(default_factory=Memory)


@dataclass(slots=True)
class MemoryDatabase:
    """What the three handles share, as a file or a server is shared in SQL."""

    books: dict[Key, Book] = field(default_factory=dict)

    def find(self, identity: Identity) -> Book | None:
        """The book of an identity, or None; raises StoreRefused when it belongs to another account."""
        book = self.books.get(_key(identity))
        if book and book.identity.account and identity.account not in ("", book.identity.account):
            message = (
                f"the record of portfolio {identity.portfolio!r} belongs to account {book.identity.account!r}, "
                f"not {identity.account!r}; give this account another portfolio name"
            )
            raise StoreRefused(message)
        return book

    def bind(self, identity: Identity) -> Book:
        """The book of an identity, made when there is none; an account that was not known yet is written down."""
        book = self.find(identity)
        if book is None:
            book = self.books[_key(identity)] = Book(identity)
        elif identity.account:
            book.identity = identity
        return book


def _key(identity: Identity) -> Key:
    return identity.portfolio, identity.mode, identity.venue, identity.environment


class MemoryStore:
    """`bot.ports.store.Store` in memory. ``utc_now`` is host time, for leases alone."""

    def __init__(self, database: MemoryDatabase, utc_now: Callable[[], datetime]) -> None:
        self._database = database
        self._utc_now = utc_now
        self._opened: Book | None = None
        self._held: int | None = None

    async def open(self, identity: Identity, *, migrate: bool) -> None:
        """See the Protocol."""
        del migrate  # there is no schema to bring up
        self._opened = self._database.bind(identity)

    async def close(self) -> None:
        """See the Protocol."""

    async def lead(self, holder: str, ttl_s: float) -> int:
        """See the Protocol."""
        if not holder:
            message = "a lease needs a holder's name"
            raise StoreError(message)
        book, now = self._book, self._utc_now()
        if not (book.fence == self._held and book.holder == holder):
            if book.holder not in ("", holder) and book.until is not None and book.until > now:
                message = f"{book.holder} leads this portfolio until {book.until.isoformat()} (fence {book.fence})"
                raise Fenced(message)
            book.fence += 1
        book.holder, book.until, self._held = holder, now + timedelta(seconds=ttl_s), book.fence
        return book.fence

    async def release(self, fence: int) -> None:
        """See the Protocol."""
        book = self._book
        if book.fence == fence:
            book.holder, book.until = "", self._utc_now()
        if self._held == fence:
            self._held = None

    async def start_run(self, run: Run, fence: int) -> None:
        """See the Protocol."""
        self._led(fence).runs.append(run)

    async def load(self) -> Loaded:
        """See the Protocol."""
        book = self._book
        return Loaded(
            memory=await self.memory(),
            orders=await self.orders(),
            moves=await self.moves(),
            last_cycle_at=book.decisions[-1][0].at if book.decisions else None,
            kill=rows.kill_of(book.controls),
            last_cycle_id=book.decisions[-1][0].cycle_id if book.decisions else "",
        )

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
        """See the Protocol."""
        book = self._led(fence)
        made = [OrderRow(intent, OrderState.INTENDED, Decimal(0), plan.at) for intent in intents]
        moving = [MoveRow(intent, OrderState.INTENDED, plan.at) for intent in moves]
        _must_be_new(book, cycle_id, plan, made, moving)
        decision = DecisionRow(
            number=len(book.decisions) + 1,
            decision_id=plan.decision_id,
            cycle_id=cycle_id,
            at=plan.at,
            version=__version__,
            config_hash=plan.config_hash,
            plan_json=plan.to_json(),
            outcome=rows.outcome(plan),
            mode=book.identity.mode,
            summary=json.loads(canonical_json(rows.summary(plan))),
        )
        wishes, worth = rows.action_rows(plan), rows.equity_row(plan)
        draft = _draft(
            book, [rows.as_recorded(event) for event in plan.events], {row.intent.client_id: row for row in made}
        )
        memory = _folded(book, draft)
        # From here on nothing can fail: the whole is there, or none of it.
        book.decisions.append((decision, snapshot, policy))
        book.decided.add(plan.decision_id)
        book.cycles.add(cycle_id)
        book.actions.extend({**row, "number": decision.number} for row in wishes)
        book.equity.extend([{**worth, "number": decision.number}] if worth else [])
        book.orders.update({row.intent.client_id: row for row in made})
        book.order_events.extend(order_event(row, plan.at, None) for row in made)
        book.moves.update({row.intent.client_id: row for row in moving})
        _commit(book, draft, memory)
        if decision.number % rows.PRUNE_EVERY == 0:
            await self.prune(plan.at - timedelta(days=rows.HOLDS_KEPT_DAYS), fence)

    async def append(self, events: Sequence[Event], fence: int) -> None:
        """See the Protocol."""
        book = self._led(fence)
        draft = _draft(book, [rows.as_recorded(event) for event in events], {})
        _commit(book, draft, _folded(book, draft))

    async def memory(self) -> Memory:
        """See the Protocol."""
        return self._book.memory

    async def orders(self, *, unfinished: bool = True) -> Sequence[OrderRow]:
        """See the Protocol."""
        return [row for row in self._book.orders.values() if not unfinished or row.state not in TERMINAL]

    async def orders_named(
        self, client_ids: Collection[str] = (), *, venue_ids: Collection[str] = ()
    ) -> Sequence[OrderRow]:
        """See the Protocol."""
        ours, theirs = frozenset(client_ids), frozenset(venue_ids)
        return [row for name, row in self._book.orders.items() if name in ours or row.venue_id in theirs]

    async def moves(self, *, unfinished: bool = True) -> Sequence[MoveRow]:
        """See the Protocol."""
        return [row for row in self._book.moves.values() if not unfinished or row.state not in TERMINAL]

    async def beat(self, status: Mapping[str, Any], fence: int) -> None:
        """See the Protocol."""
        self._led(fence).status = canonical_json(dict(status))

    async def keep(self, name: str, state: bytes | None = None) -> bytes | None:
        """See the Protocol."""
        if state is not None:
            if self._held is not None:
                self._led(self._held)
            self._book.kept[name] = bytes(state)
        return self._book.kept.get(name)

    async def prune(self, older_than: datetime, fence: int) -> int:
        """Drop the snapshots of decisions without actions from before ``older_than`` (venue time); how many went."""
        book, dropped = self._led(fence), 0
        for index, (decision, snapshot, policy) in enumerate(book.decisions):
            if snapshot is not None and decision.outcome != "actions" and decision.at < older_than:
                book.decisions[index] = (decision, None, policy)
                dropped += 1
        return dropped

    @property
    def _book(self) -> Book:
        if self._opened is None:
            message = "the record is not open"
            raise StoreError(message)
        return self._opened

    def _led(self, fence: int) -> Book:
        book = self._book
        if not book.holder or book.fence != fence:
            message = (
                f"fence {fence} leads this portfolio no longer: {book.holder or 'nobody'} does; nothing was written"
            )
            raise Fenced(message)
        return book


def _must_be_new(book: Book, cycle_id: str, plan: Plan, orders: Sequence[OrderRow], moves: Sequence[MoveRow]) -> None:
    ids = [row.intent.client_id for row in orders]
    moving = [row.intent.client_id for row in moves]
    twice = [
        *(name for name in ids if name in book.orders or ids.count(name) > 1),
        *(name for name in moving if name in book.moves or moving.count(name) > 1),
        *({plan.decision_id} & book.decided),
        *({cycle_id} & book.cycles),
    ]
    if twice:
        message = f"the record holds {twice[0]} already"
        raise StoreError(message)


def _draft(book: Book, batch: Sequence[Event], intended: Mapping[str, OrderRow]) -> Draft:
    wanted = named(batch)
    known = {**book.orders, **intended}
    draft = Draft(
        number=len(book.events),
        keys=set(wanted.keys & book.keys),
        orders={name: known[name] for name in wanted.orders if name in known},
        moves={name: book.moves[name] for name in wanted.moves if name in book.moves},
        trades=set(wanted.trades & book.trades),
    )
    if wanted.trades:
        for fill in book.fills:
            if fill["client_id"] in wanted.orders:
                draft.booked.setdefault(fill["client_id"], []).append((fill["qty"], fill["price"]))
    draft.take(batch)
    return draft


def _commit(book: Book, draft: Draft, memory: Memory) -> None:
    book.memory = memory
    book.events.extend(event for _, event in draft.events)
    book.keys.update(event.key for _, event in draft.events)
    book.orders.update(draft.changed_orders)
    book.moves.update(draft.changed_moves)
    book.order_events.extend(draft.order_events)
    book.fills.extend(draft.fills)
    book.trades.update((fill["symbol"], fill["trade_id"]) for fill in draft.fills)
    book.funding.extend(draft.funding)
    book.flows.extend(draft.flows)
    book.alerts.extend(draft.alerts)


def _folded(book: Book, draft: Draft) -> Memory:
    memory = book.memory
    for _, event in draft.events:
        memory = rows.remembered(memory, event)
    return memory


class MemoryControls:
    """`bot.ports.store.Controls` in memory."""

    def __init__(self, database: MemoryDatabase, identity: Identity, utc_now: Callable[[], datetime]) -> None:
        self._database = database
        self._identity = identity
        self._utc_now = utc_now

    async def request(self, what: str, value: str, who: str, why: str) -> int:
        """See the Protocol."""
        book = self._database.find(self._identity) or self._database.bind(self._identity)
        row = ControlRow(len(book.controls) + 1, self._utc_now(), what, value, who, why)
        book.controls.append(row)
        return row.id

    async def read(self, after: int) -> Sequence[ControlRow]:
        """See the Protocol."""
        return [row for row in self._rows() if row.id > after]

    async def kill(self) -> ControlRow | None:
        """See the Protocol."""
        return rows.kill_of(self._rows())

    async def close(self) -> None:
        """See the Protocol."""

    def _rows(self) -> Sequence[ControlRow]:
        book = self._database.find(self._identity)
        return book.controls if book else ()


class MemoryRecord:
    """`bot.ports.store.Record` in memory."""

    def __init__(self, database: MemoryDatabase, identity: Identity) -> None:
        self._database = database
        self._identity = identity

    async def status(self) -> Mapping[str, Any] | None:
        """See the Protocol."""
        status = self._book.status
        return None if status is None else dict(json.loads(status))

    async def decision(self, decision_id: str) -> tuple[DecisionRow, Snapshot, Policy] | None:
        """See the Protocol."""
        found = self._find(decision_id)
        return (found[0], found[1], found[2]) if found and found[1] else None

    async def told(self, decision_id: str) -> DecisionRow | None:
        """A decision without its inputs, so also when they were pruned; by id or unique prefix, as `decision`."""
        found = self._find(decision_id)
        return found[0] if found else None

    async def decisions(self, limit: int, *, asset: str | None = None) -> Sequence[DecisionRow]:
        """See the Protocol. With ``asset``: those that approved or refused an action on it."""
        book = self._book
        about = {row["number"] for row in book.actions if row["asset"] == asset}
        found = [row for row, _, _ in reversed(book.decisions) if asset is None or row.number in about]
        return found[:limit]

    async def orders(self, limit: int, *, decision_id: str | None = None) -> Sequence[OrderRow]:
        """See the Protocol."""
        found = [
            row
            for row in reversed(self._book.orders.values())
            if decision_id is None or row.intent.decision_id == decision_id
        ]
        return found[:limit]

    async def fills(self, *, decision_id: str | None = None) -> Sequence[Mapping[str, Any]]:
        """See the Protocol."""
        return [dict(row) for row in self._book.fills if decision_id is None or row["decision_id"] == decision_id]

    async def alerts(self, limit: int) -> Sequence[AlertRow]:
        """See the Protocol."""
        found = reversed(self._book.alerts)
        rows = [AlertRow(row["event_number"], row["at"], row["level"], row["text"]) for row in found]
        return rows[:limit]

    async def events(self) -> AsyncIterator[Event]:
        """See the Protocol."""
        for event in tuple(self._book.events):
            yield replace(event, body=dict(event.body))

    async def checkpoint(self) -> Memory:
        """See the Protocol."""
        return self._book.memory

    async def everything(self) -> AsyncIterator[Recorded]:
        """See the Protocol."""
        for found in tuple(self._book.decisions):
            yield found

    async def counts(self) -> Mapping[str, int]:
        """See the Protocol."""
        book = self._book
        return {
            "decisions": len(book.decisions),
            "snapshots": sum(snapshot is not None for _, snapshot, _ in book.decisions),
            "configs": len({decision.config_hash for decision, _, _ in book.decisions}),
            "transfers": len(book.moves),
            "funding_payments": len(book.funding),
            "cash_flows": len(book.flows),
            "simulated_accounts": len(book.kept),
            **{
                name: len(getattr(book, name))
                for name in (
                    "actions",
                    "orders",
                    "order_events",
                    "events",
                    "fills",
                    "alerts",
                    "equity",
                    "runs",
                    "controls",
                )
            },
        }

    async def close(self) -> None:
        """See the Protocol."""

    @property
    def _book(self) -> Book:
        book = self._database.find(self._identity)
        if book is None:
            message = f"the record holds nothing of portfolio {self._identity.portfolio!r} yet"
            raise StoreRefused(message)
        return book

    def _find(self, decision_id: str) -> Recorded | None:
        if not decision_id:
            return None
        found = [item for item in self._book.decisions if item[0].decision_id.startswith(decision_id)]
        exact = [item for item in found if item[0].decision_id == decision_id]
        return exact[0] if exact else found[0] if len(found) == 1 else None
