"""Owns what one batch of events would write: worked out whole before a store writes any of it; no I/O, no SQL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

from bot.core.events import Event
from bot.ports.errors import StoreError
from bot.ports.store import MoveRow, OrderRow
from bot.store import rows

Trade = tuple[str, str]  # symbol, trade id
Row = TypeVar("Row", OrderRow, MoveRow)


@dataclass(frozen=True, slots=True)
class Named:
    """What a batch refers to, so that a store can fetch it at once."""

    keys: frozenset[str]
    orders: frozenset[str]
    moves: frozenset[str]
    trades: frozenset[Trade]


def named(events: Iterable[Event]) -> Named:
    """Keys, orders, transfers and trades that a batch refers to."""
    keys: set[str] = set()
    orders: set[str] = set()
    moves: set[str] = set()
    trades: set[Trade] = set()
    for event in events:
        keys.add(event.key)
        client_id = event.body.get("client_id")
        if client_id is not None:
            (moves if event.kind == rows.MOVE_STATE else orders).add(str(client_id))
        if event.kind == rows.FILL:
            trades.add(_trade(event))
    return Named(frozenset(keys), frozenset(orders), frozenset(moves), frozenset(trades))


def _trade(event: Event) -> Trade:
    return str(rows.needed(event, "symbol")), str(rows.needed(event, "trade_id"))


@dataclass(slots=True)
class Draft:
    """A batch being worked out. The first five fields are what the record holds already; the rest is to be written.

    ``number`` is the last event's; ``booked`` the fills of an order as quantity and price.
    """

    number: int
    keys: set[str] = field(default_factory=set)
    orders: dict[str, OrderRow] = field(default_factory=dict)
    moves: dict[str, MoveRow] = field(default_factory=dict)
    trades: set[Trade] = field(default_factory=set)
    booked: dict[str, list[tuple[Decimal, Decimal]]] = field(default_factory=dict)

    events: list[tuple[int, Event]] = field(default_factory=list)
    changed_orders: dict[str, OrderRow] = field(default_factory=dict)
    changed_moves: dict[str, MoveRow] = field(default_factory=dict)
    order_events: list[dict[str, Any]] = field(default_factory=list)
    fills: list[dict[str, Any]] = field(default_factory=list)
    funding: list[dict[str, Any]] = field(default_factory=list)
    flows: list[dict[str, Any]] = field(default_factory=list)
    alerts: list[dict[str, Any]] = field(default_factory=list)

    def take(self, events: Sequence[Event]) -> None:
        """Add events in order. One whose key, or whose trade, the record has already changes nothing at all.

        Raises StoreError on an unknown order or a missing value, `IllegalTransition` on a state that cannot follow.
        """
        for event in events:
            # A trade is one fact however it was learnt of: folding it under a second key would count it twice.
            if event.key in self.keys or (event.kind == rows.FILL and _trade(event) in self.trades):
                continue
            self.keys.add(event.key)
            self.number += 1
            self.events.append((self.number, event))
            self._tabulate(event)

    def _tabulate(self, event: Event) -> None:
        at = {"event_number": self.number, "at": event.at}
        if event.kind == rows.ORDER_SUBMITTED:
            self._change(event, rows.submitted(self._order(event), event))
        elif event.kind == rows.ORDER_STATE:
            self._change(event, rows.stated(self._order(event), event))
        elif event.kind == rows.FILL:
            self._book(event)
        elif event.kind == rows.MOVE_STATE:
            client_id = str(rows.needed(event, "client_id"))
            self.moves[client_id] = self.changed_moves[client_id] = rows.move_stated(
                _found(self.moves, client_id, "transfer", event), event
            )
        elif event.kind == rows.FUNDING:
            paid = rows.exact(rows.needed(event, "paid"), f"paid of {event.key}")
            self.funding.append({**at, "symbol": str(rows.needed(event, "symbol")), "paid": paid})
        elif event.kind == rows.FLOW:
            amount = rows.exact(rows.needed(event, "amount"), f"amount of {event.key}")
            asset, kind = str(rows.needed(event, "asset")), str(rows.needed(event, "kind"))
            self.flows.append({**at, "asset": asset, "amount": amount, "kind": kind})
        elif event.kind == rows.ALERT:
            level, text = str(rows.needed(event, "level")), str(rows.needed(event, "text"))
            self.alerts.append({**at, "level": level, "text": text})

    def _order(self, event: Event) -> OrderRow:
        return _found(self.orders, str(rows.needed(event, "client_id")), "order", event)

    def _book(self, event: Event) -> None:
        values = rows.fill_values(event)
        self.trades.add(_trade(event))
        # A trade of an order that the record does not know (restored from an old copy) is still money that moved.
        order = self.orders.get(values["client_id"]) if values["client_id"] else None
        self.fills.append({**values, "decision_id": order.intent.decision_id if order else None})
        if order is not None:
            booked = self.booked.setdefault(order.intent.client_id, [])
            booked.append((values["qty"], values["price"]))
            self._change(event, rows.filled(order, booked))

    def _change(self, event: Event, row: OrderRow) -> None:
        client_id = row.intent.client_id
        self.orders[client_id] = self.changed_orders[client_id] = row
        self.order_events.append(order_event(row, event.at, self.number))


def order_event(row: OrderRow, at: datetime, number: int | None) -> dict[str, Any]:
    """One line of an order's history; ``number`` None is the intent itself."""
    return {
        "client_id": row.intent.client_id,
        "at": at,
        "state": row.state.value,
        "filled": row.filled,
        "why": row.why,
        "event_number": number,
    }


def _found(known: Mapping[str, Row], client_id: str, what: str, event: Event) -> Row:
    row = known.get(client_id)
    if row is None:
        message = f"event {event.key} of kind {event.kind} tells of {what} {client_id}, which the record does not have"
        raise StoreError(message)
    return row
