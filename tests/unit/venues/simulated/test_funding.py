"""Funding is charged at its instant, on the position as it stood, to the last unit."""

from __future__ import annotations

from bot.venues.simulated.exchange import IncomeKind, IncomeRecord
from tests.unit.venues.simulated.accounts import an_exchange, an_order
from tests.unit.venues.simulated.scenes import SWAP, D, StillScene, minutes


def _paid(income: list[IncomeRecord]) -> list[tuple[object, object]]:
    return [(one.at, one.amount) for one in income if one.kind == IncomeKind.FUNDING_FEE]


def test_a_long_pays_a_positive_rate_and_a_short_receives_it() -> None:
    for side, price, amount in (("buy", "100.1", D("-0.5")), ("sell", "99.9", D("0.5"))):
        scene = StillScene(settlements={SWAP: [(minutes(480), D("0.001"))]})
        exchange = an_exchange(scene, futures="1000")
        exchange.place(an_order("buy" if side == "buy" else "sell", "5", price, symbol=SWAP))
        exchange.advance(minutes(600))
        assert _paid(exchange.income()) == [(minutes(480), amount)]


def test_each_settlement_in_a_long_gap_is_charged_at_the_mark_of_its_instant() -> None:
    scene = StillScene(settlements={SWAP: [(minutes(480), D("0.001")), (minutes(960), D("-0.001"))]})
    scene.move(SWAP, minutes(500), "110")
    exchange = an_exchange(scene, futures="1000")
    exchange.place(an_order("sell", "5", "99.9", symbol=SWAP))
    exchange.advance(minutes(2000))
    assert _paid(exchange.income()) == [(minutes(480), D("0.5")), (minutes(960), D("-0.55"))]


def test_a_position_opened_after_the_instant_owes_nothing() -> None:
    scene = StillScene(settlements={SWAP: [(minutes(480), D("0.001"))]})
    exchange = an_exchange(scene, futures="1000")
    exchange.advance(minutes(480))
    exchange.place(an_order("sell", "5", "99.9", symbol=SWAP))
    exchange.advance(minutes(481))
    assert _paid(exchange.income()) == []


def test_a_resting_order_filled_before_the_instant_is_charged() -> None:
    scene = StillScene(settlements={SWAP: [(minutes(480), D("0.001"))]})
    scene.move(SWAP, minutes(100), "80")
    exchange = an_exchange(scene, futures="1000")
    exchange.place(an_order("buy", "5", "90", symbol=SWAP))
    exchange.advance(minutes(600))
    assert _paid(exchange.income()) == [(minutes(480), D("-0.4"))]


def test_funding_is_the_same_however_often_somebody_looks() -> None:
    totals = []
    for looks in (1, 7, 400):
        scene = StillScene(settlements={SWAP: [(minutes(480 * n), D("0.0001") * n) for n in range(1, 6)]})
        exchange = an_exchange(scene, futures="1000")
        exchange.place(an_order("sell", "5", "99.9", symbol=SWAP))
        for look in range(1, looks + 1):
            exchange.advance(minutes(2800 * look / looks))
        totals.append(exchange.futures().wallet_balance)
    assert len(set(totals)) == 1
