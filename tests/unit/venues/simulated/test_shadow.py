from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from bot.core.snapshot import Snapshot
from bot.venues.simulated.shadow import ShadowAccount
from tests.builders import NOON, a_snapshot, an_intent

D = Decimal
MINUTE = timedelta(minutes=1)
BOOK = {"bids": [["99.9", "1"], ["99.8", "5"]], "asks": [["100.1", "1"], ["100.3", "5"]]}


def seen(minutes: int = 0, price: str = "100", *, book: bool = True) -> Snapshot:
    at = NOON + minutes * MINUTE
    books: dict[str, Any] = {name: {**BOOK, "at": at} for name in ("BTC/USDT", "BTC/USDT:USDT")} if book else {}
    return a_snapshot(at=at, price=price, books=books)


def account(snapshot: Snapshot | None = None) -> ShadowAccount:
    return ShadowAccount(snapshot or seen(), "USDT", timedelta(0))


def test_a_taker_walks_the_recorded_book_and_pays_the_listed_fee() -> None:
    made = account().place(an_intent(qty="3", price="101", tif="ioc"), None)
    assert (made.filled, made.average) == (D(3), (D("100.1") + 2 * D("100.3")) / 3)
    assert made.fee == pytest.approx(D("0.3007"), rel=D("0.01"))


def test_a_limit_stops_the_walk_as_it_did_on_the_venue() -> None:
    made = account().place(an_intent(qty="3", price="100.1", tif="ioc"), None)
    assert (made.filled, made.average) == (D(1), D("100.1"))


def test_what_an_order_took_is_gone_for_the_next_one_of_the_same_decision() -> None:
    both = account()
    both.place(an_intent(qty="1", price="101", tif="ioc", client_id="b1"), None)
    made = both.place(an_intent(qty="1", price="101", tif="ioc", client_id="b2"), None)
    assert made.average == D("100.3")


def test_an_account_that_holds_nothing_here_sells_shorts_and_closes_like_the_one_that_traded() -> None:
    sale = account().place(an_intent(qty="-600", price="99", tif="ioc"), None)
    assert sale.filled == 6
    swap = "BTC/USDT:USDT"
    closed = account().place(an_intent(symbol=swap, qty="1", price="101", tif="ioc", reduce_only=True), None)
    assert (closed.filled, closed.average, closed.refused) == (D(1), D("100.1"), "")


def test_a_resting_order_that_a_later_price_went_through_is_filled_at_its_own() -> None:
    one = account()
    placed = one.place(an_intent(qty="1", price="99.9", tif="post_only"), NOON + 2 * MINUTE)
    assert (placed.filled, placed.told) == (D(0), False)
    one.saw(seen(1, "99"))
    (made,) = one.ended(NOON + 3 * MINUTE).values()
    assert (made.filled, made.average, made.told) == (D(1), D("99.9"), True)
    assert not one.waits


def test_a_resting_order_that_prices_stayed_away_from_is_told_and_unfilled() -> None:
    one = account()
    one.place(an_intent(qty="1", price="99.9", tif="post_only"), NOON + 2 * MINUTE)
    one.saw(seen(1, "101"))
    (made,) = one.ended(NOON + 3 * MINUTE).values()
    assert (made.filled, made.told) == (D(0), True)


def test_a_price_recorded_after_an_order_ended_tells_nothing_of_it() -> None:
    one = account()
    one.place(an_intent(qty="1", price="99.9", tif="post_only"), NOON + MINUTE)
    one.saw(seen(5, "90"))
    (made,) = one.ended(NOON + 5 * MINUTE).values()
    assert (made.filled, made.told) == (D(0), False)


def test_what_paper_would_not_have_taken_says_why() -> None:
    made = account().place(an_intent(qty="1", price="100.2", tif="post_only"), NOON + MINUTE)
    assert made.filled == 0
    assert "would take at once" in made.refused


def test_without_a_book_it_is_made_from_spread_and_volume_as_paper_does() -> None:
    made = account(seen(book=False)).place(an_intent(qty="1", price="101", tif="ioc"), None)
    assert (made.filled, made.average) == (D(1), D("100.1"))
