"""Owns how a fleet is seen from its record: workers, and each portfolio with lease and last beat. Writes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, and_, func, select, text

from bot.ports.errors import StoreRefused
from bot.ports.fleet import Post, View, Worker
from bot.ports.store import Identity
from bot.store.sql import schema
from bot.store.sql.engine import Database
from bot.store.sql.roster import worker_of
from bot.store.sql.tables import leases, portfolios, runs, status, workers

# Of several runs under one fence (there is one each) the last.
_RUN: Final = (
    select(runs.c.book_id, runs.c.fence, func.max(runs.c.id).label("id"))
    .group_by(runs.c.book_id, runs.c.fence)
    .subquery()
)
_POSTS: Final = (
    select(
        portfolios,
        leases.c.holder,
        leases.c.fence,
        leases.c.until,
        leases.c.version.label("led_version"),
        leases.c.config.label("led_config"),
        runs.c.at.label("led_at"),
        runs.c.version,
        runs.c.config_hash,
        status.c.at.label("beat_at"),
        status.c.body,
    )
    .select_from(portfolios)
    .outerjoin(leases, leases.c.book_id == portfolios.c.id)
    .outerjoin(_RUN, and_(_RUN.c.book_id == portfolios.c.id, _RUN.c.fence == leases.c.fence))
    .outerjoin(runs, runs.c.id == _RUN.c.id)
    .outerjoin(status, status.c.book_id == portfolios.c.id)
    .order_by(portfolios.c.portfolio, portfolios.c.id)
)


class SqlPosts:
    """`bot.ports.fleet.Posts`: a reader of its own, or over a pool."""

    def __init__(self, url: str, utc_now: Callable[[], datetime]) -> None:
        self._database = Database(url, query_only=True)
        self._utc_now = utc_now

    async def view(self) -> View:
        """See the Protocol."""
        if self._database.missing:
            raise StoreRefused(f"there is no record at {self._database.name} yet; `ballast fleet` makes one")
        return await self._database.read(self._view)

    async def led_with(self, book: int) -> tuple[Identity, Mapping[str, Any]] | None:
        """See the Protocol."""

        def work(connection: Connection) -> tuple[Identity, Mapping[str, Any]] | None:
            row = connection.execute(select(portfolios).where(portfolios.c.id == book)).first()
            if row is None:
                return None
            last = select(runs.c.config).where(runs.c.book_id == book).order_by(runs.c.id.desc()).limit(1)
            config = connection.execute(last).scalar()
            identity = Identity(row.portfolio, row.mode, row.venue, row.environment, row.account)
            return identity, {} if config is None else dict(json.loads(config))

        return await self._database.read(work)

    async def close(self) -> None:
        """See the Protocol."""
        await self._database.close()

    def _view(self, connection: Connection) -> View:
        schema.must_be_current(connection)
        served = connection.dialect.name == "postgresql"
        at = connection.execute(text("SELECT clock_timestamp()")).scalar_one() if served else self._utc_now()
        alive: Sequence[Worker] = [
            worker_of(row) for row in connection.execute(select(workers).where(workers.c.until > at)).all()
        ]
        return View(at, tuple(alive), tuple(_post(row, at) for row in connection.execute(_POSTS).all()))


def _post(row: Any, at: datetime) -> Post:
    held = bool(row.holder) and row.until > at
    return Post(
        book=int(row.id),
        identity=Identity(row.portfolio, row.mode, row.venue, row.environment, row.account),
        holder=row.holder if held else "",
        fence=int(row.fence or 0),
        lease_age_s=(at - row.led_at).total_seconds() if held and row.led_at else None,
        lease_left_s=(row.until - at).total_seconds() if held else None,
        beat_age_s=None if row.beat_at is None else (at - row.beat_at).total_seconds(),
        version=row.led_version or row.version or "",
        config=row.led_config or row.config_hash or "",
        body={} if row.body is None else dict(json.loads(row.body)),
    )
