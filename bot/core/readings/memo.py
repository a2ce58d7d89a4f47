"""Owns a memo of answers by the digests of what they are made of. It keeps no series, which `lru_cache` would."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from functools import partial
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

    def of_all(self, keys: Sequence[Hashable], make: Callable[[list[int]], Sequence[T]]) -> list[T]:
        """The answers to keys in their order; those not known yet are made together, by their places among the keys."""
        missing = [place for place, key in enumerate(keys) if key not in self._kept]
        made = dict(zip(missing, make(missing), strict=True)) if missing else {}

        def answer(place: int) -> T:
            return made[place] if place in made else make([place])[0]  # one that made room meanwhile

        return [self.of(key, partial(answer, place)) for place, key in enumerate(keys)]

    def turn(self) -> None:
        """A decision begins: what none of the last ones needed makes room now and then."""
        self._turn += 1
        if self._turn % SWEPT_EVERY == 0:
            oldest = self._turn - IDLE_MOST
            self._kept = {key: known for key, known in self._kept.items() if known[1][0] >= oldest}

    def __len__(self) -> int:
        return len(self._kept)
