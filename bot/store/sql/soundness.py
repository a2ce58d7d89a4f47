"""Owns the look at a database file before it is used: whole, or not touched at all. Mends nothing."""

from __future__ import annotations

from sqlalchemy import Connection

from bot.ports.errors import StoreError, StoreRefused
from bot.store.sql.engine import Database

QUICK_FROM = 256 * 1024 * 1024  # bytes from which indexes are not compared row by row: a start must not take minutes
SHOWN = 120


async def must_be_sound(url: str) -> None:
    """Raise StoreRefused where a SQLite file is damaged; a server looks after its own pages, a new file has none."""
    database = Database(url, query_only=True)
    if database.file is None or database.missing:
        return
    check = "quick_check" if database.file.stat().st_size >= QUICK_FROM else "integrity_check"

    def look(connection: Connection) -> str:
        return str(connection.exec_driver_sql(f"PRAGMA {check}(1)").scalar())

    try:
        found = await database.read(look)
    except StoreError as error:
        raise _refused(database, str(error)) from error
    finally:
        await database.close()
    if found != "ok":
        raise _refused(database, found)


def _refused(database: Database, why: str) -> StoreRefused:
    text = " ".join(why.split())[:SHOWN]
    return StoreRefused(
        f"the record at {database.file} is damaged ({text}); nothing was touched: put a backup in its place, "
        "and the bot will compare it with the venue before it trades"
    )
