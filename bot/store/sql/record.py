"""Owns the readers' handle on the record in SQL: it cannot write, and reads while the leader writes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, bindparam, func, select

from bot.core.events import Event
from bot.core.memory import Memory
from bot.core.policy import Policy
from bot.core.snapshot import Snapshot, SnapshotError, build
from bot.ports.errors import StoreError, StoreRefused
from bot.ports.store import AlertRow, DecisionRow, Identity, OrderRow
from bot.store.sql import booking, reading, schema
from bot.store.sql.bars import BarReader, check
from bot.store.sql.engine import Database, Pool
from bot.store.sql.prepared import Prepared
from bot.store.sql.tables import (
    actions,
    alerts,
    bars,
    configs,
    decisions,
    events,
    fills,
    metadata,
    orders,
    series,
    snapshots,
    status,
    windows,
)

T = TypeVar("T")
_NEWEST = select(orders).where(orders.c.book_id == bindparam("book")).order_by(orders.c.id.desc())
_LAST_ORDERS = Prepared(_NEWEST.limit(bindparam("most")))
_ORDERS_OF = Prepared(_NEWEST.where(orders.c.decision_id == bindparam("decision")).limit(bindparam("most")))
_DECISION = Prepared(
    select(decisions).where(decisions.c.book_id == bindparam("book"), decisions.c.decision_id == bindparam("decision"))
)
_PAGE = 50  # decisions with their inputs that a reader holds at once


class SqlRecord:
    """`bot.ports.store.Record` of one book: an identity's, or the one that decided last when none is given."""

    def __init__(self, url: str, identity: Identity | None = None, *, pool: Pool | None = None) -> None:
        self._database = Database(url, query_only=True, pool=pool)
        self._url = url
        self._identity = identity
        self._known: tuple[int, str] | None = None
        self._bars = BarReader()
        self._policies: dict[str, Policy] = {}

    async def close(self) -> None:
        """See the Protocol."""
        await self._database.close()

    async def status(self) -> Mapping[str, Any] | None:
        """See the Protocol."""

        def read(connection: Connection, book: int) -> Mapping[str, Any] | None:
            found = connection.execute(select(status.c.body).where(status.c.book_id == book)).scalar()
            return None if found is None else dict(json.loads(found))

        return await self._read(read)

    async def decision(self, decision_id: str) -> tuple[DecisionRow, Snapshot, Policy] | None:
        """See the Protocol. None also for a prefix that several decisions share, and once its snapshot was pruned."""

        def read(connection: Connection, book: int) -> tuple[DecisionRow, Snapshot, Policy] | None:
            row = _find(connection, book, decision_id)
            found = row and self._with_inputs(connection, book, row)
            return (found[0], found[1], found[2]) if found and found[1] else None

        return await self._read(read)

    async def told(self, decision_id: str) -> DecisionRow | None:
        """A decision without its inputs, so also when they were pruned; by id or unique prefix, as `decision`."""

        def read(connection: Connection, book: int) -> DecisionRow | None:
            row = _find(connection, book, decision_id)
            return reading.decision_of(row, self._mode) if row else None

        return await self._read(read)

    async def decisions(self, limit: int, *, asset: str | None = None) -> Sequence[DecisionRow]:
        """See the Protocol. With ``asset``: those that approved or refused an action on it."""

        def read(connection: Connection, book: int) -> Sequence[DecisionRow]:
            wanted = reading.decisions_wanted(book).order_by(decisions.c.number.desc()).limit(limit)
            if asset is not None:
                about = select(actions.c.number).where(actions.c.book_id == book, actions.c.asset == asset)
                wanted = wanted.where(decisions.c.number.in_(about))
            return [reading.decision_of(row, self._mode) for row in connection.execute(wanted)]

        return await self._read(read)

    async def orders(self, limit: int, *, decision_id: str | None = None) -> Sequence[OrderRow]:
        """See the Protocol."""

        def read(connection: Connection, book: int) -> Sequence[OrderRow]:
            wanted = _LAST_ORDERS if decision_id is None else _ORDERS_OF
            return wanted.made(connection, {"book": book, "most": limit, "decision": decision_id}, reading.order_of)

        return await self._read(read)

    async def fills(self, *, decision_id: str | None = None) -> Sequence[Mapping[str, Any]]:
        """See the Protocol."""

        def read(connection: Connection, book: int) -> Sequence[Mapping[str, Any]]:
            shown = [column for column in fills.c if column.name not in ("id", "book_id")]
            wanted = select(*shown).where(fills.c.book_id == book).order_by(fills.c.id)
            if decision_id is not None:
                wanted = wanted.where(fills.c.decision_id == decision_id)
            return [dict(row) for row in connection.execute(wanted).mappings()]

        return await self._read(read)

    async def alerts(self, limit: int) -> Sequence[AlertRow]:
        """See the Protocol."""

        def read(connection: Connection, book: int) -> Sequence[AlertRow]:
            wanted = select(alerts).where(alerts.c.book_id == book).order_by(alerts.c.event_number.desc()).limit(limit)
            return [AlertRow(row.event_number, row.at, row.level, row.text) for row in connection.execute(wanted)]

        return await self._read(read)

    async def events(self) -> AsyncIterator[Event]:
        """See the Protocol. Read in pages, so that a long reader never holds a transaction open."""
        number = 0
        while True:
            page = await self._read(_events_page(number))
            for row in page:
                number = row.number
                yield reading.event_of(row)
            if len(page) < reading.PAGE:
                return

    async def checkpoint(self) -> Memory:
        """See the Protocol."""
        return (await self._read(reading.folded)).memory

    async def everything(self) -> AsyncIterator[tuple[DecisionRow, Snapshot | None, Policy]]:
        """See the Protocol. Read in pages, as `events` is."""
        number = 0
        while True:
            page = await self._read(self._decisions_page(number))
            for found in page:
                number = found[0].number
                yield found
            if len(page) < _PAGE:
                return

    async def counts(self) -> Mapping[str, int]:
        """See the Protocol."""
        return await self._read(_counts)

    # ---- inside

    @property
    def _mode(self) -> str:
        return self._known[1] if self._known else ""

    async def _read(self, work: Callable[[Connection, int], T]) -> T:
        if self._database.missing:
            message = f"there is no record at {self._database.name} yet; `ballast run` makes one"
            raise StoreRefused(message)
        if self._known is None:
            self._known = await self._choose()
        book = self._known[0]
        return await self._database.read(lambda connection: work(connection, book))

    async def _choose(self) -> tuple[int, str]:
        await self._database.read(schema.must_be_current)
        identity = self._identity
        if identity is None:
            found = await booking.books(self._url)
            if not found:
                message = f"the record at {self._database.name} holds no portfolio yet"
                raise StoreRefused(message)
            return found[0].id, found[0].identity.mode
        book = await self._database.read(lambda connection: booking.find(connection, identity))
        if book is None:
            message = (
                f"the record at {self._database.name} holds nothing of portfolio {identity.portfolio!r} "
                f"({identity.mode}, {identity.venue} {identity.environment}) yet"
            )
            raise StoreRefused(message)
        return book, identity.mode

    def _decisions_page(
        self, number: int
    ) -> Callable[[Connection, int], list[tuple[DecisionRow, Snapshot | None, Policy]]]:
        def read(connection: Connection, book: int) -> list[tuple[DecisionRow, Snapshot | None, Policy]]:
            wanted = reading.decisions_wanted(book).where(decisions.c.number > number)
            page = connection.execute(wanted.order_by(decisions.c.number).limit(_PAGE)).all()
            return [self._with_inputs(connection, book, row) for row in page]

        return read

    def _with_inputs(
        self, connection: Connection, book: int, row: Row[Any]
    ) -> tuple[DecisionRow, Snapshot | None, Policy]:
        decision = reading.decision_of(row, self._mode)
        policy = self._policies.get(row.policy_hash)
        if policy is None:
            body = connection.execute(select(configs.c.body).where(configs.c.hash == row.policy_hash)).scalar_one()
            policy = self._policies[row.policy_hash] = Policy.model_validate(json.loads(body))
        return decision, self._snapshot(connection, book, decision), policy

    def _snapshot(self, connection: Connection, book: int, decision: DecisionRow) -> Snapshot | None:
        wanted = (
            select(snapshots.c.body, snapshots.c.window_id, windows.c.digest)
            .join_from(snapshots, windows, snapshots.c.window_id == windows.c.id)
            .where(snapshots.c.book_id == book, snapshots.c.number == decision.number)
        )
        row = connection.execute(wanted).one_or_none()
        if row is None:
            return None
        raw = json.loads(row.body, parse_float=str)
        raw["candles"] = self._bars.candles(connection, book, row.window_id)
        try:
            made = build(raw, f"snapshot of decision {decision.decision_id}")
        except SnapshotError as error:
            raise StoreError(str(error)) from error
        check(made, row.digest, decision.decision_id)
        return made


