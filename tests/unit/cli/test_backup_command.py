from __future__ import annotations

import asyncio
import os
import sqlite3
from pathlib import Path

import pytest

from bot.clocks import host_utc_now
from bot.ports.store import Identity
from bot.settings import load
from bot.store.sql import upgrade
from bot.store.sql.schema import VERSION_TABLE, Migrations
from bot.wiring_host import locked
from tests.unit.cli.ran import Ballast
from tests.unit.cli.recorded import a_record
from tests.unit.cli.snapshots import a_config_file


@pytest.fixture
def config(ballast: Ballast) -> str:
    asyncio.run(a_record(ballast.folder))
    return str(a_config_file(ballast.folder))


def told(ballast: Ballast, config: str) -> list[str]:
    return [each["decision_id"] for each in ballast("decisions", "--config", config, "--json").json]


def test_a_backup_is_one_sound_file_of_its_owners_alone(ballast: Ballast, config: str) -> None:
    ran = ballast("backup", "backups/one.db", "--config", config)
    assert (ran.code, ran.err) == (0, "")
    assert "2 decisions" in ran.out
    copy = ballast.folder / "backups" / "one.db"
    assert [path.name for path in copy.parent.iterdir()] == ["one.db"]
    assert copy.stat().st_mode & 0o077 == 0
    with sqlite3.connect(copy) as read:
        assert read.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_backup_taken_while_somebody_writes_is_one_moment_of_the_record(ballast: Ballast, config: str) -> None:
    writer = sqlite3.connect(ballast.folder / "data" / "ballast.db", isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("UPDATE portfolios SET account = 'half done'")
    assert ballast("backup", "one.db", "--config", config).code == 0
    writer.execute("ROLLBACK")
    writer.close()
    with sqlite3.connect(ballast.folder / "one.db") as read:
        assert read.execute("SELECT account FROM portfolios").fetchall() == [("",)]


def test_a_backup_does_not_touch_a_file_that_is_there(ballast: Ballast, config: str) -> None:
    (ballast.folder / "one.db").write_text("mine", encoding="utf-8")
    ran = ballast("backup", "one.db", "--config", config)
    assert ran.code == 1
    assert ran.err == "one.db is there already; name a file that is not\n"
    assert (ballast.folder / "one.db").read_text(encoding="utf-8") == "mine"


def test_where_nothing_is_recorded_there_is_nothing_to_copy(ballast: Ballast) -> None:
    ran = ballast("backup", "one.db", "--config", a_config_file(ballast.folder))
    assert (ran.code, ran.out) == (1, "")
    assert "there is no record at" in ran.err
    assert not (ballast.folder / "one.db").exists()


def test_a_restored_record_tells_what_it_told_and_the_other_one_is_kept(ballast: Ballast, config: str) -> None:
    before = told(ballast, config)
    assert ballast("backup", "one.db", "--config", config).code == 0
    with sqlite3.connect(ballast.folder / "data" / "ballast.db") as record:
        record.execute("DELETE FROM decisions WHERE number = 2")
    assert told(ballast, config) != before
    ran = ballast("restore", "one.db", "--config", config, "--yes")
    assert (ran.code, ran.err) == (0, "")
    assert told(ballast, config) == before
    kept = list((ballast.folder / "data").glob("ballast.db.before-restore-*"))
    assert len(kept) == 1
    assert kept[0].name in ran.out


def test_a_restore_into_an_empty_folder_makes_the_record(ballast: Ballast, config: str) -> None:
    before = told(ballast, config)
    ballast("backup", "one.db", "--config", config)
    for path in (ballast.folder / "data").iterdir():
        path.unlink()
    assert ballast("restore", "one.db", "--config", config, "--yes").code == 0
    assert told(ballast, config) == before


def test_a_restore_without_a_yes_asks_and_changes_nothing(ballast: Ballast, config: str) -> None:
    ballast("backup", "one.db", "--config", config)
    ran = ballast("restore", "one.db", "--config", config)
    assert ran.code == 1
    assert "--yes says yes" in ran.err
    assert not list((ballast.folder / "data").glob("*before-restore*"))


def test_a_running_bot_keeps_its_record(ballast: Ballast, config: str) -> None:
    ballast("backup", "one.db", "--config", config)
    lock, _ = locked(load(Path(config), {}), ballast.folder / "data")
    ran = ballast("restore", "one.db", "--config", config, "--yes")
    lock.close()
    assert ran.code == 1
    assert "another process on this machine runs portfolio 'main'" in ran.err


def test_a_lease_that_runs_elsewhere_keeps_the_record(ballast: Ballast, config: str) -> None:
    ballast("backup", "one.db", "--config", config)
    with sqlite3.connect(ballast.folder / "data" / "ballast.db") as record:
        record.execute("UPDATE leases SET holder = 'other:host', until = '2099-01-01T00:00:00.000000Z'")
    ran = ballast("restore", "one.db", "--config", config, "--yes")
    assert ran.code == 1
    assert "other:host leads this record until 2099" in ran.err


@pytest.mark.parametrize("what", ["damaged", "other", "newer", "missing"])
def test_a_copy_that_cannot_be_used_is_one_line_and_the_record_stays(ballast: Ballast, config: str, what: str) -> None:
    before = told(ballast, config)
    ballast("backup", "one.db", "--config", config)
    copy = ballast.folder / "one.db"
    if what == "damaged":
        with copy.open("r+b") as file:
            file.seek(8192)
            file.write(os.urandom(20_000))
    elif what == "other":
        copy.write_text("not a database at all, not even nearly", encoding="utf-8")
    elif what == "newer":
        with sqlite3.connect(copy) as newer:
            newer.execute("UPDATE ballast_schema SET version_num = '9999'")
    else:
        copy.unlink()
    ran = ballast("restore", "one.db", "--config", config, "--yes")
    assert ran.code == 1
    assert len(ran.err.splitlines()) == 1
    assert "one.db" in ran.err
    assert told(ballast, config) == before


def test_a_copy_of_another_portfolio_is_refused_with_both_names(ballast: Ballast) -> None:
    asyncio.run(a_record(ballast.folder, identity=Identity("second", "paper", "binance", "local")))
    config = a_config_file(ballast.folder)
    ballast("backup", "one.db", "--config", config)
    ran = ballast("restore", "one.db", "--config", config, "--yes")
    assert ran.code == 1
    assert "is the record of second paper binance local, the configuration is of main paper binance local" in ran.err


def test_a_server_is_left_to_its_own_tools(ballast: Ballast, config: str) -> None:
    ballast.environment.setenv("BALLAST_STORE__URL", "postgresql+asyncpg://localhost/ballast")
    ran = ballast("backup", "one.db", "--config", config)
    assert ran.code == 1
    assert "pg_dump" in ran.err


async def of_the_first_schema(newest: Path, to: Path) -> None:
    """The same record as the first version of the program kept it."""
    await upgrade(f"sqlite+aiosqlite:///{to}", host_utc_now, Migrations("0001"))
    with sqlite3.connect(to) as old:
        old.execute("ATTACH ? AS newest", (str(newest),))
        rows = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        for (table,) in old.execute(rows).fetchall():
            if table != VERSION_TABLE:
                names = ", ".join(f'"{row[1]}"' for row in old.execute(f"PRAGMA table_info({table})"))
                old.execute(f"INSERT INTO {table} ({names}) SELECT {names} FROM newest.{table}")  # noqa: S608


def test_a_backup_of_the_first_schema_is_restored_upgraded_and_told_as_before(ballast: Ballast, config: str) -> None:
    before, data = told(ballast, config), ballast.folder / "data"
    asyncio.run(of_the_first_schema(data / "ballast.db", ballast.folder / "old.db"))
    for path in data.iterdir():
        path.unlink()
    assert ballast("restore", "old.db", "--config", config, "--yes").code == 0
    refused = ballast("decisions", "--config", config)
    assert (refused.code, "run `ballast db upgrade`" in refused.err) == (1, True)
    assert ballast("db", "upgrade", "--config", config).code == 0
    assert told(ballast, config) == before
    assert len(before) == 2
    assert ballast("verify", "--config", config).code == 0
    proven = ballast("verify", "--config", config, "--json").json
    assert proven["clean"] is True
    assert proven["identical"] == proven["decisions"] > 0
    assert ballast("backup", "new.db", "--config", config).code == 0
