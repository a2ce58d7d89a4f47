"""A transaction that cannot be committed is gone, and the next one on the same line is as good as the first."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from bot.ports.errors import StoreError
from bot.store.sql.engine import Database

SCHEMA = (
    "CREATE TABLE books (id INTEGER PRIMARY KEY)",
    "CREATE TABLE pages (id INTEGER PRIMARY KEY, book INTEGER REFERENCES books DEFERRABLE INITIALLY DEFERRED)",
)


def through_sqlalchemy(connection: Connection, statement: str) -> None:
    connection.execute(text(statement))


def through_the_driver(connection: Connection, statement: str) -> None:
    driver = connection.connection.driver_connection
    assert driver is not None
    driver.execute(statement)


@pytest.mark.parametrize("run", [through_sqlalchemy, through_the_driver])
async def test_a_commit_that_fails_leaves_nothing_behind_and_the_next_one_is_made(
    run: Callable[..., None], tmp_path: Path
) -> None:
    database = Database(f"sqlite:///{tmp_path / 'b.db'}")
    for statement in SCHEMA:
        await database.write(partial(run, statement=statement))
    with pytest.raises(StoreError, match="lacks what it refers to"):  # found by the commit, by nothing before
        await database.write(partial(run, statement="INSERT INTO pages VALUES (1, 7)"))
    for _ in range(2):
        await database.write(partial(run, statement="INSERT INTO books DEFAULT VALUES"))
    counted = await database.read(
        lambda connection: connection.execute(
            text("SELECT (SELECT count(*) FROM books), (SELECT count(*) FROM pages)")
        ).one()
    )
    assert tuple(counted) == (2, 0)
    await database.close()
