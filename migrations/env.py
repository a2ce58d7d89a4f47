"""Alembic's door: migrations run on the connection, and in the transaction, that the store hands over."""

from __future__ import annotations

from alembic import context

from bot.store.sql.schema import VERSION_TABLE
from bot.store.sql.tables import metadata

connection = context.config.attributes.get("connection")
if connection is None:
    message = "migrations are run by the store: `ballast db upgrade`"
    raise RuntimeError(message)

context.configure(
    connection=connection,
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,
    compare_type=True,
)
context.run_migrations()
