"""What a generated market is apart from its price: books, filters, seasons."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest

from bot.core.snapshot import Book
from bot.venues.simulated.market import (
    COINS,
    Coin,
    Grid,
    book,
    grids,
    markets,
    on_tick,
    power_of_ten,
    seasons,
    tops,
    touch,
)

AT = datetime(2026, 1, 5, tzinfo=UTC)


def a_book(*, mid: float = 87_000, spread: float = 1e-4, depth: float = 9e6, tick: int = 2, step: int = 5) -> Book:
    return book(mid, spread, depth, Grid(tick, step), AT, ripple=42.0)


def _near(book_: Book, mid: Decimal) -> tuple[Decimal, Decimal]:
    reach = mid * Decimal("0.005")
    bids = sum((price * amount for price, amount in book_.bids if price >= mid - reach), Decimal(0))
    asks = sum((price * amount for price, amount in book_.asks if price <= mid + reach), Decimal(0))
    return bids, asks


@pytest.mark.parametrize("coin", COINS, ids=lambda coin: str(coin.name))
def test_a_book_has_twenty_levels_a_side_best_first_and_is_not_crossed(coin: Coin) -> None:
    made = a_book(mid=coin.price, spread=coin.spread, depth=coin.depth, tick=coin.spot_digits[0])
    assert len(made.bids) >= 20
    assert len(made.asks) >= 20
    assert made.bids[0][0] < made.asks[0][0]
    assert all(better[0] > worse[0] for better, worse in pairwise(made.bids))
    assert all(better[0] < worse[0] for better, worse in pairwise(made.asks))


def test_the_depth_asked_for_rests_within_half_a_percent() -> None:
    for side in _near(a_book(depth=9e6), Decimal(87_000)):
        assert abs(side / 9_000_000 - 1) < Decimal("0.01")


def test_the_spread_asked_for_lies_between_the_best_prices() -> None:
    made = a_book(mid=87_000, spread=0.001)
    assert made.asks[0][0] - made.bids[0][0] == Decimal("87.00")


def test_levels_lie_on_tick_and_step() -> None:
    made = a_book(mid=0.125, depth=1e6, tick=5, step=0)
    for price, amount in (*made.bids, *made.asks):
        assert price % Decimal("0.00001") == 0
        assert amount % 1 == 0
        assert amount >= 1


def test_a_coarse_tick_still_gives_different_prices_and_none_at_or_under_zero() -> None:
    made = a_book(mid=0.05, depth=1e5, tick=2, step=0)
    assert [price for price, _ in made.bids] == [Decimal("0.04"), Decimal("0.03"), Decimal("0.02"), Decimal("0.01")]
    assert [price for price, _ in made.asks[:3]] == [Decimal("0.06"), Decimal("0.07"), Decimal("0.08")]


def test_the_same_instant_gives_the_same_book_as_a_checked_noun_would() -> None:
    assert a_book() == a_book()
    made = a_book()
    assert Book(bids=made.bids, asks=made.asks, at=AT) == made


@pytest.mark.parametrize("coin", COINS, ids=lambda coin: str(coin.name))
def test_one_book_is_the_book_that_is_made_among_many(coin: Coin) -> None:
    tick, step = coin.spot_digits
    made = a_book(mid=coin.price, spread=coin.spread, depth=coin.depth, tick=tick, step=step)
    mid, spread, depth, ripple = (np.array([value]) for value in (coin.price, coin.spread, coin.depth, 42.0))
    sides = tops(mid, spread, depth, (tick, step), ripple)
    for levels, (ticks, amounts) in zip((made.bids, made.asks), sides, strict=True):
        assert [str(price.scaleb(tick)) for price, _ in levels] == [str(each) for each in ticks[0]]
        assert [str(amount.scaleb(step)) for _, amount in levels] == [str(each) for each in amounts[0]]


def test_no_bid_is_told_where_not_one_tick_is_left_for_it() -> None:
    made, told = a_book(mid=0.01, depth=1e5, tick=2, step=0), touch(0.01, 1e-4, Grid(2, 0))
    assert (made.bids, told) == ((), (None, made.asks[0][0]))


def test_every_coin_trades_spot_and_as_a_perpetual_with_filters_and_fees() -> None:
    listed = markets(COINS)
    assert {"BTC/USDT", "BTC/USDT:USDT", "LTC/USDT", "LTC/USDT:USDT"} <= set(listed)
    assert len(listed) == 20
    assert listed["BTC/USDT"].taker == Decimal("0.001")
    assert (listed["ETH/USDT:USDT"].maker, listed["ETH/USDT:USDT"].taker) == (Decimal("0.0002"), Decimal("0.0005"))
    for symbol, market in listed.items():
        assert market.step is not None
        assert market.tick == power_of_ten(-grids(COINS)[symbol].tick)
        assert (market.maintenance_rate is not None) == (":" in symbol)
    rates = [market.maintenance_rate for market in listed.values() if market.maintenance_rate is not None]
    assert min(rates) == Decimal("0.004")
    assert max(rates) <= Decimal("0.01")


def test_a_price_is_written_on_its_tick() -> None:
    assert str(on_tick(86_868.894, 2)) == "86868.89"
    assert str(power_of_ten(-3)) == "0.001"
    assert power_of_ten(2) == 100


def test_afternoons_are_busier_than_nights_and_weekends_quieter_than_weeks() -> None:
    monday = int(AT.timestamp()) // 3600
    week = seasons(monday, 168)
    assert week[15] > 1.5 * week[3]
    assert week[5 * 24 : 7 * 24].mean() < 0.8 * week[: 5 * 24].mean()
    assert seasons(monday + 30, 1)[0] == week[30]
