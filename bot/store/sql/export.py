"""Owns the record as tables for other programs: each table of one book as a Parquet file. Reads, writes no row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import BigInteger, Boolean, Column, Connection, Double, Integer, Select, Table, select, tuple_

from bot.ports.store import Identity
from bot.store.parquet import writing
from bot.store.sql import booking
from bot.store.sql.engine import Database
from bot.store.sql.tables import (
    actions,
    alerts,
    cash_flows,
    decisions,
    equity,
    events,
    fills,
    funding_payments,
    order_events,
    orders,
    transfers,
)
from bot.store.sql.types import Exact, Utc

PAGE: Final = 2_000  # rows read in one transaction, and written as one group
TABLES: Final = (
    decisions, actions, orders, order_events, fills, events, equity, funding_payments, cash_flows, transfers, alerts,
)  # fmt: skip
Told = Callable[[str, int], None]
_WHOLE: Final = (BigInteger, Integer)


async def export(
    url: str, identity: Identity, folder: Path, *, since: datetime | None = None, told: Told | None = None
) -> dict[str, int]:
    """Write each table of a book to ``folder/TABLE.parquet``; rows by table, in their own order.

    ``since``: only what happened from then on, of tables whose rows have an instant. ``told`` hears (table, rows so
    far). A bot may go on writing meanwhile: each page is one moment, the files together are not. Raises StoreRefused
    where there is nothing, StoreError where a file is there already.
    """
    database = Database(url, query_only=True)
    try:
        book = await booking.the_book(database, identity)
        made: dict[str, int] = {}
        for table in TABLES:
            made[table.name] = await _written(database, table, book, folder, since, told)
        return made
    finally:
        await database.close()


async def _written(
    database: Database, table: Table, book: int, folder: Path, since: datetime | None, told: Told | None
) -> int:
    wanted = [column for column in table.c if column.name != "book_id"]
    with writing(folder / f"{table.name}.parquet", kinds(wanted)) as file:
        after: Sequence[Any] | None = None
        while True:
            page = await database.read(_page(table, wanted, book, since, after))
            file.write([row[: len(wanted)] for row in page])
            if told is not None:
                told(table.name, file.rows)
            if len(page) < PAGE:
                return file.rows
            after = page[-1][len(wanted) :]


def _page(
    table: Table, wanted: Sequence[Column[Any]], book: int, since: datetime | None, after: Sequence[Any] | None
) -> Callable[[Connection], Sequence[Any]]:
    """The next rows by the table's own key, which stands behind the wanted columns."""
    key = [column for column in table.primary_key if column.name != "book_id"]

    def read(connection: Connection) -> Sequence[Any]:
        found: Select[Any] = select(*wanted, *(column.label(f"key_{column.name}") for column in key))
        found = found.where(table.c.book_id == book).order_by(*key).limit(PAGE)
        if since is not None and "at" in table.c:
            found = found.where(table.c.at >= since)
        if after is not None:
            found = found.where(tuple_(*key) > tuple_(*after))
        return [tuple(row) for row in connection.execute(found)]

    return read


def kinds(columns: Sequence[Column[Any]]) -> Mapping[str, str]:
    """What each column is in a Parquet file."""
    return {column.name: _kind(column) for column in columns}


def _kind(column: Column[Any]) -> str:
    if isinstance(column.type, Exact):
        return "exact"
    if isinstance(column.type, Utc):
        return "at"
    if isinstance(column.type, Boolean):
        return "flag"
    if isinstance(column.type, Double):
        return "float"
    return "whole" if isinstance(column.type, _WHOLE) else "text"
