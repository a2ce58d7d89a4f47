"""The outside checker: clean on a clean history, and it sees each wrong that is planted in the record."""
# ruff: noqa: S608 - the statements that plant wrongs are our own words

from __future__ import annotations

import re
import sqlite3
from decimal import Decimal

import pytest

from bot.simulation.audit import Audit
from bot.venues.simulated.exchange import Exchange, OrderRequest
from tests.unit.simulation.conftest import Ended


def test_an_undisturbed_history_is_clean(ended: Ended, record: sqlite3.Connection) -> None:
    audit = Audit(record, ended.exchange, ended.creates)
    assert audit.all() == []
    assert audit.fill_count() > 0
    assert audit.edges()["intended>submitted"] > 0


FIRST_FILL = "(SELECT min(id) FROM fills WHERE client_id <> '')"
FIRST_ORDER = "(SELECT min(id) FROM orders WHERE filled <> '0')"
DECIDED = f"(SELECT decision_id FROM orders WHERE id = {FIRST_ORDER})"
SENT = "(SELECT min(id) FROM order_events WHERE state = 'submitted')"
THIRD = "(SELECT at FROM decisions ORDER BY number LIMIT 1 OFFSET 3)"
DEPOSITED = "INSERT INTO cash_flows (book_id, event_number, at, asset, amount, kind) SELECT 1, 999999, "
PLANTED = {
    "a fill is missing": ("DELETE FROM fills WHERE id = " + FIRST_FILL, "I5 trade"),
    "a fill is of another size": ("UPDATE fills SET qty = '0.123' WHERE id = " + FIRST_FILL, "I5 .* is booked as"),
    "a fill is of another price": ("UPDATE fills SET price = '1' WHERE id = " + FIRST_FILL, "I5 .* is booked as"),
    "a fill never was": ("UPDATE fills SET trade_id = '99999' WHERE id = " + FIRST_FILL, "was never traded"),
    "an order filled more": ("UPDATE orders SET filled = '77' WHERE id = " + FIRST_ORDER, "I5 .* filled"),
    "an order beyond its intent": ("UPDATE orders SET qty = '0.00000001' WHERE id = " + FIRST_ORDER, "I4 "),
    "an order without its intent": ("DELETE FROM orders WHERE id = " + FIRST_ORDER, "I3 .* not in the record"),
    "a decision that is gone": ("DELETE FROM decisions WHERE decision_id = " + DECIDED, "I3 .* has no decision"),
    "a snapshot that is gone": ("DELETE FROM snapshots", "I3 .* no snapshot"),
    "an order left unknown": ("UPDATE orders SET state = 'unknown' WHERE id = " + FIRST_ORDER, "L1 order"),
    "an impossible history": ("UPDATE order_events SET state = 'absent' WHERE id = " + SENT, "I16 .* to absent"),
    "a deposit that never was": (DEPOSITED + THIRD + ", 'USDT', '5', 'deposit'", "I6 flows"),
}


@pytest.mark.parametrize("wrong", PLANTED)
def test_a_planted_wrong_is_seen(wrong: str, ended: Ended, record: sqlite3.Connection) -> None:
    statement, found = PLANTED[wrong]
    record.execute("PRAGMA foreign_keys = OFF")
    assert record.execute(statement).rowcount >= 1
    said = Audit(record, ended.exchange, ended.creates).all()
    assert [line for line in said if re.search(found, line)], said


def test_a_second_create_under_one_name_is_seen(ended: Ended, record: sqlite3.Connection) -> None:
    twice = [*ended.creates, ended.creates[0]]
    said = Audit(record, ended.exchange, twice).all()
    assert said == [f"I2 {ended.creates[0].client_id} came 2 times as a create"]


def test_an_order_that_nobody_intended_is_seen(ended: Ended, record: sqlite3.Connection) -> None:
    state = ended.exchange.dump()
    other = Exchange(ended.exchange.scene, state=state)
    price = other.scene.price("BTC/USDT", other.now)
    assert price is not None
    other.place(OrderRequest("BTC/USDT", "buy", "limit", Decimal("0.001"), price / 2 // 1, client_id="bp" + "a" * 24))
    said = Audit(record, other, ended.creates).all()
    assert [line.split(" is ")[0] for line in said if line.startswith("I3")] == ["I3 bp" + "a" * 24]
