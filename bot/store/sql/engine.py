"""Owns the way to the database: URL, connection settings, transactions, errors in the port's words; knows no table.

SQLite by default ignores concurrent read-modify-writes, so every writing transaction begins with BEGIN IMMEDIATE.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

from sqlalchemy import URL, Connection, CursorResult, Table, event, make_url
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, IntegrityError, SQLAlchemyError, StatementError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bot.ports.errors import StoreError, StoreRefused

BUSY_TIMEOUT_MS: Final = 5_000
CONNECT_TIMEOUT_S: Final = 5
STATEMENT_TIMEOUT_S: Final = 30
_DRIVERS: Final = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}
_READ_ONLY: Final = "ballast_read_only"
T = TypeVar("T")


def parsed(url: str) -> URL:
    """The URL with the one driver we use; raises StoreRefused for a database we do not."""
    try:
        made = make_url(url)
    except (ArgumentError, ValueError) as error:
        # The text itself may hold a password, so it is not repeated.
        message = (
            "store.url cannot be read; right would be sqlite+aiosqlite:///data/ballast.db or postgresql://host/name"
        )
        raise StoreRefused(message) from error
    driver = _DRIVERS.get(made.drivername.partition("+")[0])
    if driver is None:
        message = f"store.url names {made.drivername!r}, must be sqlite or postgresql"
        raise StoreRefused(message)
    made = made.set(drivername=driver)
    if driver.startswith("sqlite") and not _file_name(made):
        message = "store.url names no file; right would be sqlite+aiosqlite:///data/ballast.db"
        raise StoreRefused(message)
    return made


def _file_name(url: URL) -> str:
    return "" if url.database in (None, ":memory:") else str(url.database)


class Database:
    """One process' way to one database. ``query_only`` cannot write, whatever it is asked to."""

    def __init__(self, url: str, *, query_only: bool = False, foreign_keys: bool = True) -> None:
        self.url = parsed(url)
        self._query_only = query_only
        self._foreign_keys = foreign_keys
        self._engine: AsyncEngine | None = None
        self._writing = asyncio.Lock()

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a file of ours rather than a server."""
        return self.url.get_backend_name() == "sqlite"

    @property
    def name(self) -> str:
        """The URL as it may be shown: without its password."""
        return self.url.render_as_string(hide_password=True)

    @property
    def file(self) -> Path | None:
        """The SQLite file, or None."""
        return Path(_file_name(self.url)) if self.is_sqlite else None

    @property
    def missing(self) -> bool:
        """Whether there is no SQLite file yet (connecting would make an empty one)."""
        return self.file is not None and not self.file.exists()

    def make_file(self) -> None:
        """Make the SQLite file's folder and the file, readable by its owner alone; raises StoreError."""
        if self.file is None or self.file.exists():
            return
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            _make_sqlite(self.file)
        except (OSError, sqlite3.Error) as error:
            message = f"the record cannot be made at {self.file}: {error}"
            raise StoreError(message) from error

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` in one writing transaction, to its end even when the caller is cancelled meanwhile."""
        return await _whole(self._write(work))

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` on one consistent view."""
        return await _whole(self._run(work, read_only=True))

    async def close(self) -> None:
        """Let go of every connection; safe to call twice."""
        engine, self._engine = self._engine, None
        if engine is not None:
            await _whole(engine.dispose())

    async def _write(self, work: Callable[[Connection], T]) -> T:
        # Tasks of this process queue here rather than in SQLite's busy handler, which sleeps.
        async with self._writing:
            return await self._run(work, read_only=False)

    async def _run(self, work: Callable[[Connection], T], *, read_only: bool) -> T:
        async with self._in_our_words():
            if self._engine is None:
                self._engine = self._connect()
            async with self._engine.connect() as connection:
                settled = await connection.execution_options(**{_READ_ONLY: read_only})
                async with settled.begin():
                    return await settled.run_sync(work)

    @asynccontextmanager
    async def _in_our_words(self) -> AsyncIterator[None]:
        try:
            yield
        except IntegrityError as error:
            message = f"the record at {self.name} holds this already, or lacks what it refers to: {_said(error)}"
            raise StoreError(message) from error
        except (SQLAlchemyError, OSError) as error:
            message = f"the record at {self.name} failed: {_said(error)}"
            raise StoreError(message) from error

    def _connect(self) -> AsyncEngine:
        if self.is_sqlite:
            # Nothing is left open when a connection comes back: each transaction ends in COMMIT or ROLLBACK above.
            engine = create_async_engine(self.url, pool_reset_on_return=None)
            event.listen(engine.sync_engine, "connect", self._settle_sqlite)
            event.listen(engine.sync_engine, "begin", _begin_sqlite)
            return engine
        settings = {"application_name": "ballast", "TimeZone": "UTC"}
        if self._query_only:
            settings["default_transaction_read_only"] = "on"
        return create_async_engine(
            self.url,
            pool_pre_ping=True,
            pool_size=2,
            # A reader's several statements see one state, as they do in SQLite; a writer holds the lease's row instead.
            isolation_level="REPEATABLE READ" if self._query_only else "READ COMMITTED",
            connect_args={
                "timeout": CONNECT_TIMEOUT_S,
                "command_timeout": STATEMENT_TIMEOUT_S,
                "server_settings": settings,
            },
        )

    def _settle_sqlite(self, connection: Any, _record: object) -> None:
        # None: the driver begins nothing by itself; `_begin_sqlite` does, and DDL stays inside the transaction.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        if self._query_only:
            cursor.execute("PRAGMA query_only = ON")
        else:
            cursor.execute("PRAGMA journal_mode = WAL")
            cursor.execute("PRAGMA synchronous = FULL")
            cursor.execute(f"PRAGMA foreign_keys = {'ON' if self._foreign_keys else 'OFF'}")
        cursor.close()


def _make_sqlite(file: Path) -> None:
    """Make an empty file that is in WAL mode already: changing over fails while another process opens it too."""
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    os.close(handle)
    made = Path(name)
    try:
        connection = sqlite3.connect(made)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        finally:
            connection.close()
        os.link(made, file)  # all of it at once, and only where there is none
    except FileExistsError:
        return
    except OSError:
        file.touch(mode=0o600)  # a file system without links; the mode is changed on connecting
    finally:
        made.unlink()


def new_id(made: CursorResult[Any]) -> int:
    """The id the database gave to a row just inserted."""
    key = made.inserted_primary_key
    if key is None:
        message = "the database gave a new row no id"
        raise StoreError(message)
    return int(key[0])


def insert_if_new(connection: Connection, table: Table, values: Mapping[str, Any]) -> None:
    """Insert a row unless it is there, also when another process does the same at this moment."""
    made = sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)
    connection.execute(made.values(values).on_conflict_do_nothing())


def _begin_sqlite(connection: Connection) -> None:
    read_only = connection.get_execution_options().get(_READ_ONLY, False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


def _said(error: Exception) -> str:
    """The driver's own words on one line, without the statement and its values."""
    said = str(error.orig) if isinstance(error, StatementError) else str(error)
    return " ".join(said.split()) or type(error).__name__


async def _whole(work: Awaitable[T]) -> T:
    """Await ``work`` to its end; a cancellation is handed on only then, so that nobody doubts whether it committed."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        if not task.done():
            await asyncio.wait([task])
        if not task.cancelled():
            task.exception()
        raise
