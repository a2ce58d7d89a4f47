"""Owns a line to PostgreSQL that is cut between a commit and its answer, every so often."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

SOCKET = ".s.PGSQL.5432"
COMMIT = b"COMMIT;\0"  # as the driver asks for it: a simple query


@dataclass(slots=True)
class CutLine:
    """Listens in ``folder`` and hands on to the server in ``server``; every ``nth`` commit is done and not answered."""

    server: Path
    folder: Path
    nth: int
    commits: int = 0
    cuts: int = 0
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def serve(self, ready: threading.Event, stop: asyncio.Event) -> None:
        listening = await asyncio.start_unix_server(self._accept, str(self.folder / SOCKET))
        ready.set()
        async with listening:
            await stop.wait()
            left = set(self._tasks)
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    async def _accept(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        to_server, ways = None, set[asyncio.Task[None]]()
        try:
            server, to_server = await asyncio.open_unix_connection(str(self.server / SOCKET))
            cut = asyncio.Event()
            ways = {
                asyncio.create_task(self._forth(client, to_server, cut)),
                asyncio.create_task(_back(server, to_client, cut)),
            }
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        except OSError:
            pass  # the server is not there: neither is the line
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            for writer in (to_client, to_server):
                if writer is not None:
                    writer.close()
            self._tasks.discard(task)

    async def _forth(self, client: asyncio.StreamReader, to_server: asyncio.StreamWriter, cut: asyncio.Event) -> None:
        while data := await client.read(65_536):
            if COMMIT in data:
                self.commits += 1
                if self.commits % self.nth == 0:
                    self.cuts += 1
                    cut.set()
            to_server.write(data)
            await to_server.drain()


async def _back(server: asyncio.StreamReader, to_client: asyncio.StreamWriter, cut: asyncio.Event) -> None:
    while data := await server.read(65_536):
        if cut.is_set():
            return  # the commit is done: this was its answer
        to_client.write(data)
        await to_client.drain()


@contextmanager
def a_cut_line(server: Path, folder: Path, *, nth: int) -> Iterator[CutLine]:
    """Such a line in a thread of its own, for the time of the block."""
    folder.mkdir()
    line, ready, loop = CutLine(server, folder, nth), threading.Event(), asyncio.new_event_loop()
    stop = asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(line.serve(ready, stop),), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield line
    finally:
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()
