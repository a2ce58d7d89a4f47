"""Isolated margin by hand: what stands behind one position alone, and that no more than that is ever lost."""

from __future__ import annotations

import pytest

from bot.venues.simulated.exchange import Exchange, IncomeKind, Refusal, RefusalCode
from tests.unit.venues.simulated.accounts import an_exchange, an_order
from tests.unit.venues.simulated.scenes import SWAP, D, StillScene, a_market, minutes

OTHER = "ETH/USDT:USDT"


def a_short(scene: StillScene | None = None, *, leverage: int = 5, futures: str = "1000") -> Exchange:
    """5 BTC short at 99.9: 99.9 USDT stand behind it."""
    exchange = an_exchange(scene, futures=futures)
    exchange.set_margin_mode(SWAP, "isolated")
    exchange.set_leverage(SWAP, leverage)
    exchange.place(an_order("sell", "5", "99.9", symbol=SWAP))
    return exchange


def two_perpetuals() -> StillScene:
    scene = StillScene()
    scene.listed[OTHER] = a_market(maker="0.0002", taker="0.0005", maintenance="0.01")
    scene.moves[OTHER] = [(minutes(0), D(100))]
    return scene


def test_opening_moves_the_initial_margin_behind_the_position_and_the_fee_comes_from_the_rest() -> None:
    exchange = a_short()
    wallet, (position,) = exchange.futures(), exchange.positions()
    assert (position.margin_mode, position.isolated_wallet) == ("isolated", D("99.9"))
    assert wallet.wallet_balance == D(1000) - D("0.24975")
    assert wallet.cross_wallet == wallet.available == wallet.withdrawable == D(1000) - D("0.24975") - D("99.9")


def test_the_liquidation_price_knows_only_the_positions_own_margin() -> None:
    poor, rich = a_short(futures="150"), a_short(futures="5000")
    prices = [exchange.positions()[0].liquidation_price for exchange in (poor, rich)]
    assert prices[0] == prices[1] == D("599.4") / D("5.05")


def test_it_survives_just_under_that_price_and_loses_its_own_margin_at_it_and_no_more() -> None:
    scene = StillScene()
    exchange = a_short(scene)
    scene.move(SWAP, minutes(1), "118.6")
    exchange.advance(minutes(2))
    assert exchange.positions()
    scene.move(SWAP, minutes(3), "118.7")
    exchange.advance(minutes(4))
    assert exchange.positions() == []
    booked = [(one.kind, one.amount) for one in exchange.income() if one.kind != IncomeKind.TRANSFER]
    assert booked == [
        (IncomeKind.COMMISSION, D("-0.24975")),
        (IncomeKind.REALISED_PNL, D(-94)),
        (IncomeKind.COMMISSION, D("-7.41875")),
        (IncomeKind.INSURANCE_CLEAR, D("1.51875")),
    ]
    assert exchange.futures().wallet_balance == D("899.85025")


def test_closing_a_part_frees_its_share_and_the_flip_brings_new_margin() -> None:
    exchange = a_short()
    exchange.place(an_order("buy", "2", "100.1", symbol=SWAP))
    assert exchange.positions()[0].isolated_wallet == D("59.94")
    exchange.place(an_order("buy", "5", "100.1", symbol=SWAP))
    position = exchange.positions()[0]
    assert (position.quantity, position.isolated_wallet) == (D(2), D("40.04"))
    exchange.place(an_order("sell", "2", "99.9", symbol=SWAP))
    assert exchange.futures().cross_wallet == exchange.futures().wallet_balance


def test_funding_is_paid_out_of_the_positions_own_margin() -> None:
    exchange = a_short(StillScene(settlements={SWAP: [(minutes(480), D("-0.002"))]}))
    before = exchange.futures().cross_wallet
    exchange.advance(minutes(500))
    assert exchange.positions()[0].isolated_wallet == D("99.9") - 1
    assert exchange.futures().cross_wallet == before


def test_a_cross_position_is_not_saved_by_isolated_margin_nor_takes_it_along() -> None:
    scene = two_perpetuals()
    exchange = a_short(scene, futures="200")
    exchange.place(an_order("sell", "5", "99.9", symbol=OTHER))
    scene.move(OTHER, minutes(1), "125")
    exchange.advance(minutes(2))
    (left,) = exchange.positions()
    assert (left.symbol, left.isolated_wallet) == (SWAP, D("99.9"))
    assert exchange.futures().cross_wallet == 0
    assert exchange.futures().wallet_balance == D("99.9")


def test_an_isolated_liquidation_leaves_the_cross_position_and_its_orders_alone() -> None:
    scene = two_perpetuals()
    exchange = a_short(scene)
    exchange.place(an_order("sell", "5", "99.9", symbol=OTHER))
    resting = exchange.place(an_order("sell", "1", "110", symbol=OTHER))
    mine = exchange.place(an_order("sell", "1", "130", symbol=SWAP))
    scene.move(SWAP, minutes(1), "120")
    exchange.advance(minutes(2))
    assert [position.symbol for position in exchange.positions()] == [OTHER]
    assert [order.order_id for order in exchange.open_orders()] == [resting.order_id]
    assert not exchange.order(SWAP, order_id=mine.order_id).is_open


def test_the_mode_does_not_change_under_a_position_or_an_order_nor_the_leverage_fall() -> None:
    exchange = a_short()
    with pytest.raises(Refusal) as mode:
        exchange.set_margin_mode(SWAP, "cross")
    assert mode.value.code == RefusalCode.MARGIN_MODE
    with pytest.raises(Refusal) as leverage:
        exchange.set_leverage(SWAP, 3)
    assert leverage.value.code == RefusalCode.ISOLATED_LEVERAGE
    exchange.place(an_order("buy", "5", "100.1", symbol=SWAP))
    resting = exchange.place(an_order("buy", "1", "90", symbol=SWAP))
    with pytest.raises(Refusal):
        exchange.set_margin_mode(SWAP, "cross")
    exchange.cancel(SWAP, order_id=resting.order_id)
    exchange.set_margin_mode(SWAP, "cross")
    assert exchange.margin_mode(SWAP) == "cross"


def test_a_restart_keeps_modes_and_margins() -> None:
    scene = StillScene()
    exchange = a_short(scene)
    again = Exchange(scene, state=exchange.dump())
    assert again.positions() == exchange.positions()
    assert again.futures() == exchange.futures()
    assert again.dump() == exchange.dump()
