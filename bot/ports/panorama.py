"""Owns the Protocol of what a dashboard looks at beyond the record's own questions: pages, thinned series, tallies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from bot.core.memory import Memory
from bot.ports.store import AlertRow, ControlRow, DecisionRow, OrderRow


@dataclass(frozen=True, slots=True)
class Head:
    """Where the record stands: the last decision's number, the last beat (host time), the last request's id."""

    number: int = 0
    beat_at: datetime | None = None
    control: int = 0


@dataclass(frozen=True, slots=True)
class Turn:
    """A decision without its plan. ``summary``: actions, blocked (``"trim BTC"``), equity, regime, stress, holds."""

    number: int
    decision_id: str
    at: datetime
    outcome: str  # hold | actions | blocked
    summary: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Worth:
    """Equity in accounting currency at a decision, and the unit value (1 at the start; flows taken out)."""

    number: int
    at: datetime
    equity: Decimal
    unit_value: Decimal | None


@dataclass(frozen=True, slots=True)
class Ending:
    """An order that came to its end: venue seconds from its sending."""

    id: int
    state: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Paid:
    """One funding payment in accounting currency; what was received is negative."""

    at: datetime
    symbol: str
    paid: Decimal


@dataclass(frozen=True, slots=True)
class Volume:
    """Median turnover of a symbol's bars that begin at an hour of the day, in quote currency; from so many bars."""

    symbol: str
    hour: int
    median: float
    bars: int


class Panorama(Protocol):
    """A reader's questions whose cost does not grow with the age of the record; all newest first unless said."""

    async def head(self) -> Head:
        """Where the record stands; cheap enough to ask four times a second. An empty record has number 0."""
        ...

    async def beat(self) -> Mapping[str, Any] | None:
        """The last beat, or None before the first."""
        ...

    async def told(self, decision_id: str) -> DecisionRow | None:
        """A decision by id or unique prefix."""
        ...

    async def latest(self) -> DecisionRow | None:
        """The last decision."""
        ...

    async def numbered(self, numbers: Sequence[int]) -> Mapping[int, DecisionRow]:
        """Decisions by number; those that are not there are left out."""
        ...

    async def turns(self, limit: int, *, before: int | None = None) -> Sequence[Turn]:
        """Decisions below a number."""
        ...

    async def turns_after(self, number: int, limit: int) -> Sequence[Turn]:
        """Decisions above a number, oldest first."""
        ...

    async def worth(self, points: int) -> Sequence[Worth]:
        """Equity over the whole record, oldest first, thinned to about so many points; the last one always there."""
        ...

    async def worth_at(self, number: int) -> Worth | None:
        """Equity at a decision, or at the last one before it that knew its own."""
        ...

    async def page_of_orders(self, limit: int, *, skip: int = 0, decision_id: str | None = None) -> Sequence[OrderRow]:
        """Orders."""
        ...

    async def page_of_fills(
        self, limit: int, *, skip: int = 0, decision_id: str | None = None
    ) -> Sequence[Mapping[str, Any]]:
        """Fills as columns."""
        ...

    async def funding(self, limit: int) -> Sequence[Paid]:
        """Funding payments."""
        ...

    async def alerts(self, limit: int) -> Sequence[AlertRow]:
        """Alerts."""
        ...

    async def requests(self, limit: int) -> Sequence[ControlRow]:
        """What operators asked for."""
        ...

    async def endings(self, after: int, limit: int) -> Sequence[Ending]:
        """Orders that came to their end after an id, oldest first; ``after`` -1: from the last ``limit`` on."""
        ...

    async def memory(self) -> Memory:
        """The memory as folded from all committed events."""
        ...

    async def inputs(self) -> Mapping[str, Any]:
        """The last snapshot as JSON (plan contract) without candles; empty where none is kept."""
        ...

    async def policy(self) -> Mapping[str, Any]:
        """The last decision's policy as JSON; empty before the first."""
        ...

    async def volumes(self, days: int) -> Sequence[Volume]:
        """Turnover by hour of the day over the last days, of the shortest timeframe that is recorded."""
        ...

    async def close(self) -> None:
        """Let go."""
        ...
