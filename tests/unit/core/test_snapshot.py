from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from bot.core.snapshot import SnapshotError, build, parse
from tests.rules.accounts import account, as_json


def whole(**more: Any) -> dict[str, Any]:
    return as_json(account({"BTC": 50}, 40, futures=10, shorts={"BTC": 5}, trends={"BTC": "unknown"}, **more))


def refused(body: dict[str, Any]) -> str:
    with pytest.raises(SnapshotError) as error:
        parse(json.dumps(body), "s.json")
    return str(error.value)


def changed(path: str, value: Any) -> dict[str, Any]:
    body = whole()
    *way, last = path.split("|")
    place: Any = body
    for part in way:
        place = place[int(part) if isinstance(place, list) else part]
    place[int(last) if isinstance(place, list) else last] = value
    return body


def test_a_snapshot_reads_back_as_itself() -> None:
    seen = parse(json.dumps(whole()))
    again = parse(seen.to_json())
    assert again.to_json() == seen.to_json()
    assert again.digest == seen.digest


def test_text_and_numbers_say_the_same() -> None:
    body = whole()
    other = json.loads(json.dumps(body))
    other["balances"][0]["free"] = float(body["balances"][0]["free"])
    assert parse(json.dumps(body)).digest == parse(json.dumps(other)).digest


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("tickers|BTC/USDT|bid", "NaN", "s.json: tickers.BTC/USDT.bid: "),
        ("positions|0|mark_price", "-1", "positions[0].mark_price: is '-1', must be greater"),
        ("balances|0|free", "-5", "balances[0].free: is '-5', must be greater"),
        ("candles|BTC/USDT|4h|0|1", -1.0, "price that is not above 0"),
        ("candles|BTC/USDT|4h|0|4", "Infinity", "not finite"),
        ("candles|BTC/USDT|4h|0", [1, 2], "rows of six numbers"),
        ("at", "2026-03-05T12:00:00", "needs a time zone"),
        ("version", 2, "version"),
        ("surprise", 1, "surprise: is not a known key"),
        ("control", {"kill": "maybe"}, "control.kill: is 'maybe', must be 'off'"),
        ("memory", {"episodes": [{"subject": "BTC"}]}, "memory.episodes[0].direction: is missing"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place_and_value(path: str, value: Any, says: str) -> None:
    assert says in refused(changed(path, value))


@pytest.mark.parametrize("key", ["at", "venue", "balances", "tickers", "candles", "markets"])
def test_a_missing_part_is_named(key: str) -> None:
    body = whole()
    del body[key]
    assert refused(body) == f"s.json: {key}: is missing"


@pytest.mark.parametrize("text", ["", "[]", "{", '{"at": 1, "at": 2}'])
def test_what_is_no_snapshot_at_all_is_one_line(text: str) -> None:
    with pytest.raises(SnapshotError) as error:
        parse(text, "s.json")
    assert str(error.value).startswith("s.json: ")
    assert "\n" not in str(error.value)


def test_candles_are_put_in_order_and_cannot_be_written_to() -> None:
    body = whole()
    rows = body["candles"]["BTC/USDT"]["4h"]
    body["candles"]["BTC/USDT"]["4h"] = rows[::-1]
    seen = build(body)
    bars = seen.bars("BTC/USDT", "4h")
    assert bars is not None
    assert (np.diff(bars[:, 0]) > 0).all()
    assert not bars.flags.writeable
    assert seen.digest == build(whole()).digest
    assert seen.bars("BTC/USDT", "1h") is None


def test_the_same_bar_twice_is_refused() -> None:
    body = whole()
    rows = body["candles"]["BTC/USDT"]["4h"]
    body["candles"]["BTC/USDT"]["4h"] = [*rows, rows[-1]]
    assert "same time twice" in refused(body)


def test_another_bar_is_another_digest_and_the_same_record_without_bars() -> None:
    other = changed("candles|BTC/USDT|4h|0|5", 7)
    first, second = build(whole()), build(other)
    assert first.digest != second.digest
    assert first.without_bars() == second.without_bars()
    assert first.bar_keys["BTC/USDT"]["4h"] != second.bar_keys["BTC/USDT"]["4h"]
    assert first.bar_keys["BTC/USDT"]["1d"] == second.bar_keys["BTC/USDT"]["1d"]


def test_books_are_sorted_best_first() -> None:
    body = whole()
    body["books"]["BTC/USDT"] = {"bids": [["1", "1"], ["2", "1"]], "asks": [["4", "1"], ["3", "1"]]}
    book = build(body).books["BTC/USDT"]
    assert ([float(level[0]) for level in book.bids], [float(level[0]) for level in book.asks]) == ([2, 1], [3, 4])


def test_positions_and_orders_are_signed_base_units() -> None:
    order = {"symbol": "BTC/USDT", "side": "sell", "amount": "3", "filled": "1", "client_id": "b1", "state": "open"}
    seen = build({**whole(), "orders": [order, {**order, "client_id": "b0", "side": "buy", "filled": "4"}]})
    assert [float(item.rest) for item in seen.orders] == [0, -2]
    assert float(seen.positions[0].quantity) == -0.1


def test_a_value_of_the_wrong_kind_is_told_as_is_and_must_be() -> None:
    assert refused(changed("balances|0|free", "abc")) == "s.json: balances[0].free: is 'abc', must be a valid decimal"
