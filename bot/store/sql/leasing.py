"""Owns the lease: who leads a book, until when, under which fencing number; checked inside each writing transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import BindParameter, Connection, Row, bindparam, func, select, update

from bot.ports.errors import Fenced, StoreError
from bot.store.sql.engine import insert_if_new
from bot.store.sql.prepared import Prepared
from bot.store.sql.tables import decisions, events, leases


def lead(connection: Connection, book: int, holder: str, until: datetime, now: datetime, held: int | None) -> int:
    """Take or renew the lease; the fencing number. ``held`` is the number this handle has, None when it never led.

    A handle that comes anew gets a new number even under the same holder's name, so that its predecessor is shut out.
    """
    row = _locked(connection, book)
    if row is None:
        insert_if_new(connection, leases, {"book_id": book, "holder": "", "fence": 0, "until": now})
        row = _locked(connection, book)
    if row is None:
        message = "the lease could not be made"
        raise StoreError(message)
    if row.fence == held and row.holder == holder:
        fence = int(row.fence)
    elif row.holder not in ("", holder) and row.until > now:
        message = f"{row.holder} leads this portfolio until {row.until:%Y-%m-%dT%H:%M:%SZ} (fence {row.fence})"
        raise Fenced(message)
    else:
        fence = int(row.fence) + 1
    _TAKE.run(connection, {"book": book, "b_holder": holder, "b_fence": fence, "b_until": until})
    return fence


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a book stands as a writing transaction begins: the numbers of its last event and decision, 0 for none."""

    event: int
    decision: int


# Statements of every transaction are made once: making one costs more than running it.
_BOOK: BindParameter[int] = bindparam("book")
# One statement for both: only the holder of this fence adds to them, one transaction after the other.
_LAST_EVENT = select(func.max(events.c.number)).where(events.c.book_id == _BOOK).scalar_subquery()
_LAST_DECISION = select(func.max(decisions.c.number)).where(decisions.c.book_id == _BOOK).scalar_subquery()
_STANDING = Prepared(
    select(leases, _LAST_EVENT.label("event"), _LAST_DECISION.label("decision"))
    .where(leases.c.book_id == _BOOK)
    .with_for_update(of=leases)
)
# SQLite's writing transaction holds the whole file already and knows no FOR UPDATE; SQLAlchemy leaves it out there.
_LOCKED = Prepared(select(leases).where(leases.c.book_id == _BOOK).with_for_update())
_TAKE = Prepared(
    update(leases)
    .where(leases.c.book_id == _BOOK)
    .values({name: bindparam(f"b_{name}") for name in ("holder", "fence", "until")})
)


def check(connection: Connection, book: int, fence: int) -> Standing:
    """Hold the lease's row until this transaction ends; raises Fenced when the number is no longer the last one."""
    row = _STANDING.row(connection, {"book": book})
    if row is None or row.fence != fence or not row.holder:
        who = "nobody" if row is None or not row.holder else f"{row.holder} (fence {row.fence})"
        message = f"fence {fence} leads this portfolio no longer: {who} does; nothing was written"
        raise Fenced(message)
    return Standing(int(row.event or 0), int(row.decision or 0))


def release(connection: Connection, book: int, fence: int, now: datetime) -> None:
    """Give the lease back when it is still ours; its number stays, so that the next one is higher."""
    mine = (leases.c.book_id == book) & (leases.c.fence == fence)
    connection.execute(update(leases).where(mine).values(holder="", until=now))


def until(now: datetime, ttl_s: float) -> datetime:
    """When a lease taken now ends, host UTC."""
    return now + timedelta(seconds=ttl_s)


def _locked(connection: Connection, book: int) -> Row[tuple[int, str, int, datetime]] | None:
    found: Row[tuple[int, str, int, datetime]] | None = _LOCKED.row(connection, {"book": book})
    return found
