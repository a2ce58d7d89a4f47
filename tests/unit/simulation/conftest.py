"""One history without a fault, and copies of its record for tests to plant wrongs in."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from bot.simulation.disk import simulated_disk
from bot.simulation.faults import Plan
from bot.simulation.history import History
from bot.simulation.ledger import Create
from bot.venues.simulated.exchange import Exchange


class Ended(NamedTuple):
    record: sqlite3.Connection
    exchange: Exchange
    creates: list[Create]


@pytest.fixture(scope="session")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    history = History(Plan(2, 0.6, 3_600, "fifo", ()), tmp_path_factory.mktemp("history"))
    with simulated_disk(history.world.ask_disk):
        result = history.run()
        assert result.violations == []
        assert result.fills
        copy = sqlite3.connect(":memory:")
        history.world.record.backup(copy)
        kept = Ended(copy, history.world.exchange, list(history.world.seen.creates))
        assert not history.bury()
    return kept


@pytest.fixture
def record(ended: Ended) -> Iterator[sqlite3.Connection]:
    copy = sqlite3.connect(":memory:", isolation_level=None)
    ended.record.backup(copy)
    yield copy
    copy.close()
