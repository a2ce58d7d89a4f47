"""Bytes out, bytes in: the same account, and bad bytes are named."""

from __future__ import annotations

import pytest

from bot.venues.simulated.exchange import Exchange, Rules
from bot.venues.simulated.state import StateError
from tests.unit.venues.simulated.accounts import an_exchange, an_order
from tests.unit.venues.simulated.scenes import SPOT, SWAP, D, StillScene, minutes


def test_a_restored_exchange_has_the_same_bytes_and_the_same_lookups() -> None:
    scene = StillScene()
    exchange = an_exchange(scene, futures="1000")
    exchange.place(an_order("buy", "15", "100.1", client_id="x"))
    exchange.cancel(SPOT, client_id="x")
    exchange.place(an_order("buy", "1", "99", client_id="x"))
    exchange.place(an_order("sell", "5", "99.9", symbol=SWAP, client_id="y"))
    exchange.set_leverage(SWAP, 7)
    exchange.halt(SWAP)
    again = Exchange(scene, state=exchange.dump())
    assert again.dump() == exchange.dump()
    assert again.order(SPOT, client_id="x") == exchange.order(SPOT, client_id="x")
    assert again.trades(SPOT) == exchange.trades(SPOT)
    assert again.income() == exchange.income()
    assert again.positions() == exchange.positions()
    assert (again.version, again.order_requests, again.now) == (exchange.version, 3, exchange.now)
    assert not again.is_trading(SWAP)


def test_depth_eaten_before_a_restart_is_still_missing_after_it() -> None:
    scene = StillScene()
    exchange = an_exchange(scene)
    exchange.place(an_order("buy", "10", "100.1", tif="ioc"))
    again = Exchange(scene, state=exchange.dump())
    assert again.place(an_order("buy", "10", "100.1", tif="ioc")).filled == 0


def test_the_past_is_bounded_and_what_is_forgotten_is_forgotten_whole() -> None:
    scene = StillScene()
    exchange = Exchange(scene, opening={"USDT": D(10_000)}, rules=Rules(history_max=3))
    for number in range(5):
        exchange.place(an_order("buy", "0.1", "100.1", client_id=f"c{number}"))
    assert [order.client_id for order in exchange.orders(SPOT)] == ["c2", "c3", "c4"]
    assert len(exchange.trades(SPOT)) == 3
    again = Exchange(scene, state=exchange.dump(), rules=Rules(history_max=3))
    again.advance(minutes(5))
    exchange.advance(minutes(5))
    assert again.dump() == exchange.dump()


@pytest.mark.parametrize("bad", [b"", b"{}", b"[1]", b'{"format":99}', b"\xff\xfe"])
def test_bytes_that_are_no_account_are_named_in_one_line(bad: bytes) -> None:
    with pytest.raises(StateError, match=r"^the simulated account's state cannot be read: .+$"):
        Exchange(StillScene(), state=bad)
