"""Owns what the paper engine would have made of orders sent elsewhere: the same intents at the same recorded books.

One account per decision, with money enough for anything, so that only prices and depth decide. What it cannot know it
does not say: a resting order that no quote was recorded for while it rested is untold, not unfilled.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from bot.core.instruments import base_of, is_swap
from bot.core.numbers import ZERO
from bot.core.orders import OrderIntent
from bot.core.snapshot import Snapshot
from bot.venues.simulated.exchange import Exchange, OrderRecord, Refusal
from bot.venues.simulated.mapping import request_of
from bot.venues.simulated.observed import ObservedScene

PLENTY: Final = Decimal(10) ** 12
MARGIN: Final = Decimal(10) ** 11


@dataclass(frozen=True, slots=True)
class Shadow:
    """What paper filled of an order: unsigned base units, mean price, fee in quote; ``refused``: why it took none.

    ``told``: False where it rested and nothing was recorded that could have met it.
    """

    filled: Decimal
    average: Decimal | None
    fee: Decimal
    told: bool = True
    refused: str = ""


class ShadowAccount:
    """The paper engine at one decision's snapshot; orders come in the order they were sent."""

    def __init__(self, snapshot: Snapshot, currency: str, latency: timedelta) -> None:
        self._currency = currency
        self._scene = ObservedScene(snapshot.at)
        self._see(snapshot)
        for symbol, book in snapshot.books.items():
            self._scene.saw_book(symbol, book, snapshot.at)
        coins = {base_of(symbol) for symbol in snapshot.markets if not is_swap(symbol)} | {currency}
        opening = dict.fromkeys(coins, PLENTY)
        self._exchange = Exchange(self._scene, opening=opening, at=snapshot.at, latency=latency, settle=currency)
        self._exchange.transfer(currency, MARGIN, "spot", "futures")
        self._resting: dict[str, tuple[OrderIntent, datetime]] = {}  # client id -> until when
        self._untold: set[str] = set()

    def place(self, intent: OrderIntent, until: datetime | None) -> Shadow:
        """Take an order as it was sent (``qty`` as it left); ``until``: when it ended, for one that rests.

        What it reduces stands at another venue, so that the flag is left out: the price is the same.
        """
        try:
            order = self._exchange.place(replace(request_of(intent), reduce_only=False))
        except Refusal as refusal:
            return Shadow(ZERO, None, ZERO, refused=str(refusal))
        if order.is_open and until is not None:
            self._resting[intent.client_id] = (intent, until)
            self._untold.add(intent.client_id)
        return self._shadow(order)

    @property
    def waits(self) -> bool:
        """Whether an order still rests."""
        return bool(self._resting)

    def saw(self, snapshot: Snapshot) -> None:
        """What was recorded later: prices that a resting order may meet, if it still rested then."""
        if not any(until >= snapshot.at for _, until in self._resting.values()):
            return
        self._see(snapshot)
        for name, (intent, until) in self._resting.items():
            if until >= snapshot.at and intent.symbol in snapshot.tickers:
                self._untold.discard(name)
        self._exchange.advance(snapshot.at)

    def ended(self, at: datetime) -> dict[str, Shadow]:
        """The resting orders that had ended by ``at``, each as it stands then."""
        done = {name: intent for name, (intent, until) in self._resting.items() if until < at}
        for name in done:
            del self._resting[name]
        return {
            name: self._shadow(self._exchange.order(intent.symbol, client_id=name)) for name, intent in done.items()
        }

    def _see(self, snapshot: Snapshot) -> None:
        self._scene.saw_markets(snapshot.markets)
        self._scene.saw_quotes(snapshot.tickers, snapshot.at)
        self._scene.saw_funding(snapshot.funding, snapshot.at)

    def _shadow(self, order: OrderRecord) -> Shadow:
        trades = [each for each in self._exchange.trades(order.symbol) if each.order_id == order.order_id]
        fees = (each.fee * (each.price if each.fee_asset == base_of(order.symbol) else 1) for each in trades)
        told = order.filled > 0 or not order.is_open or order.client_id not in self._untold
        return Shadow(order.filled, order.average, sum(fees, ZERO), told)
