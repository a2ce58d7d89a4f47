"""Owns the local exchange's state file: its key pair, the engine's state, the venue's time."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Self

from bot.core.numbers import utc_text
from bot.local_exchange.signing import KeyPair, make_keys

_TABLE = """
CREATE TABLE IF NOT EXISTS exchange (
  only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
  scene TEXT NOT NULL, api_key TEXT NOT NULL, secret TEXT NOT NULL, at TEXT, engine BLOB
)
"""


class StateError(ValueError):
    """A state file that cannot be used; its text says why and what would help."""


@dataclass(frozen=True, slots=True)
class Saved:
    """What an earlier run left: the engine's state and the venue time it was taken at."""

    engine: bytes
    at: datetime


class FileState:
    """One SQLite file, held by one process from `open` to `close`, readable by its owner only.

    A save returns when it is on disk: a fill may be answered after it and never before.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, keys: KeyPair) -> None:
        self.path = path
        self.keys = keys
        self._connection = connection
        self._turn = asyncio.Lock()

    @classmethod
    def open(cls, path: Path, scene: str) -> Self:
        """Open the file or make it with a fresh key pair; raises `StateError`: in use, strange, of another scene.

        ``scene`` names what the exchange plays (scenario or tape, seed, start): an account stays in its world.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        # Made before SQLite opens it, so that the secret is never in a file that others may read.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        path.chmod(0o600)
        connection = sqlite3.connect(path, timeout=1, isolation_level=None, check_same_thread=False)
        try:
            keys = _prepare(connection, scene, path)
        except sqlite3.DatabaseError as error:
            connection.close()
            if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                raise StateError(f"{path}: is in use by another local exchange; end that one first") from error
            raise StateError(f"{path}: is not a local exchange's state file ({error}); name another file") from error
        except StateError:
            connection.close()
            raise
        return cls(path, connection, keys)

    def load(self) -> Saved | None:
        """What the last save left, or None for a fresh exchange."""
        at, engine = self._connection.execute("SELECT at, engine FROM exchange").fetchone()
        return None if engine is None else Saved(bytes(engine), datetime.fromisoformat(at))

    async def save(self, engine: bytes, at: datetime) -> None:
        """Replace the engine's state in one transaction, on disk when this returns; the loop goes on meanwhile."""
        async with self._turn:
            await asyncio.shield(asyncio.to_thread(self._write, engine, utc_text(at)))

    def hand_out(self, folder: Path) -> None:
        """Put the key pair into files that a bot reads as its secrets, readable by their owner only; raises OSError."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, text in (("api_key", self.keys.key), ("secret", self.keys.secret)):
            path = folder / f"ballast_venue__{name}"
            path.touch(mode=0o600)
            path.chmod(0o600)
            path.write_text(text, encoding="ascii")

    def close(self) -> None:
        """Let go of the file; safe to call twice."""
        self._connection.close()

    def _write(self, engine: bytes, at: str) -> None:
        self._connection.execute("UPDATE exchange SET engine = ?, at = ?", (engine, at))


def _prepare(connection: sqlite3.Connection, scene: str, path: Path) -> KeyPair:
    # Exclusive from the first write to the end of the process: two exchanges on one account would answer each other's
    # fills with nothing. With it, WAL needs no shared memory file beside the database.
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("BEGIN EXCLUSIVE")
    connection.execute(_TABLE)
    row = connection.execute("SELECT scene, api_key, secret FROM exchange").fetchone()
    if row is None:
        fresh = make_keys()
        connection.execute("INSERT INTO exchange VALUES (1, ?, ?, ?, NULL, NULL)", (scene, fresh.key, fresh.secret))
        row = (scene, fresh.key, fresh.secret)
    connection.execute("COMMIT")
    if row[0] != scene:
        raise StateError(
            f"{path}: holds an account of {row[0]!r}, asked for is {scene!r}; name another file or delete it"
        )
    return KeyPair(row[1], row[2])
