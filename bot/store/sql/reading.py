"""Owns how rows become nouns again, for whoever reads: orders, transfers, events, controls, memory, decisions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from operator import attrgetter
from pathlib import Path
from typing import Any, Final

from sqlalchemy import BindParameter, Connection, Row, Select, bindparam, func, select

import bot.core.facts
import bot.core.lots
import bot.core.memory
from bot import __version__
from bot.core.events import Event
from bot.core.memory import Memory
from bot.core.orders import TERMINAL, MoveIntent, OrderIntent, OrderState
from bot.ports.store import ControlRow, DecisionRow, MoveRow, OrderRow
from bot.store.rows import kill_of, remembered
from bot.store.sql.prepared import Prepared
from bot.store.sql.tables import checkpoints, controls, decisions, events, orders, transfers

PAGE: Final = 1_000  # rows a reader holds at once
IDS_AT_ONCE: Final = 500  # in one question: databases bound how many values it may have
_TERMINAL: Final = tuple(sorted(state.value for state in TERMINAL))
_ORDER: Final = tuple(item.name for item in fields(OrderIntent))
_MOVE: Final = tuple(item.name for item in fields(MoveIntent))
_ORDER_IN: Final = attrgetter(*_ORDER)
_MOVE_IN: Final = attrgetter(*_MOVE)
#: Which `fold` made a checkpoint: one of other code is not taken up, its events are folded anew.
_FOLDING: Final = (bot.core.facts, bot.core.lots, bot.core.memory)
FOLD: Final = (
    f"{__version__}+"
    f"{hashlib.sha256(b''.join(Path(str(each.__file__)).read_bytes() for each in _FOLDING)).hexdigest()[:16]}"
)

# Statements of every cycle are made once: making one costs more than running it.
_BOOK: Final[BindParameter[int]] = bindparam("book")
_AFTER: Final[BindParameter[int]] = bindparam("after")
_ALL_ORDERS: Final = select(orders).where(orders.c.book_id == _BOOK).order_by(orders.c.id)
_ORDERS: Final = Prepared(_ALL_ORDERS)
_ORDERS_UNFINISHED: Final = Prepared(_ALL_ORDERS.where(orders.c.state.not_in(_TERMINAL)))
_ORDERS_CALLED: Final = Prepared(_ALL_ORDERS.where(orders.c.client_id.in_(bindparam("names", expanding=True))))
_ORDERS_THERE: Final = Prepared(_ALL_ORDERS.where(orders.c.venue_id.in_(bindparam("names", expanding=True))))
_ALL_MOVES: Final = select(transfers).where(transfers.c.book_id == _BOOK).order_by(transfers.c.id)
_MOVES: Final = Prepared(_ALL_MOVES)
_MOVES_UNFINISHED: Final = Prepared(_ALL_MOVES.where(transfers.c.state.not_in(_TERMINAL)))
_EVENTS_AFTER: Final = Prepared(
    select(events).where(events.c.book_id == _BOOK, events.c.number > _AFTER).order_by(events.c.number).limit(PAGE)
)
_CONTROLS_AFTER: Final = Prepared(
    select(controls).where(controls.c.book_id == _BOOK, controls.c.id > _AFTER).order_by(controls.c.id)
)
_RESUMED: Final = select(func.coalesce(func.max(controls.c.id), 0)).where(
    controls.c.book_id == _BOOK, controls.c.what == "resume"
)
_KILLS: Final = Prepared(
    select(controls)
    .where(controls.c.book_id == _BOOK, controls.c.what == "kill", controls.c.id > _RESUMED.scalar_subquery())
    .order_by(controls.c.id)
)


def order_of(row: Row[Any]) -> OrderRow:
    """An order as recorded."""
    return OrderRow(
        intent=OrderIntent(*_ORDER_IN(row)),
        state=OrderState(row.state),
        filled=row.filled,
        created_at=row.created_at,
        submitted_at=row.submitted_at,
        sent_qty=row.sent_qty,
        price_avg=row.price_avg,
        venue_id=row.venue_id,
        why=row.why,
    )


def order_values(row: OrderRow) -> dict[str, Any]:
    """An order as columns, without its book."""
    return {
        **{name: getattr(row.intent, name) for name in _ORDER},
        "state": row.state.value,
        **{
            name: getattr(row, name)
            for name in ("filled", "created_at", "submitted_at", "sent_qty", "price_avg", "venue_id", "why")
        },
    }


def move_of(row: Row[Any]) -> MoveRow:
    """A transfer as recorded."""
    return MoveRow(
        intent=MoveIntent(*_MOVE_IN(row)),
        state=OrderState(row.state),
        created_at=row.created_at,
        why=row.why,
    )


def move_values(row: MoveRow) -> dict[str, Any]:
    """A transfer as columns, without its book."""
    intent = {name: getattr(row.intent, name) for name in _MOVE}
    return {**intent, "state": row.state.value, "created_at": row.created_at, "why": row.why}


def orders_of(connection: Connection, book: int, *, unfinished: bool) -> Sequence[OrderRow]:
    """Orders, oldest first."""
    wanted = _ORDERS_UNFINISHED if unfinished else _ORDERS
    return wanted.made(connection, {"book": book}, order_of)


def orders_named(
    connection: Connection, book: int, client_ids: Collection[str], venue_ids: Collection[str]
) -> Sequence[OrderRow]:
    """Orders that bear one of the ids, oldest first."""
    found: dict[int, OrderRow] = {}
    for wanted, ids in ((_ORDERS_CALLED, client_ids), (_ORDERS_THERE, venue_ids)):
        names = sorted(set(ids))
        for first in range(0, len(names), IDS_AT_ONCE):
            some = {"book": book, "names": names[first : first + IDS_AT_ONCE]}
            found |= {row.id: order_of(row) for row in wanted.rows(connection, some)}
    return [found[number] for number in sorted(found)]


def moves_of(connection: Connection, book: int, *, unfinished: bool) -> Sequence[MoveRow]:
    """Transfers, oldest first."""
    wanted = _MOVES_UNFINISHED if unfinished else _MOVES
    return wanted.made(connection, {"book": book}, move_of)


def event_of(row: Row[Any]) -> Event:
    """An event as recorded."""
    return Event(key=row.key, at=row.at, kind=row.kind, body=json.loads(row.body))


def events_after(connection: Connection, book: int, number: int) -> Iterator[tuple[int, Event]]:
    """Events past a number, in the order of their commit; read in pages."""
    while True:
        page = _EVENTS_AFTER.rows(connection, {"book": book, "after": number})
        for row in page:
            number = row.number
            yield number, event_of(row)
        if len(page) < PAGE:
            return


@dataclass(frozen=True, slots=True)
class Folded:
    """Memory up to and with event ``number``; ``checkpoint`` is the last event that a checkpoint holds."""

    number: int
    checkpoint: int
    memory: Memory


def folded(connection: Connection, book: int, known: Folded | None = None) -> Folded:
    """Memory of all committed events: what is known, or the last checkpoint, and what came after it."""
    start = known or _checkpoint(connection, book)
    return folded_on(start, events_after(connection, book, start.number))


def folded_on(start: Folded, news: Iterable[tuple[int, Event]]) -> Folded:
    """Memory after some more events, numbered."""
    number, memory = start.number, start.memory
    for latest, event in news:
        number, memory = latest, remembered(memory, event)
    return Folded(number, start.checkpoint, memory)


def _checkpoint(connection: Connection, book: int) -> Folded:
    row = connection.execute(
        select(checkpoints.c.number, checkpoints.c.memory)
        .where(checkpoints.c.book_id == book, checkpoints.c.fold == FOLD)
        .order_by(checkpoints.c.number.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        return Folded(0, 0, Memory())
    return Folded(row.number, row.number, Memory.model_validate_json(row.memory))


def controls_after(connection: Connection, book: int, after: int) -> Sequence[ControlRow]:
    """Operators' requests past an id, oldest first."""
    return [_control_of(row) for row in _CONTROLS_AFTER.rows(connection, {"book": book, "after": after})]


