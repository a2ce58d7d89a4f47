"""Cross margin by hand: what a position binds, realises, and when it is taken away."""

from __future__ import annotations

import pytest

from bot.venues.simulated.exchange import Exchange, IncomeKind, OrderStatus, Refusal, RefusalCode
from tests.unit.venues.simulated.accounts import an_exchange, an_order, refusal_of
from tests.unit.venues.simulated.scenes import SPOT, SWAP, D, StillScene, minutes


def test_a_short_binds_notional_over_leverage_and_pays_its_fee_from_the_wallet() -> None:
    exchange = an_exchange(futures="1000")
    exchange.set_leverage(SWAP, 2)
    exchange.place(an_order("sell", "5", "99.9", symbol=SWAP))
    wallet, position = exchange.futures(), exchange.positions()[0]
    assert (position.quantity, position.entry_price, position.leverage) == (D(-5), D("99.9"), 2)
    assert wallet.wallet_balance == D(1000) - D("499.5") * D("0.0005")
    assert wallet.unrealised == D("-0.5")  # mark 100 against an entry of 99.9
    assert wallet.initial_margin == D(250)
    assert wallet.maintenance_margin == D(5)
    assert wallet.available == wallet.margin_balance - D(250)


def test_closing_realises_the_difference_and_frees_the_margin() -> None:
    scene = StillScene()
    exchange = an_exchange(scene, futures="1000")
    exchange.place(an_order("sell", "5", "99.9", symbol=SWAP))
    scene.move(SWAP, minutes(1), "90")
    exchange.advance(minutes(2))
    exchange.place(an_order("buy", "2", "90.1", symbol=SWAP, reduce_only=True))
    exchange.place(an_order("buy", "3", "90.1", symbol=SWAP, reduce_only=True))
    assert exchange.positions() == []
    realised = sum(one.amount for one in exchange.income() if one.kind == IncomeKind.REALISED_PNL)
    assert realised == D(5) * (D("99.9") - D("90.1"))
    assert exchange.futures().available == exchange.futures().wallet_balance


def test_an_order_through_zero_closes_and_opens_the_other_side() -> None:
    exchange = an_exchange(futures="1000")
    exchange.place(an_order("sell", "5", "99.9", symbol=SWAP))
    exchange.place(an_order("buy", "8", "100.1", symbol=SWAP))
    position = exchange.positions()[0]
    assert (position.quantity, position.entry_price) == (D(3), D("100.1"))


def test_reduce_only_is_cut_at_the_position_and_its_rest_expires() -> None:
    exchange = an_exchange(futures="1000")
    exchange.place(an_order("sell", "5", "99.9", symbol=SWAP))
    order = exchange.place(an_order("buy", "8", "100.1", symbol=SWAP, reduce_only=True))
    assert (order.filled, order.status) == (D(5), OrderStatus.EXPIRED)
    assert exchange.positions() == []


def test_a_resting_reduce_only_order_goes_when_the_position_goes() -> None:
    exchange = an_exchange(futures="1000")
    exchange.place(an_order("sell", "5", "99.9", symbol=SWAP))
    resting = exchange.place(an_order("buy", "5", "90", symbol=SWAP, reduce_only=True))
    exchange.place(an_order("buy", "5", "100.1", symbol=SWAP))
    assert exchange.order(SWAP, order_id=resting.order_id).status == OrderStatus.EXPIRED


def test_open_orders_bind_margin_on_the_larger_side_only() -> None:
    exchange = an_exchange(futures="1000")
    exchange.set_leverage(SWAP, 10)
    exchange.place(an_order("buy", "5", "90", symbol=SWAP))
    assert exchange.futures().order_margin == D(50)  # 5 at mark 100
    exchange.place(an_order("sell", "5", "110", symbol=SWAP))
    assert exchange.futures().order_margin == D(55)  # either side could fill; the dearer price counts


def test_margin_that_is_not_there_is_refused_and_may_not_be_transferred_away() -> None:
    exchange = an_exchange(futures="100")
    exchange.set_leverage(SWAP, 2)
    assert refusal_of(exchange, an_order("sell", "3", "99.9", symbol=SWAP)) == RefusalCode.INSUFFICIENT_MARGIN
    exchange.place(an_order("sell", "1", "99.9", symbol=SWAP))
    with pytest.raises(Refusal) as caught:
        exchange.transfer("USDT", D(60), "futures", "spot")
    assert caught.value.code == RefusalCode.INSUFFICIENT_BALANCE


def test_unrealised_profit_may_open_positions_but_not_leave() -> None:
    scene = StillScene()
    exchange = an_exchange(scene, futures="100")
    exchange.set_leverage(SWAP, 2)
    exchange.place(an_order("sell", "1", "99.9", symbol=SWAP))
    scene.move(SWAP, minutes(1), "50")
    exchange.advance(minutes(2))
    wallet = exchange.futures()
    assert wallet.available > wallet.withdrawable
    assert wallet.withdrawable == wallet.wallet_balance - wallet.initial_margin


