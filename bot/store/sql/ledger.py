"""Owns the writing of a batch of events and of intents inside a transaction that somebody else opened."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final, TypeVar

from sqlalchemy import BindParameter, Connection, bindparam, delete, insert, select, update

from bot.core.events import Event
from bot.core.numbers import canonical_json
from bot.ports.store import MoveRow, OrderRow
from bot.store.draft import Draft, named, order_event
from bot.store.sql import reading
from bot.store.sql.prepared import Prepared
from bot.store.sql.tables import (
    alerts,
    cash_flows,
    checkpoints,
    events,
    fills,
    funding_payments,
    order_events,
    orders,
    transfers,
)

_AT_ONCE: Final = 500  # values in one IN (…): well under every database's limit
_CHECKPOINTS_KEPT: Final = 2
T = TypeVar("T")

_ORDER_CHANGES = ("state", "filled", "submitted_at", "sent_qty", "price_avg", "venue_id", "why")
_CHANGE_ORDER = Prepared(
    update(orders)
    .where(orders.c.book_id == bindparam("b_book"), orders.c.client_id == bindparam("b_client"))
    .values({name: bindparam(f"b_{name}") for name in _ORDER_CHANGES})
)
_CHANGE_MOVE = Prepared(
    update(transfers)
    .where(transfers.c.book_id == bindparam("b_book"), transfers.c.client_id == bindparam("b_client"))
    .values(state=bindparam("b_state"), why=bindparam("b_why"))
)

# Statements of every cycle are made once: making one costs more than running it.
_BOOK: Final[BindParameter[int]] = bindparam("book")
_SOME: Final[BindParameter[Any]] = bindparam("some", expanding=True)
_KEYS = Prepared(select(events.c.key).where(events.c.book_id == _BOOK, events.c.key.in_(_SOME)))
_ORDERS = Prepared(select(orders).where(orders.c.book_id == _BOOK, orders.c.client_id.in_(_SOME)))
_MOVES = Prepared(select(transfers).where(transfers.c.book_id == _BOOK, transfers.c.client_id.in_(_SOME)))
_TRADES = Prepared(
    select(fills.c.symbol, fills.c.trade_id).where(fills.c.book_id == _BOOK, fills.c.trade_id.in_(_SOME))
)
_BOOKED = Prepared(
    select(fills.c.client_id, fills.c.qty, fills.c.price).where(fills.c.book_id == _BOOK, fills.c.client_id.in_(_SOME))
)
_INSERT = {
    table.name: Prepared(insert(table))
    for table in (orders, order_events, transfers, events, fills, funding_payments, cash_flows, alerts)
}


def add_intents(connection: Connection, book: int, made: Sequence[OrderRow], moves: Sequence[MoveRow]) -> None:
    """Insert orders and transfers about to be sent; a client id that is there already fails the transaction."""
    if made:
        _INSERT["orders"].run_all(connection, [{"book_id": book, **reading.order_values(row)} for row in made])
        _INSERT["order_events"].run_all(
            connection, [{"book_id": book, **order_event(row, row.created_at, None)} for row in made]
        )
    if moves:
        _INSERT["transfers"].run_all(connection, [{"book_id": book, **reading.move_values(row)} for row in moves])


def append(connection: Connection, book: int, batch: Sequence[Event], last: int) -> Sequence[tuple[int, Event]]:
    """Write what is new of a batch, numbered from after ``last``, and what it changes; the new events."""
    if not batch:
        return ()
    draft = _draft(connection, book, batch, last)
    draft.take(batch)
    _write(connection, book, draft)
    return draft.events


def _draft(connection: Connection, book: int, batch: Sequence[Event], last: int) -> Draft:
    """What the record holds of all that a batch refers to."""
    wanted = named(batch)
    draft = Draft(number=last)
    for some in _slices(wanted.keys):
        draft.keys.update(row.key for row in _KEYS.rows(connection, {"book": book, "some": some}))
    for some in _slices(wanted.orders):
        for row in _ORDERS.rows(connection, {"book": book, "some": some}):
            draft.orders[row.client_id] = reading.order_of(row)
    for some in _slices(wanted.moves):
        for row in _MOVES.rows(connection, {"book": book, "some": some}):
            draft.moves[row.client_id] = reading.move_of(row)
    if wanted.trades:
        _draft_fills(connection, book, draft, wanted.trades, wanted.orders)
    return draft


def _draft_fills(
    connection: Connection, book: int, draft: Draft, trades: Iterable[tuple[str, str]], clients: Iterable[str]
) -> None:
    for some in _slices({trade_id for _, trade_id in trades}):
        known = _TRADES.rows(connection, {"book": book, "some": some})
        draft.trades.update((symbol, trade_id) for symbol, trade_id in known)
    for some in _slices(clients):
        booked = _BOOKED.rows(connection, {"book": book, "some": some})
        draft.booked.update(reading.booked_of((row[0], row[1], row[2]) for row in booked))


def _write(connection: Connection, book: int, draft: Draft) -> None:
    own = {"book_id": book}
    written = [
        {**own, "number": number, "key": event.key, "at": event.at, "kind": event.kind, "body": _text(event)}
        for number, event in draft.events
    ]
    for table, lines in (
        (events, written),
        (fills, draft.fills),
        (order_events, draft.order_events),
        (funding_payments, draft.funding),
        (cash_flows, draft.flows),
        (alerts, draft.alerts),
    ):
        if lines:
            _INSERT[table.name].run_all(connection, [{**own, **line} for line in lines])
    if draft.changed_orders:
        _CHANGE_ORDER.run_all(connection, [_order_change(book, row) for row in draft.changed_orders.values()])
    if draft.changed_moves:
        changes = [
            {"b_book": book, "b_client": row.intent.client_id, "b_state": row.state.value, "b_why": row.why}
            for row in draft.changed_moves.values()
        ]
        _CHANGE_MOVE.run_all(connection, changes)


def _order_change(book: int, row: OrderRow) -> dict[str, Any]:
    values = reading.order_values(row)
    return {
        "b_book": book,
        "b_client": row.intent.client_id,
        **{f"b_{name}": values[name] for name in _ORDER_CHANGES},
    }


def remember(
    connection: Connection,
    book: int,
    known: reading.Folded | None,
    news: Sequence[tuple[int, Event]],
    every: int,
) -> reading.Folded:
    """Memory with what this transaction adds; writes a checkpoint when the last is ``every`` events behind."""
    if known is not None and (not news or news[0][0] == known.number + 1):
        made = reading.folded_on(known, news)
    else:
        made = reading.folded(connection, book, known)
    if made.number - made.checkpoint < every:
        return made
    mine = checkpoints.c.book_id == book
    connection.execute(delete(checkpoints).where(mine, checkpoints.c.number == made.number))
    connection.execute(
        insert(checkpoints).values(
            book_id=book, number=made.number, fold=reading.FOLD, memory=made.memory.model_dump_json()
        )
    )
    kept = select(checkpoints.c.number).where(mine).order_by(checkpoints.c.number.desc()).limit(_CHECKPOINTS_KEPT)
    oldest = min(connection.execute(kept).scalars())
    connection.execute(delete(checkpoints).where(mine, checkpoints.c.number < oldest))
    return reading.Folded(made.number, made.number, made.memory)


def _text(event: Event) -> str:
    return canonical_json(dict(event.body))


def _slices(values: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(sorted(values, key=str))
    while some := list(islice(rest, _AT_ONCE)):
        yield some
