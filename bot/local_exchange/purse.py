"""Owns how one wallet is kept over an engine that has two: what is free lies where it is needed. Speaks no wire."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal

from bot.core.instruments import is_swap
from bot.core.numbers import ZERO
from bot.venues.simulated.exchange import Exchange


class Purse:
    """A unified account's settlement coin, which the engine keeps in a spot and a futures wallet.

    While perpetuals are held or ordered, all of it that no spot order locks stands behind them; otherwise it stays
    where it is, for nothing tells the two apart. These moves are the engine's own affair: no client is told of them.
    What comes into the spot wallet between two signed requests (a fill, a deposit) backs positions from the second on.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    @property
    def coin(self) -> str:
        """The one coin that is in both wallets."""
        return self._exchange.settle

    def free(self) -> Decimal:
        """What may be spent or leave: free in the spot wallet, and of the other what backs nothing."""
        return self._free_in_spot() + self._exchange.futures().withdrawable

    def back(self) -> None:
        """Let all that is free stand behind the perpetuals, where there are some."""
        exchange = self._exchange
        if exchange.positions() or any(is_swap(order.symbol) for order in exchange.open_orders()):
            self.for_margin()

    def for_margin(self) -> None:
        """Let it all be margin, whether there are perpetuals or not."""
        amount = self._free_in_spot()
        if amount > 0:
            self._exchange.transfer(self.coin, amount, "spot", "futures")

    @contextmanager
    def for_spot(self) -> Iterator[None]:
        """Within the block all that backs nothing may be spent in the spot wallet."""
        amount = self._exchange.futures().withdrawable
        if amount > 0:
            self._exchange.transfer(self.coin, amount, "futures", "spot")
        try:
            yield
        finally:
            self.back()

    def before(self, to: datetime) -> None:
        """Have ready what the script withdraws until ``to``: from outside, the account is one wallet too."""
        flows = self._exchange.scene.flows(self._exchange.now, to)
        if any(flow.kind == "withdrawal" and flow.asset == self.coin for flow in flows):
            amount = self._exchange.futures().withdrawable
            if amount > 0:
                self._exchange.transfer(self.coin, amount, "futures", "spot")

    def _free_in_spot(self) -> Decimal:
        held = self._exchange.balances().get(self.coin)
        return max(ZERO, held.free) if held else ZERO
