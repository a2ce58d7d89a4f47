"""Owns the lease: who leads a book, until when, under which fencing number; checked inside each writing transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BindParameter, Connection, Row, bindparam, func, select, update

from bot.ports.errors import Fenced, StoreError
from bot.ports.fleet import Offer
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
    values: dict[str, Any] = {"book": book, "b_holder": holder, "b_fence": fence, "b_until": until}
    # Whose lease it was keeps what is written there; of anybody else nobody knows what he leads it with.
    stamp = (row.version, row.config) if row.holder == holder else (None, None)
    _TAKE.run(connection, {**values, "b_version": stamp[0], "b_config": stamp[1]})
    return fence


def claim(
    connection: Connection, wanted: Mapping[int, Offer], holder: str, until: datetime, now: datetime
) -> Collection[int]:
    """Take all of these leases that are free, with new fencing numbers; which they were.

    One that somebody writes under at this moment is not waited for: it is taken the next time.
    """
    rows = {row.book_id: row for row in connection.execute(_unlocked(wanted)).all()}
    missing = [book for book in wanted if book not in rows]
    for book in missing:
        insert_if_new(connection, leases, {"book_id": book, "holder": "", "fence": 0, "until": now})
    if missing:
        rows |= {row.book_id: row for row in connection.execute(_unlocked(missing)).all()}
    free = [row for row in rows.values() if row.holder in ("", holder) or row.until <= now]
    taken = [
        {
            "book": row.book_id, "b_holder": holder, "b_fence": int(row.fence) + 1, "b_until": until,
            "b_version": wanted[row.book_id].version, "b_config": wanted[row.book_id].config,
        }
        for row in free
    ]  # fmt: skip
    if taken:
        connection.execute(_TAKEN, taken)
    return [row.book_id for row in free]


def hold(connection: Connection, books: Collection[int], holder: str, until: datetime) -> None:
    """Let these leases last until then where they are ``holder``'s."""
    mine = [row.book_id for row in connection.execute(_unlocked(books)).all() if row.holder == holder]
    if mine:
        connection.execute(update(leases).where(leases.c.book_id.in_(mine)).values(until=until))


def stamp(connection: Connection, held: Sequence[Any], leads: Mapping[int, Offer]) -> None:
    """Write into leases that are ours what they are led with now, where that is something else."""
    moved = [
        {"book": row.book_id, "b_holder": row.holder, "b_version": offer.version, "b_config": offer.config}
        for row in held
        if (offer := leads.get(row.book_id)) is not None and (row.version, row.config) != (offer.version, offer.config)
    ]
    if moved:
        connection.execute(_STAMPED, moved)


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
_TAKEN = (
    update(leases)
    .where(leases.c.book_id == _BOOK)
    .values({name: bindparam(f"b_{name}") for name in ("holder", "fence", "until", "version", "config")})
)
_TAKE = Prepared(_TAKEN)
_STAMPED = (
    update(leases)
    .where(leases.c.book_id == _BOOK, leases.c.holder == bindparam("b_holder"))
    .values({name: bindparam(f"b_{name}") for name in ("version", "config")})
)


def _unlocked(books: Collection[int]) -> Any:
    mine = leases.c.book_id.in_(list(books))
    return select(leases).where(mine).order_by(leases.c.book_id).with_for_update(skip_locked=True)


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


def _locked(connection: Connection, book: int) -> Row[Any] | None:
    found: Row[Any] | None = _LOCKED.row(connection, {"book": book})
    return found
