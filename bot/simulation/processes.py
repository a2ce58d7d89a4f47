"""Owns real processes as children: a bot and an exchange, started, listened to, stopped, killed, their files copied.

Only by their own process ids, and only what was started here. Both run as `python -m bot` from this very package.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sqlite3
import sys
import tempfile
from collections import deque
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

import bot as package
from bot.ports.clock import Clock
from bot.venues.simulated.exchange import Exchange
from bot.venues.simulated.generated import make_scene

PATIENCE_S = 90.0
GRACE_S = 10.0
ORDER_WITHIN_S = 4.0  # how long to wait for an order to come by
LOOK_EVERY_S = 0.004
LINE_MOST_BYTES = 2**22
REMEMBERED = 20  # last lines of a process
SERVES = "local exchange at "
HERE = str(Path(package.__file__).resolve().parents[1])  # where this very package is found


class EndedByItself(Exception):
    """A process that should live has ended, or does not say what it should: its code and its last words."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that came to its end: its code (negative: the signal), the last line it said."""

    code: int
    last: str


class Child:
    """A process whose lines are read as they come, each with the host seconds from its start to it."""

    def __init__(self, process: asyncio.subprocess.Process, clock: Clock) -> None:
        self._process = process
        self._clock = clock
        self._begun = clock.mono()
        self._last: deque[str] = deque(maxlen=REMEMBERED)
        self._lines: asyncio.Queue[tuple[float, str] | None] = asyncio.Queue()
        self._reading = asyncio.create_task(self._read(), name="lines of a child")

    @classmethod
    async def start(cls, folder: Path, env: Mapping[str, str], clock: Clock, *arguments: str) -> Child:
        """Start `ballast` in ``folder`` with ``env`` and no other settings from the environment."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("BALLAST_")}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", *arguments,
            cwd=folder, env={**clean, "PYTHONPATH": HERE, "PYTHONUNBUFFERED": "1", **env}, limit=LINE_MOST_BYTES,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        return cls(process, clock)

    async def said(self, word: str) -> tuple[float, str]:
        """Wait for a line with ``word`` in it: when, and the line; raises EndedByItself where none comes."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                while (line := await self._lines.get()) is not None:
                    if word in line[1]:
                        return line
        raise EndedByItself(f"no line with {word}: {self._words()}")

    async def lives(self, seconds: float) -> None:
        """Let it live so long; raises EndedByItself where it does not."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), seconds)
        if self._process.returncode is not None:
            raise EndedByItself(self._words())

    def freeze(self) -> None:
        """Let it do nothing at all until `thaw`."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    async def kill(self) -> Ended:
        """SIGKILL where it still lives, and wait until it is gone."""
        self._signal(signal.SIGKILL)
        return await self.finished()

    async def end(self) -> Ended:
        """SIGTERM, and SIGKILL where that does not help."""
        self._signal(signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), GRACE_S)
        return await self.kill()

    async def finished(self) -> Ended:
        """Wait for its own end."""
        code = await self._process.wait()
        await self._reading
        return Ended(code, self._last[-1] if self._last else "")

    def _signal(self, number: signal.Signals) -> None:
        # Not through the process object: that one would look whether it has ended, and so take its end from asyncio.
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, number)

    def _words(self) -> str:
        code = self._process.returncode
        told = self._last[-1] if self._last else "it said nothing"
        return f"the process {'lives' if code is None else f'ended by itself with {code}'}; its last words: {told}"

    async def _read(self) -> None:
        stream = self._process.stdout
        while stream is not None and (raw := await stream.readline()):
            line = raw.decode("utf-8", "replace").rstrip()
            self._last.append(line)
            self._lines.put_nowait((self._clock.mono() - self._begun, line))
        self._lines.put_nowait(None)


