from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from bot.core.prices import Price, book_of, candles_symbol, day_volume, half_spread, price_of, quoted, stale
from bot.core.snapshot import Snapshot, Ticker, build
from tests.rules.accounts import AT, account, policy

BTC, SWAP = "BTC/USDT", "BTC/USDT:USDT"
WANTED = policy({"BTC": 50})
FRESH = timedelta(seconds=30)


def snapshot(**changes: Any) -> Snapshot:
    """An account with one asset; ``changes`` replace whole parts."""
    return build({**account({"BTC": 50}, 50), **changes})


def ticker(**parts: Any) -> Ticker:
    return Ticker.model_validate(parts)


@pytest.mark.parametrize(
    ("seen", "value", "note"),
    [
        (ticker(bid="99", ask="101", last="5"), "100", ""),
        (ticker(bid="99", last="98"), "98", "no bid and ask: last price"),
        (ticker(bid="0", ask="101", last="98"), None, "bid 0 or ask 101 is not above 0"),
        (ticker(bid="102", ask="101"), None, "crossed: bid 102 over ask 101"),
        (ticker(last="0"), None, "last price 0 is not above 0"),
        (ticker(), None, "no bid, ask or last price"),
        (None, None, "no ticker"),
    ],
)
def test_a_quote_is_the_mid_else_the_last_price_else_nothing(seen: Ticker | None, value: str | None, note: str) -> None:
    found = quoted(seen)
    assert (found.value, found.note) == (Decimal(value) if value else None, note)


def test_what_has_no_instant_is_as_old_as_the_snapshot() -> None:
    assert not stale(None, AT, FRESH)
    assert not stale(AT - FRESH, AT, FRESH)
    assert stale(AT - FRESH - timedelta(milliseconds=1), AT, FRESH)


def test_a_price_without_a_history_is_believed() -> None:
    assert price_of(BTC, snapshot(), WANTED).value == 50_000


def test_a_first_price_that_a_second_source_is_far_away_from_is_unknown_and_a_near_one_is_believed() -> None:
    # Seed 7036 of half a day, 2026-12-01: the very first quote was a third under the perpetual's, and was sold at.
    seen = snapshot(books={})
    far = price_of(BTC, seen, WANTED, [Decimal(80_000)])
    assert far == Price(None, "50000 is 38% away from 80000 of a second source, at most 20%")
    assert price_of(BTC, seen, WANTED, [Decimal(60_000)]).value == 50_000
    assert price_of(BTC, seen, WANTED, [None]).value == 50_000
    assert price_of(BTC, seen, WANTED, [Decimal(80_000), Decimal(51_000)]).value == 50_000


@pytest.mark.parametrize(("last_good", "known"), [("41700", True), ("41600", False), ("62500", True), ("63000", False)])
def test_a_jump_of_more_than_a_fifth_needs_a_second_source(last_good: str, known: bool) -> None:
    seen = snapshot(memory={"last_good_prices": {BTC: last_good}}, books={})
    assert (price_of(BTC, seen, WANTED).value is not None) == known
    assert price_of(BTC, seen, WANTED, [Decimal(50_000)]).value == 50_000
    assert (price_of(BTC, seen, WANTED, [Decimal(47_000)]).value is not None) == known  # 6 % away confirms nothing


def test_the_last_close_is_a_reference_and_a_second_source() -> None:
    bars = {BTC: {"4h": [[0, 40_000, 40_000, 40_000, 40_000, 1]]}}
    assert price_of(BTC, snapshot(candles=bars, books={}), WANTED).value is None
    near = {BTC: {"4h": [[0, 50_000, 50_000, 50_000, 50_000, 1]]}}
    seen = snapshot(candles=near, books={}, memory={"last_good_prices": {BTC: "40000"}})
    assert price_of(BTC, seen, WANTED).value == 50_000


def test_the_newest_close_counts_whatever_the_order_of_the_timeframes() -> None:
    frames = {"4h": [[7_200_000, 1, 1, 1, 41_000, 1]], "1d": [[0, 1, 1, 1, 50_000, 1]]}
    turned = dict(reversed(frames.items()))
    notes = {price_of(BTC, snapshot(candles={BTC: each}, books={}), WANTED).note for each in (frames, turned)}
    assert len(notes) == 1
    assert "41000" in notes.pop()


def test_a_book_without_both_sides_or_too_old_is_none() -> None:
    level = [["1", "1"]]
    old = (AT - timedelta(seconds=31)).isoformat()
    seen = snapshot(books={"A": {"bids": level, "asks": []}, "B": {"bids": level, "asks": [["2", "1"]], "at": old}})
    assert book_of("A", seen, FRESH) is None
    assert book_of("B", seen, FRESH) is None
    assert book_of("B", seen, None) is not None
    assert book_of("C", seen, None) is None


def test_half_the_spread_is_the_books_else_the_tickers() -> None:
    assert half_spread(BTC, snapshot(), FRESH) == Decimal("0.0001")
    wide = {BTC: {"bids": [["49900", "1"]], "asks": [["50100", "1"]]}}
    assert half_spread(BTC, snapshot(books=wide), FRESH) == Decimal("0.002")
    assert half_spread(BTC, snapshot(books={}), FRESH) == Decimal("0.0001")
    assert half_spread(BTC, snapshot(books={}, tickers={BTC: {"last": "50000"}}), FRESH) is None
    crossed = {BTC: {"bids": [["50100", "1"]], "asks": [["49900", "1"]]}}
    assert half_spread(BTC, snapshot(books=crossed), FRESH) is None


def test_candles_are_under_the_spot_symbol_else_the_perpetuals() -> None:
    bars: dict[str, list[list[float]]] = {"4h": []}
    assert candles_symbol("BTC", SWAP, snapshot(candles={BTC: bars, SWAP: bars}), WANTED) == BTC
    assert candles_symbol("BTC", SWAP, snapshot(candles={SWAP: bars}), WANTED) == SWAP


def test_a_days_volume_is_the_tickers_else_summed_from_the_finest_candles() -> None:
    hour = 3_600_000
    fine = [[at * hour, 2, 2, 2, 2, 5] for at in range(48)]
    coarse = [[at * 24 * hour, 2, 2, 2, 2, 100] for at in range(2)]
    bare = {BTC: {"bid": "2", "ask": "2"}}
    assert day_volume(BTC, SWAP, snapshot()) == 100_000_000
    for frames in ({"1h": fine, "1d": coarse}, {"1d": coarse, "1h": fine}):
        assert day_volume(BTC, SWAP, snapshot(tickers=bare, candles={BTC: frames})) == 240
    assert day_volume(BTC, SWAP, snapshot(tickers=bare, candles={SWAP: {"1d": coarse}})) == 200
    assert day_volume(BTC, SWAP, snapshot(tickers=bare, candles={BTC: {"1h": fine[:1]}})) is None
