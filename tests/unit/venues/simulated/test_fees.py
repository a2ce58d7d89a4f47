"""Money is rounded against the account, and never into a debt."""

from __future__ import annotations

from bot.venues.simulated.exchange import Exchange
from bot.venues.simulated.fees import at_least, at_most, fee_of
from tests.unit.venues.simulated.accounts import an_order
from tests.unit.venues.simulated.scenes import SPOT, D, StillScene, a_market, minutes


def test_what_is_owed_is_raised_and_what_a_fill_is_worth_is_cut() -> None:
    assert at_least(D("1.000000011")) == D("1.00000002")
    assert at_most(D("1.000000019")) == D("1.00000001")


def test_a_fee_is_raised_and_a_rebate_is_cut() -> None:
    assert fee_of(a_market(taker="0.001"), D("0.00001001"), maker=False) == D("0.00000002")
    assert fee_of(a_market(maker="-0.001"), D("0.00001999"), maker=True) == D("-0.00000001")


def test_partial_fills_never_overdraw_a_wallet_whose_last_unit_is_locked() -> None:
    fine = {"step": D("0.00001"), "tick": D("0.00001")}
    price, amount = D("98.00003"), D("3.33337")
    scene = StillScene(depth=D("0.17771"))
    scene.listed[SPOT] = scene.listed[SPOT].model_copy(update=fine)
    exchange = Exchange(scene, opening={"USDT": at_least(price * amount)})
    exchange.place(an_order("buy", str(amount), str(price)))
    scene.move(SPOT, minutes(1), "97.99")
    for minute in range(1, 30):
        exchange.advance(minutes(minute))
        assert exchange.balances()["USDT"].free >= 0
    assert len(exchange.trades(SPOT)) > 15
    assert exchange.open_orders() == []
