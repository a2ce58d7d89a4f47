"""What tests of replayed venues ask: an order, the permit that says yes, money where futures are traded."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from bot.core.orders import OrderIntent
from tests.builders import an_intent
from tests.unit.venues.simulated.scenes import SPOT, START
from tests.wire.replay.play import Stage
from tests.wire.replay.stage import Said

D = Decimal
ALL = ("bybit", "bingx", "weex", "mexc")


def yes(intent: Any) -> None:
    del intent


def intent(client_id: str = "bt0", *, symbol: str = SPOT, qty: str = "-1", **more: Any) -> OrderIntent:
    return an_intent(
        client_id=client_id, symbol=symbol, qty=qty, price="99" if qty[0] == "-" else "101", at=START, **more
    )


def fund(stage: Stage, name: str) -> None:
    if name != "bybit":
        stage.exchange.transfer("USDT", D(5_000), "spot", "futures")


def no(name: str, code: int, status: int = 200) -> Said:
    words = {"bybit": "retCode"}
    text = {"retMsg": "no", "msg": "no", "message": "no"}
    return Said({words.get(name, "code"): code, "success": False, **text}, status)
