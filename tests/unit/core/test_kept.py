from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import numpy as np

from bot.core.kept import Kept, Lately, texts_of_list, texts_of_map
from bot.core.numbers import canonical_json, jsonable
from bot.core.snapshot import Balance, Snapshot, Ticker
from tests.builders import NOON, a_snapshot


class Counted:
    """Answers how often it was asked."""

    asked = 0

    def __call__(self, _value: object) -> int:
        self.asked += 1
        return self.asked


def test_what_was_asked_of_lately_is_known_and_what_was_not_is_let_go() -> None:
    lately: Lately[object, int] = Lately(Counted())
    first, twin = [1, 2], [1, 2]
    assert [lately.of(first), lately.of(first), lately.of(twin)] == [1, 1, 2]
    lately.turn()
    assert [lately.of(first), len(lately)] == [1, 2]
    lately.turn()
    assert [lately.of(first), len(lately), lately.of(twin)] == [1, 1, 3]


def test_an_answer_is_worked_out_once_for_one_object_and_again_for_an_equal_one() -> None:
    kept: Kept[object, int] = Kept(Counted(), 2)
    first, twin = [1, 2], [1, 2]
    assert [kept.of(first), kept.of(first), kept.of(twin), kept.of(first)] == [1, 1, 2, 1]


def test_only_the_newest_answers_are_kept() -> None:
    kept: Kept[object, int] = Kept(Counted(), 2)
    values = [object() for _ in range(3)]
    assert [kept.of(value) for value in values] == [1, 2, 3]
    assert [kept.of(values[2]), kept.of(values[0])] == [3, 4]


def test_the_texts_of_nouns_are_those_of_the_whole() -> None:
    tickers = {"B/USDT": Ticker(bid=Decimal("1.0"), at=NOON), 'a"/USDT': Ticker(last=Decimal("2E-9"))}
    dumped = {name: noun.model_dump(exclude_defaults=True, exclude_none=True) for name, noun in tickers.items()}
    for _ in range(2):
        assert texts_of_map("tickers", tickers) == canonical_json(dumped)
    assert texts_of_list("tickers", tickers.values()) == canonical_json(list(dumped.values()))


def a_full_snapshot(**over: Any) -> Snapshot:
    return a_snapshot(
        books={"BTC/USDT": {"bids": [["99", "1"]], "asks": [["101", "2.50"]], "at": NOON}},
        history={"BTC/USDT:USDT": {"funding": [[1_700_000_000_000.0, "0.0001"]], "spread_median": "0.0002"}},
        orders=[{"symbol": "BTC/USDT", "side": "buy", "amount": "1", "client_id": "x", "state": "open"}],
        gaps=["funding: timed out"],
        feeds={"sentiment": {"market": [[1_700_000_000_000.0, "31"]]}},
        candles={"BTC/USDT": {"4h": [[0, 1, 2, 0.5, 1.5, 10], [14_400_000, 1.5, 2, 1, 1.25, 3]]}},
        **over,
    )


def test_the_text_of_a_snapshot_is_that_of_its_parts_written_at_once() -> None:
    for snapshot in (a_snapshot(), a_full_snapshot(), a_snapshot(balances={}, positions=[])):
        written = json.dumps(
            jsonable(snapshot.without_bars()), sort_keys=True, separators=(",", ":"), ensure_ascii=False
        )
        assert snapshot.text == written


def test_a_changed_copy_has_a_text_and_digests_of_its_own() -> None:
    snapshot = a_full_snapshot()
    before = (snapshot.text, snapshot.digest, snapshot.window, snapshot.balances_since)
    later = snapshot.model_copy(update={"at": NOON + timedelta(hours=1)})
    bars = np.array([[0.0, 1, 2, 0.5, 1.5, 11]])
    moved = snapshot.model_copy(update={"candles": {"BTC/USDT": {"4h": bars}}})
    held = snapshot.model_copy(
        update={"balances": (Balance(wallet="spot", asset="BTC", free=Decimal(1), at=NOON - timedelta(hours=1)),)}
    )
    assert later.text != before[0]
    assert len({before[1], later.digest, moved.digest, held.digest}) == 4
    assert (later.window == before[2], moved.window == before[2]) == (True, False)
    assert held.balances_since == NOON - timedelta(hours=1)
    assert (snapshot.text, snapshot.digest, snapshot.window, snapshot.balances_since) == before
