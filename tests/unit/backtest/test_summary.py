from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from rich.console import Console

from bot.backtest.result import Curve, Payment, Result, Trade
from bot.backtest.summary import held, slippage, summary, summary_view

AT = datetime(2026, 1, 5, tzinfo=UTC)
DAY_MS = 86_400_000


def curve(prices: list[list[float]], targets: list[float], equity: list[float]) -> Curve:
    """One row a day of as many assets as there are targets."""
    rows, known = len(prices), np.array(prices, dtype=np.float64)
    block = np.zeros_like(known)
    times = np.arange(rows, dtype=np.int64) * DAY_MS + int(AT.timestamp() * 1000)
    names = ("BTC", "ETH")[: len(targets)]
    target = np.tile(targets, (rows, 1))
    return Curve(
        times,
        np.array(equity, dtype=np.float64),
        np.zeros(rows),
        np.zeros(rows),
        names,
        known,
        block,
        block,
        target,
        block,
        block,
    )


def trade(qty: str, price: str, reference: str | None, fee: str = "1") -> Trade:
    mid = None if reference is None else Decimal(reference)
    return Trade(
        AT, "d1", "d1-1", "add", "R-A11", "spot", "BTC/USDT", "BTC", Decimal(qty), Decimal(price), mid, Decimal(fee)
    )


def result(of: Curve, trades: tuple[Trade, ...] = (), payments: tuple[Payment, ...] = ()) -> Result:
    until = AT + timedelta(days=len(of) - 1)
    counts = {"decisions": len(of), "holds": 1, "actions.add": 2}
    return Result("tested", {}, "USDT", AT, until, of, trades, payments, (), counts, ("a note",))


def test_targets_bought_and_held_grow_with_prices_and_cash_stays() -> None:
    worth = held(curve([[100, 10], [200, 10], [200, 5]], [0.5, 0.3], [1000, 1, 1]))
    assert worth.tolist() == pytest.approx([1000, 1500, 1350])


def test_an_asset_without_a_price_is_not_bought_and_one_that_loses_it_keeps_its_last() -> None:
    worth = held(curve([[100, np.nan], [200, 10], [np.nan, 20]], [0.5, 0.3], [1000, 1, 1]))
    assert worth.tolist() == pytest.approx([1000, 1500, 1500])


def test_slippage_is_paid_above_the_mid_by_buys_and_below_it_by_sales() -> None:
    trades = (trade("2", "101", "100"), trade("-2", "99", "100"), trade("1", "120", None))
    assert slippage(result(curve([[1], [1]], [1], [1, 1]), trades)) == Decimal(4)


def test_the_summary_adds_up_fills_fees_and_payments() -> None:
    paid = (Payment(AT, "funding", "BTC/USDT:USDT", Decimal("-3.5")), Payment(AT, "interest", "USDT", Decimal(2)))
    of = curve([[100]] * 366, [0.5], [1000.0] * 366)
    body = summary(result(of, (trade("2", "100", "100", "0.2"), trade("-1", "100", "100", "0.1")), paid))
    assert body["traded"] == {
        "fills": 2,
        "notional": "300",
        "turnover_per_year": pytest.approx(0.3),
        "fees": "0.3",
        "slippage": "0",
    }
    assert body["payments"] == {"funding": "-3.5", "interest": "2"}
    assert body["equity"] == {"first": "1000", "last": "1000"}
    assert body["figures"]["total"] == 0
    assert body["held"]["last"] == "1000"


def test_rows_without_equity_are_unknown_and_not_zero() -> None:
    body = summary(result(curve([[100]] * 3, [0.5], [np.nan, 1000.0, 1100.0])))
    assert body["equity"] == {"first": "1000", "last": "1100"}
    assert body["figures"]["total"] == pytest.approx(0.1)
    assert body["held"]["last"] == "1000"  # bought once equity was known, at prices that stood still


def test_people_see_figures_beside_holding_and_every_note() -> None:
    console = Console(width=120)
    with console.capture() as capture:
        console.print(
            summary_view(summary(result(curve([[100], [110]], [1], [1000, 1050]), (trade("1", "100", "100"),))))
        )
    shown = capture.get()
    for words in (
        "equity at the end",
        "1,050.00",
        "1,100.00",
        "5.0 %",
        "10.0 %",
        "too short to say",
        "add 2",
        "a note",
    ):
        assert words in shown, words
