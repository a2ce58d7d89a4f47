"""Owns what every page and call is made with: terms, access, watch, tally; and the questions several of them ask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bot.alerts.unread import LOOKED_AT, unread_critical
from bot.ports.errors import StoreRefused
from bot.ports.store import AlertRow
from bot.render.decisions import decision_body
from bot.web.access import Access
from bot.web.metrics import Tally
from bot.web.standing import Pulse, Standing, pulse, standing
from bot.web.terms import Terms
from bot.web.watch import Watch

if TYPE_CHECKING:
    from bot.web.rooms import Rooms

REQUESTS_LOOKED_AT = 200


@dataclass(slots=True)
class Desk:
    """One dashboard at work."""

    terms: Terms
    access: Access
    watch: Watch
    tally: Tally = field(default_factory=Tally)
    rooms: Rooms | None = None  # of the other portfolios of a fleet's record
    _plan: tuple[int, Mapping[str, Any]] = (0, {})

    async def beat(self) -> Mapping[str, Any]:
        """The last beat; empty before the first."""
        try:
            return await self.terms.panorama.beat() or {}
        except StoreRefused:
            return {}

    async def plan(self) -> Mapping[str, Any]:
        """The last decision's plan as recorded, with its `number`; empty before the first. Parsed once."""
        head = await self.watch.look()
        if head.number == 0:
            return {}
        if head.number != self._plan[0]:
            row = await self.terms.panorama.latest()
            if row is None:
                return {}
            self._plan = (row.number, decision_body(row))
        return self._plan[1]

    async def standing(self, beat: Mapping[str, Any]) -> Standing:
        """The kill level as it stands; a table that cannot be read raises StoreError."""
        try:
            requests = await self.terms.panorama.requests(REQUESTS_LOOKED_AT)
            asked = await self.terms.controls.kill()
        except StoreRefused:
            requests, asked = (), None
        return standing(beat, requests, asked, self.terms.kill_switch)

    async def unread(self) -> tuple[AlertRow, ...]:
        """Critical alerts that nobody has read, oldest first: while there are some, nothing is resumed."""
        try:
            rows = await self.terms.panorama.alerts(LOOKED_AT)
            return unread_critical(rows, await self.terms.controls.read(0))
        except StoreRefused:
            return ()  # a bot that never ran has told nothing

    def pulse(self, beat: Mapping[str, Any]) -> Pulse:
        """Whether the bot lives."""
        return pulse(beat, self.terms.utc_now(), self.watch.cycle_seen_s, self.terms.cycle_s)
