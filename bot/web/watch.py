"""Owns looking at the record for whoever has a page open: one look for all of them, never more than a few a second."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from bot.ports.errors import StoreError
from bot.ports.panorama import Head, Panorama

LOOK_EVERY_S: Final = 0.25  # while somebody listens
IDLE_EVERY_S: Final = 2.0
LISTENERS_MOST: Final = 20


class Watch:
    """Notices decisions, beats and requests. ``failed``: why the record could not be read last time, or ""."""

    def __init__(self, panorama: Panorama, mono: Callable[[], float]) -> None:
        self._panorama = panorama
        self._mono = mono
        self._listeners: set[asyncio.Queue[Head]] = set()
        self._wanted = asyncio.Event()
        self._ending = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._grew_at: float | None = None
        self.head = Head()
        self.failed = ""

    @property
    def listeners(self) -> int:
        """How many pages are open."""
        return len(self._listeners)

    @property
    def ending(self) -> bool:
        """Whether streams are to end."""
        return self._ending.is_set()

    @property
    def cycle_seen_s(self) -> float | None:
        """Host seconds since the number of decisions was last seen to grow, or since the first look."""
        return None if self._grew_at is None else self._mono() - self._grew_at

    def start(self) -> None:
        """Begin to look."""
        self._task = asyncio.create_task(self._run(), name="dashboard watch")

    async def stop(self) -> None:
        """End the streams and the looking; safe to call twice."""
        self._ending.set()
        self._wanted.set()
        for queue in self._listeners:
            _put(queue, self.head)
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[asyncio.Queue[Head]]:
        """A queue that holds the newest head; a slow reader misses those in between."""
        queue: asyncio.Queue[Head] = asyncio.Queue(1)
        self._listeners.add(queue)
        self._wanted.set()
        try:
            yield queue
        finally:
            self._listeners.discard(queue)

    async def look(self) -> Head:
        """Look now."""
        try:
            head = await self._panorama.head()
        except StoreError as error:
            self.failed = str(error)
            return self.head
        self.failed = ""
        if head.number != self.head.number or self._grew_at is None:
            self._grew_at = self._mono()
        changed, self.head = head != self.head, head
        if changed:
            for queue in self._listeners:
                _put(queue, head)
        return head

    async def _run(self) -> None:
        while not self._ending.is_set():
            await self.look()
            if self._listeners:
                await asyncio.sleep(LOOK_EVERY_S)
                continue
            self._wanted.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wanted.wait(), IDLE_EVERY_S)


def _put(queue: asyncio.Queue[Head], head: Head) -> None:
    if queue.full():
        queue.get_nowait()
    queue.put_nowait(head)
