from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.snapshot import Snapshot, build
from bot.core.windows import impact, is_open, liquidity, next_open
from tests.rules.accounts import AT, account, policy

BTC, SWAP = "BTC/USDT", "BTC/USDT:USDT"
MONDAY = datetime(2026, 3, 9, tzinfo=UTC)
SCHEDULES = (
    ("Mon-Fri 13:00-17:00",),
    ("22:00-02:00",),
    ("Sat 00:00-24:00", "Sun 10:00-11:00"),
    ("Fri-Mon 23:30-01:15",),
)
FRESH = timedelta(seconds=30)


@pytest.mark.parametrize(
    ("line", "day", "hour", "minute", "opened"),
    [
        ("Mon-Fri 13:00-17:00", 0, 13, 0, True),
        ("Mon-Fri 13:00-17:00", 0, 17, 0, False),
        ("Mon-Fri 13:00-17:00", 5, 13, 0, False),
        ("22:00-02:00", 0, 23, 0, True),
        ("22:00-02:00", 1, 1, 59, True),
        ("22:00-02:00", 1, 2, 0, False),
        ("Fri 23:00-01:00", 5, 0, 30, True),
        ("Fri 23:00-01:00", 6, 0, 30, False),
        ("Sat 00:00-24:00", 5, 23, 59, True),
    ],
)
def test_a_window_is_half_open_and_may_end_on_the_next_day(
    line: str, day: int, hour: int, minute: int, opened: bool
) -> None:
    assert is_open([line], MONDAY + timedelta(days=day, hours=hour, minutes=minute)) == opened


@given(st.sampled_from(SCHEDULES), st.integers(0, 7 * 24 * 60 - 1))
def test_the_next_opening_is_the_first_open_minute(schedule: tuple[str, ...], minute: int) -> None:
    at = MONDAY + timedelta(minutes=minute)
    opens = next_open(schedule, at)
    assert opens >= at
    assert is_open(schedule, opens)
    if opens > at:
        assert not is_open(schedule, opens - timedelta(minutes=1))
        assert not is_open(schedule, at)
        assert opens - at < timedelta(days=7)


def test_always_is_always() -> None:
    assert is_open("always", AT)
    assert next_open("always", AT) == AT


def snapshot(**changes: Any) -> Snapshot:
    return build({**account({"BTC": 50}, 50), **changes})


BOOK = {
    "bids": [["49990", "1"], ["49800", "2"], ["49740", "5"]],
    "asks": [["50010", "3"], ["50300", "5"]],
}


def found(*, buying: bool, **changes: Any) -> tuple[Decimal | None, Decimal | None]:
    seen = liquidity(BTC, SWAP, buying=buying, snapshot=snapshot(**changes), policy=policy({"BTC": 50}))
    return seen.depth, seen.spread


def test_depth_is_what_lies_within_half_a_percent_on_the_side_taken_from() -> None:
    assert found(buying=False, books={BTC: BOOK}) == (Decimal(49_990 + 2 * 49_800), Decimal("0.0004"))
    assert found(buying=True, books={BTC: BOOK})[0] == 3 * 50_010


def test_without_a_book_it_is_a_thousandth_of_the_days_volume_or_the_median_if_smaller() -> None:
    assert found(buying=True, books={}) == (Decimal(100_000), Decimal("0.0002"))
    assert found(buying=True, books={}, history={BTC: {"depth_median": "7"}})[0] == 7
    assert found(buying=True, books={}, history={BTC: {"depth_median": "700000"}})[0] == 100_000


def test_what_nobody_knows_is_unknown() -> None:
    assert found(buying=True, books={}, tickers={}) == (None, None)
    assert found(buying=True, books={}, tickers={}, history={BTC: {"spread_median": "0.001"}})[1] == Decimal("0.001")


def test_impact_walks_the_book_beyond_its_best_price() -> None:
    def cost(notional: int, *, buying: bool) -> Decimal:
        seen = snapshot(books={BTC: BOOK})
        return impact(BTC, Decimal(notional), buying=buying, snapshot=seen, major=True, limit=FRESH)

    assert cost(49_990, buying=False) == pytest.approx(Decimal(0), abs=Decimal("1e-20"))
    both = 49_990 + 49_800
    assert cost(both, buying=False) == pytest.approx(1 - Decimal(both) / 2 / 49_990, abs=Decimal("1e-12"))
    assert cost(10**6, buying=False) > cost(both, buying=False)
    assert cost(10**6, buying=True) > 0


def test_impact_without_a_book_is_small_for_majors_and_larger_for_others() -> None:
    bare = snapshot(books={})
    costs = [impact(BTC, Decimal(1), buying=True, snapshot=bare, major=major, limit=FRESH) for major in (True, False)]
    assert costs == [Decimal("0.0002"), Decimal("0.0005")]
