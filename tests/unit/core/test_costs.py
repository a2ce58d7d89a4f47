from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from bot.core.assess import assess
from bot.core.costs import benefit_of, cost_of, funding_view
from bot.core.desk import Desk
from bot.core.snapshot import build
from bot.core.wishes import Cost, Leg
from tests.rules.accounts import AT, account, policy, reads

BTC, SWAP = "BTC/USDT", "BTC/USDT:USDT"
PRICE = Decimal(50_000)


def desk(**changes: Any) -> Desk:
    seen = build({**account({"BTC": 50}, 40, futures=10), **changes})
    wanted = policy({"BTC": 50})
    return Desk(seen, wanted, *assess(seen, wanted, {"BTC": reads()}))


def funded(**parts: Any) -> dict[str, Any]:
    return {"funding": {SWAP: {"rate": "0", **parts}}}


def test_a_spot_sale_costs_its_fee_and_half_the_spread() -> None:
    cost = cost_of([Leg(BTC, Decimal("-0.1"), PRICE)], desk())
    assert (cost.fees, cost.spread, cost.impact, cost.funding) == (Decimal(5), Decimal("0.5"), Decimal(0), Decimal(0))


def test_an_opened_perpetual_costs_its_close_too_and_a_closed_one_does_not() -> None:
    opened = cost_of([Leg(SWAP, Decimal("-0.1"), PRICE, "hedge")], desk())
    closed = cost_of([Leg(SWAP, Decimal("0.1"), PRICE, "hedge", reduce_only=True)], desk())
    assert (opened.fees, opened.spread) == (2 * closed.fees, 2 * closed.spread)


def test_expected_funding_is_signed_and_a_cost_is_never_under_nothing() -> None:
    short = [Leg(SWAP, Decimal("-0.1"), PRICE, "hedge")]
    income = cost_of(short, desk(**funded(rate="0.001")))
    assert income.funding == pytest.approx(Decimal(-5000) * 14 * 3 / 1000, abs=Decimal("1e-9"))
    assert income.total == 0
    assert cost_of(short, desk(**funded(rate="-0.001"))).funding == -income.funding
    assert Cost(fees=Decimal(1), funding=Decimal(-9)).total == 0


def test_an_unknown_spread_is_dear() -> None:
    bare = desk(books={}, tickers={BTC: {"last": "50000"}, SWAP: {"last": "50000"}})
    assert cost_of([Leg(BTC, Decimal("-0.1"), PRICE)], bare).spread == Decimal("2.5")


def test_benefit_grows_with_the_square_of_drift_and_volatility() -> None:
    now = desk()
    one = benefit_of(Decimal("0.05"), Decimal(0), reads(), now)
    assert one == pytest.approx(Decimal("15.4110"), abs=Decimal("0.0001"))
    assert benefit_of(Decimal("-0.10"), Decimal(0), reads(), now) == pytest.approx(4 * one)
    assert benefit_of(Decimal("0.05"), Decimal(0), reads(volatility=1.0), now) == pytest.approx(4 * one)
    assert benefit_of(Decimal("0.05"), Decimal(0), reads(volatility=None), now) > one
    assert benefit_of(Decimal("0.02"), Decimal("0.05"), reads(), now) < 0


def test_funding_is_annualised_by_its_interval() -> None:
    view = funding_view(SWAP, desk(**funded(rate="0.0001")))
    assert view is not None
    assert (view.now, view.paid_by_long(), view.paid_by_short()) == (
        Decimal("0.1095"),
        Decimal("0.1095"),
        Decimal("-0.1095"),
    )
    hourly = funding_view(SWAP, desk(**funded(rate="0.0001", interval_hours="1")))
    assert hourly is not None
    assert hourly.now == Decimal("0.876")


def test_the_worst_of_now_predicted_and_the_last_three_counts() -> None:
    past = {"history": {SWAP: {"funding": [[1, "-0.009"], [4, "-0.0004"], [2, "-0.0002"], [3, "-0.0003"]]}}}
    view = funding_view(SWAP, desk(**funded(rate="0.0001", predicted="0.0002"), **past))
    assert view is not None
    assert view.paid_by_long() == Decimal("0.0002") * 3 * 365
    assert view.paid_by_short() == Decimal("0.0003") * 3 * 365


def test_missing_or_stale_funding_is_unknown() -> None:
    assert funding_view("ETH/USDT:USDT", desk()) is None
    assert funding_view(SWAP, desk(**funded(at=(AT - timedelta(minutes=11)).isoformat()))) is None
    assert funding_view(SWAP, desk(**funded(at=(AT - timedelta(minutes=10)).isoformat()))) is not None
