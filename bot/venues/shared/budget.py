"""Owns how much the processes of one machine may ask together: buckets of tokens, and the quiet a venue asked for.

One small record a file, changed under its lock, which the kernel lets go of with its process. Where a record cannot be
had, is broken or of an earlier start of the machine, each process goes by what it knows itself.
"""

from __future__ import annotations

import asyncio
import os
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final
from zlib import crc32

from bot.venues.shared.run_folder import RunFolder

MARK: Final = b"ballast1"
BOOT: Final = 40
WHY: Final = 160
RECORD: Final = struct.Struct(f"<8s{BOOT}sdddd{WHY}s")
SUM: Final = 4  # bytes behind it that tell whether it is whole
TRIES: Final = 20  # for a record's lock, which is held for microseconds
TRY_S: Final = 0.002
DEBT_MOST_S: Final = 5.0  # host seconds that a read waits for its turn; a longer wait is its caller's business


@dataclass(frozen=True, slots=True)
class _Record:
    """Tokens as of ``at_s``, and until when there must be quiet; machine seconds. Tokens below 0 are owed."""

    tokens: float
    at_s: float
    quiet_s: float = 0.0
    orders_quiet_s: float = 0.0
    why: str = ""


_Change = Callable[[_Record, float], _Record | None]  # a record and now; None: it stays as it is


class Budget:
    """Of a key, or of an address, as `bot.venues.ccxt.limits.Budget` asks for it.

    Its records lie in ``folder``, their names begin with ``name``.
    """

    def __init__(self, folder: RunFolder, name: str) -> None:
        self._folder = folder
        self._name = name

    async def take(self, bucket: str, cost: float, *, per_s: float, most: float, urgent: bool = False) -> float:
        """Take tokens and return how many host seconds to wait for them; ``per_s`` come, ``most`` are kept.

        Who is ``urgent`` never waits: what it takes the others owe. Nothing is taken where the wait would be longer
        than ``DEBT_MOST_S``.
        """
        wait_s = 0.0

        def change(record: _Record, now_s: float) -> _Record | None:
            nonlocal wait_s
            tokens = min(most, record.tokens + max(0.0, now_s - record.at_s) * per_s)
            wait_s = 0.0 if urgent else max(0.0, -tokens / per_s)
            return None if wait_s > DEBT_MOST_S else replace(record, tokens=tokens - cost, at_s=now_s)

        name = f"{self._name}.{bucket}"
        for _ in range(TRIES):
            if self._changed(name, most, change):
                return wait_s
            await asyncio.sleep(TRY_S)
        self._folder.trouble("held", f"{self._folder.path / name}: is held by a process that stands still; not counted")
        return 0.0

    def left(self, bucket: str, tokens: float) -> None:
        """No more than these are left, says the venue, which counts whoever asks from here."""

        def change(record: _Record, now_s: float) -> _Record | None:
            return replace(record, tokens=tokens, at_s=now_s) if tokens < record.tokens else None

        self._changed(f"{self._name}.{bucket}", tokens, change)  # it will say so again with its next answer

    def pause(self, host_s: float, why: str, *, orders_only: bool = False) -> None:
        """Have all be quiet for ``host_s``; a pause is never shortened."""

        def change(record: _Record, now_s: float) -> _Record:
            until_s = now_s + host_s
            quiet_s = record.quiet_s if orders_only else max(record.quiet_s, until_s)
            return replace(
                record, quiet_s=quiet_s, orders_quiet_s=max(record.orders_quiet_s, until_s), why=why, at_s=now_s
            )

        # At once: the next request may leave before anything else runs. The lock is held for microseconds.
        for _ in range(TRIES):
            if self._changed(self._name, 0.0, change):
                return

    def quiet(self, *, orders: bool = False) -> tuple[float, str]:
        """Host seconds for which there must be quiet, and why; without a lock, since a record tells if it is whole."""
        found = None
        with suppress(OSError):
            found = self._parsed((self._folder.path / self._name).read_bytes())
        if found is None:
            return 0.0, ""
        until_s = max(found.quiet_s, found.orders_quiet_s) if orders else found.quiet_s
        return max(0.0, until_s - self._folder.boot_s()), found.why

    # ---- inside

    def _changed(self, name: str, most: float, change: _Change) -> bool:
        """Whether the lock was had and the record is as it should be, or can never be."""
        now_s = self._folder.boot_s()
        try:
            with self._folder.locked(name) as file:
                if file is None:
                    return False
                raw = os.pread(file, RECORD.size + SUM, 0)
                found = self._parsed(raw)
                if found is None and raw:
                    self._folder.trouble("record", f"{self._folder.path / name}: is broken or old; begun anew")
                made = change(found or _Record(most, now_s), now_s)
                if made is not None:
                    os.pwrite(file, self._packed(made), 0)
        except OSError as error:
            why = f"{self._folder.path / name}: cannot be used, so every process counts for itself: {error.strerror}"
            self._folder.trouble("budget", why)
        return True

    def _packed(self, record: _Record) -> bytes:
        why = record.why.encode()[:WHY].decode(errors="ignore").encode()
        raw = RECORD.pack(
            MARK,
            self._folder.boot.encode()[:BOOT],
            record.tokens,
            record.at_s,
            record.quiet_s,
            record.orders_quiet_s,
            why,
        )
        return raw + crc32(raw).to_bytes(SUM, "little")

    def _parsed(self, raw: bytes) -> _Record | None:
        """A record of this start of the machine that is whole; else None."""
        if len(raw) < RECORD.size + SUM or crc32(raw[: RECORD.size]) != int.from_bytes(
            raw[RECORD.size :][:SUM], "little"
        ):
            return None
        mark, boot, tokens, at_s, quiet_s, orders_quiet_s, why = RECORD.unpack(raw[: RECORD.size])
        if mark != MARK or boot.rstrip(b"\0") != self._folder.boot.encode()[:BOOT]:
            return None
        if not at_s <= self._folder.boot_s() + 1.0:
            return None
        return _Record(tokens, at_s, quiet_s, orders_quiet_s, why.rstrip(b"\0").decode(errors="replace"))
