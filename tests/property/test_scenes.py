"""Whatever instant is asked, in whatever order: prices, extremes, candles, books and settlements agree."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import TypeVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.numbers import milliseconds
from bot.venues.simulated.alterations import Alterations, Shock
from bot.venues.simulated.altered import AlteredScene
from bot.venues.simulated.generated import FRAMES_MS, START, GeneratedScene, make_scene, random, tour

SCENES = {"tour": tour(7), "random": random(7)}
SYMBOLS = ("BTC/USDT", "ETH/USDT:USDT", "DOGE/USDT", "LTC/USDT:USDT")

scenes = st.sampled_from(sorted(SCENES)).map(SCENES.__getitem__)
symbols = st.sampled_from(SYMBOLS)
seconds = st.integers(min_value=-290 * 86_400, max_value=70 * 86_400)
instants = seconds.map(lambda s: START + timedelta(seconds=s))
T = TypeVar("T")
spans = st.integers(min_value=1, max_value=8 * 86_400).map(lambda s: timedelta(seconds=s))


@given(scene=scenes, symbol=symbols, ats=st.lists(instants, min_size=2, max_size=6))
@settings(max_examples=40)
def test_any_order_of_asking_gives_the_same_answers(scene: GeneratedScene, symbol: str, ats: list[datetime]) -> None:
    once = [(scene.price(symbol, at), scene.book(symbol, at), scene.quote_volume(symbol, at)) for at in ats]
    again = [(scene.price(symbol, at), scene.book(symbol, at), scene.quote_volume(symbol, at)) for at in reversed(ats)]
    assert once == again[::-1]


@given(at=instants, symbol=symbols)
@settings(max_examples=10)
def test_a_fresh_scene_of_the_same_seed_agrees_and_another_seed_does_not(at: datetime, symbol: str) -> None:
    for name, scene in SCENES.items():
        assert make_scene(name, 7).price(symbol, at) == scene.price(symbol, at)
    assert [make_scene("random", seed).price(symbol, at) for seed in (8, 9)] != [SCENES["random"].price(symbol, at)] * 2


@given(scene=scenes, symbol=symbols, at=instants, span=spans, share=st.floats(0.01, 1))
def test_no_price_lies_outside_the_extremes(
    scene: GeneratedScene, symbol: str, at: datetime, span: timedelta, share: float
) -> None:
    lowest, highest = known(scene.extremes(symbol, at, at + span))
    assert lowest <= known(scene.price(symbol, at + span * share)) <= highest


@given(scene=scenes, symbol=symbols, at=instants, span=spans, share=st.floats(0.01, 0.99))
def test_extremes_of_two_parts_are_those_of_the_whole(
    scene: GeneratedScene, symbol: str, at: datetime, span: timedelta, share: float
) -> None:
    middle, end = at + span * share, at + span
    whole, first, second = (known(scene.extremes(symbol, *part)) for part in ((at, end), (at, middle), (middle, end)))
    assert whole == (min(first[0], second[0]), max(first[1], second[1]))


@given(scene=scenes, symbol=symbols, at=instants, frame=st.sampled_from(sorted(FRAMES_MS)))
def test_candles_agree_with_prices(scene: GeneratedScene, symbol: str, at: datetime, frame: str) -> None:
    length = timedelta(milliseconds=FRAMES_MS[frame])
    bars = scene.candles(symbol, frame, milliseconds(at - 5 * length), 10, at)
    assert 5 <= len(bars) <= 6
    *closed, running = bars.tolist()
    for before, bar in pairwise(bars.tolist()):
        assert bar[0] - before[0] == FRAMES_MS[frame]
        assert bar[1] == before[4]
    for opened_ms, opening, highest, lowest, closing, volume in closed:
        opened = START + timedelta(milliseconds=opened_ms - milliseconds(START))
        assert (scene.price(symbol, opened), scene.price(symbol, opened + length)) == (_exact(opening), _exact(closing))
        passed = known(scene.extremes(symbol, opened, opened + length))
        assert (min(passed[0], _exact(opening)), max(passed[1], _exact(opening))) == (_exact(lowest), _exact(highest))
        assert volume > 0
    assert running[0] <= milliseconds(at) < running[0] + FRAMES_MS[frame]
    assert _exact(running[4]) == scene.price(symbol, at)
    assert running[3] <= min(running[1], running[4]) <= max(running[1], running[4]) <= running[2]


@given(scene=scenes, symbol=symbols, at=instants, frame=st.sampled_from(["2h", "4h", "8h", "12h", "1d"]))
@settings(max_examples=60)
def test_longer_bars_are_made_of_the_hours(scene: GeneratedScene, symbol: str, at: datetime, frame: str) -> None:
    hours = FRAMES_MS[frame] // 3_600_000
    bar = scene.candles(symbol, frame, milliseconds(at), 1, at + timedelta(days=2))[0]
    parts = scene.candles(symbol, "1h", int(bar[0]), hours, at + timedelta(days=2))
    assert len(parts) == hours
    assert bar[1:5].tolist() == [parts[0, 1], parts[:, 2].max(), parts[:, 3].min(), parts[-1, 4]]
    assert bar[5] == pytest.approx(parts[:, 5].sum(), rel=1e-12)


@given(scene=scenes, symbol=symbols, at=instants)
def test_a_bar_closed_is_the_bar_it_was_running_to_be(scene: GeneratedScene, symbol: str, at: datetime) -> None:
    opened_ms = milliseconds(at) // 14_400_000 * 14_400_000
    closes = START + timedelta(milliseconds=opened_ms + 14_400_000 - milliseconds(START))
    last = scene.candles(symbol, "4h", opened_ms, 1, closes - timedelta(milliseconds=1))[0]
    closed = scene.candles(symbol, "4h", opened_ms, 1, closes)[0]
    assert np.allclose(last, closed, rtol=1e-4)
    assert last[2] <= closed[2]
    assert last[3] >= closed[3]


@given(scene=scenes, symbol=symbols, at=instants)
def test_a_book_surrounds_its_price(scene: GeneratedScene, symbol: str, at: datetime) -> None:
    book, price, market = known(scene.book(symbol, at)), known(scene.price(symbol, at)), scene.markets()[symbol]
    tick, step = known(market.tick), known(market.step)
    assert book.bids[0][0] < price < book.asks[0][0]
    assert min(len(book.bids), len(book.asks)) >= 20
    for level, amount in (*book.bids, *book.asks):
        assert level > 0
        assert amount >= step
        assert level % tick == 0
        assert amount % step == 0


@given(scene=scenes, symbol=symbols, at=instants, shocked=st.booleans())
def test_the_touch_is_the_top_of_the_book(scene: GeneratedScene, symbol: str, at: datetime, *, shocked: bool) -> None:
    altered = Alterations(shocks=[Shock(symbol, at, None, Decimal("0.83"))] if shocked else [])
    for seen in (scene, AlteredScene(scene, altered)):
        book = known(seen.book(symbol, at))
        assert seen.touch(symbol, at) == (book.bids[0][0], book.asks[0][0])


@given(scene=scenes, at=instants, span=spans)
def test_settlements_come_every_eight_hours_at_the_rate_last_predicted(
    scene: GeneratedScene, at: datetime, span: timedelta
) -> None:
    charged = scene.settled("SOL/USDT:USDT", at, at + span)
    assert all(at < when <= at + span and when.hour % 8 == 0 for when, _ in charged)
    assert len(charged) in (span // timedelta(hours=8), span // timedelta(hours=8) + 1)
    for when, rate in charged[:3]:
        told = known(scene.funding("SOL/USDT:USDT", when - timedelta(seconds=1)))
        assert (told.rate, told.next_at) == (rate, when)


def known(value: T | None) -> T:
    assert value is not None
    return value


def _exact(value: float) -> Decimal:
    return Decimal(repr(value))
