"""Owns the way of outcomes into the record: states, fills by trade id, settled actions, and what each cycle saw."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from bot.core.events import Event
from bot.core.instruments import Market, base_of, spot_symbol
from bot.core.memory import Memory
from bot.core.numbers import ONE, ZERO, milliseconds, plain
from bot.core.orders import (
    TERMINAL,
    Fill,
    IllegalTransition,
    MoveIntent,
    OrderIntent,
    OrderState,
    OrderView,
    moved,
)
from bot.core.plan_record import Plan
from bot.core.policy import Policy
from bot.core.snapshot import Snapshot
from bot.engine.action import ActionFacts, recorded_facts
from bot.engine.parts import VISIBLE_WITHIN, Parts
from bot.engine.settle import LegResult, Settled, events, settled
from bot.ports.store import OrderRow
from bot.ports.venue import Gap

__all__ = [
    "FAR_BACK",
    "SKEW",
    "VISIBLE_WITHIN",
    "Recorder",
    "alert_event",
    "intended_at",
    "owner",
    "rests",
    "result_of",
]

SKEW = timedelta(seconds=10)  # venue trades may be dated a little before we said we sent
STEPPED = timedelta(minutes=10)  # our clock may have been set between an order's intent, its send and now
FAR_BACK = timedelta(days=1)  # how much further trades are looked for that ought to be there and are not
FACTS_KEPT = 512
ORDERS_OF_A_DECISION = 200
UNIT_STEP = Decimal("1e-12")


class Recorder:
    """Writes events under the fence, and knows what bookings need beside an order: its action, E, prices.

    ``fence``, ``policy`` and ``markets`` are set by whoever leads; ``equity`` is E as last seen.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.fence = 0
        self.policy: Policy | None = None
        self.markets: Mapping[str, Market] = {}
        self.memory = Memory()
        self._facts: OrderedDict[str, ActionFacts] = OrderedDict()
        self.trades = 0  # fills and funding payments booked by this process

    async def append(self, batch: Sequence[Event]) -> None:
        """Commit a batch under the fence; an empty one costs nothing."""
        if not batch:
            return
        await self._parts.store.append(batch, self.fence)
        for event in batch:
            self.trades += event.kind in ("fill", "funding")

    async def recall(self) -> Memory:
        """The memory as folded from everything committed."""
        self.memory = await self._parts.store.memory()
        return self.memory

    # ---- actions

    def remember(self, facts: ActionFacts) -> None:
        """Keep what bookings of this action's orders need."""
        self._facts[facts.action_id] = facts
        while len(self._facts) > FACTS_KEPT:
            self._facts.popitem(last=False)

    async def facts(self, intent: OrderIntent) -> ActionFacts | None:
        """An order's action: remembered, else read back from its decision; None where the record has none."""
        known = self._facts.get(intent.action_id)
        if known is None:
            found = await self._parts.record.told(intent.decision_id)
            known = recorded_facts(found.plan_json, intent.action_id) if found else None
            if known is not None:
                self.remember(known)
        return known

    async def ended(self, actions: Iterable[tuple[str, str]]) -> list[Event]:
        """Episode progress and broken pairs of (decision id, action id)s whose orders are all at their end."""
        done: list[Settled] = []
        for decision_id, action_id in actions:
            rows = await self._parts.record.orders(ORDERS_OF_A_DECISION, decision_id=decision_id)
            mine = [row for row in rows if row.intent.action_id == action_id]
            if mine and all(row.state in TERMINAL for row in mine):
                facts = await self.facts(mine[0].intent)
                if facts is not None:
                    done.append(settled(facts, [result_of(row) for row in mine], self.markets))
        return events(done, self._parts.clock.now())

    # ---- orders

    def state(self, intent: OrderIntent, state: OrderState, why: str = "", view: OrderView | None = None) -> Event:
        """One observation of an order."""
        at = self._parts.clock.now()
        body: dict[str, Any] = {"client_id": intent.client_id, "state": state.value, "why": why}
        if view is not None:
            body |= {"venue_id": view.venue_id, "price_avg": None if view.price_avg is None else plain(view.price_avg)}
        return Event(f"{intent.client_id}:{state.value}:{milliseconds(at)}", at, "order.state", body)

    def submitted(self, intent: OrderIntent, wish: str) -> Event:
        """The word before the send: how much is about to leave.

        R-G15 counts by its wish what is sent in vain; an order that rests may go unfilled, and a taker follows it.
        """
        counted = "" if intent.tif == "post_only" else wish
        body = {"client_id": intent.client_id, "qty": plain(intent.qty), "wish": counted}
        return Event(f"{intent.client_id}:submitted", self._parts.clock.now(), "order.submitted", body)

    def move_submitted(self, intent: MoveIntent, wish: str) -> list[Event]:
        """The word before a transfer is sent: its state, and what R-A20 counts its tries by."""
        at = self._parts.clock.now()
        what = {name: getattr(intent, name) for name in ("decision_id", "action_id", "asset", "source", "to")}
        body = {"client_id": intent.client_id, "wish": wish, "amount": plain(intent.amount), **what}
        tried = Event(f"{intent.client_id}:tried", at, "move.submitted", {**body, "while_frozen": intent.while_frozen})
        return [self.move_state(intent, OrderState.SUBMITTED), tried]

    def move_state(self, intent: MoveIntent, state: OrderState, why: str = "") -> Event:
        """One observation of a transfer."""
        at = self._parts.clock.now()
        body = {"client_id": intent.client_id, "state": state.value, "why": why, "to": intent.to}
        return Event(f"{intent.client_id}:{state.value}:{milliseconds(at)}", at, "move.state", body)

    async def learned(self, row: OrderRow, view: OrderView) -> tuple[list[Event], OrderState]:
        """What a venue's view of an order adds: fills by trade id first, then the state.

        An order is at its end only once all its trades are booked, however long the venue's list of them lags. What is
        known to be filled in part is not untold by an answer that does not know it yet.
        """
        made: list[Event] = []
        booked = row.filled
        if view.filled > row.filled:
            made, booked = await self._trades(row, view)
        state, why = view.state, view.why
        if state in TERMINAL and booked < view.filled:
            state = OrderState.PARTLY_FILLED
            why = f"{plain(booked)} of {plain(view.filled)} filled are in the venue's list of trades"
            if self._overdue(row):
                self._parts.alerts.send("critical", f"{row.intent.client_id}: {why}", key=row.intent.client_id)
        if state == OrderState.OPEN and (booked or row.state == OrderState.PARTLY_FILLED):
            state = OrderState.PARTLY_FILLED
        if state == OrderState.CANCELLED and rests(row) and not why:
            why = _rested(row, booked, self._parts.clock.now())
        try:
            if moved(row.state, state) != row.state:
                made.append(self.state(row.intent, state, why, view))
        except IllegalTransition as error:
            self._parts.alerts.send("critical", f"{row.intent.client_id}: {error}", key=row.intent.client_id)
            return made, row.state
        return made, state

    async def _trades(self, row: OrderRow, view: OrderView) -> tuple[list[Event], Decimal]:
        known = replace(row, venue_id=view.venue_id or row.venue_id)
        made, total = await self._trades_since(known, intended_at(row) - STEPPED)
        if total < view.filled and self._overdue(row):
            made, total = await self._trades_since(known, intended_at(row) - FAR_BACK)
        return made, max(total, row.filled)

    async def _trades_since(self, row: OrderRow, since: datetime) -> tuple[list[Event], Decimal]:
        fills = await self._parts.account.fills(row.intent.symbol, since)
        if isinstance(fills, Gap):
            return [], ZERO
        return await self.booked(fills, [row]), sum((abs(fill.qty) for fill in fills if owner(fill, [row])), ZERO)

    def _overdue(self, row: OrderRow) -> bool:
        """Whether all that the venue knows of an order ought to show by now."""
        return self._parts.clock.now() - (row.submitted_at or row.created_at) >= self._parts.visible_within

    async def booked(self, fills: Iterable[Fill], rows: Sequence[OrderRow]) -> list[Event]:
        """Own trades as `fill` events, and one `position.moved` per asset (R-G15); others' trades are left alone."""
        made: list[Event] = []
        assets: dict[str, Event] = {}
        for fill in fills:
            row = owner(fill, rows)
            if row is None:
                continue
            event = await self._fill(fill, row.intent)
            made.append(event)
            asset = row.intent.asset
            assets[asset] = Event(f"moved:{event.key}", fill.at, "position.moved", {"asset": asset})
        return [*made, *assets.values()]

    async def _fill(self, fill: Fill, intent: OrderIntent) -> Event:
        facts = await self.facts(intent)
        equity = facts.equity if facts and facts.equity else self.memory.equity_seen
        body: dict[str, Any] = {
            "client_id": intent.client_id,
            "trade_id": fill.trade_id,
            "symbol": fill.symbol,
            "qty": plain(fill.qty),
            "price": plain(fill.price),
            "fee": plain(fill.fee),
            "fee_asset": fill.fee_asset,
            "asset": intent.asset,
            "purpose": intent.purpose,
            "kind": intent.kind,
            "reason": facts.rule if facts else intent.kind,
            "action": intent.action_id,
            "repairs": facts.repairs if facts else "",
        }
        value = self._fee_value(fill, intent)
        if value is not None:
            body["fee_value"] = plain(value)
        if equity is not None:
            body["equity"] = plain(equity)
        if intent.leverage is not None:
            body["leverage"] = plain(intent.leverage)
        return Event(f"fill:{fill.symbol}:{fill.trade_id}", fill.at, "fill", body)

    def _fee_value(self, fill: Fill, intent: OrderIntent) -> Decimal | None:
        """The fee in accounting currency; None where its coin has no known price."""
        if self.policy is None or not fill.fee:
            return fill.fee if not fill.fee else None
        if fill.fee_asset == self.policy.accounting_currency or fill.fee_asset in self.policy.targets.stables.assets:
            return fill.fee
        if fill.fee_asset == intent.asset:
            return fill.fee * fill.price
        price = self.memory.last_good_prices.get(spot_symbol(fill.fee_asset, self.policy.accounting_currency))
        return fill.fee * price if price is not None else None

    # ---- each cycle

    def seen(self, plan: Plan, snapshot: Snapshot) -> Plan:
        """The plan with the `seen` fact of its decision: E, unit value (flows taken out), sane prices."""
        seen = plan.assessment
        body: dict[str, Any] = {}
        if self.policy is not None:
            currency = self.policy.accounting_currency
            known = {spot_symbol(item.asset, currency): item.price for item in seen.exposures if item.price is not None}
            body["prices"] = {symbol: plain(price) for symbol, price in known.items()}
            body |= _held(plan, snapshot, self.policy)
        if seen.strange:
            body["unexplained"] = seen.strange
        if seen.read_equity is not None:
            body["worth"] = {name: plain(value) for name, value in seen.worth.items()}
            if seen.rescoped:
                body["rescoped"] = plain(seen.rescoped)
            body |= {"equity": plain(seen.read_equity), "unit_value": plain(seen.unit_value.quantize(UNIT_STEP))}
            if seen.doubt:
                body["doubt"] = plain(seen.doubt)
        event = Event(f"{plan.decision_id}:seen", plan.at, "seen", body)
        return replace(plan, events=(*plan.events, event))


