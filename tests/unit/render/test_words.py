from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from bot.render import words


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1234567.891", "1,234,567.89"),
        (Decimal(-1500), "−1,500.00"),
        (None, "?"),
        ("NaN", "?"),
        ("soon", "?"),
    ],
)
def test_money_has_thousands_separators_and_unknown_is_no_zero(value: object, text: str) -> None:
    assert words.money(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [("0.0599", "0.0599"), ("13250.50", "13,250.50"), ("-2", "−2"), (None, "?")]
)
def test_amounts_keep_their_decimals(value: object, text: str) -> None:
    assert words.amount(value) == text


def test_shares_are_percent_and_drifts_are_signed_points() -> None:
    assert words.percent(0.525) == "52.5 %"
    assert words.points(0.1) == "+10.0"
    assert words.points(-0.004) == "−0.4"
    assert words.percent(None) == words.points(None) == "?"


def test_instants_are_in_utc_and_unknown_ones_say_so() -> None:
    assert words.instant("2026-01-05T12:00:00Z") == "2026-01-05 12:00:00 UTC"
    assert words.instant(datetime(2026, 1, 5, 12, tzinfo=UTC)) == "2026-01-05 12:00:00 UTC"
    assert words.instant(None) == "?"


def test_a_flag_is_shown_by_its_name() -> None:
    assert words.reading("at_support", value=True) == "at support"
    assert words.reading("rsi", 71.234567) == "rsi 71.235"


def test_numbers_of_things_agree_with_their_nouns() -> None:
    assert words.counted(1, "wish", "wishes") == "1 wish"
    assert words.counted(2, "wish", "wishes") == "2 wishes"
    assert words.counted(0, "order") == "0 orders"
