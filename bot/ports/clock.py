"""Owns the Protocol of time: venue time for decisions, host time for machines."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Venue time is all a decision may see; host time is for timeouts, leases and heartbeats."""

    def now(self) -> datetime:
        """Venue time, UTC."""
        ...

    def mono(self) -> float:
        """Host seconds, monotonic."""
        ...

    async def sleep(self, host_s: float) -> None:
        """Sleep host seconds."""
        ...

    async def until(self, venue_at: datetime) -> None:
        """Sleep until venue time reaches ``venue_at`` (scaled or stepped where the clock is)."""
        ...
