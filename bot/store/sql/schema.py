"""Owns how a database comes to this version's tables; a database made by a newer version is refused.

The version stands in a table of our own name, since other programs may keep theirs in the same PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, func, inspect, select, text

from bot import folder
from bot.core.orders import TERMINAL
from bot.ports.errors import Fenced, StoreRefused
from bot.store.sql.engine import Database
from bot.store.sql.tables import leases, metadata, orders, portfolios, transfers

HEAD: Final = "0003"
VERSION_TABLE: Final = "ballast_schema"
_LOCK: Final = 0x6261_6C6C_6173_7400  # "ballast": PostgreSQL's advisory lock around a migration


@dataclass(frozen=True, slots=True)
class Migrations:
    """Where the migrations are and which is the last."""

    head: str = HEAD
    folder: Path = field(default_factory=lambda: folder("migrations"))


def version_of(connection: Connection) -> str | None:
    """The schema's version, or None in a database without our tables."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608 - our own name
    return None if found is None else str(found)


def must_be_current(connection: Connection, head: str = HEAD) -> None:
    """Raise StoreRefused unless the schema is this version's."""
    found = version_of(connection)
    if found is None:
        message = "there is no record here yet; `ballast run` makes one"
        raise StoreRefused(message)
    if found != head:
        message = f"the record's schema is {found}, this version of ballast reads {head}; " + _advice(found, head)
        raise StoreRefused(message)


def _advice(found: str, head: str) -> str:
    # Revisions are numbered, so that older and newer can be told apart without Alembic.
    return "run `ballast db upgrade`" if found < head else "use the newer version that wrote it"


async def upgrade(url: str, utc_now: Callable[[], datetime], migrations: Migrations | None = None) -> bool:
    """Bring a database to this version's schema, making it when there is none; whether anything had to change.

    Raises StoreRefused on a newer schema or while an order or transfer is unfinished, Fenced while somebody leads.
    """
    wanted = migrations or Migrations()
    # Batch migrations of SQLite rebuild tables, which foreign keys would take for deletions.
    database = Database(url, foreign_keys=False)
    database.make_file()
    try:
        if await database.read(version_of) == wanted.head:
            return False
        return await database.write(lambda connection: _change(connection, wanted, utc_now()))
    finally:
        await database.close()


def _change(connection: Connection, wanted: Migrations, now: datetime) -> bool:
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    found = version_of(connection)
    if found == wanted.head:  # somebody else was quicker
        return False
    if found is None and wanted.head == HEAD:
        _create(connection)
        return True
    if found is not None:
        if found > wanted.head:
            must_be_current(connection, wanted.head)
        _nothing_must_be_under_way(connection, now)
    _migrate(connection, wanted)
    if connection.dialect.name == "sqlite" and connection.exec_driver_sql("PRAGMA foreign_key_check").first():
        message = f"migrating the record from {found} to {wanted.head} would leave rows without their parent; not done"
        raise StoreRefused(message)
    return True


def _create(connection: Connection) -> None:
    """Make all tables at once: the same that the migrations make, in a tenth of the time."""
    ours = sorted({*metadata.tables} & {*inspect(connection).get_table_names()})
    if ours:
        message = f"the database already has tables {', '.join(ours)} that are not ballast's; use another database"
        raise StoreRefused(message)
    metadata.create_all(connection)
    # As Alembic itself makes it, so that it goes on from here.
    connection.execute(
        text(
            f"CREATE TABLE {VERSION_TABLE} (version_num VARCHAR(32) NOT NULL, "
            f"CONSTRAINT {VERSION_TABLE}_pkc PRIMARY KEY (version_num))"
        )
    )
    connection.execute(text(f"INSERT INTO {VERSION_TABLE} (version_num) VALUES (:head)"), {"head": HEAD})  # noqa: S608


def _nothing_must_be_under_way(connection: Connection, now: datetime) -> None:
    leader = connection.execute(
        select(portfolios.c.portfolio, leases.c.holder, leases.c.until)
        .join_from(leases, portfolios, leases.c.book_id == portfolios.c.id)
        .where(leases.c.until > now)
    ).first()
    if leader is not None:
        message = (
            f"the record's schema must change, but {leader.holder} leads portfolio {leader.portfolio!r} "
            f"until {leader.until:%Y-%m-%dT%H:%M:%SZ}; stop it first"
        )
        raise Fenced(message)
    for table, what in ((orders, "order"), (transfers, "transfer")):
        row = connection.execute(
            select(table.c.client_id, table.c.state).where(table.c.state.not_in([state.value for state in TERMINAL]))
        ).first()
        if row is not None:
            message = (
                f"the record's schema must change, but {what} {row.client_id} is still {row.state}; "
                "run the version that began it until nothing is open, then upgrade"
            )
            raise StoreRefused(message)


def _migrate(connection: Connection, wanted: Migrations) -> None:
    # Only here: importing Alembic costs more than opening the record.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(wanted.folder).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    known = {revision.revision for revision in ScriptDirectory.from_config(config).walk_revisions()}
    if wanted.head not in known:
        message = f"the migrations in {wanted.folder} do not lead to {wanted.head}; install ballast again"
        raise StoreRefused(message)
    command.upgrade(config, wanted.head)
