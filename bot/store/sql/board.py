"""Owns operators' requests as many portfolios of one process look for them: one question for all. Changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from sqlalchemy import Connection, func, select

from bot.ports.store import ControlRow, Controls, Identity
from bot.store.sql.engine import Database, Pool
from bot.store.sql.tables import controls, portfolios

LOOK_S: Final = 0.4  # a kill is looked for twice a second
Key = tuple[str, str, str, str]
_LAST: Final = (
    select(
        portfolios.c.portfolio,
        portfolios.c.mode,
        portfolios.c.venue,
        portfolios.c.environment,
        func.max(controls.c.id),
    )
    .join_from(controls, portfolios, controls.c.book_id == portfolios.c.id)
    .group_by(portfolios.c.id)
)


class Board:
    """The number of each book's last request, asked at most every ``LOOK_S`` seconds; raises StoreError when it fails.

    Numbers of one book become visible in their order, so an unchanged last one means nothing new.
    """

    def __init__(self, url: str, mono: Callable[[], float], pool: Pool | None) -> None:
        self._database = Database(url, query_only=True, pool=pool)
        self._mono = mono
        self._turn = asyncio.Lock()
        self._asked_s: float | None = None
        self._last: Mapping[Key, int] = {}

    async def last(self, key: Key) -> int:
        """The number of a book's last request, 0 where there is none."""
        async with self._turn:
            now_s = self._mono()
            if self._asked_s is None or now_s - self._asked_s >= LOOK_S:
                self._last = await self._database.read(_read)
                self._asked_s = now_s
            return self._last.get(key, 0)

    async def close(self) -> None:
        """Let go."""
        await self._database.close()


class BoardControls:
    """`bot.ports.store.Controls` over another: it is asked only when the board says that there is something new."""

    def __init__(self, inner: Controls, board: Board, identity: Identity) -> None:
        self._inner = inner
        self._board = board
        self._key: Key = (identity.portfolio, identity.mode, identity.venue, identity.environment)
        self._own = 0  # the last request of ours, which the board may not have heard of yet
        self._kill: tuple[int, ControlRow | None] | None = None

    async def request(self, what: str, value: str, who: str, why: str) -> int:
        """See the Protocol."""
        self._own = await self._inner.request(what, value, who, why)
        return self._own

    async def read(self, after: int) -> Sequence[ControlRow]:
        """See the Protocol."""
        return await self._inner.read(after) if await self._last() > after else ()

    async def kill(self) -> ControlRow | None:
        """See the Protocol."""
        last = await self._last()
        if self._kill is None or self._kill[0] != last:
            self._kill = (last, await self._inner.kill())
        return self._kill[1]

    async def close(self) -> None:
        """See the Protocol."""
        await self._inner.close()

    async def _last(self) -> int:
        return max(self._own, await self._board.last(self._key))


def _read(connection: Connection) -> Mapping[Key, int]:
    return {(row[0], row[1], row[2], row[3]): int(row[4]) for row in connection.execute(_LAST)}
