"""R-T5 with `lift`: a share of risk under its budget is raised by a long, within what bridges may do."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from bot.core.assessment import Trend
from bot.core.plan_record import Plan
from bot.core.policy import Policy
from bot.core.snapshot import Snapshot
from tests.rules.accounts import actions, after, decide, hold, keys, legs, reads, seen
from tests.rules.market_scenarios import SHARES
from tests.rules.scenarios import load

SWAP = "BTC/USDT:USDT"
RANGE = {name: reads() for name in ("BTC", "ETH")}
DEAR = {SWAP: {"rate": "0.0003"}}  # longs pay 32.85 % a year


def lifting(*, lift: bool = True, **more: Any) -> Policy:
    """S18's budgets without shorts, so that BTC's low share stands beside ETH's high one."""
    body = keys(sleeves=SHARES, stables={"floor": "0.02"}, **{"hedge": {"enabled": False}, **more})
    body["targets"] |= {"model": "risk-parity", "risk_parity": {"lift": lift}}
    return Policy.model_validate(body)


def low(name: str = "S18", btc: int = 60, eth: int = 30, stables: Any = 2, **more: Any) -> Snapshot:
    """S18's history (ETH four times as volatile as BTC; `S18-holds`: at the budgets) under another account."""
    state, _ = load(name)
    held = seen({"BTC": btc, "ETH": eth}, stables, futures=8, at=state.at, **more)
    return held.model_copy(update={"candles": state.candles})


def standing(opened: datetime | None = None, name: str = "S18", **more: Any) -> Snapshot:
    """With a long of 5 points that lifts BTC."""
    at = opened or load("S18")[0].at - timedelta(days=1)
    long = {"symbol": SWAP, "contracts": "0.1", "margin": "2500", "opened_at": at, "reason": "R-T5"}
    return low(name, longs={"BTC": 5}, memory={"bridges": [long]}, **more)


def of_t5(made: Plan) -> list[tuple[str, Mapping[str, Decimal]]]:
    return [(item.kind, legs(item)) for item in actions(made) if item.rule == "R-T5"]


def test_r_t5_with_lift_a_share_under_budget_is_raised_by_longs_up_to_the_bridges_limit() -> None:
    state, wanted = low(), lifting()
    made = decide(state, wanted, RANGE)
    assert made.assessment.risk["BTC"].share < Decimal("0.75") * made.assessment.risk["BTC"].budget
    assert of_t5(made) == [("bridge", {SWAP: Decimal(5)})]
    (lift,) = actions(made)
    assert (lift.cls, lift.legs[0].leverage) == ("normal", Decimal(2))
    state = after(state, made)
    made = decide(state, wanted, RANGE)
    assert of_t5(made) == [("bridge", {SWAP: Decimal(5)})]
    made = decide(after(state, made), wanted, RANGE)
    assert made.actions == ()  # 10 points are what all bridges may be
    assert "bridges of 10.0%" in hold(made, "BTC").why


def test_r_t5_without_the_key_or_within_a_quarter_of_its_budget_nothing_is_lifted() -> None:
    assert decide(low(), lifting(lift=False), RANGE).actions == ()
    assert decide(low("S18-holds"), lifting(), RANGE).actions == ()


def test_r_t5_a_short_of_the_same_plan_comes_before_a_lift() -> None:
    made = decide(low(), lifting(hedge={"enabled": True}), RANGE)
    assert [name for _kind, own in of_t5(made) for name in own] == ["ETH/USDT:USDT"]


@pytest.mark.parametrize(
    ("table", "more"),
    [
        ({"BTC": reads(Trend.STRONG_DOWN), "ETH": reads()}, {}),
        ({"BTC": reads(None), "ETH": reads()}, {}),
        ({"BTC": reads(overextended=True), "ETH": reads()}, {}),
        (RANGE, {"funding": DEAR}),
    ],
    ids=["falling knife", "unknown trend", "overextended", "dear funding"],
)
def test_r_t5_what_forbids_an_addition_or_a_bridge_forbids_a_lift(table: Any, more: Mapping[str, Any]) -> None:
    made = decide(low(**more), lifting(), table)
    assert actions(made, "BTC") == []
    assert hold(made, "BTC", "R-T5").nearest


def test_r_t5_a_portfolio_that_is_being_filled_is_not_lifted() -> None:
    assert of_t5(decide(low(btc=50, eth=25, stables=17), lifting(), RANGE)) == []


def test_r_t5_while_a_long_lifts_bands_look_at_spot_and_it_is_no_way_into_spot() -> None:
    made = decide(standing(), lifting(), {"BTC": reads(recovered=True), "ETH": reads()})
    assert made.assessment.exposure("BTC").target == pytest.approx(Decimal("0.65"), abs=Decimal("1e-4"))
    assert {item.kind for item in actions(made)} <= {"bridge"}


def test_r_t5_spot_over_its_band_is_sold_and_the_lift_left_alone() -> None:
    state = standing()
    held = low(btc=68, eth=24, stables=0, longs={"BTC": 5}).model_copy(update={"memory": state.memory})
    (sale,) = [item for item in actions(decide(held, lifting(), RANGE)) if item.kind == "trim"]
    assert legs(sale) == {"BTC/USDT": Decimal(-5)}


def test_r_t5_a_lift_that_is_no_longer_needed_is_closed_reduce_only() -> None:
    made = decide(standing(name="S18-holds"), lifting(), RANGE)
    assert of_t5(made) == [("risk_hedge", {SWAP: Decimal(-5)})]
    assert actions(made, "BTC")[0].legs[0].reduce_only
    assert after(standing(name="S18-holds"), made).memory.bridges == ()


def test_r_t5_a_lift_is_closed_when_it_is_dear_old_or_switched_off_and_stands_otherwise() -> None:
    closing = [("risk_hedge", {SWAP: Decimal(-5)})]
    at = load("S18")[0].at
    assert of_t5(decide(standing(funding=DEAR), lifting(), RANGE)) == closing
    assert of_t5(decide(standing(at - timedelta(days=30)), lifting(), RANGE)) == closing
    assert of_t5(decide(standing(), lifting(lift=False), RANGE)) == closing
    assert closing[0] not in of_t5(decide(standing(at - timedelta(days=29)), lifting(), RANGE))


def test_r_t5_a_lift_is_not_enlarged_into_a_bridge() -> None:
    state = standing().memory
    wanted = lifting(add={"route": "bridge"})
    held = low(btc=52, eth=28, stables=8, longs={"BTC": 5}).model_copy(update={"memory": state})
    (add,) = [item for item in actions(decide(held, wanted, RANGE)) if item.asset == "BTC"]
    assert (add.kind, set(legs(add))) == ("add", {"BTC/USDT"})
