"""Days made of shorter bars, and the memo that keeps no series."""

from __future__ import annotations

from functools import partial

import numpy as np

from bot.core.readings.daily import daily
from bot.core.readings.memo import Memo
from tests.unit.core.readings.series import REGIME_MS, SIGNAL_MS, a_walk


def test_six_bars_of_four_hours_make_a_day() -> None:
    bars = a_walk(60)
    made = daily(bars, SIGNAL_MS)
    part = bars[6:12]
    expected = [part[0, 0], part[0, 1], part[:, 2].max(), part[:, 3].min(), part[-1, 4], part[:, 5].sum()]
    assert made.shape == (10, 6)
    np.testing.assert_allclose(made[1], expected)


def test_a_day_that_is_not_over_or_has_a_hole_is_none() -> None:
    bars = np.delete(a_walk(60), [7, 59], axis=0)
    whole = a_walk(10, timeframe_ms=REGIME_MS)
    assert daily(bars, SIGNAL_MS)[:, 0].tolist() == np.delete(whole, [1, 9], axis=0)[:, 0].tolist()


def test_daily_bars_stay_what_they_are() -> None:
    bars = a_walk(20, timeframe_ms=REGIME_MS)
    assert daily(bars, REGIME_MS) is bars
    assert daily(bars[:0], SIGNAL_MS).shape == (0, 6)


def _noted(made: list[int], key: int) -> int:
    made.append(key)
    return key * 10


def test_a_memo_makes_each_answer_once_and_drops_the_oldest() -> None:
    made: list[int] = []
    memo: Memo[int] = Memo(2)

    def ask(key: int) -> int:
        return memo.of(key, lambda: _noted(made, key))

    assert [ask(key) for key in (1, 2, 1, 3, 2, 1)] == [10, 20, 10, 30, 20, 10]
    assert made == [1, 2, 3, 1]


def test_a_memo_forgets_what_no_decision_asked_for_lately_and_keeps_what_every_one_does() -> None:
    made: list[int] = []
    memo: Memo[int] = Memo(10_000)
    for turn in range(1_000):
        memo.turn()
        memo.of(7, lambda: _noted(made, 7))
        memo.of(1_000 + turn, partial(_noted, made, 1_000 + turn))
    assert made.count(7) == 1
    assert len(memo) < 200
