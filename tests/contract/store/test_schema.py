"""A database comes to this version's tables by one road or the other, and never by force."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, inspect, text

from bot import folder
from bot.ports.errors import Fenced, StoreError, StoreRefused
from bot.store.sql import SqlControls, SqlRecord, SqlStore, books, upgrade
from bot.store.sql.engine import Database
from bot.store.sql.schema import HEAD, VERSION_TABLE, Migrations, version_of
from bot.store.sql.tables import metadata
from tests.contract.store.builders import MAIN, HandClock, a_plan, a_policy, a_snapshot, a_state, a_wish, an_intent

FOLLOWING = f"{int(HEAD) + 1:04d}"
NEXT = '''"""One more column, and a table rebuilt the way SQLite needs it."""
import sqlalchemy as sa
from alembic import op

revision = "{following}"
down_revision = "{head}"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("orders", sa.Column("tag", sa.Text(), nullable=True))
    with op.batch_alter_table("portfolios") as batch:
        batch.alter_column("account", new_column_name="subaccount")
{more}
'''


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def database(empty_url: str) -> AsyncIterator[Database]:
    """A way of our own into the same database, to look and to spoil."""
    made = Database(empty_url)
    made.make_file()
    yield made
    await made.close()


def newer(tmp_path: Path, more: str = "") -> Migrations:
    """The migrations of a version that has one more."""
    target = tmp_path / "migrations"
    shutil.copytree(folder("migrations"), target, ignore=shutil.ignore_patterns("__pycache__"))
    text_of_it = NEXT.format(more=more, following=FOLLOWING, head=HEAD)
    (target / "versions" / f"{FOLLOWING}_next.py").write_text(text_of_it, encoding="utf-8")
    return Migrations(FOLLOWING, target)


def from_scratch(tmp_path: Path) -> Migrations:
    """The same migrations, run one by one even where there is nothing yet."""
    target = tmp_path / "scratch"
    shutil.copytree(folder("migrations"), target, ignore=shutil.ignore_patterns("__pycache__"))
    (target / "versions" / f"{FOLLOWING}_nothing.py").write_text(
        f'revision = "{FOLLOWING}"\ndown_revision = "{HEAD}"\nbranch_labels = depends_on = None\n\n\n'
        "def upgrade():\n    pass\n",
        encoding="utf-8",
    )
    return Migrations(FOLLOWING, target)


def shape(connection: Connection) -> dict[str, Any]:
    """Columns with types and defaults, keys, constraints with their names, indexes: all that can be told apart."""
    if connection.dialect.name == "sqlite":
        rows = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")).all()
        return {row.name: " ".join(row.sql.split()) for row in rows}
    seen = inspect(connection)
    return {
        name: {
            "columns": [{**column, "type": repr(column["type"])} for column in seen.get_columns(name)],
            "primary": seen.get_pk_constraint(name),
            "foreign": sorted(seen.get_foreign_keys(name), key=lambda key: str(key["name"])),
            "unique": sorted(seen.get_unique_constraints(name), key=lambda key: str(key["name"])),
            "indexes": sorted(seen.get_indexes(name), key=lambda key: str(key["name"])),
        }
        for name in sorted(seen.get_table_names())
    }


async def tables_of(url: str) -> dict[str, Any]:
    database = Database(url)
    try:
        return await database.read(shape)
    finally:
        await database.close()


def without_order(found: dict[str, Any]) -> dict[str, Any]:
    """SQLite's text by its parts, since a migration may write constraints in another order."""
    return {
        name: sorted(part.strip(" )") for part in told.replace("(", ",").split(",")) if isinstance(told, str) else told
        for name, told in found.items()
    }


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_tables_made_at_once_are_those_that_the_migrations_make(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest, clock: HandClock
) -> None:
    urls = [f"sqlite+aiosqlite:///{tmp_path}/{name}.db" for name in ("at_once", "step_by_step")]
    if kind == "postgresql":
        urls = request.getfixturevalue("two_databases")
    assert await upgrade(urls[0], clock)
    assert await upgrade(urls[1], clock, from_scratch(tmp_path))
    at_once, step_by_step = [without_order(await tables_of(url)) for url in urls]
    assert at_once.keys() == step_by_step.keys() >= {*metadata.tables, VERSION_TABLE}
    assert at_once == step_by_step


