"""Owns the proof of what became of everything sent: orders, transfers, late trades. One path for starts and cycles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from bot.core.events import Event
from bot.core.numbers import ZERO
from bot.core.orders import TERMINAL, Fill, OrderState, Placed
from bot.core.policy import Policy
from bot.engine.arithmetic import exact
from bot.engine.parts import Parts
from bot.engine.record import SKEW, VISIBLE_WITHIN, Recorder, owner
from bot.ports.store import MoveRow, OrderRow
from bot.ports.venue import Gap

LATE_FOR = timedelta(minutes=10)  # how long after its last order a symbol is still asked for trades
RECENT_ORDERS = 100
NEVER_SENT = "never sent: the process ended before"


class Reconciler:
    """Brings every unfinished row to what the venue proves; silence proves something only past the bound."""

    def __init__(self, parts: Parts, recorder: Recorder) -> None:
        self._parts = parts
        self._recorder = recorder
        self._active: dict[str, datetime] | None = None  # symbol -> when an order of ours last was there

    async def run(self, policy: Policy) -> None:
        """All unfinished orders and transfers, then trades that came late."""
        ended = await self._interrupted() if self._active is None else {}
        for row in await self._parts.store.orders():
            self.touch(row.intent.symbol)
            made, state = await self._order(row, policy.execution.maker_wait)
            await self._recorder.append(made)
            if state in TERMINAL:
                ended[row.intent.decision_id, row.intent.action_id] = None
        await self._recorder.append(await self._recorder.ended(ended))
        for move in await self._parts.store.moves():
            await self._recorder.append(await self._move(move))
        await self._late()

    async def _interrupted(self) -> dict[tuple[str, str], None]:
        """The actions of the last decision: the process may have ended between their orders' end and its recording."""
        last = await self._parts.record.decisions(1)
        rows = await self._parts.record.orders(RECENT_ORDERS, decision_id=last[0].decision_id) if last else ()
        return {(row.intent.decision_id, row.intent.action_id): None for row in reversed(rows)}

    @property
    def active(self) -> Mapping[str, datetime]:
        """When an order of ours last was on a symbol, for those of the last minutes."""
        return self._active or {}

    def touch(self, symbol: str) -> None:
        """An order of ours was on this symbol now."""
        if self._active is not None:
            self._active[symbol] = self._parts.clock.now()

    async def cancel_open(self) -> int:
        """Cancel every own order that may rest at the venue (R-G1 halt); how many were asked for."""
        asked = 0
        ended: dict[tuple[str, str], None] = {}
        for row in await self._parts.store.orders():
            if row.state not in (OrderState.OPEN, OrderState.PARTLY_FILLED, OrderState.SUBMITTED, OrderState.UNKNOWN):
                continue
            asked += 1
            with exact():
                view = await self._parts.broker.cancel(row.intent)
            if isinstance(view, Gap):
                continue  # its outcome stays unknown; the next reconcile asks again
            made, state = await self._recorder.learned(row, view)
            await self._recorder.append(made)
            if state in TERMINAL:
                ended[row.intent.decision_id, row.intent.action_id] = None
        await self._recorder.append(await self._recorder.ended(ended))
        return asked

    async def _order(self, row: OrderRow, maker_wait: timedelta) -> tuple[list[Event], OrderState]:
        if row.state == OrderState.INTENDED:
            return [self._recorder.state(row.intent, OrderState.DENIED, NEVER_SENT)], OrderState.DENIED
        age = self._parts.clock.now() - (row.submitted_at or row.created_at)
        view = await self._parts.broker.find(row.intent)
        if isinstance(view, Gap):
            return self._unknown(row, view.why)
        if view is None:
            return await self._silent(row, age)
        if view.state in (OrderState.OPEN, OrderState.PARTLY_FILLED) and age >= maker_wait:
            with exact():
                after = await self._parts.broker.cancel(row.intent)
            view = view if isinstance(after, Gap) else after
        return await self._recorder.learned(row, view)

    async def _silent(self, row: OrderRow, age: timedelta) -> tuple[list[Event], OrderState]:
        """The venue shows no such order: a question until the bound, and even then trades could speak against it."""
        if row.state in (OrderState.OPEN, OrderState.PARTLY_FILLED):
            why = "the venue showed this order before and does not now"
            self._parts.alerts.send("warning", f"{row.intent.client_id}: {why}", key=row.intent.client_id)
            return self._unknown(row, why)
        made, _ = self._unknown(row, "the venue does not show it")
        if age < VISIBLE_WITHIN or row.filled:
            return made, OrderState.UNKNOWN
        fills = await self._parts.account.fills(row.intent.symbol, (row.submitted_at or row.created_at) - SKEW)
        if isinstance(fills, Gap) or any(owner(fill, [row]) for fill in fills):
            return made, OrderState.UNKNOWN
        why = f"no order, no open order and no trade {int(age.total_seconds())} s after it was sent"
        return [*made, self._recorder.state(row.intent, OrderState.ABSENT, why)], OrderState.ABSENT

    def _unknown(self, row: OrderRow, why: str) -> tuple[list[Event], OrderState]:
        if row.state == OrderState.UNKNOWN:
            return [], OrderState.UNKNOWN
        return [self._recorder.state(row.intent, OrderState.UNKNOWN, why)], OrderState.UNKNOWN

    async def _move(self, row: MoveRow) -> list[Event]:
        word = self._recorder.move_state
        if row.state == OrderState.INTENDED:
            return [word(row.intent, OrderState.DENIED, NEVER_SENT)]
        found = await self._parts.transfers.find_move(row.intent)
        if isinstance(found, Gap) or found == Placed.UNKNOWN:
            why = found.why if isinstance(found, Gap) else "the venue cannot tell yet"
            return [] if row.state == OrderState.UNKNOWN else [word(row.intent, OrderState.UNKNOWN, why)]
        if found in (Placed.ACCEPTED, Placed.EXISTS):
            return [word(row.intent, OrderState.FILLED)]
        if self._parts.clock.now() - row.created_at < VISIBLE_WITHIN:
            return (
                [] if row.state == OrderState.UNKNOWN else [word(row.intent, OrderState.UNKNOWN, "not to be seen yet")]
            )
        doubt = [] if row.state == OrderState.UNKNOWN else [word(row.intent, OrderState.UNKNOWN)]
        return [*doubt, word(row.intent, OrderState.ABSENT, "the venue made no such transfer")]

    async def _late(self) -> None:
        """Trades of orders that are done can still come: ask the symbols of the last minutes."""
        now = self._parts.clock.now()
        if self._active is None:
            recent = await self._parts.record.orders(RECENT_ORDERS)
            self._active = {row.intent.symbol: row.submitted_at for row in reversed(recent) if row.submitted_at}
        self._active = {symbol: at for symbol, at in self._active.items() if now - at <= LATE_FOR}
        if not self._active:
            return
        rows = [row for row in await self._parts.record.orders(RECENT_ORDERS) if row.intent.symbol in self._active]
        for symbol in sorted(self._active):
            mine = [row for row in rows if row.intent.symbol == symbol]
            if not mine:
                continue
            fills = await self._parts.account.fills(symbol, now - LATE_FOR - SKEW)
            if isinstance(fills, Gap):
                continue
            lacking = [row for row in mine if _traded(row, fills) > row.filled]
            await self._recorder.append(await self._recorder.booked(fills, lacking))


def _traded(row: OrderRow, fills: Sequence[Fill]) -> Decimal:
    """Unsigned base units of an order's trades in a venue's list."""
    return sum((abs(fill.qty) for fill in fills if owner(fill, [row])), ZERO)
