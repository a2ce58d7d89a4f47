"""A countdown of the local exchange ends in venue time, and only where nobody began it anew."""

from __future__ import annotations

from datetime import timedelta

from bot.local_exchange.countdown import Countdowns
from tests.unit.local_exchange.still_scene import START

S = timedelta(seconds=1)


def test_a_countdown_is_over_at_its_end_and_only_once() -> None:
    counts = Countdowns()
    counts.begin("BTCUSDT", ["BTC/USDT:USDT"], START, 10 * S)
    assert counts.over(START + 9 * S) == []
    assert counts.over(START + 11 * S) == [(START + 10 * S, frozenset({"BTC/USDT:USDT"}))]
    assert counts.over(START + 12 * S) == []


def test_who_begins_anew_is_counted_from_then() -> None:
    counts = Countdowns()
    counts.begin("a", ["A"], START, 10 * S)
    counts.begin("a", ["A"], START + 9 * S, 10 * S)
    assert counts.over(START + 18 * S) == []


def test_a_stopped_countdown_never_ends() -> None:
    counts = Countdowns()
    counts.begin("a", ["A"], START, 10 * S)
    counts.stop("a")
    counts.stop("never ran")
    assert counts.over(START + 60 * S) == []


def test_what_ended_first_comes_first() -> None:
    counts = Countdowns()
    counts.begin("late", ["L"], START, 20 * S)
    counts.begin("soon", ["S"], START, 5 * S)
    assert [symbols for _, symbols in counts.over(START + 60 * S)] == [frozenset({"S"}), frozenset({"L"})]


def test_a_fast_exchange_grants_host_seconds() -> None:
    counts = Countdowns(60)
    counts.begin("a", ["A"], START, 10 * S)
    assert counts.over(START + 599 * S) == []
    assert len(counts.over(START + 600 * S)) == 1
