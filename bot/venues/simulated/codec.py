"""Owns how a frozen record becomes a row of JSON values and comes back equal. No I/O."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from enum import Enum
from functools import cache
from types import UnionType
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_origin, get_type_hints

from bot.core.numbers import jsonable

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")


def row_text(record: DataclassInstance) -> str:
    """The record's fields in their order, as a JSON array."""
    values = [jsonable(getattr(record, field.name)) for field in fields(record)]
    return json.dumps(values, separators=(",", ":"), ensure_ascii=False)


def from_row(kind: type[T], row: Sequence[Any]) -> T:
    """The record that `row_text` wrote; raises ValueError when it cannot be one."""
    readers = _readers(kind)
    if len(row) != len(readers):
        raise ValueError(f"a {kind.__name__} has {len(readers)} fields, not {len(row)}")
    return kind(*(read(value) for read, value in zip(readers, row, strict=True)))


@cache
def _readers(kind: type[DataclassInstance]) -> tuple[Callable[[Any], Any], ...]:
    hints = get_type_hints(kind)
    return tuple(_reader(hints[field.name]) for field in fields(kind))


def _reader(hint: Any) -> Callable[[Any], Any]:
    if get_origin(hint) is UnionType:
        inner = next(_reader(part) for part in get_args(hint) if part is not type(None))
        return lambda value: None if value is None else inner(value)
    if hint is Decimal:
        return Decimal
    if hint is datetime:
        return datetime.fromisoformat
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint
    return lambda value: value
