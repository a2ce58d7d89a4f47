"""Owns what the simulation saw with its own eyes: creates as they arrived, marks of faults that bit, violations."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Create:
    """An order request as it arrived at the exchange; ``left``: venue time at which the permit let it go."""

    client_id: str
    symbol: str
    qty: Decimal
    price: Decimal
    left: datetime
    arrived: datetime
    process: str
    accepted: bool


@dataclass(slots=True)
class Seen:
    """One history's evidence. ``marks`` counts what bit, by kind."""

    creates: list[Create] = field(default_factory=list)
    marks: Counter[str] = field(default_factory=Counter)
    edges: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    cycles: int = 0
    starts: int = 0
    deaths: int = 0
    alerts: Counter[str] = field(default_factory=Counter)

    def violated(self, what: str) -> None:
        """Write down a broken invariant, once."""
        if what not in self.violations:
            self.violations.append(what)

    def bit(self, kind: str) -> None:
        """A fault of this kind really happened."""
        self.marks[kind] += 1
