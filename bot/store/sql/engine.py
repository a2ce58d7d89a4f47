"""Owns the way to the database: URL, connection settings, transactions, errors in the port's words; knows no table.

SQLite by default ignores concurrent read-modify-writes, so every writing transaction begins with BEGIN IMMEDIATE. It is
a file, not a server: a transaction takes less than handing it to a thread and back, so it runs where it is asked for,
whole between two turns of the loop. Only waiting for another process' lock is done asleep.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, TypeVar

from sqlalchemy import URL, Connection, CursorResult, NullPool, Table, create_engine, event, make_url
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    SQLAlchemyError,
    StatementError,
)
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bot.ports.errors import StoreAway, StoreError, StoreRefused

BUSY_TIMEOUT_MS: Final = 5_000
_BUSY_STEP_MS: Final = 10
CONNECT_TIMEOUT_S: Final = 5
STATEMENT_TIMEOUT_S: Final = 30
#: A process that stands still within a transaction (SIGSTOP) holds its lease's row, and nobody could take over: the
#: server ends its session before the lease has run out.
IDLE_MOST_S: Final = 10.0
POOLED: Final = 8  # connections of a pool, of each kind
_DRIVERS: Final = {"sqlite": "sqlite+pysqlite", "postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}
#: Classes of PostgreSQL's error codes that pass by themselves: connection, resources (disk, connections), an operator's
#: stop or start of the server, its machine's own errors.
AWAY: Final = ("08", "53", "57P", "58")
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


def server_engine(
    url: URL, *, query_only: bool, name: str = "ballast", idle_most_s: float = IDLE_MOST_S, **pooling: Any
) -> AsyncEngine:
    """The way to a server; ``name`` is what it calls our sessions."""
    settings = {
        "application_name": name,
        "TimeZone": "UTC",
        "idle_in_transaction_session_timeout": str(round(idle_most_s * 1000)),
    }
    if query_only:
        settings["default_transaction_read_only"] = "on"
    return create_async_engine(
        url,
        pool_pre_ping=True,
        # A reader's several statements see one state, as they do in SQLite; a writer holds the lease's row instead.
        isolation_level="REPEATABLE READ" if query_only else "READ COMMITTED",
        connect_args={
            "timeout": CONNECT_TIMEOUT_S,
            "command_timeout": STATEMENT_TIMEOUT_S,
            "server_settings": settings,
        },
        **pooling,
    )


class Pool:
    """A server's connections that many handles of one process share: they do not grow with the portfolios.

    Of size 1 it is one session for as long as that lives; ``name`` is what the server calls it.
    """

    def __init__(
        self, url: str, *, size: int = POOLED, name: str = "ballast", idle_most_s: float = IDLE_MOST_S
    ) -> None:
        self._url = parsed(url)
        self._idle_most_s = idle_most_s
        self._size = size
        self._name = name
        self._engines: dict[bool, AsyncEngine] = {}

    def engine(self, *, query_only: bool) -> AsyncEngine:
        """The engine for writers or for readers, made when it is first asked for."""
        made = self._engines.get(query_only)
        if made is None:
            pooling: dict[str, Any] = {"pool_size": self._size, "max_overflow": 0}
            made = server_engine(
                self._url, query_only=query_only, name=self._name, idle_most_s=self._idle_most_s, **pooling
            )
            self._engines[query_only] = made
        return made

    async def close(self) -> None:
        """Let go of every connection; the handles that share them must be done."""
        engines, self._engines = self._engines, {}
        for engine in engines.values():
            await engine.dispose()


class Database:
    """One process' way to one database. ``query_only`` cannot write, whatever it is asked to.

    With a ``pool`` a server's connections are that one's, and it closes them.
    """

    def __init__(
        self, url: str, *, query_only: bool = False, foreign_keys: bool = True, pool: Pool | None = None
    ) -> None:
        self.url = parsed(url)
        self._is_sqlite = self.url.get_backend_name() == "sqlite"
        self._file = Path(_file_name(self.url)) if self._is_sqlite else None
        self._query_only = query_only
        self._pool = pool
        self._foreign_keys = foreign_keys
        self._engine: AsyncEngine | None = None
        self._line: Connection | None = None  # the one connection to a file
        self._writing = asyncio.Lock()

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a file of ours rather than a server."""
        return self._is_sqlite

    @property
    def name(self) -> str:
        """The URL as it may be shown: without its password."""
        return self.url.render_as_string(hide_password=True)

    @property
    def file(self) -> Path | None:
        """The SQLite file, or None."""
        return self._file

    @property
    def missing(self) -> bool:
        """Whether there is no SQLite file yet (connecting would make an empty one)."""
        return self._file is not None and not os.path.exists(self._file)  # noqa: PTH110 - asked twice a second

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
        if self.is_sqlite:
            return await self._in_file(work, read_only=False)
        return await _whole(self._write(work))

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` on one consistent view."""
        if self.is_sqlite:
            return await self._in_file(work, read_only=True)
        return await _whole(self._run(work))

    async def close(self) -> None:
        """Let go of every connection; safe to call twice."""
        line, self._line = self._line, None
        if line is not None:
            line.close()
        engine, self._engine = self._engine, None
        if engine is not None:
            await _whole(engine.dispose())

    async def _in_file(self, work: Callable[[Connection], T], *, read_only: bool) -> T:
        """One transaction between two turns of the loop: nothing else of this process comes in between."""
        # Others get their turn: a cycle that waits for nothing else would else starve the watch for a kill.
        await asyncio.sleep(0)
        with self._in_our_words():
            if self._line is None:
                self._line = self._opened()
            line, driver = self._line, self._line.connection.driver_connection
            await _begun(driver, read_only=read_only)
            with _transaction(line, driver):
                return work(line)

    async def _write(self, work: Callable[[Connection], T]) -> T:
        # Tasks of this process queue here rather than for the server's lock.
        async with self._writing:
            return await self._run(work)

    async def _run(self, work: Callable[[Connection], T]) -> T:
        with self._in_our_words():
            async with self._served().begin() as connection:
                return await connection.run_sync(work)

    @contextmanager
    def _in_our_words(self) -> Iterator[None]:
        try:
            yield
        except (IntegrityError, sqlite3.IntegrityError) as error:
            message = f"the record at {self.name} holds this already, or lacks what it refers to: {_said(error)}"
            raise StoreError(message) from error
        except (SQLAlchemyError, sqlite3.Error, OSError) as error:
            message = f"the record at {self.name} failed: {_said(error)}"
            raise (StoreAway if _away(error) else StoreError)(message) from error

    def _opened(self) -> Connection:
        engine = create_engine(self.url, poolclass=NullPool)
        event.listen(engine, "connect", self._settle_sqlite)
        return engine.connect()

    def _served(self) -> AsyncEngine:
        if self._pool is not None:
            return self._pool.engine(query_only=self._query_only)
        if self._engine is None:
            self._engine = server_engine(self.url, query_only=self._query_only, pool_size=2)
        return self._engine

    def _settle_sqlite(self, connection: Any, _record: object) -> None:
        # None: the driver begins nothing by itself; we do, and DDL stays inside the transaction.
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


async def _begun(driver: Any, *, read_only: bool) -> None:
    """Begin; a writer takes the file's one lock, and waits for another process' without holding up the loop."""
    if read_only:
        driver.execute("BEGIN")
        return
    for waited_ms in range(0, BUSY_TIMEOUT_MS + 1, _BUSY_STEP_MS):
        driver.execute("PRAGMA busy_timeout = 0")
        try:
            driver.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or waited_ms == BUSY_TIMEOUT_MS:
                raise
        else:
            return
        finally:
            driver.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        await asyncio.sleep(_BUSY_STEP_MS / 1_000)


@contextmanager
def _transaction(line: Connection, driver: Any) -> Iterator[None]:
    """Commit what was begun, or take it back. SQLAlchemy takes part only once something was run through it."""
    done = False
    try:
        yield
        (line if line.in_transaction() else driver).commit()
        done = True
    finally:
        if not done:
            for way in (line, driver):  # SQLAlchemy's too where only its commit failed: it says it is in none and is
                with suppress(SQLAlchemyError, sqlite3.Error):  # what was raised first is what is told
                    way.rollback()


def _away(error: Exception) -> bool:
    """Whether the database is out of reach for now, rather than that it was asked for what cannot be."""
    if isinstance(error, DBAPIError):
        state = str(getattr(error.orig, "sqlstate", None) or "")
        if error.connection_invalidated or state.startswith(AWAY):
            return True
    return isinstance(error, OperationalError | InterfaceError | sqlite3.OperationalError | OSError)


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
