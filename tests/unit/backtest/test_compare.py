from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.backtest.compare import BETTER, compared, measured, part, within_noise
from bot.backtest.noise import NAMES, Resampled
from bot.backtest.result import Curve, Floats, Payment, Result, Trade
from bot.backtest.windows import windows
from bot.render.compare import compare_view, differences
from tests.unit.render.bodies import text_of as shown

BEGUN = datetime(2022, 1, 1, tzinfo=UTC)
DAYS = 120


def walk(seed: int, mean: float = 0.001, spread: float = 0.02, days: int = DAYS) -> Floats:
    made: Floats = np.random.default_rng(seed).normal(mean, spread, days)
    return made


def a_trade(day: int, qty: str = "1", price: str = "100") -> Trade:
    at = BEGUN + timedelta(days=day)
    words = ("d", "a", "trim", "R-A2", "spot", "BTC/USDT", "BTC")
    return Trade(at, *words, Decimal(qty), Decimal(price), Decimal(price), Decimal("0.1"))


def a_result(name: str, daily: Floats, trades: tuple[Trade, ...] = (), payments: tuple[Payment, ...] = ()) -> Result:
    equity = 1000 * np.concatenate(([1.0], np.cumprod(1 + daily)))
    times = int(BEGUN.timestamp() * 1000) + np.arange(len(equity), dtype=np.int64) * 86_400_000
    none = np.empty((len(equity), 0))
    zero = np.zeros(len(equity))
    curve = Curve(times, equity, equity, zero, (), none, none, none, none, none, none)
    until = BEGUN + timedelta(days=len(daily))
    return Result(name, {}, "USDT", BEGUN, until, curve, trades, payments)


def test_the_same_curve_twice_has_no_difference_that_is_more_than_noise() -> None:
    drawn = Resampled([walk(1), walk(1)])
    for name in NAMES:
        made = drawn.difference(name, 0, 1)
        assert made is not None
        assert (made.value, made.low, made.high, made.noise) == (0, 0, 0, True)


def test_a_steady_edge_over_the_same_market_is_more_than_noise_though_the_market_is_wild() -> None:
    market = walk(2, spread=0.05)
    made = Resampled([market + 0.0005, market]).difference("sharpe", 0, 1)
    assert made is not None
    assert not made.noise
    assert made.low > 0


def test_two_unrelated_histories_of_one_kind_differ_within_noise() -> None:
    made = Resampled([walk(3), walk(4)]).difference("cagr", 0, 1)
    assert made is not None
    assert made.noise


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 99), st.integers(100, 199))
def test_a_difference_turned_round_is_its_negative(one: int, other: int) -> None:
    drawn = Resampled([walk(one), walk(other)], samples=100)
    for name in NAMES:
        there, back = drawn.difference(name, 0, 1), drawn.difference(name, 1, 0)
        assert there is not None
        assert back is not None
        assert there.value == pytest.approx(-back.value)
        assert (there.low, there.high) == pytest.approx((-back.high, -back.low))


def test_too_few_days_or_days_that_do_not_match_tell_no_difference() -> None:
    assert Resampled([walk(1, days=20), walk(2, days=20)]).difference("cagr", 0, 1) is None
    assert Resampled([walk(1), walk(2, days=DAYS - 1)]).difference("cagr", 0, 1) is None


def test_what_lies_in_the_windows_adds_up_to_the_whole() -> None:
    trades = tuple(a_trade(day) for day in (0, 10, 59, 60, 119))
    payments = tuple(Payment(BEGUN + timedelta(days=day), "funding", "BTC", Decimal(1)) for day in (5, 60))
    result = a_result("one", walk(5), trades, payments)
    cuts = windows(result.since, result.until, 2)
    halves = [part(result, cut) for cut in cuts]
    assert [len(each.trades) for each in halves] == [3, 2]
    assert [len(each.payments) for each in halves] == [1, 1]
    assert sum(len(each.curve) for each in halves) == len(result.curve) - 1  # the last row is the span's end
    fees = [measured(each)["fees"] for each in halves]
    assert sum(fee for fee in fees if fee is not None) == pytest.approx(0.5)


def test_the_best_of_each_figure_is_the_one_that_has_more_gain_and_less_of_what_hurts() -> None:
    good, bad = a_result("good", walk(6) + 0.002), a_result("bad", walk(6), (a_trade(3),))
    body = compared([bad, good], windows(good.since, good.until, 2))
    best = body["whole"]["best"]
    assert {best[name] for name in ("total", "cagr", "sharpe", "drawdown", "fees", "turnover")} == {"good"}
    assert "fills" not in best
    assert "funding" not in best  # nobody received any
    assert within_noise(body["whole"], "sharpe", "bad", "good") is False
    assert within_noise(body["whole"], "fees", "bad", "good") is None
    assert len(body["windows"]) == 2
    assert set(body["windows"][0]["runs"]["good"]) == set(BETTER)


def test_what_a_span_is_too_short_for_is_unknown_and_not_nought() -> None:
    found = measured(a_result("short", walk(7, days=10)))
    assert (found["cagr"], found["sharpe"], found["volatility"]) == (None, None, None)
    assert found["total"] is not None


def test_a_comparison_says_in_words_what_is_noise_and_marks_the_best() -> None:
    one, other = a_result("one", walk(3)), a_result("other", walk(4))
    body = compared([one, other], windows(one.since, one.until, 1))
    assert body["windows"] == []  # one window is the whole
    assert all(line.endswith(": within noise") for line in differences(body["whole"]))
    text = shown(compare_view(body))
    assert "★" in text
    assert "≈" in text
    assert "Sharpe: other − one" in text