def _held(plan: Plan, snapshot: Snapshot, policy: Policy) -> dict[str, dict[str, str]]:
    """Coins, contracts in coins, and the price and mark of each: what the next cycle explains its E by (R-W9)."""
    items = plan.assessment.exposures
    marks: dict[str, Decimal] = {}
    for position in snapshot.positions:
        alias = policy.aliases.get(base_of(position.symbol))
        if position.mark_price is not None:
            name, coins = (alias.asset, alias.multiplier) if alias else (base_of(position.symbol), ONE)
            marks[name] = position.mark_price / coins
    contracts = {item.asset: item.contracts + item.index_contracts for item in items}
    return {
        "coins": {item.asset: plain(item.coins) for item in items if item.coins},
        "contracts": {asset: plain(size) for asset, size in contracts.items() if size},
        "prices_by_asset": {item.asset: plain(item.price) for item in items if item.price is not None},
        "marks": {asset: plain(mark) for asset, mark in marks.items() if contracts.get(asset)},
    }


def owner(fill: Fill, rows: Sequence[OrderRow]) -> OrderRow | None:
    """The order a trade belongs to: by client id, else by the venue's order id; None where it is not ours."""
    for row in rows:
        if row.intent.symbol != fill.symbol:
            continue
        if fill.client_id == row.intent.client_id or (
            fill.client_id is None and fill.venue_order_id is not None and fill.venue_order_id == row.venue_id
        ):
            return row
    return None


def intended_at(row: OrderRow) -> datetime:
    """The earliest moment at which an order can have traded, as our clock had it."""
    return min(row.created_at, row.submitted_at or row.created_at)


def _rested(row: OrderRow, filled: Decimal, now: datetime) -> str:
    """What became of an order that rested until it was cancelled."""
    lasted_s = int((now - (row.submitted_at or row.created_at)).total_seconds())
    return f"rested for {lasted_s} s, {plain(filled)} of {plain(abs(row.intent.qty))} filled"


def rests(row: OrderRow) -> bool:
    """Whether an order was made to rest in the book."""
    return row.intent.tif != "ioc"


def result_of(row: OrderRow) -> LegResult:
    """A finished order as a leg's result."""
    sign = 1 if row.intent.qty > 0 else -1
    return LegResult(row.intent.leg, row.intent.symbol, row.intent.qty, sign * row.filled, rests(row))


def alert_event(level: str, text: str, at: datetime, number: int) -> Event:
    """One message to people, as the record keeps it."""
    body = {"level": level, "text": text}
    return Event(f"alert:{milliseconds(at)}:{number}", at, "alert", body)
