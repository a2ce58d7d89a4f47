"""What an event does to a recorded row."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from bot.core.events import Event
from bot.ports.errors import StoreError
from bot.ports.store import ControlRow
from bot.store.rows import as_recorded, exact, kill_of, severity

NOON = datetime(2026, 1, 10, 12, tzinfo=UTC)


@pytest.mark.parametrize("value", ["NaN", "sNaN", "Infinity", "-inf", "", "1,5", None, float("nan"), object()])
def test_what_is_no_finite_number_is_refused_with_its_name(value: object) -> None:
    with pytest.raises(StoreError, match=r"price of e1 is .* must be"):
        exact(value, "price of e1")


@pytest.mark.parametrize("value", ["1.10", 7, Decimal("1E-30"), 0.1, "-0"])
def test_what_is_a_number_keeps_its_digits(value: object) -> None:
    assert exact(value, "x") == Decimal(str(value))


def test_an_event_is_folded_as_it_will_read_back() -> None:
    event = Event("k", NOON, "seen", {"equity": Decimal("1.50"), "at": NOON, "held": (1, 2), "set": {"b", "a"}})
    body = as_recorded(event).body
    assert body == {"equity": "1.5", "at": "2026-01-10T12:00:00Z", "held": [1, 2], "set": ["a", "b"]}


def test_an_event_without_a_time_zone_is_refused() -> None:
    with pytest.raises(StoreError, match="no time zone"):
        as_recorded(Event("k", NOON.replace(tzinfo=None), "seen", {}))


def test_levels_go_from_off_to_flatten_and_a_strange_one_counts_as_the_highest() -> None:
    assert [severity(level) for level in ("off", "freeze", "halt", "flatten", "???")] == [0, 1, 2, 3, 3]


def test_nobody_killed_anything_where_there_are_no_requests() -> None:
    assert kill_of([]) is None
    assert kill_of([ControlRow(1, NOON, "adopt", "BTC", "op", "")]) is None
