"""Owns what an event does to a recorded row, the same for every store: pure values, no I/O and no SQL."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Context, Decimal
from typing import Any, Final

from bot.core.events import Event
from bot.core.memory import Memory, fold
from bot.core.numbers import canonical_json
from bot.core.orders import OrderState, moved
from bot.core.plan_record import Plan
from bot.core.snapshot import KILL_LEVELS
from bot.core.verdicts import Approved, Refused
from bot.ports.errors import StoreError
from bot.ports.store import ControlRow, MoveRow, OrderRow

#: Adds without rounding: 38 digits before and 38 after the point fit with room to spare.
EXACT: Final = Context(prec=200)
#: An average price is a quotient, so it ends somewhere: well past any venue's tick.
AVERAGE: Final = Context(prec=28)
CHECKPOINT_EVERY: Final = 500  # events between two checkpoints of the folded memory
PRUNE_EVERY: Final = 256  # decisions between two prunings
HOLDS_KEPT_DAYS: Final = 7  # venue time that the snapshot of a hold is kept

# What the record tabulates; everything else is kept as an event alone.
ORDER_SUBMITTED, ORDER_STATE, FILL, MOVE_STATE = "order.submitted", "order.state", "fill", "move.state"
FUNDING, FLOW, ALERT = "funding", "flow", "alert"


def exact(value: object, what: str) -> Decimal:
    """A finite decimal out of a JSON value; raises StoreError naming what it was to be."""
    try:
        made = value if isinstance(value, Decimal) else Decimal(str(value))
    except ArithmeticError as error:
        message = f"{what} is {value!r}, must be a decimal number"
        raise StoreError(message) from error
    if not made.is_finite():
        message = f"{what} is {value!r}, must be finite"
        raise StoreError(message)
    return made


def utc(at: datetime) -> datetime:
    """``at`` itself when it carries a time zone; raises StoreError otherwise."""
    if at.tzinfo is None:
        message = f"instant {at.isoformat()} has no time zone, must be UTC"
        raise StoreError(message)
    return at


def as_recorded(event: Event) -> Event:
    """The event as it reads back: its body through JSON once, so that memory folds the same now and after a restart."""
    utc(event.at)
    return replace(event, body=json.loads(canonical_json(dict(event.body))))


def remembered(memory: Memory, event: Event) -> Memory:
    """The memory after one event; raises StoreError for one that cannot be folded, since no start could get past it."""
    try:
        return fold(memory, event)
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        why = " ".join(str(error).split())
        message = f"event {event.key} of kind {event.kind} cannot be remembered: {type(error).__name__} {why}"
        raise StoreError(message) from error


def needed(event: Event, name: str) -> Any:
    """A value of the body that the record cannot do without; raises StoreError."""
    value = event.body.get(name)
    if value is None:
        message = f"event {event.key} of kind {event.kind} has no {name!r}"
        raise StoreError(message)
    return value


def submitted(row: OrderRow, event: Event) -> OrderRow:
    """The order once it is about to leave: how much was really sent, and when."""
    return replace(
        row,
        state=moved(row.state, OrderState.SUBMITTED),
        sent_qty=exact(needed(event, "qty"), f"qty of {event.key}"),
        submitted_at=event.at,
    )


def stated(row: OrderRow, event: Event) -> OrderRow:
    """The order after an observation. A venue's average price counts only until fills are booked."""
    body = event.body
    price = body.get("price_avg")
    told = None if price is None else exact(price, f"price_avg of {event.key}")
    return replace(
        row,
        state=moved(row.state, state_of(event)),
        why=str(body.get("why") or row.why),
        venue_id=str(body["venue_id"]) if body.get("venue_id") else row.venue_id,
        price_avg=row.price_avg if row.filled or told is None else told,
    )


def move_stated(row: MoveRow, event: Event) -> MoveRow:
    """The transfer after an observation."""
    return replace(row, state=moved(row.state, state_of(event)), why=str(event.body.get("why") or row.why))


