"""R-G2, R-G3: what is too old or not sane is not traded on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from bot.core.plan_record import Plan
from tests.rules.accounts import AT, account, actions, approved, decide, legs, policy, seen, verdicts
from tests.rules.gated import BTC, OFF, RANGE, SWAP, stopped, trim


def aged(kind: str, age: int) -> Plan:
    body = account({"BTC": 58}, 40, futures=2, shorts={"BTC": 1})
    at = (AT - timedelta(seconds=age)).isoformat()
    if kind == "quotes":
        body["tickers"] = {symbol: {**ticker, "at": at} for symbol, ticker in body["tickers"].items()}
    else:
        body[kind] = [{**item, "at": at} for item in body[kind]]
    return decide(body, policy({"BTC": 50}, **OFF), RANGE)


@pytest.mark.parametrize(("kind", "limit"), [("balances", 120), ("positions", 120)])
def test_r_g2_what_is_too_old_is_not_traded_on(kind: str, limit: int) -> None:
    assert stopped(aged(kind, limit + 1), "R-G2")
    assert aged(kind, limit).actions != ()


def test_r_g2_a_quote_too_old_is_no_price() -> None:
    made = aged("quotes", 31)
    assert (made.assessment.equity, made.actions) == (None, ())
    assert "quote 31 s old" in made.holds[0].why
    assert aged("quotes", 30).actions != ()


def test_r_g2_a_gap_in_what_was_read_stops_everything_that_needs_equity() -> None:
    made = trim(gaps=("balances: timed out",))
    assert (made.assessment.equity, made.actions) == (None, ())
    assert trim(gaps=("funding: timed out",)).actions != ()


def test_r_g2_a_book_too_old_is_no_book() -> None:
    body = account({"BTC": 58}, 42, books={BTC: 20_000})
    fresh = decide(body, policy({"BTC": 50}, **OFF), RANGE)
    assert verdicts(approved(fresh, "BTC")) == {"R-G5": "resize"}
    body["books"][BTC]["at"] = (AT - timedelta(seconds=31)).isoformat()
    body["tickers"][BTC]["quote_volume"] = "60000000"  # a thousandth is 60,000
    old = decide(body, policy({"BTC": 50}, **OFF), RANGE)
    assert legs(approved(old, "BTC").wish) == {BTC: Decimal(-5)}


def priced(bid: str | None, ask: str | None, last: str = "50000", **more: Any) -> Plan:
    body = account({"BTC": 58}, 42, unlisted=[SWAP], **more)
    body["tickers"][BTC] = {"bid": bid, "ask": ask, "last": last, "quote_volume": "100000000"}
    return decide(body, policy({"BTC": 50}, **OFF), RANGE)


@pytest.mark.parametrize(
    ("bid", "ask", "last"),
    [("0", "50005", "50000"), ("50006", "50005", "50000"), (None, None, "0")],
)
def test_r_g3_a_crossed_or_impossible_quote_is_no_price(bid: str | None, ask: str | None, last: str) -> None:
    made = priced(bid, ask, last)
    assert (made.assessment.equity, made.actions) == (None, ())
    assert [item.rule for item in made.holds] == ["R-G3"]


def test_r_g3_without_bid_and_ask_the_last_price_counts_and_is_flagged() -> None:
    made = priced(None, None)
    assert made.assessment.equity == 100_000
    assert made.assessment.exposure("BTC").notes == ("no bid and ask: last price",)


GOOD: Mapping[str, Any] = {"memory": {"last_good_prices": {BTC: "40000"}}}


def test_r_g3_a_jump_without_a_second_source_is_no_price() -> None:
    body = account({"BTC": 58}, 42, unlisted=[SWAP], **GOOD)
    body["books"] = {}
    made = decide(body, policy({"BTC": 50}, **OFF), RANGE)
    assert made.assessment.equity is None
    assert "jumped 25%" in made.holds[0].why
    body["memory"] = {"last_good_prices": {BTC: "41700"}}  # 19.9 %
    assert decide(body, policy({"BTC": 50}, **OFF), RANGE).actions != ()


@pytest.mark.parametrize("source", ["book", "perpetual", "candles"])
def test_r_g3_a_second_source_confirms_a_jump(source: str) -> None:
    trends = {"BTC": "range"} if source == "candles" else {}
    body = account({"BTC": 58}, 42, unlisted=[] if source == "perpetual" else [SWAP], trends=trends, **GOOD)
    if source != "book":
        body["books"] = {}
    made = decide(body, policy({"BTC": 50}, **OFF), RANGE)
    assert made.assessment.equity == 100_000
    assert "confirmed by a second source" in made.assessment.exposure("BTC").notes[0]


def test_r_g3_a_stale_perpetual_confirms_nothing() -> None:
    body = account({"BTC": 58}, 42, **GOOD)
    body["books"] = {}
    body["tickers"][SWAP]["at"] = (AT - timedelta(seconds=31)).isoformat()
    assert decide(body, policy({"BTC": 50}, **OFF), RANGE).assessment.equity is None


@pytest.mark.parametrize(("mark", "known"), [("60000", True), ("60001", False), ("5000", False)])
def test_r_g3_a_mark_far_from_the_spot_price_is_not_believed(mark: str, known: bool) -> None:
    body = account({"BTC": 58}, 40, futures=2, shorts={"BTC": 1})
    body["positions"][0]["mark_price"] = mark
    made = decide(body, policy({"BTC": 50}), RANGE)
    assert (made.assessment.equity is not None) == known


def test_r_g3_what_is_not_held_and_has_no_price_is_merely_left_alone() -> None:
    made = decide(seen({"BTC": 58}, 42), policy({"BTC": 50, "SOL": 10}, **OFF), RANGE)
    assert [item.asset for item in actions(made)] == ["BTC"]
    assert made.assessment.exposure("SOL").price is None
