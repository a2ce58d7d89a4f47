"""Owns what is cancelled unless its owner is heard of in time, and when. Cancels nothing itself; speaks no wire."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta


class Countdowns:
    """Running countdowns by name, in venue time; they are not kept over a restart of the exchange.

    ``scale`` is venue seconds per host second: who owes a sign of life every host second is granted so much.
    """

    def __init__(self, scale: float = 1.0) -> None:
        self._scale = scale
        self._running: dict[str, tuple[datetime, frozenset[str]]] = {}

    def begin(self, name: str, symbols: Collection[str], at: datetime, span: timedelta) -> None:
        """Count anew from ``at``; what ran under this name is forgotten."""
        self._running[name] = at + span * self._scale, frozenset(symbols)

    def stop(self, name: str) -> None:
        """Count no more; one that does not run is no fault."""
        self._running.pop(name, None)

    def over(self, to: datetime) -> list[tuple[datetime, frozenset[str]]]:
        """Take out what ended until ``to``, oldest first: when, and the symbols whose orders go."""
        ended = [name for name, (due, _) in self._running.items() if due <= to]
        return sorted((self._running.pop(name) for name in ended), key=lambda one: one[0])