@pytest.fixture
def two_databases(postgres: Any) -> list[str]:
    return [postgres.make_database(), postgres.make_database()]


async def test_head_is_the_last_migration_there_is() -> None:
    numbers = sorted(path.name.partition("_")[0] for path in (folder("migrations") / "versions").glob("*.py"))
    assert numbers[-1] == HEAD


async def test_a_second_start_changes_nothing(empty_url: str, clock: HandClock) -> None:
    assert await upgrade(empty_url, clock)
    before = await tables_of(empty_url)
    assert not await upgrade(empty_url, clock)
    assert await tables_of(empty_url) == before


async def began(url: str, clock: HandClock, *, done: bool) -> None:
    """A life of this version: one decision with one order, then gone."""
    store = SqlStore(url, clock)
    await store.open(MAIN, migrate=True)
    fence = await store.lead("first", 30)
    policy = a_policy()
    plan = a_plan(policy=policy, wishes=[a_wish()])
    await store.begin("c1", a_snapshot(), policy, plan, [an_intent()], [], fence)
    if done:
        await store.append([a_state(an_intent(), "denied")], fence)
    await store.release(fence)
    await store.close()


async def test_a_newer_version_migrates_what_is_there(
    empty_url: str, database: Database, tmp_path: Path, clock: HandClock
) -> None:
    await began(empty_url, clock, done=True)
    assert await upgrade(empty_url, clock, newer(tmp_path))
    assert await database.read(version_of) == FOLLOWING
    kept = text("SELECT o.client_id, o.tag, p.subaccount FROM orders o JOIN portfolios p ON p.id = o.book_id")
    assert await database.read(lambda connection: connection.execute(kept).all()) == [(an_intent().client_id, None, "")]
    assert not await upgrade(empty_url, clock, newer(tmp_path / "again"))


async def test_leases_of_before_are_kept_and_nobody_knows_what_they_were_led_with(
    empty_url: str, database: Database, clock: HandClock
) -> None:
    assert await upgrade(empty_url, clock, Migrations("0002"))
    rows = (
        (
            "INSERT INTO portfolios (portfolio, mode, venue, environment, account, created_at) "
            "VALUES ('main', 'paper', 'binance', 'local', '', '2026-01-10T12:00:00.000000Z')"
        ),
        (
            "INSERT INTO leases (book_id, holder, fence, until) "
            "SELECT id, 'one', 7, '2026-01-10T11:59:00.000000Z' FROM portfolios"
        ),
    )
    await database.write(lambda connection: [connection.execute(text(row)) for row in rows])
    assert await upgrade(empty_url, clock)
    store = SqlStore(empty_url, clock)
    await store.open(MAIN, migrate=False)
    assert await store.lead("two", 30) == 8
    await store.close()
    found = text("SELECT holder, fence, version, config FROM leases")
    assert await database.read(lambda connection: connection.execute(found).all()) == [("two", 8, None, None)]


async def test_nothing_is_migrated_while_an_order_is_unfinished(
    empty_url: str, tmp_path: Path, clock: HandClock
) -> None:
    await began(empty_url, clock, done=False)
    before = await tables_of(empty_url)
    with pytest.raises(StoreRefused, match=f"order {an_intent().client_id} is still intended"):
        await SqlStore(empty_url, clock, migrations=newer(tmp_path)).open(MAIN, migrate=True)
    assert await tables_of(empty_url) == before
    # The same order is no hindrance where no schema has to change.
    store = SqlStore(empty_url, clock)
    await store.open(MAIN, migrate=True)
    assert len((await store.load()).orders) == 1
    await store.close()


