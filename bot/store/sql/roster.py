"""Owns a fleet's roster in SQL: workers' rows, claims with the first lease, renewals, the server's time.

A claim is an advisory lock of one dedicated PostgreSQL session. It keeps two workers from starting one portfolio at
once and goes with its process; what keeps a worker that lost a portfolio from writing is the lease's fencing number.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any, Final

from sqlalchemy import Connection, delete, func, insert, select, text, update

from bot.core.numbers import canonical_json
from bot.ports.errors import Fenced, StoreRefused
from bot.ports.fleet import Lease, Muster, Offer, Worker
from bot.ports.store import Identity
from bot.store.sql import booking, leasing, schema
from bot.store.sql.engine import Database, Pool
from bot.store.sql.renewing import renewed
from bot.store.sql.tables import leases, workers

CLAIMS: Final = 0x6261_6C6C  # "ball": the first half of each claim's key, the book is the second
SESSION: Final = "ballast fleet "  # and the worker's name, so that others see whose session it is
NAME_MOST: Final = 49  # a session's name holds 63 characters
FORGOTTEN_AFTER = timedelta(days=1)
_LOCK = text(
    "SELECT book, pg_try_advisory_lock(:claims, book) AS had FROM unnest(CAST(:books AS integer[])) AS wanted (book)"
)
_HOLDERS = text(
    "SELECT CAST(CAST(l.objid AS bigint) AS integer) AS book, a.application_name AS name "
    "FROM pg_locks l JOIN pg_stat_activity a USING (pid) "
    "WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 AND l.classid = :claims "
    "AND CAST(l.objid AS bigint) = ANY (CAST(:books AS bigint[])) "
    "AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


class SqlRoster:
    """`bot.ports.fleet.Roster` over PostgreSQL; over SQLite for one process. ``name``: the worker's."""

    def __init__(self, url: str, name: str, utc_now: Callable[[], datetime]) -> None:
        self._url = url
        self._utc_now = utc_now
        self._served = not Database(url).is_sqlite
        self._session = Pool(url, size=1, name=f"{SESSION}{name}"[: len(SESSION) + NAME_MOST]) if self._served else None
        self._database = Database(url, pool=self._session)
        self._ahead = timedelta(0)  # the server's clock less ours
        self._pid = 0
        self._claimed: set[int] = set()
        self._locked: set[int] = set()
        self._file: IO[str] | None = None
        self._known: dict[str, tuple[str, Worker]] = {}

    async def open(self) -> None:
        """See the Protocol."""
        await schema.upgrade(self._url, self._utc_now)
        if self._database.file is not None and self._file is None:
            path = lock_of(self._database.file)
            self._file = path.open("a", encoding="utf-8")
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                await self.close()
                raise Fenced(
                    f"another fleet process works on this file ({path} is locked); a fleet of several needs PostgreSQL"
                ) from None

    def now(self) -> datetime:
        """See the Protocol."""
        return self._utc_now() + self._ahead

    async def bind(self, identities: Sequence[Identity]) -> Sequence[int]:
        """See the Protocol."""
        at = self.now()
        return await self._database.write(
            lambda connection: [booking.bind(connection, identity, at) for identity in identities]
        )

    async def muster(self, me: Worker, ttl_s: float, leads: Mapping[int, Offer] = MappingProxyType({})) -> Muster:
        """See the Protocol."""
        body = _body_of(me)

        def work(connection: Connection) -> tuple[datetime, int, Sequence[Any], Sequence[Any]]:
            at, pid = self._clock(connection)
            values = {"until": at + timedelta(seconds=ttl_s), "body": body}
            if not connection.execute(update(workers).where(workers.c.name == me.name).values(values)).rowcount:
                own = {"name": me.name, "host": me.host, "pid": me.pid, "version": me.version}
                connection.execute(insert(workers).values(**own, started_at=me.started_at, **values))
                connection.execute(delete(workers).where(workers.c.until < at - FORGOTTEN_AFTER))
            alive = connection.execute(select(workers).where(workers.c.until > at).order_by(workers.c.name)).all()
            held = connection.execute(select(leases)).all()
            leasing.stamp(connection, [row for row in held if row.holder == me.name], leads)
            if pid != self._pid:  # a new session holds none of the old one's locks
                self._locked = set()
            if self._claimed - self._locked:
                self._locked |= self._lock(connection, self._claimed - self._locked)
            return at, pid, alive, held

        asked = self._utc_now()
        at, self._pid, alive, held = await self._database.write(work)
        self._ahead = at - (asked + (self._utc_now() - asked) / 2) if self._served else timedelta(0)
        self._known = {row.name: self._read(row) for row in alive}
        return Muster(
            at,
            tuple(worker for _, worker in self._known.values()),
            {row.book_id: _lease(row, leads if row.holder == me.name else {}) for row in held},
        )

    async def renew(self, holder: str, fences: Mapping[int, int], ttl_s: float) -> Collection[int]:
        """Renew a worker's leases in one transaction of this session; which of them were."""

        def work(connection: Connection) -> Collection[int]:
            at, _ = self._clock(connection)
            return renewed(connection, holder, fences, at + timedelta(seconds=ttl_s))

        return await self._database.write(work)

    async def claim(
        self, wanted: Mapping[int, Offer], holder: str, alive: Collection[str], ttl_s: float
    ) -> Collection[int]:
        """See the Protocol."""

        def work(connection: Connection) -> Collection[int]:
            mine = self._lock(connection, wanted.keys())
            self._locked |= mine
            # A worker that stands still keeps its session, and with it its locks: its leases ran out all the same.
            others = self._holders(connection, wanted.keys() - mine)
            still = {book for book, name in others.items() if name.removeprefix(SESSION) not in alive}
            at, _ = self._clock(connection)
            books = {book: wanted[book] for book in sorted(mine | still)}
            return leasing.claim(connection, books, holder, at + timedelta(seconds=ttl_s), at)

        had = await self._database.write(work) if wanted else ()
        self._claimed |= set(had)
        return had

    async def hold(self, books: Collection[int], holder: str, ttl_s: float) -> None:
        """See the Protocol."""

        def work(connection: Connection) -> None:
            at, _ = self._clock(connection)
            leasing.hold(connection, books, holder, at + timedelta(seconds=ttl_s))

        await self._database.write(work)

    async def drop(self, book: int, holder: str) -> None:
        """See the Protocol."""
        self._claimed.discard(book)
        locked = self._served and book in self._locked
        self._locked.discard(book)
        mine = (leases.c.book_id == book) & (leases.c.holder == holder)

        def work(connection: Connection) -> None:
            connection.execute(update(leases).where(mine).values(holder=""))
            if locked:
                connection.execute(select(func.pg_advisory_unlock(CLAIMS, book)))

        await self._database.write(work)

    async def leave(self, me: Worker) -> None:
        """See the Protocol."""
        await self._database.write(
            lambda connection: connection.execute(delete(workers).where(workers.c.name == me.name))
        )

    async def close(self) -> None:
        """See the Protocol."""
        self._claimed, self._locked = set(), set()
        await self._database.close()
        if self._session is not None:
            await self._session.close()
        if self._file is not None:
            self._file.close()
            self._file = None

    def _clock(self, connection: Connection) -> tuple[datetime, int]:
        if not self._served:
            return self._utc_now(), 0
        row = connection.execute(text("SELECT clock_timestamp(), pg_backend_pid()")).one()
        return row[0], int(row[1])

    def _lock(self, connection: Connection, books: Collection[int]) -> set[int]:
        """Those of the books whose advisory lock this session has, or gets."""
        # Locks of a session are counted: one that is held already would have to be let go of twice.
        if not self._served:
            return set(books)
        mine = self._locked & set(books)
        rest = sorted(set(books) - mine)
        return mine | {row.book for row in connection.execute(_LOCK, {"claims": CLAIMS, "books": rest}) if row.had}

    def _holders(self, connection: Connection, books: Collection[int]) -> Mapping[int, str]:
        """The sessions that have these books' locks, by name."""
        if not books:
            return {}
        rows = connection.execute(_HOLDERS, {"claims": CLAIMS, "books": sorted(books)})
        return {row.book: row.name for row in rows}

    def _read(self, row: Any) -> tuple[str, Worker]:
        known = self._known.get(row.name)
        return known if known is not None and known[0] == row.body else (row.body, worker_of(row))


def _lease(row: Any, leads: Mapping[int, Offer]) -> Lease:
    stamp = leads.get(row.book_id) or (Offer(row.version, row.config) if row.version and row.config else None)
    return Lease(row.book_id, row.holder, int(row.fence), row.until, stamp)


def lock_of(file: Path) -> Path:
    """What one fleet process locks beside a SQLite file."""
    return file.with_suffix(".fleet.lock")


def worker_of(row: Any) -> Worker:
    """A worker from its row; raises StoreRefused where another version wrote what this one cannot read."""
    try:
        body: Mapping[str, Any] = json.loads(row.body)
        offers = {str(name): Offer(*each) for name, each in body["offers"].items()}
        troubles = {str(name): str(why) for name, why in body["troubles"].items()}
        draining = bool(body["draining"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoreRefused(f"worker {row.name} of version {row.version} cannot be understood: {error}") from error
    return Worker(row.name, row.host, row.pid, row.version, row.started_at, offers, troubles, draining)


def _body_of(worker: Worker) -> str:
    offers = {name: [each.version, each.config] for name, each in worker.offers.items()}
    return canonical_json({"offers": offers, "troubles": dict(worker.troubles), "draining": worker.draining})