def state_of(event: Event) -> OrderState:
    """The state an event tells; raises StoreError for a word that is none."""
    told = needed(event, "state")
    try:
        return OrderState(str(told))
    except ValueError as error:
        message = f"event {event.key} tells state {told!r}, must be one of {', '.join(OrderState)}"
        raise StoreError(message) from error


def filled(row: OrderRow, fills: Iterable[tuple[Decimal, Decimal]]) -> OrderRow:
    """The order with all its booked fills (quantity of either sign, price): never by what a status says."""
    whole = paid = Decimal(0)
    for qty, price in fills:
        whole = EXACT.add(whole, abs(qty))
        paid = EXACT.add(paid, EXACT.multiply(abs(qty), price))
    return replace(row, filled=whole, price_avg=AVERAGE.divide(paid, whole) if whole else row.price_avg)


def fill_values(event: Event) -> dict[str, Any]:
    """The columns of one booked trade; quantities and money exact, what the event leaves out None."""
    body = event.body
    values: dict[str, Any] = {
        name: None if body.get(name) is None else str(body[name])
        for name in ("client_id", "fee_asset", "asset", "purpose")
    }
    for name in ("qty", "price"):
        values[name] = exact(needed(event, name), f"{name} of {event.key}")
    for name in ("fee", "fee_value", "equity"):
        values[name] = None if body.get(name) is None else exact(body[name], f"{name} of {event.key}")
    return {
        **values,
        "symbol": str(needed(event, "symbol")),
        "trade_id": str(needed(event, "trade_id")),
        "at": event.at,
    }


def outcome(plan: Plan) -> str:
    """``actions``, ``blocked`` or ``hold``."""
    return "actions" if plan.actions else "blocked" if plan.blocked else "hold"


def summary(plan: Plan) -> dict[str, Any]:
    """What a list of decisions shows of one; JSON values."""
    seen = plan.assessment
    return {
        "equity": None if seen.equity is None else f"{seen.equity:f}",
        "regime": seen.regime,
        "stress": seen.stress,
        "actions": [f"{item.wish.kind} {item.wish.asset}" for item in plan.actions],
        "blocked": [f"{item.wish.kind} {item.wish.asset}" for item in plan.blocked],
        "holds": len(plan.holds),
    }


def action_rows(plan: Plan) -> list[dict[str, Any]]:
    """Approved and refused wishes of a plan, as rows; ids as in the plan's JSON."""
    named: list[tuple[str, Approved | Refused, str]] = [
        *((plan.action_id(index), item, "approved") for index, item in enumerate(plan.actions)),
        *((f"{plan.decision_id}-b{index + 1}", item, "refused") for index, item in enumerate(plan.blocked)),
    ]
    return [
        {
            "action_id": action_id,
            "verdict": verdict,
            "rule": item.wish.rule,
            "kind": item.wish.kind,
            "class": item.wish.cls,
            "asset": item.wish.asset,
            "exposure_change": item.wish.exposure_change,
            "why": item.wish.why,
        }
        for action_id, item, verdict in named
    ]


def equity_row(plan: Plan) -> dict[str, Any] | None:
    """Equity and unit value as this decision saw them, or None where equity was unknown."""
    if plan.assessment.equity is None:
        return None
    seen: Mapping[str, Any] = next((event.body for event in plan.events if event.kind == "seen"), {})
    unit = seen.get("unit_value")
    return {
        "at": plan.at,
        "equity": plan.assessment.equity,
        "unit_value": None if unit is None else exact(unit, "unit_value"),
    }


def kill_of(rows: Sequence[ControlRow]) -> ControlRow | None:
    """The row that set the highest level since the last `resume`; rows oldest first, an `off` lowers nothing."""
    highest: ControlRow | None = None
    for row in rows:
        if row.what == "resume":
            highest = None
        elif row.what == "kill" and severity(row.value) > (severity(highest.value) if highest else 0):
            highest = row
    return highest


def severity(level: str) -> int:
    """0 for `off`; a level nobody knows counts as the highest: unknown is never harmless."""
    return next((index for index, known in enumerate(KILL_LEVELS) if known == level), len(KILL_LEVELS) - 1)
