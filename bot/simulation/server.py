"""Owns the simulated PostgreSQL: a database of its own on a real server, in a history whose time is not real.

The product's store runs unchanged, driver included. The driver really waits, in a thread with a loop of its own, while
the history stands still, so that a transaction lies between two of its turns as one of SQLite does, with the same
faults around it. What is put in its place is put back when the history is over.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager, suppress
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, TypeVar

import asyncpg

from bot.ports.errors import StoreAway
from bot.simulation.disk import Ask
from bot.simulation.loop import OUTSIDE, PROCESS, ProcessDied
from bot.simulation.venue_time import HOST_START
from bot.store.sql import upgrade
from bot.store.sql.engine import Database

T = TypeVar("T")
NUMBERS: Final = itertools.count(1)
TEMPLATES: Final[dict[str, str]] = {}
AWAY: Final = {
    "locked": "the server is starting up",
    "full_before": "could not extend file: no space left on device",
    "answer_lost": "connection was closed in the middle of operation",
    "io_error": "could not read block: input/output error",
}


class Rows(list[tuple[Any, ...]]):
    """What a statement found, as `sqlite3` tells it."""

    def fetchone(self) -> tuple[Any, ...] | None:
        """The first."""
        return self[0] if self else None

    def fetchall(self) -> list[tuple[Any, ...]]:
        """All."""
        return self


class Server:
    """One history's database. ``record`` is nobody's look into it, as `sqlite3` would be: text for money and time."""

    def __init__(self, admin: str) -> None:
        self._admin = admin
        self._own = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._own.run_forever, daemon=True)
        self._thread.start()
        name = f"ballast_simulated_{os.getpid()}_{next(NUMBERS)}"
        self.wait(_command(admin, f"CREATE DATABASE {name} TEMPLATE {_template(self, admin)}"))
        self._name = name
        self.url = _named(admin, name)
        self.record = self
        self._line: asyncpg.Connection[Any] = self.wait(asyncpg.connect(_dsn(self.url)))
        self._known: list[Database] = []

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Do it in real time, while the history stands still."""
        return asyncio.run_coroutine_threadsafe(work, self._own).result()

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Rows:
        """Run a statement of the checker's or the operator's."""
        pieces = sql.split("?")
        quoted = ["'" + str(each).replace("'", "''") + "'" for each in parameters] + [""]
        text = "".join(piece + value for piece, value in zip(pieces, quoted, strict=True))
        return Rows(tuple(_plain(each) for each in row) for row in self.wait(self._line.fetch(text)))

    def close(self) -> None:
        """Let go of every connection and of the database itself."""
        for database in self._known:
            self.wait(_PLAIN_CLOSE(database))
        self.wait(self._line.close())
        self.wait(_command(self._admin, f"DROP DATABASE IF EXISTS {self._name} WITH (FORCE)"))
        self._own.call_soon_threadsafe(self._own.stop)
        self._thread.join()
        self._own.close()

    def transaction(self, database: Database, work: Callable[[Any], T], operation: str, ask: Ask) -> T:
        """One transaction, with what strikes it: before it begins, before its commit, between commit and answer."""
        process = PROCESS.get()
        process.must_live()
        asked = ask if process is not OUTSIDE else _never
        if database not in self._known:
            self._known.append(database)
            process.on_death.append(lambda: self.wait(_PLAIN_CLOSE(database)))
        _strike(asked(operation))
        made, commit, rollback = self.wait(_begun(database, work))
        kind = asked("commit")
        if kind in ("full_before", "crash_before"):
            self.wait(rollback())
            _strike(kind)
        self.wait(commit())
        _strike(kind)
        return made

    @contextmanager
    def under(self, ask: Ask) -> Iterator[None]:
        """The product's databases as simulated processes find them."""

        async def write(database: Database, work: Callable[[Any], T]) -> T:
            await asyncio.sleep(0)
            return self.transaction(database, work, "begin", ask)

        async def run(database: Database, work: Callable[[Any], T]) -> T:
            await asyncio.sleep(0)
            return self.transaction(database, work, "read", ask)

        async def close(database: Database) -> None:
            await asyncio.sleep(0)
            self.wait(_PLAIN_CLOSE(database))

        wanted = {"_write": write, "_run": run, "close": close}
        before = {name: getattr(Database, name) for name in wanted}
        for name, each in wanted.items():
            setattr(Database, name, each)
        try:
            yield
        finally:
            for name, each in before.items():
                setattr(Database, name, each)


_PLAIN_CLOSE: Final = Database.close


async def _begun(
    database: Database, work: Callable[[Any], T]
) -> tuple[T, Callable[[], Coroutine[Any, Any, None]], Callable[[], Coroutine[Any, Any, None]]]:
    """Begin and do the work; what is left to say is how it ends."""
    with database._in_our_words():  # noqa: SLF001 - it is the product's own transaction, taken apart at its commit
        async with AsyncExitStack() as undo:
            connection = await undo.enter_async_context(database._served().connect())  # noqa: SLF001 - the same
            transaction = await connection.begin()
            made = await connection.run_sync(work)
            undo.pop_all()  # what failed was rolled back by closing; from here on it is ended by hand

    async def commit() -> None:
        with database._in_our_words():  # noqa: SLF001 - the same
            await transaction.commit()
            await connection.close()

    async def rollback() -> None:
        await transaction.rollback()
        await connection.close()

    return made, commit, rollback


def _strike(kind: str) -> None:
    if kind in AWAY:
        raise StoreAway(f"the record failed: {AWAY[kind]}")
    if kind in ("crash_before", "crash_after"):
        process = PROCESS.get()
        process.kill()
        raise ProcessDied(process.name)


def _template(server: Server, admin: str) -> str:
    """The name of a database with the product's tables and nothing in them, made once by each process."""
    if admin not in TEMPLATES:
        name = f"ballast_empty_{os.getpid()}"
        server.wait(_command(admin, f"DROP DATABASE IF EXISTS {name}"))
        server.wait(_command(admin, f"CREATE DATABASE {name}"))
        server.wait(upgrade(_named(admin, name), lambda: HOST_START))
        TEMPLATES[admin] = name
    return TEMPLATES[admin]


async def _command(admin: str, text: str) -> None:
    line = await asyncpg.connect(_dsn(admin))
    try:
        await line.execute(text)
    finally:
        with suppress(OSError):
            await line.close()


def _dsn(url: str) -> str:
    return url.replace("postgresql+asyncpg:", "postgresql:", 1)


def _named(url: str, name: str) -> str:
    """The same server, another database."""
    before, slash, after = url.partition("@/") if "@/" in url else url.rpartition("/")
    _, question, options = after.partition("?")
    return f"{before}{slash}{name}{question}{options}"


def _plain(value: Any) -> Any:
    """As SQLite keeps it."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if isinstance(value, datetime) else value


def _never(_operation: str) -> str:
    return ""
