"""Owns answers that processes of one machine give one another: who needs one and gets the lock asks, the others read.

An answer is believed for as long as its asker's own would be, by two clocks that must agree: the machine's, which
nobody can set, and venue time. A file that is missing, broken or too old, a lock that cannot be had in time: then the
venue is asked, as if there were no others.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, TypeVar

from bot.ports.clock import Clock
from bot.ports.venue import Gap
from bot.venues.shared.codecs import Codec
from bot.venues.shared.run_folder import RunFolder, digest_of

T = TypeVar("T")
FORMAT: Final = 1
ASKING_MOST_S: Final = 10.0  # host seconds: who asks for longer is waited for no more
LOOK_S: Final = 0.025  # between two looks at what another process asks
AGREE_S: Final = 0.5  # host seconds that the two clocks may differ by over an answer's age
STAMP: Final = 32  # bytes at the head of a lock: when its holder began to ask
BROKEN: Final = (ValueError, KeyError, TypeError, ArithmeticError)


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: ``text`` says all of it, ``slot`` is the file that the newest answer of its kind lies in."""

    text: str
    slot: str
    keep: timedelta
    codec: Codec[Any]
    whole: Callable[[Any], bool] = lambda _answer: True


@dataclass(frozen=True, slots=True)
class _Told:
    """What a file holds: asked at ``asked_s`` (machine) and ``at`` (venue time); a Gap is told at ``asked_s``."""

    asked_s: float
    at: datetime
    value: Any


class Answers:
    """Of one venue in one environment.

    ``speed``: venue seconds per host second. ``brief``: how long an answer stands that is not whole yet.
    """

    def __init__(self, folder: RunFolder, clock: Clock, speed: float, brief: timedelta) -> None:
        self._folder = folder
        self._clock = clock
        self._speed = speed
        self._brief = brief
        self._drafts = itertools.count()

    async def get(self, question: Question, ask: Callable[[], Awaitable[T]]) -> tuple[T, datetime]:
        """The answer, and when it was asked for (venue time); what asking raises is raised."""
        began_s = self._folder.boot_s()
        name = digest_of(question.slot)
        seen: tuple[int, int] | None = None
        with ExitStack() as held:
            while True:
                stamp = self._stamp(name)
                if stamp is not None and stamp != seen:
                    seen, found = stamp, await self._read(name, question, began_s)
                    if found is not None:
                        return found
                lock = self._lock(name, held)
                if lock is not None or not self._worth_waiting(name, began_s):
                    break
                await asyncio.sleep(LOOK_S)
            stamp = self._stamp(name)
            if lock is not None and stamp is not None and stamp != seen:  # told between our look and our lock
                found = await self._read(name, question, began_s)
                if found is not None:
                    return found
            asked_s, at = self._folder.boot_s(), self._clock.now()
            value = await ask()
            told_s = self._folder.boot_s() if isinstance(value, Gap) else asked_s
            await asyncio.to_thread(self._write, name, question, _Told(told_s, at, value))
            return value, at

    # ---- inside

    def _lock(self, name: str, held: ExitStack) -> bool | None:
        """Try for the lock and write down since when it is held; None: another has it, False: there is none."""
        trying = ExitStack()
        try:
            file = trying.enter_context(self._folder.locked(f"{name}.lock"))
            if file is None:
                trying.close()
                return None
            held.push(trying)
            os.pwrite(file, f"{self._folder.boot_s():.3f}".encode().ljust(STAMP), 0)
            # The next holder must not be taken for one that has been asking since this one began.
            held.callback(_emptied, file)
        except OSError as error:
            self._folder.trouble("lock", f"{self._folder.path}: no lock can be had, so every process asks: {error}")
            return False
        return True

    def _worth_waiting(self, name: str, began_s: float) -> bool:
        """Whether its holder has not been asking for too long: one that stands still would never be done."""
        now_s = self._folder.boot_s()
        try:
            since_s = float((self._folder.path / f"{name}.lock").read_bytes()[:STAMP])
        except (OSError, ValueError):
            since_s = began_s
        # One that lies ahead is of an earlier start of the machine.
        waited_s = max(now_s - began_s, now_s - since_s)
        if waited_s <= ASKING_MOST_S:
            return True
        self._folder.trouble(
            "stuck", f"{self._folder.path}: a process asks for over {ASKING_MOST_S:.0f} s; not waited for"
        )
        return False

    def _stamp(self, name: str) -> tuple[int, int] | None:
        try:
            found = (self._folder.path / name).stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns

    async def _read(self, name: str, question: Question, began_s: float) -> tuple[Any, datetime] | None:
        told = await asyncio.to_thread(self._parsed, name, question)
        if told is None:
            return None
        if isinstance(told.value, Gap):
            return (told.value, told.at) if told.asked_s >= began_s else None
        age_s, now = self._folder.boot_s() - told.asked_s, self._clock.now()
        by_machine, by_venue = timedelta(seconds=age_s * self._speed), now - told.at
        if age_s < 0 or abs(by_machine - by_venue) > timedelta(seconds=AGREE_S * self._speed):
            return None
        keep = question.keep if question.whole(told.value) else min(question.keep, self._brief)
        at = min(told.at, now)
        return (told.value, at) if max(by_machine, by_venue) <= keep else None

    def _parsed(self, name: str, question: Question) -> _Told | None:
        """What the file says; None where it is about something else, or of another start of the machine."""
        path = self._folder.path / name
        try:
            digest, _, rest = path.read_bytes().partition(b"\n")
            if digest.decode() != _digest(rest):
                raise ValueError("its digest is of something else")
            line, _, payload = rest.partition(b"\n")
            head: dict[str, Any] = json.loads(line)
            if (head["format"], head["boot"], head["question"]) != (FORMAT, self._folder.boot, question.text):
                return None
            gap = head["gap"]
            value = Gap(*gap) if gap is not None else question.codec.decode(payload)
            return _Told(float(head["asked_s"]), datetime.fromisoformat(head["at"]), value)
        except FileNotFoundError:
            return None
        except OSError as error:
            self._folder.trouble("read", f"{path}: cannot be read, so the venue is asked: {error.strerror}")
        except BROKEN as error:
            self._folder.trouble(
                "broken", f"{path}: is broken, so the venue is asked: {' '.join(str(error).split()):.120}"
            )
        return None

    def _write(self, name: str, question: Question, told: _Told) -> None:
        """Put a whole file in the place of the one before; one that cannot be written is nobody's loss but ours."""
        value = told.value
        gap = [value.what, value.why] if isinstance(value, Gap) else None
        head = {
            "format": FORMAT, "boot": self._folder.boot, "question": question.text,
            "asked_s": told.asked_s, "at": told.at.isoformat(), "gap": gap,
        }  # fmt: skip
        payload = b"" if isinstance(value, Gap) else question.codec.encode(value)
        rest = json.dumps(head).encode() + b"\n" + payload
        path = self._folder.path / name
        draft = path.with_name(f".{name}.{os.getpid()}.{next(self._drafts)}")
        try:
            draft.write_bytes(_digest(rest).encode() + b"\n" + rest)
            draft.chmod(0o600)
            draft.replace(path)
        except OSError as error:
            with suppress(OSError):
                Path(draft).unlink(missing_ok=True)
            self._folder.trouble("write", f"{path}: cannot be written, so every process asks: {error.strerror}")


def _emptied(file: int) -> None:
    with suppress(OSError):
        os.ftruncate(file, 0)


def _digest(raw: bytes) -> str:
    return blake2b(raw, digest_size=16).hexdigest()
