"""What only a database can promise: durability settings, one writer at a time, readers who cannot write, bars once."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select, text, update

from bot.ports.errors import StoreError, StoreRefused
from bot.ports.store import Identity
from bot.store.sql import SqlControls, SqlRecord, SqlStore, books
from bot.store.sql.engine import Database, parsed
from bot.store.sql.tables import bars, leases, portfolios, series, windows
from tests.contract.store.builders import MAIN, NOON, HandClock, a_plan, a_policy, a_snapshot, an_event, some_bars

POLICY = a_policy()


@pytest.fixture
async def led(empty_url: str) -> AsyncIterator[tuple[SqlStore, int]]:
    """A store on a fresh database, and the fence under which it leads."""
    store = SqlStore(empty_url, HandClock())
    await store.open(MAIN, migrate=True)
    yield store, await store.lead("first", 30)
    await store.close()


@pytest.fixture
async def database(led: object, empty_url: str) -> AsyncIterator[Database]:
    made = Database(empty_url)
    yield made
    await made.close()


async def test_read_modify_writes_of_several_connections_are_all_counted(empty_url: str, database: Database) -> None:
    others = [Database(empty_url) for _ in range(5)]

    async def count(own: Database) -> None:
        for _ in range(4):
            await own.write(
                lambda connection: connection.execute(
                    update(leases).values(
                        fence=connection.execute(select(leases.c.fence).with_for_update()).scalar_one() + 1
                    )
                )
            )

    await asyncio.gather(*(count(own) for own in others))
    for own in others:
        await own.close()
    assert await database.read(lambda connection: connection.execute(select(leases.c.fence)).scalar()) == 1 + 20


async def test_a_reader_cannot_write(led: tuple[SqlStore, int], empty_url: str) -> None:
    reader = Database(empty_url, query_only=True)
    with pytest.raises(StoreError, match=r"read-?only"):
        await reader.write(lambda connection: connection.execute(text("DELETE FROM portfolios")))
    await reader.close()
    assert [book.identity for book in await books(empty_url)] == [MAIN]


async def test_each_bar_is_stored_once_and_equal_stretches_share_a_window(
    led: tuple[SqlStore, int], database: Database
) -> None:
    store, fence = led
    whole = some_bars(40)
    stretches = [whole[:30], whole[:30], whole[1:31], whole[10:40], whole[10:40]]
    for number, seen in enumerate(stretches):
        at = NOON + timedelta(minutes=number)
        snapshot = a_snapshot(at=at, candles={"BTC/USDT": {"4h": seen}, "ETH/USDT": {"4h": seen * [1, 2, 2, 2, 2, 1]}})
        await store.begin(f"c{number}", snapshot, POLICY, a_plan(f"d{number}", at=at), [], [], fence)

    async def count(table: object) -> int:
        counted = select(func.count()).select_from(table)  # type: ignore[arg-type]
        return await database.read(lambda connection: int(connection.execute(counted).scalar_one()))

    assert await count(series) == 2
    assert await count(windows) == 3
    assert await count(bars) == 40 * 2
    later = NOON + timedelta(days=30)
    await store.begin("c9", a_snapshot(at=later, candles={}), POLICY, a_plan("d9", at=later), [], [], fence)
    assert await store.prune(later, fence) == 5
    assert (await count(windows), await count(bars)) == (1, 0)


async def test_damaged_candles_are_not_handed_out(
    led: tuple[SqlStore, int], database: Database, empty_url: str
) -> None:
    store, fence = led
    await store.begin("c1", a_snapshot(), POLICY, a_plan(), [], [], fence)
    await database.write(lambda connection: connection.execute(update(bars).values(close=bars.c.close + 1)))
    record = SqlRecord(empty_url)
    with pytest.raises(StoreError, match="candles of decision d1 do not read back"):
        await record.decision("d1")
    assert (await record.decisions(1))[0].decision_id == "d1"
    await record.close()


async def test_old_holds_are_pruned_along_the_way(led: tuple[SqlStore, int], empty_url: str) -> None:
    store, fence = led
    snapshot = a_snapshot(candles={})
    for number in range(1, 258):
        at = NOON + timedelta(hours=number)
        await store.begin(f"c{number}", snapshot, POLICY, a_plan(f"d{number}", at=at), [], [], fence)
    record = SqlRecord(empty_url)
    counts = await record.counts()
    await record.close()
    # The 256th came 256 h after the start: of the 255 before it, those of the last 168 h are kept.
    assert (counts["decisions"], counts["snapshots"]) == (257, 257 - 87)


async def test_the_book_that_decided_last_is_the_one_shown_when_none_is_named(
    led: tuple[SqlStore, int], empty_url: str
) -> None:
    store, fence = led
    await store.begin("c1", a_snapshot(), POLICY, a_plan(), [], [], fence)
    other = Identity("main", "testnet", "binance", "local", "7")
    second = SqlStore(empty_url, HandClock())
    await second.open(other, migrate=True)
    number = await second.lead("second", 30)
    later = NOON + timedelta(hours=1)
    await second.begin("c1", a_snapshot(at=later), POLICY, a_plan("x1", at=later), [], [], number)
    found = await books(empty_url)
    assert [(book.identity, book.last_cycle_at, book.decisions) for book in found] == [
        (other, later, 1),
        (MAIN, NOON, 1),
    ]
    record = SqlRecord(empty_url)
    [row] = await record.decisions(9)
    assert (row.decision_id, row.mode) == ("x1", "testnet")
    await record.close()
    await second.close()


async def test_what_is_no_exact_number_or_no_instant_never_reaches_a_column(database: Database) -> None:
    for wrong in (NOON.replace(tzinfo=None), "2026-01-10"):
        values = {"portfolio": "p", "mode": "m", "venue": "v", "environment": "e", "account": "", "created_at": wrong}
        with pytest.raises(StoreError, match=r"time zone|tzinfo") as failed:
            await database.write(lambda connection, v=values: connection.execute(insert(portfolios).values(v)))  # type: ignore[misc]
        assert "INSERT" not in str(failed.value)


async def test_sqlite_is_kept_so_that_a_commit_outlives_a_power_cut(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "er" / "ballast.db"
    url = f"sqlite+aiosqlite:///{file}"
    store = SqlStore(url, HandClock())
    await store.open(MAIN, migrate=True)
    database = Database(url)
    names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
    read = await database.read(
        lambda connection: [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names]
    )
    assert read == ["wal", 2, 1, 5_000]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    await database.close()
    await store.close()


async def test_a_writer_waits_for_another_process_and_then_gives_up_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "ballast.db"
    store = SqlStore(f"sqlite+aiosqlite:///{file}", HandClock())
    await store.open(MAIN, migrate=True)
    fence = await store.lead("first", 30)
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    waiting = asyncio.create_task(store.append([an_event("seen", "s", equity="1")], fence))
    await asyncio.sleep(0.2)
    assert not waiting.done()
    assert (await store.load()).orders == []  # readers do not wait
    other.execute("COMMIT")
    await waiting
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="database is locked"):
        await store.append([an_event("seen", "t", equity="1")], fence)
    other.execute("ROLLBACK")
    other.close()
    await store.append([an_event("seen", "t", equity="1")], fence)
    await store.close()


@pytest.mark.parametrize(
    ("url", "line"),
    [
        ("mysql://u:secret@h/d", "names 'mysql', must be sqlite or postgresql"),
        ("no url at all", "cannot be read"),
        ("sqlite+aiosqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
    ],
)
def test_a_url_we_cannot_use_is_refused_in_one_line(url: str, line: str) -> None:
    with pytest.raises(StoreRefused, match=line) as refused:
        parsed(url)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "driver"),
    [
        ("sqlite:///data/b.db", "sqlite+pysqlite"),
        ("sqlite+aiosqlite:///data/b.db", "sqlite+pysqlite"),
        ("postgres://h/d", "postgresql+asyncpg"),
        ("postgresql+psycopg://h/d", "postgresql+asyncpg"),
    ],
)
def test_the_driver_is_ours_whatever_the_url_says(url: str, driver: str) -> None:
    assert parsed(url).drivername == driver


async def test_a_server_that_is_not_there_is_one_line_without_the_password(tmp_path: Path) -> None:
    url = f"postgresql://ballast:secret@/d?host={tmp_path}"
    controls = SqlControls(url, MAIN, HandClock())
    with pytest.raises(StoreError) as failed:
        await controls.read(0)
    await controls.close()
    assert "secret" not in str(failed.value)
    assert "\n" not in str(failed.value)
