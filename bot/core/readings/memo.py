"""Owns a memo of answers by the digests of what they are made of. It keeps no series, which `lru_cache` would."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Memo(Generic[T]):
    """The newest answers by content key, at most ``most``."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: dict[Hashable, T] = {}

    def of(self, key: Hashable, make: Callable[[], T]) -> T:
        """The answer to a key, made once; the oldest answer makes room. What raises is not kept."""
        if key not in self._kept:
            made = make()
            if len(self._kept) >= self._most:
                del self._kept[next(iter(self._kept))]
            self._kept[key] = made
        return self._kept[key]