def test_leverage_is_a_whole_number_in_range_and_never_more_than_the_margin_bears() -> None:
    exchange = an_exchange(futures="100")
    for leverage in (0, 126):
        with pytest.raises(Refusal, match="whole number from 1 to 125"):
            exchange.set_leverage(SWAP, leverage)
    exchange.place(an_order("sell", "5", "99.9", symbol=SWAP))
    with pytest.raises(Refusal) as caught:
        exchange.set_leverage(SWAP, 2)
    assert caught.value.code == RefusalCode.INSUFFICIENT_MARGIN
    assert exchange.leverage(SWAP) == 20
    with pytest.raises(Refusal, match="is no perpetual"):
        exchange.set_leverage(SPOT, 2)


def test_hedge_mode_is_not_offered() -> None:
    exchange = an_exchange()
    exchange.set_position_mode(hedged=False)
    with pytest.raises(Refusal) as hedged:
        exchange.set_position_mode(hedged=True)
    assert hedged.value.code == RefusalCode.POSITION_SIDE


def test_the_liquidation_price_is_where_the_margin_balance_meets_maintenance() -> None:
    exchange = an_exchange(futures="100")
    exchange.place(an_order("sell", "5", "99.9", symbol=SWAP))
    position, wallet = exchange.positions()[0], exchange.futures()
    price = position.liquidation_price
    assert price is not None
    left = wallet.wallet_balance + position.quantity * (price - position.entry_price)
    assert abs(left - abs(position.quantity) * price * D("0.01")) < D("1e-12")


def test_a_long_that_its_wallet_covers_has_no_liquidation_price() -> None:
    exchange = an_exchange(futures="1000")
    exchange.place(an_order("buy", "1", "100.1", symbol=SWAP))
    assert exchange.positions()[0].liquidation_price is None


def test_the_account_survives_just_under_its_liquidation_price() -> None:
    scene = StillScene()
    exchange = an_exchange(scene, futures="100")
    exchange.place(an_order("sell", "5", "99.9", symbol=SWAP))
    price = exchange.positions()[0].liquidation_price
    assert price is not None
    scene.move(SWAP, minutes(1), str(price - D("0.01")))
    exchange.advance(minutes(5))
    assert exchange.positions()
    scene.move(SWAP, minutes(6), str(price + D("0.01")))
    exchange.advance(minutes(10))
    assert exchange.positions() == []


def test_liquidation_closes_everything_at_mark_cancels_orders_and_leaves_no_debt() -> None:
    scene = StillScene()
    exchange = an_exchange(scene, futures="100")
    exchange.place(an_order("sell", "5", "99.9", symbol=SWAP))
    resting = exchange.place(an_order("sell", "1", "130", symbol=SWAP))
    spot = exchange.place(an_order("buy", "1", "50"))
    scene.move(SWAP, minutes(3), "125")
    scene.move(SWAP, minutes(4), "100")
    exchange.advance(minutes(60))
    trade = exchange.trades(SWAP)[-1]
    assert (trade.kind, trade.price, trade.amount, trade.at) == ("LIQUIDATION", D(125), D(5), minutes(3))
    assert exchange.order(SWAP, order_id=resting.order_id).status == OrderStatus.CANCELED
    assert exchange.order(SPOT, order_id=spot.order_id).is_open
    assert exchange.futures().wallet_balance == 0
    assert sum(one.amount for one in exchange.income()) == 0
    assert exchange.order(SWAP, order_id=trade.order_id).client_id.startswith("autoclose-")


def test_a_mark_that_vanishes_keeps_its_last_value() -> None:
    scene = StillScene()
    exchange = an_exchange(scene, futures="100")
    exchange.place(an_order("sell", "1", "99.9", symbol=SWAP))
    scene.move(SWAP, minutes(1), "110")
    exchange.advance(minutes(2))
    scene.move(SWAP, minutes(3), None)
    exchange.advance(minutes(10))
    assert exchange.positions()[0].mark_price == D(110)
    assert Exchange(scene, state=exchange.dump()).positions() == exchange.positions()


def test_a_resting_reduce_only_order_fills_no_more_than_the_position() -> None:
    scene = StillScene()
    exchange = an_exchange(scene, futures="1000")
    exchange.place(an_order("sell", "5", "99.9", symbol=SWAP))
    resting = exchange.place(an_order("buy", "8", "90", symbol=SWAP, reduce_only=True))
    scene.move(SWAP, minutes(1), "85")
    exchange.advance(minutes(5))
    order = exchange.order(SWAP, order_id=resting.order_id)
    assert (order.filled, order.status) == (D(5), OrderStatus.EXPIRED)
    assert exchange.positions() == []


def test_an_order_beyond_mark_needs_the_loss_it_would_open_with() -> None:
    exchange = an_exchange(futures="100")
    # 10 at 110: margin 55 and fee 0.55 are there, the loss of 100 against mark is not.
    assert refusal_of(exchange, an_order("buy", "10", "110", symbol=SWAP)) == RefusalCode.INSUFFICIENT_MARGIN
    assert refusal_of(exchange, an_order("buy", "10", "100.1", symbol=SWAP)) is None


def test_the_fee_must_be_there_beside_the_margin() -> None:
    exchange = an_exchange(futures="50.02")
    assert refusal_of(exchange, an_order("sell", "10", "100", symbol=SWAP)) == RefusalCode.INSUFFICIENT_MARGIN
    exchange.transfer("USDT", D(1), "spot", "futures")
    assert refusal_of(exchange, an_order("sell", "10", "100", symbol=SWAP)) is None
