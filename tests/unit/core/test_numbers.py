from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.assessment import Trend
from bot.core.numbers import (
    canonical_json,
    ceil_to,
    digest,
    floor_to,
    fraction,
    from_float,
    from_milliseconds,
    milliseconds,
    plain,
    utc_text,
)

AMOUNTS = st.decimals(0, 10**9, places=8, allow_nan=False)
STEPS = st.sampled_from([Decimal(step) for step in ("0.00000001", "0.001", "0.5", "1", "7", "1000")])


def test_fractions_are_compared_to_nine_decimals_half_even() -> None:
    assert fraction(Decimal(1) / 3) == Decimal("0.333333333")
    assert fraction(Decimal("0.0500000000004")) == Decimal("0.05")
    assert fraction(Decimal("0.0000000005")) == 0
    assert fraction(Decimal("0.0000000015")) == Decimal("0.000000002")


@given(AMOUNTS, STEPS)
def test_floor_and_ceiling_are_the_multiples_on_either_side(amount: Decimal, step: Decimal) -> None:
    low, high = floor_to(amount, step), ceil_to(amount, step)
    assert low <= amount <= high
    assert high - low in (0, step)
    assert low % step == high % step == 0


def test_without_a_step_nothing_is_cut() -> None:
    assert floor_to(Decimal("1.23"), None) == ceil_to(Decimal("1.23"), None) == Decimal("1.23")


@pytest.mark.parametrize(("value", "text"), [("0.060", "0.06"), ("6E-2", "0.06"), ("1E+3", "1000"), ("-0.0", "0")])
def test_one_amount_has_one_text(value: str, text: str) -> None:
    assert plain(Decimal(value)) == text


def test_a_float_becomes_the_shortest_decimal_and_nothing_when_it_is_no_number() -> None:
    assert from_float(0.1) == Decimal("0.1")
    assert [from_float(value) for value in (float("nan"), float("inf"))] == [None, None]


def test_instants_are_written_in_utc_and_count_whole_milliseconds() -> None:
    at = datetime(2026, 3, 5, 14, tzinfo=timezone(timedelta(hours=2)))
    assert utc_text(at) == "2026-03-05T12:00:00Z"
    assert from_milliseconds(milliseconds(at)) == at
    assert milliseconds(datetime(2026, 3, 5, 12, 0, 0, 123_999, tzinfo=UTC)) % 1000 == 123


def test_equal_values_have_one_text() -> None:
    first = {"b": [Decimal("1.0"), Trend.RANGE], "a": {2: frozenset({"y", "x"})}}
    second = {"a": {2: {"x", "y"}}, "b": (Decimal(1), "range")}
    assert canonical_json(first) == canonical_json(second) == '{"a":{"2":["x","y"]},"b":["1","range"]}'


def test_what_is_not_finite_has_no_text() -> None:
    with pytest.raises(ValueError, match="Out of range"):
        canonical_json({"a": float("nan")})


def test_a_digest_keeps_its_parts_apart() -> None:
    assert digest("ab", "c") != digest("a", "bc")
    assert len(digest("a", length=24)) == 24
    assert digest("a") == digest("a") == digest("a", length=24)[:16]
