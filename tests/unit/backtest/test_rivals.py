from __future__ import annotations

import numpy as np
import pytest

from bot.backtest import rivals
from bot.backtest.rivals import by_bands, by_calendar, drift, held, ideal, tracking_error
from tests.unit.backtest.results import a_curve


def test_held_buys_the_first_targets_and_pays_for_it_once() -> None:
    found = held(a_curve([[100, 10], [200, 10], [200, 5]], [0.5, 0.3]), cost=0.01)
    assert found.equity.tolist() == pytest.approx([992, 1492, 1342])
    assert found.trades == 2
    assert [found.traded, found.costs] == pytest.approx([800, 8])


def test_bands_bring_an_asset_back_once_it_is_outside_and_not_before() -> None:
    rows = [[100.0, 10.0]] * 3 + [[118.0, 10.0]] * 3 + [[140.0, 10.0]] * 3
    found = by_bands(a_curve(rows, [0.5, 0.3]), cost=0.0)
    # 5 BTC, 30 ETH, 200 cash. At 118 BTC weighs 590 / 1,090 = 0.541, inside 0.55; at 140 700 / 1,200: sold to half.
    assert found.trades == 3
    assert found.traded == pytest.approx(800 + 100)
    assert found.equity.tolist() == pytest.approx([1000] * 3 + [1090] * 3 + [1200] * 3)


def test_narrower_bands_trade_more() -> None:
    walk = 100 * np.exp(np.cumsum(np.random.default_rng(3).normal(0, 0.02, (2_000, 2)), axis=0))
    traded = [by_bands(a_curve(walk.tolist(), [0.5, 0.3]), 0.001, width).traded for width in rivals.BANDS]
    assert traded == sorted(traded, reverse=True)
    assert traded[0] > 2 * traded[-1]


def test_looking_at_many_rows_at_once_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    walk = 100 * np.exp(np.cumsum(np.random.default_rng(5).normal(0, 0.02, (700, 3)), axis=0))
    flows = np.zeros(700)
    flows[[50, 400]] = (300.0, -200.0)
    curve = a_curve(walk.tolist(), [0.4, 0.3, 0.2], flows=flows.tolist())
    whole = [by_bands(curve, 0.001), by_calendar(curve, 0.001, "weekly")]
    monkeypatch.setattr(rivals, "SHORTEST", 1)
    monkeypatch.setattr(rivals, "LONGEST", 1)
    for one, other in zip(whole, (by_bands(curve, 0.001), by_calendar(curve, 0.001, "weekly")), strict=True):
        assert np.allclose(one.equity, other.equity, rtol=1e-12)
        assert one.trades == other.trades


@pytest.mark.parametrize(("period", "rounds"), [("daily", 39), ("weekly", 6), ("monthly", 2), ("quarterly", 0)])
def test_the_calendar_trades_at_the_first_row_of_each_period_alone(period: str, rounds: int) -> None:
    prices = [[100.0 + row % 5, 10.0] for row in range(40 * 24)]  # 30 January to 10 March
    found = by_calendar(a_curve(prices, [0.5, 0.3]), 0.0, period)
    assert len(np.flatnonzero(np.diff(found.equity) != 0)) > 100
    assert found.trades == 2 + 2 * rounds


def test_money_that_comes_is_put_into_the_targets_and_is_no_gain() -> None:
    found = held(a_curve([[100, 10]] * 4, [0.5, 0.3], flows=[0, 0, 500, 0]), cost=0.0)
    assert found.equity.tolist() == pytest.approx([1000, 1000, 1500, 1500])
    assert found.traded == pytest.approx(800 + 400)


def test_money_that_goes_is_taken_from_everything_alike() -> None:
    found = held(a_curve([[100, 10]] * 3, [0.5, 0.3], flows=[0, -500, 0]), cost=0.0)
    assert found.equity.tolist() == pytest.approx([1000, 500, 500])
    assert found.traded == pytest.approx(800 + 400)


def test_an_asset_without_a_price_waits_in_stables_until_it_has_one() -> None:
    prices = [[100.0, float("nan")], [100.0, 10.0], [100.0, 20.0]]
    assert held(a_curve(prices, [0.5, 0.3]), cost=0.0).equity.tolist() == pytest.approx([1000, 1000, 1000])
    assert by_bands(a_curve(prices, [0.5, 0.3]), 0.0).equity.tolist() == pytest.approx([1000, 1000, 1300])


def test_buys_stop_where_the_cash_ends() -> None:
    found = held(a_curve([[100, 10], [100, 10]], [0.7, 0.3]), cost=0.01)
    assert found.equity[0] == pytest.approx(1000 / 1.01)


def test_equity_that_is_unknown_at_first_is_waited_for() -> None:
    found = held(a_curve([[100], [100], [200]], [0.5], equity=[float("nan"), 1000, 1000]), cost=0.0)
    assert np.isnan(found.equity[0])
    assert found.equity[1:].tolist() == pytest.approx([1000, 1500])
    nothing = held(a_curve([[100], [100]], [0.5], equity=[float("nan")] * 2), cost=0.0)
    assert np.isnan(nothing.equity).all()


def test_targets_held_all_along_are_what_tracking_is_measured_against() -> None:
    rows = [[100.0 * 1.01**row] for row in range(10)]
    curve = a_curve(rows, [0.5], step_h=24, equity=[1000 * 1.005**row for row in range(10)])
    assert ideal(curve) == pytest.approx([1.005**row for row in range(10)])
    assert tracking_error(curve, curve.equity) == pytest.approx(0.0, abs=1e-12)
    assert tracking_error(a_curve([[100.0]], [0.5]), np.array([1000.0])) is None


def test_drift_counts_what_lies_elsewhere_once() -> None:
    curve = a_curve([[100, 10]] * 2, [0.5, 0.3])
    assert drift(curve) == 0
    curve.spot[:] = [0.4, 0.4]  # 10 points from one into the other
    assert drift(curve) == pytest.approx(0.1)
    curve.spot[:] = [0.4, 0.3]  # 10 points from one into stables
    assert drift(curve) == pytest.approx(0.1)
