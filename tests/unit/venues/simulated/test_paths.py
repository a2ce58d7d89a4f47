"""Paths: the same numbers in any order of asking, hours and minutes that fit one another."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from bot.venues.simulated.market import COINS, Coin
from bot.venues.simulated.paths import (
    BLOCK_HOURS,
    BRIDGE,
    CHUNK_HOURS,
    HOUR_MS,
    VOLUME,
    Floats,
    Paths,
    Stretch,
    aggregated,
    bars_of,
    joined,
    stream,
)
from bot.venues.simulated.random_walk import RandomWalk

FIRST_HOUR = 20_000 * 24


class Flat:
    """A course that goes nowhere."""

    def __init__(self, coins: tuple[Coin, ...]) -> None:
        self._coins = coins

    def beginning(self) -> Floats:
        return np.log([coin.price for coin in self._coins])

    def stretches(self) -> Iterator[Stretch]:
        one = np.ones((CHUNK_HOURS, len(self._coins)))
        while True:
            yield Stretch(one * 0, one * 0.005, one, one, one, one * 1e-4)


def some_paths(seed: int = 7) -> Paths:
    return Paths(seed, COINS, RandomWalk(seed, COINS), FIRST_HOUR)


def test_the_order_of_asking_changes_nothing() -> None:
    forward, backward = some_paths(), some_paths()
    blocks = [0, 9, 10, 25]
    one = [forward.minutes(1, block, swap=False, digits=2) for block in blocks]
    other = [backward.minutes(1, block, swap=False, digits=2) for block in reversed(blocks)]
    for left, right in zip(one, reversed(other), strict=True):
        assert np.array_equal(left, right)


def test_forgotten_blocks_come_back_the_same() -> None:
    paths = some_paths()
    first = paths.minutes(0, 0, swap=False, digits=2).copy()
    for block in range(1, 80):
        paths.minutes(0, block, swap=False, digits=2)
    assert np.array_equal(paths.minutes(0, 0, swap=False, digits=2), first)


def test_another_seed_is_another_market() -> None:
    assert not np.array_equal(some_paths(7).chunk(0).logs, some_paths(8).chunk(0).logs)


@pytest.mark.parametrize("swap", [False, True])
def test_blocks_and_chunks_join_without_a_jump(swap: bool) -> None:
    paths = some_paths()
    for block in (0, CHUNK_HOURS // BLOCK_HOURS - 1):
        before = paths.minutes(2, block, swap=swap, digits=3)
        after = paths.minutes(2, block + 1, swap=swap, digits=3)
        assert before[-1] == after[0]


def test_minutes_end_each_hour_where_the_hour_ends() -> None:
    paths = some_paths()
    closes = np.exp(paths.chunk(0).logs[: BLOCK_HOURS + 1, 0])
    assert np.allclose(paths.minutes(0, 0, swap=False, digits=2)[::60], closes, atol=0.005)


def test_minutes_stray_as_far_as_the_hour_is_wild() -> None:
    paths = Paths(3, COINS, Flat(COINS), FIRST_HOUR)
    moves = np.diff(np.log(paths.minutes(0, 0, swap=False, digits=2)))
    assert 0.9 < moves.std() * np.sqrt(60) / 0.005 < 1.1


def test_a_perpetual_stands_over_spot_while_longs_pay() -> None:
    paths = Paths(3, COINS, Flat(COINS), FIRST_HOUR)
    spot, swap = (paths.minutes(0, 0, swap=swap, digits=2) for swap in (False, True))
    assert np.allclose(swap / spot, np.exp(1e-4), rtol=1e-6)


def test_no_price_is_ever_nothing() -> None:
    class Falling(Flat):
        def stretches(self) -> Iterator[Stretch]:
            for flat in super().stretches():
                yield Stretch(flat.returns - 0.01, flat.wobble, flat.activity, flat.spread, flat.depth, flat.premium)

    assert Paths(1, COINS, Falling(COINS), FIRST_HOUR).minutes(5, 9, swap=False, digits=5).min() == 1e-5


def test_streams_of_a_seed_are_independent_of_one_another_and_of_the_order() -> None:
    assert stream(7, VOLUME, 3).random() == stream(7, VOLUME, 3).random()
    assert stream(7, VOLUME, 3).random() != stream(7, BRIDGE, 3).random()
    assert stream(-1, VOLUME).random() == stream(-1, VOLUME).random()


def test_stretches_join_in_their_order() -> None:
    flat = next(Flat(COINS).stretches())
    more = Stretch(flat.returns + 1, flat.wobble, flat.activity, flat.spread, flat.depth, flat.premium)
    both = joined([flat, more])
    assert both.returns.shape == (2 * CHUNK_HOURS, len(COINS))
    assert (both.returns[0, 0], both.returns[-1, 0]) == (0, 1)


def _hours(first: int, closes: list[float]) -> Floats:
    rows = [[(first + k) * HOUR_MS, close - 1, close + 2, close - 3, close, 10.0 + k] for k, close in enumerate(closes)]
    return np.array(rows)


def test_longer_bars_hold_first_open_extremes_last_close_and_all_volume() -> None:
    bars = aggregated(_hours(8, [100, 110, 90, 95, 70]), 4 * HOUR_MS)
    assert bars.tolist() == [
        [8 * HOUR_MS, 99, 112, 87, 95, 10 + 11 + 12 + 13],
        [12 * HOUR_MS, 69, 72, 67, 70, 14],
    ]


def test_a_gap_leaves_a_bar_of_what_there_is_and_no_bar_where_there_is_nothing() -> None:
    hours = np.concatenate((_hours(9, [100.0]), _hours(17, [50.0])))
    bars = aggregated(hours, 4 * HOUR_MS)
    assert bars[:, 0].tolist() == [8 * HOUR_MS, 16 * HOUR_MS]
    assert aggregated(hours[:0], 4 * HOUR_MS).shape == (0, 6)


def test_bars_of_a_path_touch_their_own_ends() -> None:
    knots = np.array([10.0, 12, 11, 15, 9, 8, 14])
    bars = bars_of(knots, 0, 3, np.array([1.0, 2.0]))
    assert bars.tolist() == [[0, 10, 15, 10, 15, 1], [180_000, 15, 15, 8, 14, 2]]
