from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bot.backtest.report import POINTS, attribution, drawn_rows, report
from bot.backtest.result import Result, read, write
from bot.backtest.run import run
from bot.wiring_past import past
from tests.unit.backtest.events import D, booked, fill, n, seen
from tests.unit.backtest.results import a_curve, a_result
from tests.unit.backtest.tapes import settings, tape
from tests.unit.backtest.test_past import DAYS, span
from tests.unit.backtest.test_summary import trade


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tape(tmp_path_factory.mktemp("tape"), hours=24 * DAYS, volatility=0.012)


async def lived_through(folder: Path, days: float = 3.0) -> Result:
    return await run(await past(settings(), span(folder, days=days), name="tested"))


def parts(body: dict[str, Any]) -> dict[str, Decimal]:
    return {part["key"]: Decimal(part["value"]) for part in body["attribution"]["parts"]}


async def test_the_parts_of_a_run_add_up_to_the_change_of_its_equity_and_nothing_is_left(
    folder: Path, tmp_path: Path
) -> None:
    result = await lived_through(folder)
    body = report(result)
    told = body["attribution"]
    assert sum(parts(body).values()) == Decimal(told["change"]) == Decimal(told["closed"]) - Decimal(told["opened"])
    assert float(told["closed"]) == pytest.approx(result.curve.equity[-1])
    assert parts(body)["unexplained"] == 0
    assert parts(body)["fees"] < 0 < -parts(body)["spread"]
    assert sum(map(Decimal, told["assets"].values())) == Decimal(told["change"])
    write(result, tmp_path)
    assert report(read(tmp_path)) == body
    json.dumps(body, allow_nan=False)


async def test_every_action_is_told_with_what_its_orders_came_to(folder: Path) -> None:
    result = await lived_through(folder)
    body = report(result)
    acted = sum(count for name, count in result.counts.items() if name.startswith("actions."))
    assert len(body["actions"]) == acted > 5
    traded = sum(each["traded"] for each in body["actions"])
    known = {each["id"] for each in body["actions"]}
    assert traded == pytest.approx(
        float(sum(trade.notional for trade in result.trades if trade.action_id in known)), 1e-4
    )
    assert {each["side"] for each in body["actions"]} <= {-1, 0, 1}


def test_rebalancing_is_what_spot_gained_beyond_the_targets_held() -> None:
    ledger, _ = booked(
        [seen(0, "1000", coins={"BTC": "8"}), seen(1, "1160", coins={"BTC": "8"}, prices={"BTC": "120"})]
    )
    told = attribution(a_result(a_curve([[100], [120]], [0.5], equity=[1000, 1160]), ledger))
    assert told is not None
    values = {part["key"]: D(part["value"]) for part in told["parts"]}
    assert (values["held"], values["rebalancing"]) == n(100, 60)
    assert D(told["against_held"]) == 60


def test_never_hedged_is_the_curve_without_what_hedges_brought() -> None:
    body = report(a_result(a_curve([[100]] * 3, [0.5], equity=[1000, 1010, 1020], hedges=[0, 15, 25])))
    (line,) = (each for each in body["rivals"] if each["key"] == "unhedged")
    assert line["last"] == 995
    keys = [each["key"] for each in report(a_result(a_curve([[100]] * 3, [0.5])))["rivals"]]
    assert "unhedged" not in keys


def test_rivals_pay_what_this_run_paid_on_average() -> None:
    ledger, _ = booked(
        [seen(0, "1000"), fill(0.1, "1", "100", fee_value="0.4", fee="0.4"), seen(1, "999.6", coins={"BTC": "1"})]
    )
    of = a_result(a_curve([[100]] * 2, [0.5]), ledger)
    assert report(of)["cost_rate"] == 0.001
    assert report(a_result(of.curve, ledger, trades=(trade("1", "100", None),)))["cost_rate"] == pytest.approx(0.004)


def test_unknown_equity_is_told_and_breaks_nothing() -> None:
    body = report(a_result(a_curve([[100]] * 3, [0.5], equity=[float("nan")] * 3)))
    assert body["attribution"] is None
    assert any("Equity was known at no decision" in each for each in body["unknown"])
    json.dumps(body, allow_nan=False)
    some = report(a_result(a_curve([[100]] * 3, [0.5], equity=[1000, float("nan"), 1000])))
    assert any("At 1 of 3 rows equity was unknown" in each for each in some["unknown"])


def test_what_no_fact_explains_is_told_in_words() -> None:
    ledger, _ = booked([seen(0, "1000"), seen(1, "990")])
    told = report(a_result(a_curve([[100]] * 2, [0.5]), ledger))["unknown"]
    assert any(each.startswith("-10 USDT of the change is explained by no recorded fact") for each in told)


def test_a_chart_keeps_the_deepest_low_and_its_high_however_many_rows_there_are() -> None:
    equity = np.linspace(1000, 1100, 20_001)
    equity[7_003], equity[7_777] = 2_000.0, 10.0
    curve = a_curve([[100.0]] * len(equity), [0.5], equity=equity.tolist())
    rows = drawn_rows(curve)
    assert len(rows) <= POINTS + 5
    assert {0, 7_003, 7_777, 20_000} <= set(rows.tolist())


def test_the_calendar_of_a_configuration_is_the_rival_s() -> None:
    of = a_curve([[100]] * 3, [0.5])
    names = [report(a_result(of, config={"triggers.calendar": kind}))["rivals"][1]["name"] for kind in ("weekly", None)]
    assert names == ["calendar only (weekly)", "calendar only (monthly)"]


def test_a_long_span_is_told_with_intervals_and_a_short_one_says_that_it_is_short() -> None:
    days = 60
    rng = np.random.default_rng(1)
    equity = 1000 * np.exp(np.cumsum(rng.normal(0, 0.01, days)))
    body = report(a_result(a_curve([[100.0]] * days, [0.5], equity=equity.tolist(), step_h=24)))
    assert set(body["figures"]["intervals"]) == {"cagr", "volatility", "sharpe", "sortino", "calmar", "drawdown"}
    short = report(a_result(a_curve([[100.0]] * 5, [0.5])))["figures"]
    assert (short["cagr"], short["sharpe"], short["intervals"]) == (None, None, {})
