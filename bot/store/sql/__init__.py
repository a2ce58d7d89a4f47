"""Owns the record in SQL (SQLite or PostgreSQL by URL); the only room with SQLAlchemy and Alembic."""

from bot.store.sql.booking import Booked, books
from bot.store.sql.controls import SqlControls
from bot.store.sql.record import SqlRecord
from bot.store.sql.schema import upgrade
from bot.store.sql.store import SqlStore

__all__ = ["Booked", "SqlControls", "SqlRecord", "SqlStore", "books", "upgrade"]
