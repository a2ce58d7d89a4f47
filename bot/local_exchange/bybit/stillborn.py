"""Owns post-only orders that would have taken: cancelled at birth. The engine refuses them, so they stand here."""

from __future__ import annotations

from bot.core.numbers import ZERO
from bot.venues.simulated.exchange import Exchange, OrderRecord, OrderRequest, OrderStatus

KEPT_MOST = 500  # as many closed orders as the venue itself keeps at hand
FIRST_NUMBER = 10**15  # beyond every number that an engine gives out


class Stillborn:
    """The newest few; like the venue's own they are gone after a restart."""

    def __init__(self) -> None:
        self._orders: list[OrderRecord] = []
        self._made = 0

    def add(self, exchange: Exchange, request: OrderRequest) -> OrderRecord:
        """Take one in, cancelled."""
        self._made += 1
        order = OrderRecord(
            order_id=FIRST_NUMBER + self._made,
            client_id=request.client_id,
            symbol=request.symbol,
            side=request.side,
            type=request.type,
            amount=request.amount,
            price=request.price,
            tif=request.tif,
            reduce_only=request.reduce_only,
            status=OrderStatus.CANCELED,
            filled=ZERO,
            quote_filled=ZERO,
            created_at=exchange.now,
            updated_at=exchange.now,
        )
        self._orders = [*self._orders, order][-KEPT_MOST:]
        return order

    def find(self, order_id: int | None, client_id: str | None) -> OrderRecord | None:
        """By number, else by client id."""
        for order in reversed(self._orders):
            if order.order_id == order_id or (order_id is None and client_id and order.client_id == client_id):
                return order
        return None

    def of(self, symbol: str) -> list[OrderRecord]:
        """Those of a symbol, oldest first."""
        return [order for order in self._orders if order.symbol == symbol]
