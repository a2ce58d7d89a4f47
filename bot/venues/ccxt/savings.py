"""Owns what flexible savings a real venue offers, read once per venue hour. Moves nothing: that is a transfer's."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from bot.core.snapshot import Saving
from bot.ports.venue import Gap
from bot.venues.ccxt.line import Line

READ_EVERY = timedelta(hours=1)


class CcxtSavings:
    """Port `Savings`."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._found: Mapping[str, Saving] | None = None
        self._read_at: datetime | None = None

    async def savings(self) -> Mapping[str, Saving] | Gap:
        """Instant flexible products by stablecoin; empty where the environment has none. A failed read is no cache."""
        line = self._line
        if not line.profile.has_savings(line.setup):
            return {}
        now = line.clock.now()
        if self._found is not None and self._read_at is not None and now - self._read_at < READ_EVERY:
            return self._found
        found = await line.private_gap("savings", lambda: line.profile.savings(line.client))
        if isinstance(found, Gap):
            return found
        self._found, self._read_at = found, now
        return found
