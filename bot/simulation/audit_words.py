"""Owns what the record's last words about orders and decisions are worth, held against the exchange. See `audit`."""

from __future__ import annotations

import sqlite3
from decimal import Decimal

from bot.simulation.audit import ALL, OWN
from bot.venues.simulated.exchange import Exchange

STEP_TOLERANCE = Decimal("0.02")  # amounts are cut to whole steps
NEVER_WAS = ("absent", "denied", "rejected")


def words(record: sqlite3.Connection, exchange: Exchange) -> list[str]:
    """Every check; one line each."""
    return [*never_was(record, exchange), *carried_out(record), *in_proportion(record)]


def never_was(record: sqlite3.Connection, exchange: Exchange) -> list[str]:
    """I16: an order of which the record says that it never came to be is not at the exchange."""
    placed = {
        order.client_id
        for symbol in sorted(exchange.scene.markets())
        for order in exchange.orders(symbol, None, ALL)
        if OWN.fullmatch(order.client_id)
    }
    rows = record.execute("SELECT client_id, state FROM orders ORDER BY id")
    return [
        f"I16 {name} is {state}, and the exchange has it"
        for name, state in rows
        if state in NEVER_WAS and name in placed
    ]


def carried_out(record: sqlite3.Connection) -> list[str]:
    """I3: what a decision approved for trading has orders of its own, each of a leg of its own."""
    lost = record.execute(
        "SELECT o.client_id FROM orders o LEFT JOIN actions a ON a.book_id = o.book_id AND a.action_id = o.action_id "
        "WHERE a.verdict IS NULL OR a.verdict <> 'approved'"
    )
    twice = record.execute(
        "SELECT action_id, leg, count(*) FROM orders GROUP BY action_id, leg, slice HAVING count(*) > 1"
    )
    return [f"I3 {row[0]} belongs to no action that was approved" for row in lost] + [
        f"I4 leg {row[1]} of {row[0]} has {row[2]} orders" for row in twice
    ]


def in_proportion(record: sqlite3.Connection) -> list[str]:
    """I4: a later leg of an action was sent in no larger a part than the first one really filled."""
    first: dict[str, Decimal] = {}
    wrong = []
    rows = record.execute("SELECT action_id, client_id, qty, sent_qty, filled FROM orders ORDER BY action_id, leg")
    for action, name, qty, sent, filled in rows:
        if action not in first:
            first[action] = abs(Decimal(filled) / Decimal(qty))
            continue
        done = first[action]
        part = abs(Decimal(sent or 0) / Decimal(qty))
        if part > done + STEP_TOLERANCE:
            wrong.append(f"I4 {name}, a later leg of {action}, was sent in {part:.1%}, the first filled {done:.1%}")
    return wrong
