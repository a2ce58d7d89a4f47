"""Owns what happened to the account without an order of ours: flows, funding, positions that vanished."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from bot.core.events import Event
from bot.core.memory import Memory
from bot.core.numbers import ZERO, milliseconds
from bot.core.snapshot import Balance, Position
from bot.engine.parts import Parts
from bot.engine.record import VISIBLE_WITHIN, Recorder
from bot.ports.venue import Gap

EVERY = timedelta(hours=1)  # venue time between two questions about flows
OVERLAP = timedelta(hours=1)  # asked again, since venues list flows late; keys make it harmless
KINDS = frozenset({"deposit", "withdrawal", "transfer", "funding", "interest", "other"})


class Outside:
    """Asks for flows once per venue hour, and at once when coins changed that no order of ours explains."""

    def __init__(self, parts: Parts, recorder: Recorder) -> None:
        self._parts = parts
        self._recorder = recorder
        self._asked: datetime | None = None
        self._held: Mapping[str, Decimal] | None = None
        self.moved: frozenset[str] = frozenset()  # coins that the last look found changed, by us or not

    def changed(self, balances: Sequence[Balance] | Gap, *, traded: bool) -> bool:
        """Whether coins came or went since the last look although nothing of ours was traded in between."""
        self.moved = frozenset()
        if isinstance(balances, Gap):
            return False
        held: dict[str, Decimal] = {}
        for item in balances:
            held[item.asset] = held.get(item.asset, ZERO) + item.total
        before, self._held = self._held, held
        if before is None:
            return False
        self.moved = frozenset(name for name in {*before, *held} if before.get(name) != held.get(name))
        return bool(self.moved) and not traded

    async def flows(self, *, now: bool = False) -> bool:
        """Book flows and funding when due, or ``now``; whether there was an answer."""
        at = self._parts.clock.now()
        if self._asked is not None and not now and at - self._asked < EVERY:
            return True
        first = self._recorder.memory.first_seen
        found = await self._parts.account.flows((self._asked or self._last_known(first) or at) - OVERLAP)
        if isinstance(found, Gap):
            return False
        # What came before the first start is what the account opened with.
        news = [event for event in found if first is not None and event.at > first and _known(event)]
        await self._recorder.append(news)
        self._asked = at  # not before: what could not be booked is asked for again, however long that takes
        return True

    def _last_known(self, first: datetime | None) -> datetime | None:
        """After a restart: the newest flow on record, else the first start."""
        return max((flow.at for flow in self._recorder.memory.flows), default=first)

    async def vanished(
        self, positions: Sequence[Position] | Gap, memory: Memory, last_orders: Mapping[str, datetime]
    ) -> bool:
        """Say of every remembered short or bridge that the venue does not show any more; whether there was one.

        A report that failed shows nothing and proves nothing; a symbol of which an order is recent is asked later.
        """
        if isinstance(positions, Gap):
            return False
        wanted: dict[str, Decimal] = {}
        for hedge in memory.hedges:
            wanted[hedge.symbol] = wanted.get(hedge.symbol, ZERO) - hedge.contracts
        for bridge in memory.bridges:
            wanted[bridge.symbol] = wanted.get(bridge.symbol, ZERO) + bridge.contracts
        shown = {position.symbol for position in positions if position.quantity}
        at = self._parts.clock.now()
        made: list[Event] = []
        for symbol, size in sorted(wanted.items()):
            recent = last_orders.get(symbol)
            if symbol in shown or not size or (recent is not None and at - recent < VISIBLE_WITHIN):
                continue
            text = f"{symbol}: a position of {size:f} is gone without an order of ours"
            self._parts.alerts.send("critical", text, key=f"vanished:{symbol}")
            key = f"vanished:{symbol}:{milliseconds(at)}"
            made.append(Event(key, at, "position.vanished", {"symbol": symbol, "how": "unknown"}))
        await self._recorder.append(made)
        return bool(made)


def _known(event: Event) -> bool:
    return event.kind == "funding" or (event.kind == "flow" and event.body.get("kind") in KINDS)