class Bot:
    """A folder with a configuration and a record, and the processes that come and go on it."""

    def __init__(self, folder: Path, config: str, env: Mapping[str, str], clock: Clock) -> None:
        folder.mkdir(parents=True)
        (folder / "portfolio.yaml").write_text(config, encoding="utf-8")
        self._folder = folder
        self._env = {**env, "BALLAST_CONFIG": "portfolio.yaml"}
        self._clock = clock

    async def start(self) -> Child:
        """`ballast run` without end."""
        return await Child.start(self._folder, self._env, self._clock, "run")

    async def ballast(self, *arguments: str, **more: str) -> Ended:
        """Run a command to its end, with ``more`` in its environment."""
        child = await Child.start(self._folder, {**self._env, **more}, self._clock, *arguments)
        return await child.finished()

    @contextmanager
    def record(self) -> Iterator[sqlite3.Connection | None]:
        """What a dead process left of its record, copied, so that looking mends nothing; None before there is one."""
        with _copied(self._folder / "data" / "ballast.db") as copy:
            made = copy and copy.execute("SELECT 1 FROM sqlite_master WHERE name = 'orders'").fetchone()
            yield copy if made else None


class Venue:
    """An exchange in a process of its own."""

    def __init__(self, folder: Path, child: Child, url: str, speed: int, seed: int, clock: Clock) -> None:
        self.folder = folder
        self._child = child
        self._url = url
        self._speed = speed
        self._clock = clock
        self._scene = make_scene("random", seed)

    @property
    def env(self) -> Mapping[str, str]:
        """What a bot needs to trade there."""
        return {
            "BALLAST_LOCAL__URL": self._url,
            "BALLAST_LOCAL__SPEED": str(self._speed),
            "BALLAST_SECRETS_DIR": str(self.folder / "keys"),
        }

    async def next_order(self) -> bool:
        """Wait until one more order comes in; whether one did in good time."""
        until = self._clock.mono() + ORDER_WITHIN_S
        async with aiohttp.ClientSession() as session:
            before = await self._orders(session)
            while self._clock.mono() < until:
                if await self._orders(session) > before:
                    return True
                await self._clock.sleep(LOOK_EVERY_S)
        return False

    @asynccontextmanager
    async def stopped(self) -> AsyncIterator[Exchange]:
        """Its ledger as it is on disk, while it stands still: what it answered is there, and nothing comes to it."""
        self._child.freeze()
        try:
            with _copied(self.folder / "exchange.sqlite") as copy:
                row = copy.execute("SELECT engine FROM exchange").fetchone() if copy is not None else None
        finally:
            self._child.thaw()
        yield Exchange(self._scene, state=bytes(row[0])) if row and row[0] else Exchange(self._scene)

    async def _orders(self, session: aiohttp.ClientSession) -> int:
        async with session.get(f"{self._url}/local/health") as answer:
            return int((await answer.json())["order_requests"])


@asynccontextmanager
async def an_exchange(folder: Path, seed: int, speed: int, clock: Clock) -> AsyncIterator[Venue]:
    """Serve in ``folder``, an absolute path that is there, until the end of the block; raises EndedByItself."""
    child = await Child.start(
        folder, {}, clock, "local-exchange", "--port", "0", "--state", "exchange.sqlite", "--keys", "keys",
        "--scenario", "random", "--seed", str(seed), "--speed", str(speed),
    )  # fmt: skip
    try:
        _, line = await child.said(SERVES)
        url = line.partition(SERVES)[2].partition(",")[0]
        yield Venue(folder, child, url, speed, seed, clock)
    finally:
        await child.end()


@contextmanager
def _copied(file: Path) -> Iterator[sqlite3.Connection | None]:
    """A database as it would be found after a power cut: the file and its log, copied; None where there is none."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / file.name
        for end in ("", "-wal"):
            if (source := file.with_name(file.name + end)).exists():
                shutil.copyfile(source, copy.with_name(copy.name + end))
        if not copy.exists() or not copy.stat().st_size:
            yield None
            return
        with contextlib.closing(sqlite3.connect(copy)) as connection:
            yield connection
