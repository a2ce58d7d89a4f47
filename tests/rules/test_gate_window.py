"""R-G5: the schedule, and spread and depth of the moment."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from bot.core.plan_record import Plan
from tests.rules.accounts import AT, SATURDAY, account, actions, approved, blocked, decide, legs, policy, seen, verdicts
from tests.rules.gated import BTC, FLOOR, OFF, RANGE, SWAP, stopped, trim

WINDOW = {"windows": {"schedule": ["Mon-Fri 13:00-17:00"]}}


@pytest.mark.parametrize(
    ("at", "opens"),
    [
        (SATURDAY, datetime(2026, 3, 9, 13, tzinfo=UTC)),
        (AT, AT.replace(hour=13, second=0)),
        (AT.replace(hour=17, second=0), datetime(2026, 3, 6, 13, tzinfo=UTC)),
        (AT.replace(hour=13, second=0), None),
        (AT.replace(hour=16, minute=59), None),
    ],
)
def test_r_g5_a_schedule_defers_to_its_next_opening(at: datetime, opens: datetime | None) -> None:
    made = trim(config=WINDOW, at=at)
    if opens is None:
        assert made.actions != ()
        return
    assert [(item.gate, item.until) for item in blocked(made, "BTC").not_passed] == [("R-G5", opens)]


def wide(half_bp: str, make: Any) -> Plan:
    """The same account with a wider spread in its book."""
    half = Decimal(half_bp) / 10_000
    mid = Decimal(50_000)
    book = {"bids": [[str(mid * (1 - half)), "1000"]], "asks": [[str(mid * (1 + half)), "1000"]]}
    made: Plan = make(books_given={BTC: book, SWAP: book})
    return made


def with_books(body: dict[str, Any], books: Mapping[str, Any]) -> dict[str, Any]:
    return {**body, "books": dict(books)}


@pytest.mark.parametrize(("half_bp", "passes"), [("5", True), ("5.1", False)])
def test_r_g5_a_spread_over_ten_basis_points_defers(half_bp: str, passes: bool) -> None:
    def make(books_given: Mapping[str, Any]) -> Plan:
        return decide(with_books(account({"BTC": 58}, 42), books_given), policy({"BTC": 50}, **OFF), RANGE)

    made = wide(half_bp, make)
    assert bool(made.actions) == passes
    assert passes or stopped(made, "R-G5")


@pytest.mark.parametrize(("half_bp", "passes"), [("15", True), ("15.1", False)])
def test_r_g5_the_floor_may_pay_three_times_the_spread(half_bp: str, passes: bool) -> None:
    def make(books_given: Mapping[str, Any]) -> Plan:
        return decide(with_books(account({"BTC": 92}, 8), books_given), policy({"BTC": 88}, **FLOOR, **OFF), RANGE)

    made = wide(half_bp, make)
    assert bool([item for item in actions(made) if item.cls == "floor"]) == passes


def test_r_g5_safety_asks_no_spread() -> None:
    def make(books_given: Mapping[str, Any]) -> Plan:
        body = account({"BTC": 2}, 88, futures=10, shorts={"BTC": 3})
        return decide(with_books(body, books_given), policy({"BTC": 50}), {})

    assert wide("500", make).actions != ()


@pytest.mark.parametrize(("value", "points"), [(20_000, "-2"), (50_100, "-5")])
def test_r_g5_an_order_is_at_most_a_tenth_of_one_side(value: int, points: str) -> None:
    found = approved(trim(books={BTC: value}), "BTC")
    assert legs(found.wish)[BTC] == pytest.approx(Decimal(points), abs=Decimal("0.001"))
    assert verdicts(found) == ({"R-G5": "resize"} if value == 20_000 else {})


def test_r_g5_both_legs_of_a_split_shrink_alike() -> None:
    made = decide(seen({"BTC": 58}, 32, futures=10, books={SWAP: 10_000}), policy({"BTC": 50}), RANGE)
    assert legs(approved(made, "BTC").wish) == {BTC: Decimal("-1.5"), SWAP: Decimal(-1)}


def bookless(volume: str | None, median: str | None = None) -> Plan:
    body = account({"BTC": 58}, 42)
    body["books"] = {}
    body["tickers"][BTC]["quote_volume"] = volume
    body["history"] = {BTC: {"depth_median": median}} if median else {}
    return decide(body, policy({"BTC": 50}, **OFF), RANGE)


def test_r_g5_without_a_book_the_smaller_of_volume_and_median_counts() -> None:
    assert legs(approved(bookless("40000000"), "BTC").wish) == {BTC: Decimal(-4)}
    assert legs(approved(bookless("40000000", "30000"), "BTC").wish) == {BTC: Decimal(-3)}
    assert stopped(bookless(None), "R-G5")


def test_r_g5_where_nobody_trades_nothing_is_sent() -> None:
    assert stopped(bookless("0"), "R-G5")
    assert stopped(bookless("40000000", "0"), "R-G5")
