"""Owns the proof of what became of everything sent: orders, transfers, late trades. One path for starts and cycles."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from bot.core.events import Event
from bot.core.instruments import base_of, is_swap
from bot.core.numbers import ZERO, plain
from bot.core.orders import TERMINAL, Fill, OrderState, OrderView, Placed
from bot.core.policy import Policy
from bot.engine.arithmetic import exact
from bot.engine.parts import Parts
from bot.engine.record import FAR_BACK, SKEW, Recorder, intended_at, owner, rests
from bot.ports.store import MoveRow, OrderRow
from bot.ports.venue import Gap

LATE_FOR = timedelta(minutes=10)  # how long after its last order a symbol is still asked for trades, at least once
START_LOOKS_BACK = timedelta(days=1)  # a new process asks the symbols of so long for trades that came meanwhile
MINUTE = timedelta(minutes=1)
RECENT_ORDERS = 100
NEVER_SENT = "never sent: the process ended before"
IN_BOOK = frozenset({OrderState.OPEN, OrderState.PARTLY_FILLED})
MAY_REST = IN_BOOK | {OrderState.SUBMITTED, OrderState.UNKNOWN}
PAIR_WITHIN = timedelta(minutes=30)  # venue time in which a broken pair must be mended, three cycles at least (R-W7)


class Reconciler:
    """Brings every unfinished row to what the venue proves; silence proves something only past the bound."""

    def __init__(self, parts: Parts, recorder: Recorder) -> None:
        self._parts = parts
        self._recorder = recorder
        self._active: dict[str, datetime] | None = None  # symbol -> when an order of ours last was there
        self._touched: dict[str, datetime] = {}  # the same, until the record told of the last day
        self._began_at: datetime | None = None  # when this process first asked for late trades
        self._silent_since: dict[str, datetime] = {}  # orders that the venue showed before and does not now

    async def run(self, policy: Policy) -> None:
        """All unfinished orders and transfers, then trades that came late, then pairs that stay broken."""
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
        await self._overdue(policy)

    async def _interrupted(self) -> dict[tuple[str, str], None]:
        """The actions of the last decision: the process may have ended between their orders' end and its recording."""
        last = await self._parts.record.decisions(1)
        rows = await self._parts.record.orders(RECENT_ORDERS, decision_id=last[0].decision_id) if last else ()
        return {(row.intent.decision_id, row.intent.action_id): None for row in reversed(rows)}

    @property
    def active(self) -> Mapping[str, datetime]:
        """When an order of ours last was on a symbol, for those of the last minutes."""
        now = self._parts.clock.now()
        return {symbol: at for symbol, at in (self._active or {}).items() if now - at <= LATE_FOR}

    def touch(self, symbol: str) -> None:
        """An order of ours was on this symbol now."""
        (self._touched if self._active is None else self._active)[symbol] = self._parts.clock.now()

    # ---- cancelling

    async def cancel_open(self, which: Callable[[OrderRow], bool] = lambda _row: True) -> int:
        """Cancel every own order that may rest at the venue and is one of ``which``; how many were asked for."""
        asked = 0
        ended: dict[tuple[str, str], None] = {}
        for row in await self._parts.store.orders():
            if row.state not in MAY_REST or not which(row):
                continue
            asked += 1
            self.touch(row.intent.symbol)  # a fill may cross it on the way
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

    async def cancel_old(self, maker_wait: timedelta) -> int:
        """Cancel what has rested for ``maker_wait``, also between two cycles (L2)."""
        now = self._parts.clock.now()
        return await self.cancel_open(lambda row: rests(row) and now - _sent_at(row) >= maker_wait)

    async def rest_ends(self, maker_wait: timedelta) -> datetime | None:
        """When the oldest order that rests has done so for ``maker_wait``; None while none does."""
        rows = [row for row in await self._parts.store.orders() if row.state in MAY_REST and rests(row)]
        return min((_sent_at(row) + maker_wait for row in rows), default=None)

    async def withdraw(self) -> int:
        """Cancel at the venue what this process left resting, and record nothing: somebody else may lead by now."""
        rows = [row for row in await self._parts.store.orders() if row.state in MAY_REST]
        mine = [row for row in rows if row.intent.fence == self._recorder.fence]
        for row in mine:
            with exact():
                await self._parts.broker.cancel(row.intent)
        return len(mine)

    # ---- one order

    async def _order(self, row: OrderRow, maker_wait: timedelta) -> tuple[list[Event], OrderState]:
        if row.state == OrderState.INTENDED:
            return [self._recorder.state(row.intent, OrderState.DENIED, NEVER_SENT)], OrderState.DENIED
        due = self._parts.clock.now() - _sent_at(row) >= maker_wait
        view = await self._parts.broker.find(row.intent)
        if view is None:
            return await self._silent(row)
        if due and (view.state in IN_BOOK if isinstance(view, OrderView) else rests(row)):
            view = await self._cancelled(row, view)
        if isinstance(view, Gap):
            return self._unknown(row, view.why)
        self._silent_since.pop(row.intent.client_id, None)
        return await self._recorder.learned(row, view)

    async def _cancelled(self, row: OrderRow, before: OrderView | Gap) -> OrderView | Gap:
        """The order after it was asked to go. A cancel that fails is a question: what was known stays so."""
        with exact():
            after = await self._parts.broker.cancel(row.intent)
        if isinstance(after, Gap) or after.state in IN_BOOK:
            text = f"{row.intent.client_id} on {row.intent.symbol} is to be cancelled and still stands"
            self._parts.alerts.send("warning", text, key=f"cancel:{row.intent.client_id}")
        return before if isinstance(after, Gap) else after

    async def _silent(self, row: OrderRow) -> tuple[list[Event], OrderState]:
        """The venue shows no such order: a question until the bound; past it all its lists must agree."""
        name, now = row.intent.client_id, self._parts.clock.now()
        shown = bool(row.state in IN_BOOK or row.filled or row.venue_id)
        since = self._silent_since.setdefault(name, now) if shown else _sent_at(row)
        why = "the venue does not show it"
        if shown:
            why = "the venue showed this order before and does not now"
            self._parts.alerts.send("warning", f"{name}: {why}", key=name)
        made, _ = self._unknown(row, why)
        if now - since < self._parts.visible_within:
            return made, OrderState.UNKNOWN
        open_now = await self._parts.account.open_orders([row.intent.symbol])
        fills = await self._parts.account.fills(row.intent.symbol, intended_at(row) - FAR_BACK)
        if isinstance(open_now, Gap) or isinstance(fills, Gap) or any(view.client_id == name for view in open_now):
            return made, OrderState.UNKNOWN
        booked = await self._recorder.booked(fills, [row])
        traded, whole = max(row.filled, _traded(row, fills)), abs(row.sent_qty or row.intent.qty)
        state = OrderState.FILLED if traded >= whole else OrderState.CANCELLED
        if not traded and not shown:
            state = OrderState.ABSENT
        self._silent_since.pop(name, None)
        what = f"trades of {traded:f}" if traded else "no trade"
        why = f"no order, no open order and {what} {int((now - since).total_seconds())} s on"
        return [*made, *booked, self._recorder.state(row.intent, state, why)], state

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
        if self._parts.clock.now() - row.created_at < self._parts.visible_within:
            return (
                [] if row.state == OrderState.UNKNOWN else [word(row.intent, OrderState.UNKNOWN, "not to be seen yet")]
            )
        doubt = [] if row.state == OrderState.UNKNOWN else [word(row.intent, OrderState.UNKNOWN)]
        return [*doubt, word(row.intent, OrderState.ABSENT, "the venue made no such transfer")]

    # ---- afterwards

    async def _late(self) -> None:
        """Trades of orders that are done can still come: each symbol is asked until it was, late enough after them."""
        now = self._parts.clock.now()
        recent = await self._parts.record.orders(RECENT_ORDERS) if self._active is None or self._active else ()
        if self._active is None:
            self._began_at = now
            self._active = {
                row.intent.symbol: row.submitted_at
                for row in reversed(recent)
                if row.submitted_at and now - row.submitted_at <= START_LOOKS_BACK
            }
            for symbol, at in self._touched.items():
                self._active.setdefault(symbol, at)
        for symbol, at in sorted(self._active.items()):
            fills = await self._parts.account.fills(symbol, min(at, now) - LATE_FOR - SKEW)
            if isinstance(fills, Gap):
                continue
            lacking = [row for row in recent if row.intent.symbol == symbol and _traded(row, fills) > row.filled]
            await self._recorder.append(await self._recorder.booked(fills, lacking))
            # A new process does not know when the last order there ended, and a fill may cross even its cancel.
            if now - max(at, self._began_at or at) >= LATE_FOR:
                del self._active[symbol]

    async def _overdue(self, policy: Policy) -> None:
        """A pair that nothing mended in time halts its asset and is told of, daily, until an operator saw to it."""
        now = self._parts.clock.now()
        least = max(PAIR_WITHIN, 3 * policy.cycle)
        if not any(now - item.opened_at >= least for item in self._recorder.memory.broken):
            return
        memory = await self._recorder.recall()
        for item in memory.broken:
            alias = policy.aliases.get(base_of(item.symbol)) if is_swap(item.symbol) else None
            asset = alias.asset if alias else base_of(item.symbol)
            if now - item.opened_at < least or asset in memory.halted_assets:
                continue
            what = f"{plain(item.contracts)} {item.symbol} of {item.action}"
            why = f"{asset} is halted: {what} are owed for {(now - item.opened_at) // MINUTE} min (R-W7)"
            self._parts.alerts.send("critical", f"{why}; `ballast rearm {asset}`", key=f"halted:{asset}")
            key = f"halted:{item.action}:{item.symbol}:{now.date().isoformat()}"
            await self._recorder.append([Event(key, now, "asset.halted", {"asset": asset, "why": why})])


def _sent_at(row: OrderRow) -> datetime:
    return row.submitted_at or row.created_at


def _traded(row: OrderRow, fills: Sequence[Fill]) -> Decimal:
    """Unsigned base units of an order's trades in a venue's list."""
    return sum((abs(fill.qty) for fill in fills if owner(fill, [row])), ZERO)
