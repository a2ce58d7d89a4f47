"""One wallet over the engine's two: what is free lies where it is needed, and its sum never changes by a move."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as some

from bot.local_exchange.purse import Purse
from bot.venues.simulated.exchange import Exchange, OrderRequest, Refusal
from bot.venues.simulated.scene import ScriptedFlow
from tests.unit.local_exchange.still_scene import SPOT, START, SWAP, StillScene, an_exchange

D = Decimal
HOUR = timedelta(hours=1)


class Withdrawing(StillScene):
    """30,000 USDT are to leave after an hour."""

    def flows(self, after: datetime, upto: datetime) -> Sequence[ScriptedFlow]:
        due = START + HOUR
        return [ScriptedFlow(due, "USDT", D(-30_000), "withdrawal")] if after < due <= upto else ()


def a_short(amount: str = "0.1") -> OrderRequest:
    return OrderRequest(SWAP, "sell", "market", D(amount), tif="ioc")


def whole(exchange: Exchange) -> Decimal:
    held = exchange.balances()["USDT"]
    return held.free + held.locked + exchange.futures().wallet_balance


def test_without_perpetuals_nothing_is_moved() -> None:
    exchange = an_exchange()
    Purse(exchange).back()
    assert exchange.transfers() == []
    assert exchange.futures().wallet_balance == 0


def test_all_that_is_free_stands_behind_a_position_and_what_an_order_locks_stays() -> None:
    exchange = an_exchange()
    purse = Purse(exchange)
    exchange.place(OrderRequest(SPOT, "buy", "limit", D("0.1"), D(49_000)))
    purse.for_margin()
    exchange.place(a_short())
    purse.back()
    assert exchange.balances()["USDT"] == (D(0), D(4_900))
    assert exchange.futures().wallet_balance > 35_000
    made = len(exchange.transfers())
    purse.back()
    assert len(exchange.transfers()) == made


def test_what_backs_nothing_may_be_spent_in_spot_and_goes_back() -> None:
    exchange = an_exchange()
    purse = Purse(exchange)
    purse.for_margin()
    exchange.place(a_short())
    with purse.for_spot():
        assert exchange.balances()["USDT"].free == purse.free()
        assert 39_700 < purse.free() < 39_750  # 250 of margin and the fee
    assert exchange.balances()["USDT"].free == 0


def test_a_withdrawal_of_the_script_finds_the_money() -> None:
    exchange = Exchange(Withdrawing(), opening={"USDT": D(40_000)})
    purse = Purse(exchange)
    purse.for_margin()
    exchange.place(a_short())
    purse.before(START + HOUR)
    exchange.advance(START + HOUR)
    (flow,) = exchange.flows()
    assert (flow.kind, flow.amount) == ("withdrawal", D(30_000))


def test_without_a_withdrawal_due_time_moves_nothing() -> None:
    exchange = Exchange(Withdrawing(), opening={"USDT": D(40_000)})
    purse = Purse(exchange)
    purse.for_margin()
    made = len(exchange.transfers())
    purse.before(START + HOUR / 2)
    assert len(exchange.transfers()) == made


@given(some.lists(some.sampled_from(["margin", "back", "spot", "short", "close", "buy", "rest"]), max_size=12))
def test_no_row_of_moves_and_orders_makes_or_loses_money(steps: list[str]) -> None:
    exchange = an_exchange()
    purse = Purse(exchange)
    orders = {
        "short": a_short(),
        "close": OrderRequest(SWAP, "buy", "market", D("0.1"), tif="ioc", reduce_only=True),
        "buy": OrderRequest(SPOT, "buy", "market", D("0.01"), tif="ioc"),
        "rest": OrderRequest(SPOT, "buy", "limit", D("0.01"), D(49_000)),
    }
    for step in steps:
        if step in orders:
            try:
                exchange.place(orders[step])
            except Refusal:
                continue
            continue
        before = whole(exchange)
        if step == "spot":
            with purse.for_spot():
                assert whole(exchange) == before
        else:
            (purse.for_margin if step == "margin" else purse.back)()
        assert whole(exchange) == before
        assert exchange.futures().available >= 0
        assert exchange.balances()["USDT"].free >= 0
