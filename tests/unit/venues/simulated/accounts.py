"""Owns builders of an exchange and of orders, with named defaults; and a clock that a test turns by hand."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from bot.core.orders import MoveIntent, OrderIntent, TimeInForce
from bot.venues.simulated.exchange import Exchange, OrderRequest, Refusal, RefusalCode
from bot.venues.simulated.records import OrderType, Side, Tif
from tests.unit.venues.simulated.scenes import SPOT, START, D, StillScene


def an_exchange(
    scene: StillScene | None = None,
    *,
    opening: Mapping[str, Decimal] | None = None,
    futures: str = "0",
    latency: timedelta = timedelta(0),
) -> Exchange:
    exchange = Exchange(scene or StillScene(), opening=opening or {"USDT": D(10_000), "BTC": D(2)}, latency=latency)
    if D(futures):
        exchange.transfer("USDT", D(futures), "spot", "futures")
    return exchange


def an_order(
    side: Side = "buy",
    amount: str = "1",
    price: str | None = "100.1",
    *,
    symbol: str = SPOT,
    kind: OrderType | None = None,
    tif: Tif = "gtc",
    reduce_only: bool = False,
    client_id: str = "",
) -> OrderRequest:
    return OrderRequest(
        symbol=symbol,
        side=side,
        type=kind or ("market" if price is None else "limit"),
        amount=D(amount),
        price=None if price is None else D(price),
        tif=tif,
        reduce_only=reduce_only,
        client_id=client_id,
    )


def refusal_of(exchange: Exchange, request: OrderRequest) -> RefusalCode | None:
    try:
        exchange.place(request)
    except Refusal as refusal:
        return refusal.code
    return None


class HandClock:
    """Venue time as the test sets it."""

    def __init__(self, at: datetime = START) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def mono(self) -> float:
        return 0.0

    async def sleep(self, host_s: float) -> None:
        self.at += timedelta(seconds=host_s)

    async def until(self, venue_at: datetime) -> None:
        self.at = max(self.at, venue_at)


def an_intent(
    qty: str = "1",
    price: str = "100.1",
    *,
    symbol: str = SPOT,
    tif: TimeInForce = "ioc",
    reduce_only: bool = False,
    client_id: str = "bpone",
) -> OrderIntent:
    return OrderIntent(
        client_id=client_id,
        decision_id="d",
        action_id="a",
        leg=0,
        slice=0,
        symbol=symbol,
        qty=D(qty),
        price=D(price),
        tif=tif,
        reduce_only=reduce_only,
        sent_before=START + timedelta(days=1),
        fence=1,
        asset="BTC",
        kind="add",
        purpose="spot",
    )


def a_move(amount: str = "100", *, source: str = "spot", to: str = "futures", client_id: str = "bpmove") -> MoveIntent:
    return MoveIntent(
        client_id=client_id,
        decision_id="d",
        action_id="a",
        asset="USDT",
        amount=D(amount),
        source=source,
        to=to,
        sent_before=START + timedelta(days=1),
        fence=1,
    )