def kill_in(connection: Connection, book: int) -> ControlRow | None:
    """The kill level that somebody set and nobody resumed."""
    return kill_of([_control_of(row) for row in _KILLS.rows(connection, {"book": book})])


def _control_of(row: Row[Any]) -> ControlRow:
    return ControlRow(id=row.id, at=row.at, what=row.what, value=row.value, who=row.who, why=row.why)


def decisions_wanted(book: int) -> Select[Any]:
    """All columns of a book's decisions."""
    return select(decisions).where(decisions.c.book_id == book)


def decision_of(row: Row[Any], mode: str) -> DecisionRow:
    """A decision as recorded."""
    return DecisionRow(
        number=row.number,
        decision_id=row.decision_id,
        cycle_id=row.cycle_id,
        at=row.at,
        version=row.version,
        config_hash=row.config_hash,
        plan_json=row.plan,
        outcome=row.outcome,
        mode=mode,
        summary=json.loads(row.summary),
    )


def booked_of(trades: Iterable[tuple[str, Decimal, Decimal]]) -> dict[str, list[tuple[Decimal, Decimal]]]:
    """Quantity and price of booked trades by their order."""
    made: dict[str, list[tuple[Decimal, Decimal]]] = {}
    for client_id, qty, price in trades:
        made.setdefault(client_id, []).append((qty, price))
    return made
