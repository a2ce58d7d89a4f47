"""Owns the dashboard's questions to the record in SQL: pages by key, thinned series; reads only, and never all rows."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, Table, func, select

from bot.core.memory import Memory
from bot.core.numbers import from_milliseconds
from bot.core.orders import TERMINAL
from bot.ports.panorama import Ending, Head, Paid, Turn, Volume, Worth
from bot.ports.store import ControlRow, DecisionRow, OrderRow
from bot.store.sql import reading
from bot.store.sql.record import SqlRecord
from bot.store.sql.tables import (
    bars,
    configs,
    controls,
    decisions,
    equity,
    fills,
    funding_payments,
    order_events,
    orders,
    series,
    snapshots,
    status,
)

_ENDED: Final = tuple(sorted(state.value for state in TERMINAL))
_TURN: Final = (
    decisions.c.number,
    decisions.c.decision_id,
    decisions.c.at,
    decisions.c.outcome,
    decisions.c.summary,
)
_DAY_MS: Final = 86_400_000
_UNITS_MS: Final = {"m": 60_000, "h": 3_600_000, "d": _DAY_MS, "w": 7 * _DAY_MS}


class SqlPanorama(SqlRecord):
    """`bot.ports.panorama.Panorama` of one book, beside all that `SqlRecord` answers."""

    _folded: reading.Folded | None = None
    _inputs: tuple[int, Mapping[str, Any]] = (0, {})
    _policy: tuple[str, Mapping[str, Any]] = ("", {})

    async def head(self) -> Head:
        """See the Protocol."""

        def read(connection: Connection, book: int) -> Head:
            number = connection.execute(
                select(func.max(decisions.c.number)).where(decisions.c.book_id == book)
            ).scalar()
            beat = connection.execute(select(status.c.at).where(status.c.book_id == book)).scalar()
            asked = connection.execute(select(func.max(controls.c.id)).where(controls.c.book_id == book)).scalar()
            return Head(number or 0, beat, asked or 0)

        return await self._read(read)

    async def beat(self) -> Mapping[str, Any] | None:
        """See the Protocol."""
        return await self.status()

    async def latest(self) -> DecisionRow | None:
        """See the Protocol."""
        found = await self.decisions(1)
        return found[0] if found else None

    async def numbered(self, numbers: Sequence[int]) -> Mapping[int, DecisionRow]:
        """See the Protocol."""

        def read(connection: Connection, book: int) -> Mapping[int, DecisionRow]:
            wanted = reading.decisions_wanted(book).where(decisions.c.number.in_(numbers))
            return {row.number: reading.decision_of(row, self._mode) for row in connection.execute(wanted)}

        return await self._read(read)

    async def turns(self, limit: int, *, before: int | None = None) -> Sequence[Turn]:
        """See the Protocol."""
        return await self._turns(
            lambda wanted: (
                (wanted if before is None else wanted.where(decisions.c.number < before))
                .order_by(decisions.c.number.desc())
                .limit(limit)
            )
        )

    async def turns_after(self, number: int, limit: int) -> Sequence[Turn]:
        """See the Protocol."""
        return await self._turns(
            lambda wanted: wanted.where(decisions.c.number > number).order_by(decisions.c.number).limit(limit)
        )

    async def _turns(self, page: Callable[[Select[Any]], Select[Any]]) -> Sequence[Turn]:
        def read(connection: Connection, book: int) -> Sequence[Turn]:
            wanted = page(select(*_TURN).where(decisions.c.book_id == book))
            return [
                Turn(row.number, row.decision_id, row.at, row.outcome, json.loads(row.summary))
                for row in connection.execute(wanted)
            ]

        return await self._read(read)

    async def worth(self, points: int) -> Sequence[Worth]:
        """See the Protocol."""

        def read(connection: Connection, book: int) -> Sequence[Worth]:
            mine = equity.c.book_id == book
            least, most = connection.execute(
                select(func.min(equity.c.number), func.max(equity.c.number)).where(mine)
            ).one()
            if most is None:
                return []
            step = max(1, (most - least + 1) // points)
            # By key, so that the cost is that of the points and not that of the table.
            wanted = [*range(least, most, step), most]
            found = connection.execute(
                select(equity).where(mine, equity.c.number.in_(wanted)).order_by(equity.c.number)
            )
            return [Worth(row.number, row.at, row.equity, row.unit_value) for row in found]

        return await self._read(read)

    async def worth_at(self, number: int) -> Worth | None:
        """See the Protocol."""

        def read(connection: Connection, book: int) -> Worth | None:
            known = select(equity).where(equity.c.book_id == book, equity.c.number <= number)
            row = connection.execute(known.order_by(equity.c.number.desc()).limit(1)).one_or_none()
            return None if row is None else Worth(row.number, row.at, row.equity, row.unit_value)

        return await self._read(read)

    async def page_of_orders(self, limit: int, *, skip: int = 0, decision_id: str | None = None) -> Sequence[OrderRow]:
        """See the Protocol."""

        def read(connection: Connection, book: int) -> Sequence[OrderRow]:
            wanted = select(orders).where(_of(orders, book)).order_by(orders.c.id.desc())
            if decision_id is not None:
                wanted = wanted.where(orders.c.book_id == book, orders.c.decision_id == decision_id)
            return [reading.order_of(row) for row in connection.execute(wanted.limit(limit).offset(skip))]

        return await self._read(read)

    async def page_of_fills(
        self, limit: int, *, skip: int = 0, decision_id: str | None = None
    ) -> Sequence[Mapping[str, Any]]:
        """See the Protocol."""

        def read(connection: Connection, book: int) -> Sequence[Mapping[str, Any]]:
            shown = [column for column in fills.c if column.name not in ("id", "book_id")]
            wanted = select(*shown).where(_of(fills, book)).order_by(fills.c.id.desc())
            if decision_id is not None:
                wanted = wanted.where(fills.c.book_id == book, fills.c.decision_id == decision_id)
            return [dict(row) for row in connection.execute(wanted.limit(limit).offset(skip)).mappings()]

        return await self._read(read)

    async def funding(self, limit: int) -> Sequence[Paid]:
        """See the Protocol."""

        def read(connection: Connection, book: int) -> Sequence[Paid]:
            wanted = select(funding_payments).where(funding_payments.c.book_id == book)
            page = wanted.order_by(funding_payments.c.event_number.desc()).limit(limit)
            return [Paid(row.at, row.symbol, row.paid) for row in connection.execute(page)]

        return await self._read(read)

    async def requests(self, limit: int) -> Sequence[ControlRow]:
        """See the Protocol."""

        def read(connection: Connection, book: int) -> Sequence[ControlRow]:
            wanted = select(controls).where(controls.c.book_id == book).order_by(controls.c.id.desc()).limit(limit)
            return [
                ControlRow(id=row.id, at=row.at, what=row.what, value=row.value, who=row.who, why=row.why)
                for row in connection.execute(wanted)
            ]

        return await self._read(read)

    async def endings(self, after: int, limit: int) -> Sequence[Ending]:
        """See the Protocol."""

        def read(connection: Connection, book: int) -> Sequence[Ending]:
            same = (orders.c.book_id == order_events.c.book_id) & (orders.c.client_id == order_events.c.client_id)
            wanted = (
                select(order_events.c.id, order_events.c.state, order_events.c.at, orders.c.submitted_at)
                .join_from(order_events, orders, same)
                .where(_of(order_events, book), order_events.c.state.in_(_ENDED))
            )
            if after < 0:
                page = wanted.order_by(order_events.c.id.desc()).limit(limit)
                rows: Sequence[Any] = connection.execute(page).all()[::-1]
            else:
                page = wanted.where(order_events.c.id > after).order_by(order_events.c.id).limit(limit)
                rows = connection.execute(page).all()
            return [
                Ending(row.id, row.state, (row.at - row.submitted_at).total_seconds())
                for row in rows
                if row.submitted_at is not None
            ]

        return await self._read(read)

    async def memory(self) -> Memory:
        """See the Protocol. What was folded once is folded on."""
        known = self._folded
        self._folded = await self._read(lambda connection, book: reading.folded(connection, book, known))
        return self._folded.memory

    async def inputs(self) -> Mapping[str, Any]:
        """See the Protocol."""
        known = self._inputs

        def read(connection: Connection, book: int) -> tuple[int, Mapping[str, Any]]:
            mine = snapshots.c.book_id == book
            number = connection.execute(select(func.max(snapshots.c.number)).where(mine)).scalar()
            if number is None or number == known[0]:
                return known
            wanted = select(snapshots.c.body).where(mine, snapshots.c.number == number)
            return number, json.loads(connection.execute(wanted).scalar_one())

        self._inputs = await self._read(read)
        return self._inputs[1]

    async def policy(self) -> Mapping[str, Any]:
        """See the Protocol."""
        known = self._policy

        def read(connection: Connection, book: int) -> tuple[str, Mapping[str, Any]]:
            last = select(decisions.c.policy_hash).where(decisions.c.book_id == book)
            made = connection.execute(last.order_by(decisions.c.number.desc()).limit(1)).scalar()
            if made is None or made == known[0]:
                return known
            return made, json.loads(
                connection.execute(select(configs.c.body).where(configs.c.hash == made)).scalar_one()
            )

        self._policy = await self._read(read)
        return self._policy[1]

    async def volumes(self, days: int) -> Sequence[Volume]:
        """See the Protocol. One symbol at a time, so that others get their turn."""
        listed = await self._read(_series)
        if not listed:
            return []
        shortest = min((frame for _, _, frame in listed), key=_milliseconds)
        made: list[Volume] = []
        for number, symbol, frame in listed:
            if frame == shortest:
                made += await self._read(_volumes_of(number, symbol, days))
                await asyncio.sleep(0)
        return made


def _of(table: Table, book: int) -> ColumnElement[bool]:
    """Rows of a book, in words that no index answers: else the newest few are found by sorting all of them."""
    return table.c.book_id + 0 == book


def _series(connection: Connection, book: int) -> Sequence[tuple[int, str, str]]:
    wanted = select(series.c.id, series.c.symbol, series.c.timeframe).where(series.c.book_id == book)
    return [(row.id, row.symbol, row.timeframe) for row in connection.execute(wanted.order_by(series.c.symbol))]


def _volumes_of(number: int, symbol: str, days: int) -> Callable[[Connection, int], list[Volume]]:
    def read(connection: Connection, _book: int) -> list[Volume]:
        mine = bars.c.series_id == number
        last = connection.execute(select(func.max(bars.c.at_ms)).where(mine)).scalar()
        if last is None:
            return []
        recent = select(bars.c.at_ms, bars.c.number, bars.c.close, bars.c.volume).where(
            mine, bars.c.at_ms > last - days * _DAY_MS
        )
        # A bar the venue revised is there again with a higher number: the last word counts.
        newest = {row.at_ms: row.close * row.volume for row in connection.execute(recent.order_by(bars.c.number))}
        hours: dict[int, list[float]] = {}
        for at_ms, turnover in newest.items():
            hours.setdefault(from_milliseconds(at_ms).hour, []).append(turnover)
        return [Volume(symbol, hour, median(seen), len(seen)) for hour, seen in sorted(hours.items())]

    return read


def _milliseconds(timeframe: str) -> int:
    """``4h`` in milliseconds."""
    return int(timeframe[:-1]) * _UNITS_MS[timeframe[-1].lower()]
