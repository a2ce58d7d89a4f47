"""Owns the simulated disk: SQLite on memory, on the loop's own thread, with faults where a driver has them.

The product's store runs unchanged. What changes is under it: `sqlite3.connect` makes connections that know their
process, and aiosqlite, where it is used, gets a worker that works at once. Both are put back when the run is over.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import aiosqlite.core

from bot.simulation.loop import OUTSIDE, PROCESS, Process, ProcessDied

Ask = Callable[[str], str]  # the name of an operation -> the kind of fault that strikes it now, or ""
_PLAIN: Final = sqlite3.connect
ERRORS: Final[Mapping[str, tuple[int, str]]] = {
    "locked": (sqlite3.SQLITE_BUSY, "database is locked"),
    "full_before": (sqlite3.SQLITE_FULL, "database or disk is full"),
    "answer_lost": (sqlite3.SQLITE_IOERR, "disk I/O error"),
    "io_error": (sqlite3.SQLITE_IOERR, "disk I/O error"),
}


def plain_connection(path: Path) -> sqlite3.Connection:
    """A connection of nobody's: what the checker and the operator look and write with."""
    return _PLAIN(path, isolation_level=None, timeout=0.0)


class Cursor(sqlite3.Cursor):
    """A cursor whose transactions may fail."""

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:  # type: ignore[override]
        """Run it, unless a fault strikes."""
        made = self.connection
        if isinstance(made, Connection):
            made.before(sql)
        return super().execute(sql, parameters)


class Connection(sqlite3.Connection):
    """One connection of a simulated process."""

    owner: Process = OUTSIDE
    ask: Ask

    def cursor(self, factory: Any = Cursor) -> Any:
        """Cursors of ours, whatever the driver asks for."""
        del factory
        return super().cursor(Cursor)

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        """As a cursor's."""
        return self.cursor().execute(sql, parameters)  # type: ignore[no-any-return]

    def before(self, sql: str) -> None:
        """What may strike a statement before it runs."""
        self.owner.must_live()
        word = sql[:6].upper()
        if word == "BEGIN ":
            self._strike(self.ask("begin"))
        elif word == "BEGIN":
            self._strike(self.ask("read"))
        elif word == "COMMIT":
            self._committing()

    def commit(self) -> None:
        """COMMIT: it may fail, be lost after it was done, or be the last that the process did."""
        self.owner.must_live()
        if not self.in_transaction:
            return
        after = self._committing()
        super().commit()
        self._strike(after)

    def _committing(self) -> str:
        """Strike before the commit; answers what strikes after it."""
        kind = self.ask("commit")
        if kind in ("full_before", "crash_before"):
            self.rollback()
            self._strike(kind)
        return kind

    def _strike(self, kind: str) -> None:
        if kind in ERRORS:
            code, text = ERRORS[kind]
            error = sqlite3.OperationalError(text)
            error.sqlite_errorcode, error.sqlite_errorname = code, text
            raise error
        if kind in ("crash_before", "crash_after"):
            self.owner.kill()
            raise ProcessDied(self.owner.name)

    def die(self) -> None:
        """Let go as the kernel does: what was not committed is gone."""
        self.ask = _never
        super().close()


class _Worker:
    """aiosqlite's thread, that is none."""

    daemon = True

    def __init__(self, target: object, args: tuple[object, ...]) -> None:
        del target, args

    def start(self) -> None:
        """Nothing to start."""


class _Queue:
    """aiosqlite's queue: what is put there is done at once, and answered in a later turn."""

    def put_nowait(self, item: tuple[asyncio.Future[Any] | None, Callable[[], Any]]) -> None:
        """Do it; a process can die between this and its answer."""
        future, work = item
        PROCESS.get().must_live()
        try:
            made, error = work(), None
        except (sqlite3.Error, ValueError) as raised:
            made, error = None, raised
        if future is not None:
            loop = future.get_loop()
            loop.call_soon(_tell, future, made, error)


def _tell(future: asyncio.Future[Any], made: Any, error: Exception | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(made)
    else:
        future.set_exception(error)


@contextmanager
def simulated_disk(ask: Ask) -> Iterator[None]:
    """SQLite as simulated processes find it, for the time of one run."""

    def connect(database: Any, *args: Any, **settings: Any) -> Connection:
        process = PROCESS.get()
        process.must_live()
        settings["factory"] = Connection
        made: Any = _PLAIN(database, *args, **settings)
        made.owner, made.ask = process, (ask if process is not OUTSIDE else _never)
        process.on_death.append(made.die)
        return made  # type: ignore[no-any-return]

    homes: list[tuple[Any, str, Any]] = [
        (sqlite3, "connect", connect),
        (sqlite3.dbapi2, "connect", connect),
        (aiosqlite.core, "Thread", _Worker),
        (aiosqlite.core, "SimpleQueue", _Queue),
    ]
    before = [(home, name, getattr(home, name)) for home, name, _ in homes]
    for home, name, wanted in homes:
        setattr(home, name, wanted)
    try:
        yield
    finally:
        for home, name, known in before:
            setattr(home, name, known)


def _never(_operation: str) -> str:
    return ""
