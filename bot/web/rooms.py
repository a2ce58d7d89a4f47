"""Owns the other portfolios of a fleet's record: each has its own pages under `/portfolios/BOOK`, made when asked for.

Who is signed in here is signed in there, and asks there by the same forms, marks and words.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.web.access import Access
from bot.web.desk import Desk
from bot.web.terms import Others
from bot.web.watch import Watch

UNDER: Final = "/portfolios"
OPEN_MOST: Final = 12  # each looks at the record by itself; the one longest unasked for is closed
MOST: Final = 2**31 - 1


@dataclass(slots=True)
class _Room:
    desk: Desk
    app: ASGIApp


class Rooms:
    """ASGI, mounted under `UNDER`. ``build`` makes a desk's pages; whoever serves them says how."""

    def __init__(self, others: Others, access: Access) -> None:
        self.build: Callable[[Desk], ASGIApp] | None = None
        self._others = others
        self._access = access
        self._rooms: OrderedDict[int, _Room] = OrderedDict()
        self._turn = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on to its portfolio's pages; an HTTP 404 where there is no such portfolio."""
        root = scope.get("root_path", "")
        name, slash, _ = scope["path"].removeprefix(root).lstrip("/").partition("/")
        room = await self._room(int(name)) if name.isascii() and name.isdigit() and int(name) <= MOST else None
        base = f"{root}/{name}"
        if room is None:
            raise HTTPException(404, f"{name[:20]}: is no portfolio of this record")
        if slash:
            await room.app({**scope, "root_path": base}, receive, send)
        else:
            await RedirectResponse(f"{base}/", 307)(scope, receive, send)

    @property
    def open(self) -> tuple[int, ...]:
        """Books whose pages are made, the one longest unasked for first."""
        return tuple(self._rooms)

    async def close(self) -> None:
        """End their streams and close their handles; safe to call twice."""
        while self._rooms:
            await _closed(self._rooms.popitem()[1])

    async def _room(self, book: int) -> _Room | None:
        async with self._turn:
            known = self._rooms.get(book)
            if known is None:
                terms = await self._others(book, f"{UNDER}/{book}")
                if terms is None or self.build is None:
                    return None
                desk = Desk(terms, self._access, Watch(terms.panorama, terms.mono))
                known = self._rooms[book] = _Room(desk, self.build(desk))
                desk.watch.start()
                if len(self._rooms) > OPEN_MOST:
                    await _closed(self._rooms.popitem(last=False)[1])
            self._rooms.move_to_end(book)
            return known


async def _closed(room: _Room) -> None:
    await room.desk.watch.stop()
    await room.desk.terms.panorama.close()
    await room.desk.terms.controls.close()
