"""Owns what is kept of frozen values by their identity, so that nothing is worked out twice. Pure.

A frozen value's answers never change, so the same object has the same ones. Who is asked is held beside the answer: no
other object can come to bear its number meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Generic, TypeVar

SWEPT_EVERY: Final = 8  # turns
IDLE_MOST: Final = 8  # turns after which a value that nobody asked of goes: a series is told anew with every reading
S = TypeVar("S")
P = TypeVar("P")
T = TypeVar("T")


class Kept(Generic[S, T]):
    """One question's answers by the value asked of, the newest ``most`` of them."""

    def __init__(self, answer: Callable[[S], T], most: int) -> None:
        self._answer = answer
        self._most = most
        self._known: dict[int, tuple[S, T]] = {}

    def of(self, value: S) -> T:
        """The answer for this very object, worked out once."""
        known = self._known.get(id(value))
        if known is not None and known[0] is value:
            return known[1]
        made = self._answer(value)
        while len(self._known) >= self._most:
            del self._known[next(iter(self._known))]
        self._known[id(value)] = (value, made)
        return made


class KeptBeside(Generic[S, P, T]):
    """One question's answers by two values asked of together, the newest ``most`` of them."""

    def __init__(self, answer: Callable[[S, P], T], most: int) -> None:
        self._answer = answer
        self._most = most
        self._known: dict[tuple[int, int], tuple[S, P, T]] = {}

    def of(self, value: S, beside: P) -> T:
        """The answer for these very objects, worked out once."""
        number = id(value), id(beside)
        known = self._known.get(number)
        if known is not None:
            return known[2]  # both are held, so no other object can have come to bear either number
        made = self._answer(value, beside)
        while len(self._known) >= self._most:
            del self._known[next(iter(self._known))]
        self._known[number] = (value, beside, made)
        return made


class Lately(Generic[S, T]):
    """One question's answers by the value asked of, for what this turn or the last one asked of and nothing else."""

    def __init__(self, answer: Callable[[S], T]) -> None:
        self._answer = answer
        self._before: dict[int, tuple[S, T]] = {}
        self._now: dict[int, tuple[S, T]] = {}

    def turn(self) -> None:
        """What the last turn did not ask of is let go."""
        self._before, self._now = self._now, {}

    def of(self, value: S) -> T:
        """The answer for this very object."""
        number = id(value)
        known = self._now.get(number) or self._before.get(number)
        if known is None or known[0] is not value:
            known = (value, self._answer(value))
        self._now[number] = known
        return known[1]

    def __len__(self) -> int:
        return len({*self._before, *self._now})


class KeptWhileAsked(Generic[S, T]):
    """One question's answers by the value asked of, for as long as it is asked of now and then.

    A value that nothing asks of any more is let go within so many turns, however few others come: some are large.
    """

    def __init__(self, answer: Callable[[S], T]) -> None:
        self._answer = answer
        self._turn = 0
        self._known: dict[int, tuple[S, T, list[int]]] = {}

    def turn(self) -> None:
        """A decision begins."""
        self._turn += 1
        if self._turn % SWEPT_EVERY == 0:
            oldest = self._turn - IDLE_MOST
            self._known = {number: known for number, known in self._known.items() if known[2][0] >= oldest}

    def of(self, value: S) -> T:
        """The answer for this very object."""
        known = self._known.get(id(value))
        if known is None:
            known = self._known[id(value)] = (value, self._answer(value), [self._turn])
        known[2][0] = self._turn
        return known[1]

    def __len__(self) -> int:
        return len(self._known)
