"""Owns what the exchange remembers of the past: bounded rows, oldest first, each written as text once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Generic, TypeVar

from bot.venues.simulated.codec import row_text

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")


class History(Generic[T]):
    """The newest ``limit`` records. A record never changes, so its text is kept with it: a dump only joins."""

    def __init__(self, limit: int, records: Iterable[T] = ()) -> None:
        self._limit = limit
        self._rows: deque[tuple[T, str]] = deque((record, row_text(record)) for record in records)

    def __iter__(self) -> Iterator[T]:
        return (record for record, _ in self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def append(self, record: T) -> T | None:
        """Remember a record; answers with the one forgotten for it, if any."""
        self._rows.append((record, row_text(record)))
        return self._rows.popleft()[0] if len(self._rows) > self._limit else None

    def amend(self, record: T, is_it: Callable[[T], bool]) -> None:
        """Put ``record`` in the place of the one that ``is_it``; nothing where that is forgotten."""
        for place, (known, _) in enumerate(self._rows):
            if is_it(known):
                self._rows[place] = (record, row_text(record))
                return

    def text(self) -> str:
        """All of it as one JSON array."""
        return "[" + ",".join(text for _, text in self._rows) + "]"


def page(
    records: Iterable[T], at: Callable[[T], datetime], since: datetime | None, limit: int, *, first: bool = False
) -> list[T]:
    """Of records oldest first: the first ``limit`` from ``since`` on; without a start the newest (or first) ones."""
    if limit <= 0:
        return []
    if since is None and not first:
        return list(records)[-limit:]
    return [record for record in records if since is None or at(record) >= since][:limit]
