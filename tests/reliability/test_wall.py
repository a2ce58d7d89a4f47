"""What stands between us and the exchange, and what may pass it."""

from __future__ import annotations

from bot.core.orders import Placed
from bot.ports.venue import Gap
from bot.venues.ccxt.client import Way
from bot.venues.ccxt.profiles.binance_wire import WAYS
from tests.unit.venues.ccxt.scripted import Answer, a_stage, an_intent, yes

WALL = Answer("<html><h1>403 Forbidden</h1></html>", 403, {"content-type": "text/html"})
SEND = "POST /api/v3/order"
ACCOUNT = "GET /api/v3/account"


async def test_a_wall_before_the_exchange_is_no_word_about_the_key() -> None:
    async with a_stage() as stage:
        stage.script.on(ACCOUNT, WALL)
        read = await stage.venue.balances()
        assert isinstance(read, Gap)
        assert "permission" not in read.why.lower()
        assert stage.script.count(ACCOUNT) > 1  # asked again: a refused key is asked once

        stage.script.on(SEND, WALL)
        placed, _, why = await stage.venue.place(an_intent(), yes)
        assert placed is Placed.UNKNOWN, why
        assert stage.script.count(SEND) == 1


def test_no_batch_of_orders_can_leave() -> None:
    assert {path for (_, path), way in WAYS.items() if way is Way.ORDER} == {"/api/v3/order", "/fapi/v1/order"}
    assert [path for _, path in WAYS if "batch" in path.lower() or "orderList" in path] == []
