"""The look at a killed bot: clean where nothing is wrong, and it sees each wrong that is planted."""
# ruff: noqa: S608 - the statements that plant wrongs are our own words

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import pytest

from bot.simulation.death import Death
from bot.simulation.disk import simulated_disk
from bot.simulation.faults import Plan
from bot.simulation.history import History
from bot.venues.simulated.exchange import Exchange, OrderRequest


class Left(NamedTuple):
    record: sqlite3.Connection
    exchange: Exchange


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Left:
    history = History(Plan(2, 0.6, 3_600, "fifo", ()), tmp_path_factory.mktemp("history"))
    with simulated_disk(history.world.ask_disk):
        assert history.run().violations == []
        copy = sqlite3.connect(":memory:")
        history.world.record.backup(copy)
        kept = Left(copy, history.world.exchange)
        assert not history.bury()
    return kept


@pytest.fixture
def record(left: Left) -> Iterator[sqlite3.Connection]:
    copy = sqlite3.connect(":memory:", isolation_level=None)
    left.record.backup(copy)
    copy.execute("PRAGMA foreign_keys = OFF")
    yield copy
    copy.close()


def another(left: Left) -> Exchange:
    return Exchange(left.exchange.scene, state=left.exchange.dump())


def test_what_a_sound_bot_left_is_sound(left: Left, record: sqlite3.Connection) -> None:
    death = Death(record, left.exchange)
    assert death.wrong() == []
    assert death.count("orders") > 0
    assert death.count("decisions") > 0
    assert death.left() == "nothing unfinished"


FIRST_FILL = "(SELECT min(id) FROM fills WHERE client_id <> '')"
FIRST_ORDER = "(SELECT min(id) FROM orders WHERE filled <> '0')"
FILL = "book_id, event_number, symbol, 'x' || trade_id, client_id, at, qty, price, fee"
PLANTED = {
    "a fill of another size": (f"UPDATE fills SET qty = '0.123' WHERE id = {FIRST_FILL}", "I5 .* is booked as"),
    "a fill that never was": (f"UPDATE fills SET trade_id = 'x1' WHERE id = {FIRST_FILL}", "I5 .* was None"),
    "an old fill that is missing": (f"UPDATE orders SET filled = '0' WHERE id = {FIRST_ORDER}", "I5 .* by the record"),
    "an order that nobody intended": (f"DELETE FROM orders WHERE id = {FIRST_ORDER}", "I3 .* not in the record"),
    "an old order that is unknown": (f"UPDATE orders SET state = 'unknown' WHERE id = {FIRST_ORDER}", "L1 order"),
    "more sent than the record knows": ("DELETE FROM order_events WHERE state = 'submitted'", "I2 .* creates came"),
}


@pytest.mark.parametrize("wrong", PLANTED)
def test_a_planted_wrong_is_seen(wrong: str, left: Left, record: sqlite3.Connection) -> None:
    statement, found = PLANTED[wrong]
    assert record.execute(statement).rowcount >= 1
    said = Death(record, left.exchange).wrong()
    assert [line for line in said if re.search(found, line)], said


def test_a_young_order_may_be_anywhere_on_its_way(left: Left, record: sqlite3.Connection) -> None:
    last = record.execute("SELECT max(at) FROM decisions").fetchone()[0]
    record.execute(
        f"UPDATE orders SET state = 'submitted', created_at = ?, filled = '0' WHERE id = {FIRST_ORDER}", (last,)
    )
    death = Death(record, left.exchange)
    assert not [line for line in death.over() if line.startswith("L1")]
    assert death.left() == "an order submitted"


def test_an_old_order_that_rests_at_the_exchange_is_seen(left: Left, record: sqlite3.Connection) -> None:
    other = another(left)
    price = other.scene.price("BTC/USDT", other.now)
    assert price is not None
    other.place(OrderRequest("BTC/USDT", "buy", "limit", Decimal("0.001"), price / 2 // 1, client_id="bp" + "a" * 24))
    record.execute("UPDATE decisions SET at = '2999-01-01T00:00:00.000000Z' WHERE number = 1")
    assert [line[:5] for line in Death(record, other).over() if line.startswith("L2")] == ["L2 bp"]


def test_a_short_without_its_coins_is_seen(left: Left, record: sqlite3.Connection) -> None:
    other = another(left)
    other.transfer("USDT", Decimal(2_000), "spot", "futures")
    other.place(OrderRequest("SOL/USDT:USDT", "sell", "market", Decimal(9), client_id="theirs"))
    held = other.balances()["SOL"].free if "SOL" in other.balances() else Decimal(0)
    if held:
        other.withdraw("SOL", held)
    assert [line for line in Death(record, other).short() if line.startswith("I8 SOL: ")]


def test_too_little_in_stables_is_seen(left: Left, record: sqlite3.Connection) -> None:
    other = another(left)
    free = other.balances()["USDT"].free
    other.withdraw("USDT", free - 1)
    assert [line for line in Death(record, other).floor() if line.startswith("I7 ")]


def test_a_damaged_file_is_seen(left: Left, tmp_path: Path) -> None:
    file = tmp_path / "damaged.db"
    with sqlite3.connect(file) as whole:
        left.record.backup(whole)
    whole.close()
    size = int(file.stat().st_size)
    with file.open("r+b") as raw:
        raw.seek(size // 2)
        raw.write(b"\x5a" * 3 * 4_096)
    connection = sqlite3.connect(file)
    try:
        said = Death(connection, left.exchange).wrong()
    finally:
        connection.close()
    assert said
    assert {line.partition(":")[0] for line in said} == {"the record's file is damaged"}


def test_transfers_without_a_name_are_compared_by_what_they_moved(left: Left, record: sqlite3.Connection) -> None:
    other = another(left)
    assert Death(record, other).transfers() == []
    other.transfer("USDT", Decimal(3), "spot", "futures")
    said = Death(record, other).transfers()
    assert len(said) == 1
    assert said[0].endswith("was made 1 times, is booked 0 times")
