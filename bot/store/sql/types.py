"""Owns how values are kept in columns: exact decimals, UTC instants, packed text; knows no table."""

from __future__ import annotations

import zlib
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import DateTime, Dialect, LargeBinary, Numeric, String
from sqlalchemy.types import TypeDecorator, TypeEngine

_PACKED_LEVEL = 4  # measured on snapshots: as small as 6 to a few percent, in half the time


class Exact(TypeDecorator[Decimal]):
    """A finite Decimal, digit by digit: text in SQLite (its NUMERIC is a float), unbounded NUMERIC in PostgreSQL.

    Sums and comparisons of it are done in Python: in SQLite they would be those of text.
    """

    impl = String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Text or NUMERIC, by the database."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(String())
        return dialect.type_descriptor(Numeric(asdecimal=True))

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        """Refuse what is no finite Decimal; a float here would be a wrong amount of money."""
        if value is None:
            return None
        if not isinstance(value, Decimal) or not value.is_finite():  # type: ignore[redundant-expr]
            message = f"{value!r} is {type(value).__name__}, must be a finite Decimal"
            raise ValueError(message)
        return f"{value:f}" if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        """The same digits again."""
        del dialect
        return None if value is None else Decimal(value)


class Utc(TypeDecorator[datetime]):
    """An instant in UTC, to the microsecond: sortable text of fixed width in SQLite, TIMESTAMPTZ in PostgreSQL."""

    impl = String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Text or TIMESTAMPTZ, by the database."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(String(27))
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Refuse an instant without a time zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            message = f"instant {value.isoformat()} has no time zone, must be UTC"
            raise ValueError(message)
        at = value if value.tzinfo is UTC else value.astimezone(UTC)
        return f"{at.isoformat(timespec='microseconds')[:-6]}Z" if dialect.name == "sqlite" else at

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Always in UTC, whatever the server's own zone is."""
        del dialect
        if value is None:
            return None
        return (datetime.fromisoformat(value) if isinstance(value, str) else value).astimezone(UTC)


class Packed(TypeDecorator[str]):
    """Text, deflated: plans and snapshots repeat themselves."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:
        """Deflate."""
        del dialect
        return None if value is None else zlib.compress(value.encode(), _PACKED_LEVEL)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> str | None:
        """Inflate; zlib checks its own checksum."""
        del dialect
        return None if value is None else zlib.decompress(value).decode()
