"""Owns the leader's handle on the record in SQL: sole writer of everything but operators' requests."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from sqlalchemy import BindParameter, Connection, bindparam, delete, func, insert, select, update

from bot import __version__
from bot.core.events import Event
from bot.core.memory import Memory
from bot.core.numbers import canonical_json
from bot.core.orders import MoveIntent, OrderIntent, OrderState
from bot.core.plan_record import Plan
from bot.core.policy import Policy, canonical, config_hash
from bot.core.snapshot import Snapshot
from bot.ports.errors import StoreError, StoreRefused
from bot.ports.store import Identity, Loaded, MoveRow, OrderRow, Run
from bot.store import rows
from bot.store.sql import booking, leasing, ledger, reading, schema
from bot.store.sql.bars import BarWriter, prune_bars
from bot.store.sql.engine import Database, Pool, insert_if_new
from bot.store.sql.prepared import Prepared
from bot.store.sql.tables import (
    actions,
    configs,
    decisions,
    equity,
    runs,
    simulated_accounts,
    snapshots,
    status,
)

T = TypeVar("T")
_ZERO = rows.EXACT.create_decimal(0)

# Statements of every cycle are made once: making one costs more than running it.
_BOOK: Final[BindParameter[int]] = bindparam("book")
_INSERT: Final = {
    table.name: Prepared(insert(table)) for table in (decisions, snapshots, actions, equity, simulated_accounts, status)
}
_LAST: Final = Prepared(select(func.max(decisions.c.number)).where(decisions.c.book_id == _BOOK))
_KEPT: Final = Prepared(
    select(simulated_accounts.c.state).where(
        simulated_accounts.c.book_id == _BOOK, simulated_accounts.c.name == bindparam("name")
    )
)
_KEEP: Final = Prepared(
    update(simulated_accounts)
    .where(simulated_accounts.c.book_id == bindparam("b_book_id"), simulated_accounts.c.name == bindparam("b_name"))
    .values(at=bindparam("b_at"), state=bindparam("b_state"))
)
_BEAT: Final = Prepared(
    update(status)
    .where(status.c.book_id == bindparam("b_book_id"))
    .values(at=bindparam("b_at"), body=bindparam("b_body"))
)


class SqlStore:
    """`bot.ports.store.Store` over SQLite or PostgreSQL. ``utc_now`` is host time, for leases and heartbeats alone."""

    def __init__(
        self,
        url: str,
        utc_now: Callable[[], datetime],
        *,
        migrations: schema.Migrations | None = None,
        checkpoint_every: int = rows.CHECKPOINT_EVERY,
        pool: Pool | None = None,
    ) -> None:
        self._database = Database(url, pool=pool)
        self._url = url
        self._utc_now = utc_now
        self._migrations = migrations or schema.Migrations()
        self._checkpoint_every = checkpoint_every
        self._opened: int | None = None
        self._fence: int | None = None
        self._decided: int | None = None
        self._bars = BarWriter()
        self._folded: reading.Folded | None = None
        self._policy: tuple[Policy, str] | None = None

    async def open(self, identity: Identity, *, migrate: bool) -> None:
        """See the Protocol."""
        try:
            self._opened = await self._open(identity, migrate=migrate)
        finally:
            if self._opened is None:
                await self._database.close()

    async def _open(self, identity: Identity, *, migrate: bool) -> int:
        if migrate:
            await schema.upgrade(self._url, self._utc_now, self._migrations)
        elif self._database.missing:
            message = f"there is no record at {self._database.name} yet; `ballast run` makes one"
            raise StoreRefused(message)
        else:
            head = self._migrations.head
            await self._database.read(lambda connection: schema.must_be_current(connection, head))
        now = self._utc_now()
        return await self._database.write(lambda connection: booking.bind(connection, identity, now))

    async def close(self) -> None:
        """See the Protocol."""
        await self._database.close()

    async def lead(self, holder: str, ttl_s: float) -> int:
        """See the Protocol."""
        if not holder:
            message = "a lease needs a holder's name"
            raise StoreError(message)
        now, held = self._utc_now(), self._fence
        until = leasing.until(now, ttl_s)
        book = self._book
        fence = await self._database.write(lambda connection: leasing.lead(connection, book, holder, until, now, held))
        if fence != held:  # somebody else may have written in between
            self._fence = fence
            self._forget()
        return fence

    async def release(self, fence: int) -> None:
        """See the Protocol."""
        book, now = self._book, self._utc_now()
        await self._database.write(lambda connection: leasing.release(connection, book, fence, now))
        if fence == self._fence:
            self._fence = None

    async def start_run(self, run: Run, fence: int) -> None:
        """See the Protocol."""
        values = {
            "book_id": self._book,
            "at": self._utc_now(),
            "fence": fence,
            "version": run.version,
            "fingerprint": canonical_json(dict(run.fingerprint)),
            "config": run.config,
            "config_hash": run.config_hash,
        }
        await self._write(fence, lambda connection, _: connection.execute(insert(runs).values(values)))

    async def load(self) -> Loaded:
        """See the Protocol."""

        def read(connection: Connection, book: int) -> tuple[reading.Folded, Loaded]:
            made = reading.folded(connection, book)
            newest = select(decisions.c.at, decisions.c.cycle_id).where(decisions.c.book_id == book)
            last = connection.execute(newest.order_by(decisions.c.number.desc()).limit(1)).one_or_none()
            return made, Loaded(
                memory=made.memory,
                orders=reading.orders_of(connection, book, unfinished=True),
                moves=reading.moves_of(connection, book, unfinished=True),
                last_cycle_at=last.at if last else None,
                kill=reading.kill_in(connection, book),
                last_cycle_id=last.cycle_id if last else "",
            )

        self._folded, loaded = await self._read(read)
        return loaded

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
        await self._prune_when_due(plan.at, fence)
        events = [rows.as_recorded(event) for event in plan.events]
        # Text is made before the transaction begins, so that it is short.
        made = {
            "decision_id": plan.decision_id,
            "cycle_id": cycle_id,
            "at": plan.at,
            "version": __version__,
            "config_hash": plan.config_hash,
            "policy_hash": self._policy_hash(policy),
            "snapshot_digest": snapshot.digest,
            "outcome": rows.outcome(plan),
            "summary": canonical_json(rows.summary(plan)),
            "plan": plan.to_json(),
        }
        body = snapshot.text
        orders = [OrderRow(intent, OrderState.INTENDED, _ZERO, plan.at) for intent in intents]
        transfers = [MoveRow(intent, OrderState.INTENDED, plan.at) for intent in moves]

        def write(connection: Connection, standing: leasing.Standing) -> tuple[int, reading.Folded]:
            number = standing.decision + 1
            own = {"book_id": self._book, "number": number}
            self._keep_policy(connection, policy)
            _INSERT["decisions"].run(connection, {**own, **made})
            window = self._bars.keep(connection, self._book, number, snapshot)
            _INSERT["snapshots"].run(
                connection, {**own, "at": plan.at, "acted": bool(plan.actions), "window_id": window, "body": body}
            )
            if wishes := rows.action_rows(plan):
                _INSERT["actions"].run_all(connection, [{**own, **row} for row in wishes])
            if (worth := rows.equity_row(plan)) is not None:
                _INSERT["equity"].run(connection, {**own, **worth})
            ledger.add_intents(connection, self._book, orders, transfers)
            return number, self._append(connection, events, standing)

        self._decided, self._folded = await self._write(fence, write)

    async def append(self, events: Sequence[Event], fence: int) -> None:
        """See the Protocol."""
        batch = [rows.as_recorded(event) for event in events]

        self._folded = await self._write(fence, lambda connection, now: self._append(connection, batch, now))

    async def memory(self) -> Memory:
        """See the Protocol."""
        known = self._folded
        if known is not None and self._fence is not None:
            # Who leads alone appends. Were it led by somebody else by now, nothing decided on this could be written.
            return known.memory
        return (await self._read(lambda connection, book: reading.folded(connection, book, known))).memory

    async def orders(self, *, unfinished: bool = True) -> Sequence[OrderRow]:
        """See the Protocol."""
        return await self._read(lambda connection, book: reading.orders_of(connection, book, unfinished=unfinished))

    async def orders_named(
        self, client_ids: Collection[str] = (), *, venue_ids: Collection[str] = ()
    ) -> Sequence[OrderRow]:
        """See the Protocol."""
        return await self._read(lambda connection, book: reading.orders_named(connection, book, client_ids, venue_ids))

    async def moves(self, *, unfinished: bool = True) -> Sequence[MoveRow]:
        """See the Protocol."""
        return await self._read(lambda connection, book: reading.moves_of(connection, book, unfinished=unfinished))

    async def beat(self, status: Mapping[str, Any], fence: int) -> None:
        """See the Protocol."""
        values = {"book_id": self._book, "at": self._utc_now(), "body": canonical_json(dict(status))}
        await self._write(fence, lambda connection, _: _replace_status(connection, values))

    async def keep(self, name: str, state: bytes | None = None) -> bytes | None:
        """See the Protocol."""
        book = self._book
        if state is None:
            mine = {"book": book, "name": name}
            found = await self._database.read(lambda connection: _KEPT.value(connection, mine))
            return None if found is None else bytes(found)
        values = {"book_id": book, "name": name, "at": self._utc_now(), "state": state}
        fence = self._fence

        def write(connection: Connection) -> None:
            if fence is not None:  # who led and does no longer must not lay its old state over the new leader's
                leasing.check(connection, book, fence)
            if not _KEEP.run(connection, {f"b_{column}": value for column, value in values.items()}):
                _INSERT["simulated_accounts"].run(connection, values)

        await self._database.write(write)
        return state

    async def prune(self, older_than: datetime, fence: int) -> int:
        """Drop the snapshots of decisions without actions from before ``older_than`` (venue time); how many went."""

        def write(connection: Connection, _standing: leasing.Standing) -> int:
            old = delete(snapshots).where(
                snapshots.c.book_id == self._book, snapshots.c.acted.is_(False), snapshots.c.at < older_than
            )
            dropped = connection.execute(old).rowcount
            if dropped:
                prune_bars(connection, self._book)
            return dropped

        dropped = await self._write(fence, write)
        if dropped:
            self._bars.forget()
        return dropped

    # ---- inside

    @property
    def _book(self) -> int:
        if self._opened is None:
            message = "the record is not open"
            raise StoreError(message)
        return self._opened

    def _forget(self) -> None:
        self._bars.forget()
        self._folded = self._policy = self._decided = None

    async def _read(self, work: Callable[[Connection, int], T]) -> T:
        book = self._book
        return await self._database.read(lambda connection: work(connection, book))

    def _append(self, connection: Connection, batch: Sequence[Event], standing: leasing.Standing) -> reading.Folded:
        news = ledger.append(connection, self._book, batch, standing.event)
        return ledger.remember(connection, self._book, self._folded, news, self._checkpoint_every)

    async def _write(self, fence: int, work: Callable[[Connection, leasing.Standing], T]) -> T:
        """Run ``work`` in one transaction under the fence; what was remembered of a failed one is forgotten."""
        book, done = self._book, False

        def fenced(connection: Connection) -> T:
            return work(connection, leasing.check(connection, book, fence))

        try:
            made = await self._database.write(fenced)
            done = True
        finally:
            if not done:
                self._forget()
        return made

    def _policy_hash(self, policy: Policy) -> str:
        if self._policy is None or self._policy[0] is not policy:
            return config_hash(policy)
        return self._policy[1]

    def _keep_policy(self, connection: Connection, policy: Policy) -> None:
        if self._policy is not None and self._policy[0] is policy:
            return
        key = config_hash(policy)
        body = json.dumps(canonical(policy), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        insert_if_new(connection, configs, {"hash": key, "body": body})
        self._policy = (policy, key)

    async def _prune_when_due(self, now: datetime, fence: int) -> None:
        """Before a decision is written, so that a failing pruning leaves nothing half told."""
        if self._decided is None:
            self._decided = await self._read(_last_number)
        if (self._decided + 1) % rows.PRUNE_EVERY == 0:
            await self.prune(now - timedelta(days=rows.HOLDS_KEPT_DAYS), fence)


def _last_number(connection: Connection, book: int) -> int:
    return int(_LAST.value(connection, {"book": book}) or 0)


def _replace_status(connection: Connection, values: Mapping[str, Any]) -> None:
    if not _BEAT.run(connection, {f"b_{column}": value for column, value in values.items()}):
        _INSERT["status"].run(connection, values)
