"""Owns whose rows are whose: a book is one portfolio in one mode on one venue's environment; never writes into one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select, update

from bot.ports.errors import StoreError, StoreRefused
from bot.ports.store import Identity
from bot.store.sql import schema
from bot.store.sql.engine import Database, insert_if_new
from bot.store.sql.tables import decisions, portfolios


@dataclass(frozen=True, slots=True)
class Booked:
    """A book that a database holds: whose it is, and when it last decided (venue time; None: never)."""

    id: int
    identity: Identity
    created_at: datetime
    last_cycle_at: datetime | None
    decisions: int


async def books(url: str) -> Sequence[Booked]:
    """Every book of a database, the one made or started last first; empty where there is no record yet."""
    database = Database(url, query_only=True)
    if database.missing:
        return ()
    try:
        return await database.read(_all)
    finally:
        await database.close()


def _all(connection: Connection) -> Sequence[Booked]:
    if schema.version_of(connection) is None:
        return ()
    schema.must_be_current(connection)
    rows = connection.execute(
        select(portfolios, func.max(decisions.c.at), func.count(decisions.c.number))
        .join_from(portfolios, decisions, decisions.c.book_id == portfolios.c.id, isouter=True)
        .group_by(*portfolios.c)
    ).all()
    found = [
        Booked(
            row.id,
            Identity(row.portfolio, row.mode, row.venue, row.environment, row.account),
            row.created_at,
            row[-2],
            row[-1],
        )
        for row in rows
    ]
    return sorted(found, key=lambda book: (book.last_cycle_at or book.created_at, book.id), reverse=True)


async def the_book(database: Database, identity: Identity) -> int:
    """The id of the book that these are; raises StoreRefused where the database holds none of theirs."""
    if database.missing:
        raise StoreRefused(f"there is no record at {database.name} yet; `ballast run` makes one")
    await database.read(schema.must_be_current)
    book = await database.read(lambda connection: find(connection, identity))
    if book is None:
        where = f"{identity.mode}, {identity.venue} {identity.environment}"
        raise StoreRefused(f"the record at {database.name} holds nothing of portfolio {identity.portfolio!r} ({where})")
    return book


def find(connection: Connection, identity: Identity) -> int | None:
    """The id of an identity's book, or None; raises StoreRefused when it belongs to another account."""
    row = connection.execute(
        select(portfolios.c.id, portfolios.c.account).where(
            portfolios.c.portfolio == identity.portfolio,
            portfolios.c.mode == identity.mode,
            portfolios.c.venue == identity.venue,
            portfolios.c.environment == identity.environment,
        )
    ).one_or_none()
    if row is None:
        return None
    check_account(row.account, identity)
    return int(row.id)


def check_account(recorded: str, identity: Identity) -> None:
    """Raise StoreRefused when both accounts are known and differ."""
    if recorded and identity.account and recorded != identity.account:
        message = (
            f"the record of portfolio {identity.portfolio!r} "
            f"({identity.mode}, {identity.venue} {identity.environment}) "
            f"belongs to account {recorded!r}, not {identity.account!r}; "
            "give this account another portfolio name or another store.url"
        )
        raise StoreRefused(message)


def bind(connection: Connection, identity: Identity, at: datetime) -> int:
    """The id of an identity's book, made when there is none; an account that was not known yet is written down."""
    found = find(connection, identity)
    if found is None:
        # The daemon's first start and an operator's first request may meet here.
        insert_if_new(
            connection,
            portfolios,
            {
                "portfolio": identity.portfolio,
                "mode": identity.mode,
                "venue": identity.venue,
                "environment": identity.environment,
                "account": identity.account,
                "created_at": at,
            },
        )
        found = find(connection, identity)
    if found is None:
        message = f"the book of portfolio {identity.portfolio!r} could not be made"
        raise StoreError(message)
    if identity.account:
        connection.execute(update(portfolios).where(portfolios.c.id == found).values(account=identity.account))
    return found