async def test_nothing_is_migrated_under_a_leader(empty_url: str, tmp_path: Path, clock: HandClock) -> None:
    store = SqlStore(empty_url, clock)
    await store.open(MAIN, migrate=True)
    await store.lead("first", 30)
    with pytest.raises(Fenced, match="first leads portfolio 'main' until 2026-01-10T12:00:30Z"):
        await upgrade(empty_url, clock, newer(tmp_path))
    await store.close()
    clock.forward(31)
    assert await upgrade(empty_url, clock, newer(tmp_path / "later"))


async def test_a_migration_that_fails_leaves_everything_as_it_was(
    empty_url: str, tmp_path: Path, clock: HandClock
) -> None:
    await began(empty_url, clock, done=True)
    before = await tables_of(empty_url)
    broken = newer(tmp_path, more='    op.execute("SELECT * FROM no_such_table")')
    with pytest.raises(StoreError, match="no_such_table"):
        await upgrade(empty_url, clock, broken)
    assert await tables_of(empty_url) == before
    store = SqlStore(empty_url, clock)
    await store.open(MAIN, migrate=True)
    await store.close()


async def test_an_older_version_refuses_a_newer_schema(empty_url: str, tmp_path: Path, clock: HandClock) -> None:
    await upgrade(empty_url, clock, newer(tmp_path))
    line = f"schema is {FOLLOWING}, this version of ballast reads {HEAD}; use the newer version that wrote it"
    for migrate in (True, False):
        with pytest.raises(StoreRefused, match=line):
            await SqlStore(empty_url, clock).open(MAIN, migrate=migrate)
    for reading in (SqlRecord(empty_url, MAIN), SqlRecord(empty_url)):
        with pytest.raises(StoreRefused, match=line):
            await reading.status()
        await reading.close()
    with pytest.raises(StoreRefused, match=line):
        await books(empty_url)


async def test_an_older_schema_is_left_alone_unless_asked(empty_url: str, tmp_path: Path, clock: HandClock) -> None:
    await upgrade(empty_url, clock)
    store = SqlStore(empty_url, clock, migrations=newer(tmp_path))
    with pytest.raises(StoreRefused, match="run `ballast db upgrade`"):
        await store.open(MAIN, migrate=False)
    await store.close()


async def test_a_database_with_other_tables_of_our_names_is_not_touched(
    empty_url: str, database: Database, clock: HandClock
) -> None:
    await database.write(lambda connection: connection.execute(text("CREATE TABLE orders (id INTEGER)")))
    with pytest.raises(StoreRefused, match="tables orders that are not ballast's"):
        await upgrade(empty_url, clock)
    assert list(await tables_of(empty_url)) == ["orders"]


async def test_other_programs_tables_are_no_hindrance(empty_url: str, database: Database, clock: HandClock) -> None:
    """Sweeps keep their studies in the same PostgreSQL, with an Alembic version of their own."""
    await database.write(
        lambda connection: connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32))"))
    )
    assert await upgrade(empty_url, clock)
    assert await database.read(version_of) == HEAD


async def test_two_first_starts_at_once_make_one_record(empty_url: str, clock: HandClock) -> None:
    stores = [SqlStore(empty_url, clock) for _ in range(4)]
    await asyncio.gather(*(store.open(MAIN, migrate=True) for store in stores))
    taken = await asyncio.gather(*(store.lead(f"p{n}", 30) for n, store in enumerate(stores)), return_exceptions=True)
    for store in stores:
        await store.close()
    assert len(await books(empty_url)) == 1
    assert [fence for fence in taken if not isinstance(fence, Fenced)] == [1]


async def test_where_no_record_is_every_handle_says_so(tmp_path: Path, clock: HandClock) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/none/ballast.db"
    record, controls = SqlRecord(url), SqlControls(url, MAIN, clock)
    for asked in (record.status(), record.counts(), controls.read(0), controls.kill()):
        with pytest.raises(StoreRefused, match="there is no record at"):
            await asked
    with pytest.raises(StoreRefused, match="there is no record at"):
        await SqlStore(url, clock).open(MAIN, migrate=False)
    assert await books(url) == ()
    assert not (tmp_path / "none").exists()
