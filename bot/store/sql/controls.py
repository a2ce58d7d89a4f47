"""Owns the operators' handle: requests go in, nothing is ever changed or taken out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection, insert, select

from bot.ports.errors import StoreRefused
from bot.ports.store import ControlRow, Identity
from bot.store.sql import booking, reading, schema
from bot.store.sql.engine import Database, Pool, new_id
from bot.store.sql.tables import controls, portfolios

T = TypeVar("T")


class SqlControls:
    """`bot.ports.store.Controls` of one book; a request to a record that does not exist yet makes it."""

    def __init__(
        self, url: str, identity: Identity, utc_now: Callable[[], datetime], *, pool: Pool | None = None
    ) -> None:
        self._database = Database(url, pool=pool)
        self._url = url
        self._identity = identity
        self._utc_now = utc_now
        self._known: int | None = None

    async def request(self, what: str, value: str, who: str, why: str) -> int:
        """See the Protocol."""
        now = self._utc_now()
        if self._database.missing:
            # A kill given before the first start must be found by it.
            await schema.upgrade(self._url, self._utc_now)

        def write(connection: Connection) -> int:
            book = booking.find(connection, self._identity) or booking.bind(connection, self._identity, now)
            # Ids must become visible in their order, or a reader polling by id could pass one over.
            connection.execute(
                select(portfolios.c.id).where(portfolios.c.id == book).with_for_update(key_share=True)
            ).one()
            made = connection.execute(
                insert(controls).values(book_id=book, at=now, what=what, value=value, who=who, why=why)
            )
            return new_id(made)

        return await self._database.write(write)

    async def read(self, after: int) -> Sequence[ControlRow]:
        """See the Protocol."""

        def read(connection: Connection) -> Sequence[ControlRow]:
            book = self._book(connection)
            return () if book is None else reading.controls_after(connection, book, after)

        return await self._read(read)

    async def kill(self) -> ControlRow | None:
        """See the Protocol."""

        def read(connection: Connection) -> ControlRow | None:
            book = self._book(connection)
            return None if book is None else reading.kill_in(connection, book)

        return await self._read(read)

    async def close(self) -> None:
        """See the Protocol."""
        await self._database.close()

    async def _read(self, work: Callable[[Connection], T]) -> T:
        if self._database.missing:
            message = f"there is no record at {self._database.name} yet; `ballast run` makes one"
            raise StoreRefused(message)
        return await self._database.read(work)

    def _book(self, connection: Connection) -> int | None:
        if self._known is None:
            self._known = booking.find(connection, self._identity)
        return self._known
