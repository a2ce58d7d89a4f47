"""Owns what leaves the record for its archive: decisions that did nothing, by whole months, once they are old.

What acted stays for ever, and so do all facts (events), orders and fills: memory, taxes and proofs need them. Of what
did nothing the record keeps the recent months; the others go, whole, to one Parquet file a month and are deleted only
when that file has been read back. Native partitions would need the month in every key, and the database could no
longer say that a cycle decided once: docs/decisions tells more.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, delete, func, select, text

from bot.ports.errors import StoreError
from bot.ports.store import Identity
from bot.store.parquet import column, writing
from bot.store.sql import booking, leasing
from bot.store.sql.bars import prune_bars
from bot.store.sql.engine import Database
from bot.store.sql.export import kinds
from bot.store.sql.tables import decisions, snapshots

PAGE: Final = 1_000
LED_FOR_S: Final = 120.0
HOLDER: Final = "db compact"
WANTED: Final = [decisions.c.number, *(each for each in decisions.c if each.name not in ("book_id", "number"))]
Told = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Compacted:
    """What was done: decisions moved by month, and the database's size in bytes before and after."""

    months: dict[str, int]
    before_bytes: int
    after_bytes: int


async def compact(
    url: str, identity: Identity, archive: Path, older_than: timedelta, utc_now: Callable[[], datetime],
    told: Told | None = None,
) -> Compacted:  # fmt: skip
    """Move what did nothing in whole months that ended ``older_than`` before the last decision to ``archive``.

    Leads the book meanwhile, so that no bot starts in between. ``told`` hears (month, rows so far, of how many).
    Raises Fenced while a bot leads, StoreRefused where there is no such book, StoreError where a file or the database
    fails: what is not safely in a file is then still in the record, and the next run goes on.
    """
    database = Database(url)
    try:
        book = await booking.the_book(database, identity)
        before = await database.read(_size)
        fence = await _lead(database, book, utc_now())
        try:
            months: dict[str, int] = {}
            for month in await database.read(lambda connection: _months(connection, book, older_than)):
                fence = await _lead(database, book, utc_now(), fence)
                months[f"{month:%Y-%m}"] = await _move(database, book, fence, month, archive, told)
        finally:
            await database.write(lambda connection: leasing.release(connection, book, fence, utc_now()))
    finally:
        await database.close()
    await _give_back(database)
    again = Database(url, query_only=True)
    try:
        return Compacted(months, before, await again.read(_size))
    finally:
        await again.close()


async def _lead(database: Database, book: int, now: datetime, held: int | None = None) -> int:
    until = leasing.until(now, LED_FOR_S)
    return await database.write(lambda connection: leasing.lead(connection, book, HOLDER, until, now, held))


def _silent(book: int) -> ColumnElement[bool]:
    return (decisions.c.book_id == book) & (decisions.c.outcome != "actions")


def _months(connection: Connection, book: int, older_than: timedelta) -> list[datetime]:
    """The months, by their first instant, that ended so long ago and hold something to move; oldest first."""
    first = connection.execute(select(func.min(decisions.c.at)).where(_silent(book))).scalar()
    last = connection.execute(select(func.max(decisions.c.at)).where(decisions.c.book_id == book)).scalar()
    if first is None or last is None:
        return []
    month = first.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    found: list[datetime] = []
    while _next(month) <= last - older_than:
        within = _within(book, month)
        if connection.execute(select(decisions.c.number).where(within).limit(1)).first() is not None:
            found.append(month)
        month = _next(month)
    return found


def _next(month: datetime) -> datetime:
    return (month + timedelta(days=32)).replace(day=1)


def _within(book: int, month: datetime) -> ColumnElement[bool]:
    return _silent(book) & (decisions.c.at >= month) & (decisions.c.at < _next(month))


async def _move(database: Database, book: int, fence: int, month: datetime, archive: Path, told: Told | None) -> int:
    """Write a month to a file, read it back, and only then delete it."""
    within = _within(book, month)
    count = await database.read(lambda connection: _count(connection, within))
    path = _free(archive / f"decisions-{month:%Y-%m}.parquet")
    with writing(path, kinds(WANTED)) as file:
        number = 0
        while page := await database.read(_page(within, number)):
            file.write(page)
            number = page[-1][0]
            if told is not None:
                told(f"{month:%Y-%m}", file.rows, count)
    numbers: list[int] = column(path, "number")
    if len(set(numbers)) != count or not all(column(path, "plan")):
        raise StoreError(f"{path} holds {len(set(numbers))} of {count} decisions; nothing was deleted")
    await database.write(lambda connection: _drop(connection, book, fence, numbers))
    return count


def _page(within: ColumnElement[bool], after: int) -> Callable[[Connection], list[tuple[Any, ...]]]:
    wanted = select(*WANTED).where(within, decisions.c.number > after).order_by(decisions.c.number).limit(PAGE)
    return lambda connection: [tuple(row) for row in connection.execute(wanted)]


def _drop(connection: Connection, book: int, fence: int, numbers: Sequence[int]) -> None:
    leasing.check(connection, book, fence)
    for start in range(0, len(numbers), PAGE):
        some = numbers[start : start + PAGE]
        for table in (snapshots, decisions):
            connection.execute(delete(table).where(table.c.book_id == book, table.c.number.in_(some)))
    prune_bars(connection, book)


def _count(connection: Connection, within: ColumnElement[bool]) -> int:
    return int(connection.execute(select(func.count()).select_from(decisions).where(within)).scalar_one())


def _free(path: Path) -> Path:
    """The name itself, or with the next number where an earlier run was cut off behind its file."""
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_name(f"{path.stem}-{number}{path.suffix}")
    return free


def _size(connection: Connection) -> int:
    if connection.dialect.name == "sqlite":
        wanted = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
    else:
        wanted = "SELECT pg_database_size(current_database())"
    return int(connection.execute(text(wanted)).scalar_one())


async def _give_back(database: Database) -> None:
    """Give the freed space back: SQLite's file shrinks; PostgreSQL reuses it by its own vacuum."""
    if database.file is None:
        return
    try:
        with closing(sqlite3.connect(database.file, isolation_level=None)) as file:
            file.execute("VACUUM")
            file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error as error:
        raise StoreError(f"the record {database.file} was compacted but could not be shrunk: {error}") from error
