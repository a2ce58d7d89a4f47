"""Owns how leases of one process are renewed together: many asked for within a moment, one transaction, one session.

A renewal must not wait behind what cycles write: a lease that runs out in a queue is a portfolio lost for nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, select, update

from bot.ports.errors import StoreError
from bot.ports.store import Identity
from bot.store.sql.store import SqlStore
from bot.store.sql.tables import leases

GATHER_S: Final = 0.2

#: (books with their fences, seconds) -> those whose lease is ours and was renewed
Renew = Callable[[Mapping[int, int], float], Awaitable[Collection[int]]]


def renewed(connection: Connection, holder: str, fences: Mapping[int, int], until: datetime) -> Collection[int]:
    """Renew those that ``holder`` has under these fences and that nobody writes under just now; which they are."""
    mine = select(leases.c.book_id, leases.c.fence).where(
        leases.c.book_id.in_(fences.keys()), leases.c.holder == holder
    )
    rows = connection.execute(mine.with_for_update(skip_locked=True)).all()
    good = {row.book_id for row in rows if row.fence == fences[row.book_id]}
    if good:
        connection.execute(update(leases).where(leases.c.book_id.in_(good)).values(until=until))
    return good


class Renewals:
    """Gathers what is asked for within ``GATHER_S`` and has it renewed at once by ``renew``."""

    def __init__(self, renew: Renew) -> None:
        self._renew = renew
        self._waiting: dict[int, tuple[int, float, asyncio.Future[bool]]] = {}
        self._task: asyncio.Task[None] | None = None

    async def ask(self, book: int, fence: int, ttl_s: float) -> bool:
        """Whether the lease was renewed; False where it is to be asked for alone. Raises StoreError."""
        made: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting[book] = (fence, ttl_s, made)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._flush(), name="renewals")
        return await made

    async def _flush(self) -> None:
        await asyncio.sleep(GATHER_S)
        batch, self._waiting = self._waiting, {}
        fences = {book: fence for book, (fence, _, _) in batch.items()}
        try:
            good = await self._renew(fences, max(ttl_s for _, ttl_s, _ in batch.values()))
        except StoreError as error:
            for _, _, made in batch.values():
                if not made.done():
                    made.set_exception(error)
            return
        for book, (_, _, made) in batch.items():
            if not made.done():  # else it was given up
                made.set_result(book in good)


class RenewingStore(SqlStore):
    """A store whose lease is renewed with others'; it is taken, and lost, as any store's is."""

    def __init__(self, *given: Any, renewals: Renewals, **named: Any) -> None:
        super().__init__(*given, **named)
        self._renewals = renewals
        self._identity: Identity | None = None

    async def open(self, identity: Identity, *, migrate: bool) -> None:
        """See the Protocol. The roster has brought the schema up before, and what is open already stays open."""
        del migrate
        if identity != self._identity:
            self._identity = None
            await super().open(identity, migrate=False)
            self._identity = identity

    async def lead(self, holder: str, ttl_s: float) -> int:
        """See the Protocol."""
        held = self._fence
        # Where the shared session is lost, the store has a way of its own.
        with contextlib.suppress(StoreError):
            if held is not None and await self._renewals.ask(self._book, held, ttl_s):
                return held
        return await super().lead(holder, ttl_s)
