"""The request budget: windows of venue time, refusals that say how long, bans that grow."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.local_exchange.errors import WireError
from bot.local_exchange.weights import FUTURES, SPOT, Budget, Meter, OrderLimit

AT = datetime(2026, 1, 5, 12, 0, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def refused(meter: Meter, at: datetime, weight: int = 1, orders: int = 0) -> WireError:
    with pytest.raises(WireError) as error:
        meter.charge(at, weight, orders)
    return error.value


def test_the_budgets_are_the_venues_own() -> None:
    assert (SPOT.weight_1m, FUTURES.weight_1m) == (6_000, 2_400)
    assert [limit.most for limit in SPOT.orders] == [100, 200_000]
    assert [limit.most for limit in FUTURES.orders] == [300, 1_200]


def test_weight_adds_up_within_a_venue_minute_and_begins_anew_in_the_next() -> None:
    meter = Meter(Budget(10))
    assert meter.charge(AT, 4) == {"x-mbx-used-weight-1m": "4"}
    assert meter.charge(AT + timedelta(seconds=29), 4) == {"x-mbx-used-weight-1m": "8"}
    assert meter.charge(AT + timedelta(seconds=30), 4) == {"x-mbx-used-weight-1m": "4"}


def test_above_the_limit_it_says_when_to_come_back() -> None:
    meter = Meter(Budget(10))
    meter.charge(AT, 10)
    error = refused(meter, AT)
    assert (error.status, error.code) == (429, -1003)
    assert error.headers == {"x-mbx-used-weight-1m": "11", "retry-after": "30"}


def test_a_fast_venue_asks_for_fewer_host_seconds() -> None:
    meter = Meter(Budget(10), scale=10)
    meter.charge(AT, 10)
    assert refused(meter, AT).headers["retry-after"] == "3"
    slow = Meter(Budget(10), scale=600)
    slow.charge(AT, 10)
    assert refused(slow, AT).headers["retry-after"] == "1"


def test_who_goes_on_is_banned_and_longer_each_time() -> None:
    meter = Meter(Budget(1, abuse=2))
    meter.charge(AT, 1)
    assert [refused(meter, AT).status for _ in range(4)] == [429, 429, 418, 418]
    assert refused(meter, AT + MINUTE).headers["retry-after"] == "60"
    later = AT + 2 * MINUTE
    meter.charge(later, 1)
    assert [refused(meter, later).status for _ in range(3)] == [429, 429, 418]
    assert refused(meter, later).headers["retry-after"] == "240"


def test_orders_have_limits_of_their_own() -> None:
    meter = Meter(Budget(1_000, (OrderLimit("10s", 10_000, 2), OrderLimit("1d", 86_400_000, 3))))
    meter.charge(AT, 1, orders=1)
    assert meter.charge(AT, 1, orders=1)["x-mbx-order-count-10s"] == "2"
    error = refused(meter, AT, orders=1)
    assert (error.status, error.code, error.headers["retry-after"]) == (429, -1015, "10")
    assert "2 orders per 10 SECOND" in error.msg
    assert meter.charge(AT, 1) == {"x-mbx-used-weight-1m": "4"}
    later = AT + timedelta(seconds=10)
    assert meter.charge(later, 1, orders=1)["x-mbx-order-count-10s"] == "1"
    assert "3 orders per 1 DAY" in refused(meter, later, orders=1).msg
