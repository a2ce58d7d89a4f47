"""Owns what the exchange sees of its scene at its own now: markets, prices, books, marks. Changes nothing."""

from __future__ import annotations

from decimal import Decimal

from bot.core.instruments import Market, is_swap, quote_of
from bot.core.numbers import ZERO
from bot.core.snapshot import Book
from bot.venues.simulated.liquidity import missing
from bot.venues.simulated.margin import Margin
from bot.venues.simulated.records import Refusal, RefusalCode, Rules, Side
from bot.venues.simulated.scene import Scene
from bot.venues.simulated.state import State


class View:
    """A scene, an account in it, and the venue's rules."""

    def __init__(self, scene: Scene, state: State, rules: Rules, settle: str) -> None:
        self.scene = scene
        self.state = state
        self.rules = rules
        self.settle = settle

    def market(self, symbol: str) -> Market:
        """The market's filters; raises `Refusal` for a symbol nobody lists here."""
        market = self.scene.markets().get(symbol)
        if market is None:
            raise Refusal(RefusalCode.UNKNOWN_SYMBOL, f"{symbol} is not listed here")
        if is_swap(symbol) and quote_of(symbol) != self.settle:
            raise Refusal(RefusalCode.UNKNOWN_SYMBOL, f"{symbol}: perpetuals settle in {self.settle} here")
        return market

    def is_trading(self, symbol: str) -> bool:
        """Active, not halted, and priced."""
        market = self.scene.markets().get(symbol)
        open_here = market is not None and market.active and not self.state.altered.is_halted(symbol, self.state.now)
        return open_here and self.scene.price(symbol, self.state.now) is not None

    def price(self, symbol: str) -> Decimal:
        """The price now; raises `Refusal` where there is none or nobody may trade."""
        price = self.scene.price(symbol, self.state.now)
        if price is None or not self.is_trading(symbol):
            raise Refusal(RefusalCode.MARKET_CLOSED, f"{symbol} is not trading at {self.state.now:%Y-%m-%d %H:%M:%S}Z")
        return price

    def book(self, symbol: str) -> Book | None:
        """The book now, as the scene has it."""
        return self.scene.book(symbol, self.state.now)

    def mark(self, symbol: str) -> Decimal:
        """The mark price; where the scene has none, the last one known: a position never becomes worth nothing."""
        price = self.scene.price(symbol, self.state.now)
        if price is not None:
            return price
        known = self.state.marks.get(symbol)
        if known is not None:
            return known
        held = self.state.holdings.get(symbol)
        return held.entry_price if held else ZERO

    def margin(self) -> Margin:
        """The futures arithmetic at these marks."""
        return Margin(self.state, self.scene.markets(), self.mark, self.rules, self.settle)

    def gone(self, symbol: str, side: Side) -> Decimal:
        """Depth that orders of ``side`` took and that has not grown back."""
        return missing(self.state.eaten.get(f"{symbol} {side}"), self.state.now, self.rules.recovery)
