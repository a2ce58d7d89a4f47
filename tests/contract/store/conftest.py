"""The three records that one suite is run against."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import pytest

from bot.ports.store import Controls, Identity, Record
from bot.store.memory import MemoryControls, MemoryDatabase, MemoryRecord, MemoryStore
from bot.store.sql import SqlControls, SqlRecord, SqlStore, upgrade
from tests.contract.store.builders import MAIN, HandClock
from tests.server import Postgres, a_server


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """Start a server of our own; skipped where no programs fit."""
    with a_server() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_template(postgres: Postgres) -> str:
    """The name of a database that holds the schema and nothing else."""
    url = postgres.make_database()
    asyncio.run(upgrade(url, HandClock()))
    return url.partition("@/")[2].partition("?")[0]


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without any table."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path}/data/ballast.db"
    server: Postgres = request.getfixturevalue("postgres")
    return server.make_database()


class Handles(Protocol):
    """The three handles on one record, whatever it is kept in. ``prune`` is the leader's, beyond the Protocol."""

    clock: HandClock

    def store(self) -> SqlStore | MemoryStore: ...

    def controls(self, identity: Identity = MAIN) -> Controls: ...

    def record(self, identity: Identity = MAIN) -> Record: ...


@dataclass(slots=True)
class InMemory:
    clock: HandClock = field(default_factory=HandClock)
    database: MemoryDatabase = field(default_factory=MemoryDatabase)

    def store(self) -> MemoryStore:
        return MemoryStore(self.database, self.clock)

    def controls(self, identity: Identity = MAIN) -> Controls:
        return MemoryControls(self.database, identity, self.clock)

    def record(self, identity: Identity = MAIN) -> Record:
        return MemoryRecord(self.database, identity)

    async def close(self) -> None: ...


@dataclass(slots=True)
class InSql:
    url: str
    clock: HandClock = field(default_factory=HandClock)
    made: list[SqlStore | SqlControls | SqlRecord] = field(default_factory=list)

    def store(self) -> SqlStore:
        store = SqlStore(self.url, self.clock)
        self.made.append(store)
        return store

    def controls(self, identity: Identity = MAIN) -> Controls:
        controls = SqlControls(self.url, identity, self.clock)
        self.made.append(controls)
        return controls

    def record(self, identity: Identity = MAIN) -> Record:
        record = SqlRecord(self.url, identity)
        self.made.append(record)
        return record

    async def close(self) -> None:
        for handle in self.made:
            await handle.close()


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def kept_in(request: pytest.FixtureRequest, tmp_path: Path) -> str | None:
    """The URL of a database with the schema, or None: in memory."""
    if request.param == "memory":
        return None
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path}/data/ballast.db"
    server: Postgres = request.getfixturevalue("postgres")
    return server.make_database(template=request.getfixturevalue("postgres_template"))


@pytest.fixture
async def handles(kept_in: str | None) -> AsyncIterator[Handles]:
    """A record of each kind, with nothing in it."""
    made = InMemory() if kept_in is None else InSql(kept_in)
    yield made
    await made.close()


@pytest.fixture
async def store(handles: Handles) -> SqlStore | MemoryStore:
    """A store that is open for the main portfolio, with its lease not yet taken."""
    made = handles.store()
    await made.open(MAIN, migrate=True)
    return made


@pytest.fixture
async def fence(store: SqlStore | MemoryStore) -> int:
    """The number under which that store leads."""
    return await store.lead("first", 30)
