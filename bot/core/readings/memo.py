"""Owns a memo of answers by the digests of what they are made of. It keeps no series, which `lru_cache` would."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Final, Generic, TypeVar

T = TypeVar("T")
SWEPT_EVERY: Final = 32  # turns
IDLE_MOST: Final = 128  # turns after which an answer that nobody asked for goes: bars that have moved on


class Memo(Generic[T]):
    """Answers by content key, at most ``most``, and none that was not asked for during the last turns."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._turn = 0
        self._kept: dict[Hashable, tuple[T, list[int]]] = {}

    def of(self, key: Hashable, make: Callable[[], T]) -> T:
        """The answer to a key, made once; the oldest answer makes room. What raises is not kept."""
        known = self._kept.get(key)
        if known is None:
            made = make()
            if len(self._kept) >= self._most:
                del self._kept[next(iter(self._kept))]
            known = self._kept[key] = (made, [self._turn])
        known[1][0] = self._turn
        return known[0]

    def turn(self) -> None:
        """A decision begins: what none of the last ones needed makes room now and then."""
        self._turn += 1
        if self._turn % SWEPT_EVERY == 0:
            oldest = self._turn - IDLE_MOST
            self._kept = {key: known for key, known in self._kept.items() if known[1][0] >= oldest}

    def __len__(self) -> int:
        return len(self._kept)
