"""Owns copies of a record: one taken while the bot runs, and one put in a record's place. SQLite files only."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from bot.ports.errors import Fenced, StoreError, StoreRefused
from bot.ports.store import Identity
from bot.store.sql.engine import Database
from bot.store.sql.schema import HEAD, VERSION_TABLE

PAGES: Final = 2_000  # copied between two looks at whoever wants to write
WAIT_S: Final = 30.0  # for another process' transaction to end
SIDE_FILES: Final = ("-wal", "-shm")
Told = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Copy:
    """A sound copy: where, how large, whose, and up to when it tells."""

    path: Path
    size_bytes: int
    books: tuple[Identity, ...]
    decisions: int
    last_at: str | None


def backup(url: str, to: Path, told: Told | None = None) -> Copy:
    """Copy a record, also while the bot writes it: the copy is one moment of it. Raises StoreRefused, StoreError.

    ``told`` hears (pages left, pages in all). A file that is there already is not touched.
    """
    source = _file(url)
    if not source.exists():
        raise StoreRefused(f"there is no record at {source} yet; `ballast run` makes one")
    if to.exists():
        raise StoreRefused(f"{to} is there already; name a file that is not")
    part = to.with_name(f"{to.name}.part")
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        with closing(sqlite3.connect(source, timeout=WAIT_S)) as lives, closing(sqlite3.connect(part)) as copy:
            heard = None if told is None else (lambda _status, left, whole: told(left, whole))
            lives.backup(copy, pages=PAGES, progress=heard)
            copy.execute("PRAGMA journal_mode=DELETE")  # one file, that any medium can hold
        found = look(part)
        part.replace(to)
    except (OSError, sqlite3.Error) as error:
        part.unlink(missing_ok=True)
        raise StoreError(f"the record {source} could not be copied to {to}: {error}") from error
    except StoreError:
        part.unlink(missing_ok=True)
        raise
    return Copy(to, found.size_bytes, found.books, found.decisions, found.last_at)


def look(path: Path) -> Copy:
    """What a copy holds; raises StoreRefused where it is damaged, of a newer version, or no record at all."""
    if not path.is_file():
        raise StoreRefused(f"{path}: there is no such file")
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=WAIT_S)) as copy:
            sound = str(copy.execute("PRAGMA integrity_check(1)").fetchone()[0])
            if sound != "ok":
                raise StoreRefused(f"{path} is damaged: {' '.join(sound.split())}")
            version = str(copy.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchone()[0])  # noqa: S608 - our name
            if version > HEAD:
                raise StoreRefused(f"{path} was written by a newer version (schema {version}, this one reads {HEAD})")
            whose = copy.execute("SELECT portfolio, mode, venue, environment, account FROM portfolios ORDER BY id")
            books = tuple(Identity(*row) for row in whose.fetchall())
            count, last = copy.execute("SELECT count(*), max(at) FROM decisions").fetchone()
    except (sqlite3.Error, TypeError) as error:
        raise StoreRefused(f"{path} is no record of ballast: {error}") from error
    return Copy(path, path.stat().st_size, books, int(count), None if last is None else str(last))


def restore(url: str, source: Path, now: datetime) -> tuple[Copy, Path | None]:
    """Put a copy in the record's place; what was there is kept beside it. The copy, and where the old record went.

    The caller holds the portfolio's lock. Raises Fenced while a lease on either runs, StoreRefused for a bad copy.
    """
    target = _file(url)
    found = look(source)
    _must_be_left(target, now)
    kept = target.with_name(f"{target.name}.before-restore-{now:%Y%m%dT%H%M%S}") if target.exists() else None
    part = target.with_name(f"{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        with (
            closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as copy,
            closing(sqlite3.connect(part)) as new,
        ):
            copy.backup(new)
            new.execute("PRAGMA journal_mode=WAL")
        look(part)
        if kept is not None:
            # What the write-ahead log still holds belongs to the old record, and must not be read into the new one.
            with closing(sqlite3.connect(target, timeout=WAIT_S)) as old:
                old.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            target.rename(kept)
        for suffix in SIDE_FILES:
            target.with_name(target.name + suffix).unlink(missing_ok=True)
            part.with_name(part.name + suffix).unlink(missing_ok=True)
        part.replace(target)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"{source} could not be put in the place of {target}: {error}") from error
    return found, kept


def _must_be_left(target: Path, now: datetime) -> None:
    """Nobody may lead the record that is about to go: a lease that runs is a process, here or on another machine."""
    if not target.exists():
        return
    try:
        with closing(sqlite3.connect(f"file:{target}?mode=ro", uri=True, timeout=WAIT_S)) as present:
            rows = present.execute("SELECT holder, until FROM leases WHERE holder <> ''").fetchall()
    except sqlite3.Error:
        return  # damaged, or none of ours: what a restore is for
    for holder, until in rows:
        ends = datetime.fromisoformat(str(until))
        if ends.replace(tzinfo=ends.tzinfo or now.tzinfo) > now:
            raise Fenced(f"{holder} leads this record until {until}; stop the bot first")


def _file(url: str) -> Path:
    file = Database(url).file
    if file is None:
        raise StoreRefused("store.url: is a PostgreSQL server; back it up and restore it with pg_dump and pg_restore")
    return file