def _find(connection: Connection, book: int, decision_id: str) -> Row[Any] | None:
    """The decision of this id, or the only one whose id begins so."""
    if not decision_id:
        return None
    same: Row[Any] | None = _DECISION.row(connection, {"book": book, "decision": decision_id})
    if same is not None:
        return same
    wanted = reading.decisions_wanted(book)
    begins = decisions.c.decision_id.startswith(decision_id, autoescape=True)
    found = connection.execute(wanted.where(begins).limit(2)).all()
    return found[0] if len(found) == 1 else None


def _events_page(number: int) -> Callable[[Connection, int], Sequence[Row[Any]]]:
    def read(connection: Connection, book: int) -> Sequence[Row[Any]]:
        wanted = select(events).where(events.c.book_id == book, events.c.number > number)
        return connection.execute(wanted.order_by(events.c.number).limit(reading.PAGE)).all()

    return read


def _counts(connection: Connection, book: int) -> Mapping[str, int]:
    return {name: int(wanted.value(connection, {"book": book})) for name, wanted in _counting().items()}


@cache
def _counting() -> Mapping[str, Prepared]:
    made = {}
    for table in metadata.sorted_tables:
        wanted = select(func.count()).select_from(table)
        if "book_id" in table.c:
            wanted = wanted.where(table.c.book_id == bindparam("book"))
        elif table is bars:
            mine = select(series.c.id).where(series.c.book_id == bindparam("book"))
            wanted = wanted.where(bars.c.series_id.in_(mine))
        made[table.name] = Prepared(wanted)
    return made
