"""When a plan's faults are due, and that each of the exchange's own bites it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from bot.venues.simulated.exchange import Exchange
from bot.venues.simulated.fault_plan import SHAPES, read_plan
from bot.venues.simulated.faults import LINE, Asked, Fault, FaultKind, Schedule, strike
from tests.unit.venues.simulated.accounts import an_exchange, an_order
from tests.unit.venues.simulated.scenes import SPOT, START, SWAP, D, StillScene, a_market

K = FaultKind
SECOND = timedelta(seconds=1)


def due(schedule: Schedule, asked: Asked, after_s: float = 0, path: str = "") -> list[FaultKind]:
    return [fault.kind for fault in schedule.due(asked, START + after_s * SECOND, path=path)]


def test_a_fault_bites_on_the_nth_request_of_its_kind_from_its_instant_on_as_often_as_it_says() -> None:
    schedule = Schedule([Fault(K.EMPTY, at_s=D(10), on="create", nth=2, times=2)], START)
    assert due(schedule, Asked.CREATE) == due(schedule, Asked.CREATE, 9) == []
    assert due(schedule, Asked.LOOKUP, 10) == due(schedule, Asked.CREATE, 10) == []
    assert due(schedule, Asked.CREATE, 11) == due(schedule, Asked.CREATE, 12) == [K.EMPTY]
    assert schedule.waiting == 0
    assert due(schedule, Asked.CREATE, 13) == []


def test_a_fault_may_name_a_path() -> None:
    schedule = Schedule([Fault(K.EMPTY, on="GET /api/v3/time")], START)
    assert due(schedule, Asked.MARKET, path="GET /api/v3/depth") == []
    assert due(schedule, Asked.MARKET, path="GET /api/v3/time") == [K.EMPTY]


def test_one_request_meets_one_fault_of_the_line_and_any_number_of_the_exchanges() -> None:
    schedule = Schedule([Fault(K.EMPTY), Fault(K.RESET), Fault(K.PARTIAL_FILL), Fault(K.SKEW, seconds=D(1))], START)
    assert due(schedule, Asked.CREATE) == [K.EMPTY, K.PARTIAL_FILL, K.SKEW]
    assert due(schedule, Asked.CREATE) == [K.RESET]


def test_what_had_nothing_to_bite_is_told_apart() -> None:
    exchange = an_exchange()
    schedule = Schedule([], START)
    line = schedule.strike(exchange, [Fault(K.ADL), Fault(K.DELAY), Fault(K.DEPOSIT, asset="USDT", amount=D(1))])
    assert line == Fault(K.DELAY)
    assert (schedule.missed, schedule.bitten) == ({K.ADL: 1}, {K.DEPOSIT: 1})


def a_full_account() -> Exchange:
    scene = StillScene()
    scene.listed["USDC/USDT"] = a_market()
    scene.moves["USDC/USDT"] = [(START, D(1))]
    exchange = an_exchange(scene, futures="1000")
    exchange.place(an_order("sell", "5", "99.9", symbol=SWAP))
    exchange.place(an_order("buy", "1", "90"))
    return exchange


ROWS: list[dict[str, Any]] = [
    {"fault": "late_visibility", "seconds": 5},
    {"fault": "partial_fill", "share": 0.3},
    {"fault": "fill_before_cancel"},
    {"fault": "fill_after_cancel", "seconds": 2},
    {"fault": "halt", "symbol": SPOT, "for_s": 60},
    {"fault": "delist", "symbol": SWAP},
    {"fault": "filters", "symbol": SPOT, "step": 0.01},
    {"fault": "manual_trade", "symbol": SPOT, "side": "buy", "share": 0.01},
    {"fault": "deposit", "asset": "USDT", "amount": 5},
    {"fault": "withdrawal", "asset": "USDT", "share": 0.1},
    {"fault": "depeg", "asset": "USDC", "price": 0.9},
    {"fault": "crash", "asset": "BTC", "share": 0.2},
    {"fault": "adl"},
    {"fault": "liquidation"},
    {"fault": "skew", "seconds": -3, "for_s": 10},
]


def test_every_kind_that_is_not_the_lines_is_struck_below() -> None:
    assert {row["fault"] for row in ROWS} == set(SHAPES) - LINE


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row["fault"]))
def test_each_fault_of_the_exchange_changes_it(row: dict[str, Any]) -> None:
    exchange = a_full_account()
    (fault,) = read_plan(json.dumps([row]))
    before = exchange.version
    schedule = Schedule([fault], START)
    asked = Asked(fault.on) if fault.on in list(Asked) else Asked.MARKET
    assert schedule.strike(exchange, schedule.due(asked, START)) is None
    assert schedule.bitten == {fault.kind: 1}
    assert exchange.version > before


@pytest.mark.parametrize("kind", sorted(LINE))
def test_a_fault_of_the_line_is_not_the_exchanges(kind: FaultKind) -> None:
    with pytest.raises(ValueError, match="fault of the line"):
        strike(an_exchange(), Fault(kind))
