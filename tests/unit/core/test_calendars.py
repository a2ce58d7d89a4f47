"""Calendar slots in UTC (R-W1): the newest at or before an instant, the first after it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.calendars import last_slot, next_slot


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("calendar", "instant", "last", "following"),
    [
        ("daily", "2026-03-05 12:00:10", "2026-03-05 00:00", "2026-03-06 00:00"),
        ("weekly", "2026-03-05 12:00:10", "2026-03-02 00:00", "2026-03-09 00:00"),  # Mondays
        ("monthly", "2026-03-05 12:00:10", "2026-03-01 00:00", "2026-04-01 00:00"),
        ("quarterly", "2026-03-05 12:00:10", "2026-01-01 00:00", "2026-04-01 00:00"),
        ("quarterly", "2025-12-31 23:59:59.999999", "2025-10-01 00:00", "2026-01-01 00:00"),
        ("0 8 * * MON", "2026-03-05 12:00", "2026-03-02 08:00", "2026-03-09 08:00"),
        ("*/7 * * * *", "2026-03-05 12:06:59", "2026-03-05 12:00", "2026-03-05 12:07"),
        ("0 0 29 2 *", "2026-03-05 12:00", "2024-02-29 00:00", "2028-02-29 00:00"),
    ],
)
def test_slots_around_an_instant(calendar: str, instant: str, last: str, following: str) -> None:
    assert last_slot(calendar, at(instant)) == at(last)
    assert next_slot(calendar, at(instant)) == at(following)


@pytest.mark.parametrize("instant", ["2026-04-01 00:00", "2026-04-01 00:00:00.000001", "2026-04-01 00:00:59"])
def test_a_slot_is_its_own_from_its_first_instant_on(instant: str) -> None:
    assert last_slot("quarterly", at(instant)) == at("2026-04-01 00:00")
    assert next_slot("quarterly", at(instant)) == at("2026-07-01 00:00")


@given(
    calendar=st.sampled_from(["daily", "weekly", "monthly", "quarterly", "30 6,18 * * 2", "15 3 10-12 * *"]),
    instant=st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_no_slot_lies_between_the_last_and_the_next(calendar: str, instant: datetime) -> None:
    last, following = last_slot(calendar, instant), next_slot(calendar, instant)
    assert last <= instant < following
    assert next_slot(calendar, last) == following
    assert last_slot(calendar, following - timedelta(microseconds=1)) == last
    assert last_slot(calendar, last) == last
