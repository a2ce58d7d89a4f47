"""Owns the arithmetic of margin, cross and isolated: what an order needs, where liquidation lies. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal

from bot.core.instruments import Market, is_swap
from bot.core.numbers import ZERO
from bot.venues.simulated.fees import at_least
from bot.venues.simulated.records import FuturesWallet, OrderRecord, PositionRecord, Rules
from bot.venues.simulated.state import Holding, State

Marks = Callable[[str], Decimal]


class Margin:
    """The futures side of a state at given marks."""

    def __init__(self, state: State, markets: Mapping[str, Market], marks: Marks, rules: Rules, settle: str) -> None:
        self._state = state
        self._markets = markets
        self._marks = marks
        self._rules = rules
        self._settle = settle

    def leverage(self, symbol: str) -> int:
        """As set, or the venue's own."""
        return self._state.leverage_of(symbol)

    def rate(self, symbol: str) -> Decimal:
        """The maintenance rate."""
        market = self._markets.get(symbol)
        known = market.maintenance_rate if market else None
        return self._rules.maintenance_rate if known is None else known

    def unrealised(self, symbol: str, held: Holding) -> Decimal:
        """Profit or loss at mark."""
        return held.quantity * self._marks(symbol) - held.cost

    def maintenance(self, symbol: str, held: Holding) -> Decimal:
        """What must stay behind the position."""
        return at_least(abs(held.quantity) * self._marks(symbol) * self.rate(symbol))

    def initial(self, symbol: str, held: Holding) -> Decimal:
        """What the position binds."""
        return at_least(abs(held.quantity) * self._marks(symbol) / self.leverage(symbol))

    def ordered(self, symbol: str, orders: Iterable[OrderRecord]) -> Decimal:
        """What open orders on a symbol bind: the larger of the two exposures they may lead to, beyond the position."""
        asked = [order for order in orders if not order.reduce_only and order.price is not None]
        if not asked:
            return ZERO
        held = self._state.holdings.get(symbol)
        quantity = held.quantity if held else ZERO
        bought = quantity + sum((order.rest for order in asked if order.side == "buy"), ZERO)
        sold = quantity - sum((order.rest for order in asked if order.side == "sell"), ZERO)
        beyond = max(abs(bought), abs(sold), abs(quantity)) - abs(quantity)
        price = max(self._marks(symbol), *(order.price for order in asked if order.price is not None))
        return at_least(beyond * price / self.leverage(symbol))

    def wallet(self, orders: Iterable[OrderRecord] | None = None) -> FuturesWallet:
        """The wallet with the open orders, or with ``orders`` in their place."""
        state = self._state
        asked: dict[str, list[OrderRecord]] = {}
        for order in state.open.values() if orders is None else orders:
            if is_swap(order.symbol):
                asked.setdefault(order.symbol, []).append(order)
        held = state.holdings.items()
        unrealised = sum((self.unrealised(symbol, one) for symbol, one in held), ZERO)
        bound = sum((self.initial(symbol, one) for symbol, one in held), ZERO)
        order_margin = sum((self.ordered(symbol, some) for symbol, some in asked.items()), ZERO)
        initial = bound + order_margin
        cross = self._cross()
        wallet = state.wallet - sum(state.pockets.values(), ZERO)
        profit = sum((self.unrealised(symbol, one) for symbol, one in cross), ZERO)
        asked_for = sum((self.initial(symbol, one) for symbol, one in cross), ZERO) + order_margin
        return FuturesWallet(
            asset=self._settle,
            wallet_balance=state.wallet,
            unrealised=unrealised,
            margin_balance=state.wallet + unrealised,
            initial_margin=initial,
            order_margin=order_margin,
            maintenance_margin=sum((self.maintenance(symbol, one) for symbol, one in held), ZERO),
            available=wallet + profit - asked_for,
            withdrawable=max(ZERO, wallet + min(ZERO, profit) - asked_for),
            cross_wallet=wallet,
            cross_unrealised=profit,
        )

    def _cross(self) -> list[tuple[str, Holding]]:
        """The positions that share the wallet."""
        return [(symbol, held) for symbol, held in self._state.holdings.items() if symbol not in self._state.isolated]

    def positions(self) -> list[PositionRecord]:
        """All positions by symbol."""
        wallet = self.wallet()
        return [self._position(symbol, held, wallet) for symbol, held in sorted(self._state.holdings.items())]

    def _position(self, symbol: str, held: Holding, wallet: FuturesWallet) -> PositionRecord:
        return PositionRecord(
            symbol=symbol,
            quantity=held.quantity,
            entry_price=held.entry_price,
            mark_price=self._marks(symbol),
            leverage=self.leverage(symbol),
            liquidation_price=self._liquidation(symbol, held, wallet),
            initial_margin=self.initial(symbol, held),
            maintenance_margin=self.maintenance(symbol, held),
            unrealised=self.unrealised(symbol, held),
            updated_at=held.updated_at,
            margin_mode="isolated" if symbol in self._state.isolated else "cross",
            isolated_wallet=self._state.pockets.get(symbol, ZERO),
        )

    def _liquidation(self, symbol: str, held: Holding, wallet: FuturesWallet) -> Decimal | None:
        """The mark at which the account's margin balance meets its maintenance, all other marks as they are.

        ``wallet + others' PnL - others' maintenance + q·m - cost = |q|·m·rate``, solved for m; None when no m > 0 does.
        An isolated position has its own margin for a wallet, and no others.
        """
        if symbol in self._state.isolated:
            spare = self._state.pockets.get(symbol, ZERO)
        else:
            others = wallet.cross_wallet + wallet.cross_unrealised - self.unrealised(symbol, held)
            spare = others - sum((self.maintenance(name, one) for name, one in self._cross() if name != symbol), ZERO)
        slope = held.quantity - abs(held.quantity) * self.rate(symbol)
        price = (held.cost - spare) / slope if slope else ZERO
        return price if price > 0 else None

    def short(self) -> list[str]:
        """The positions to be liquidated: isolated ones by themselves, the cross ones all or none."""
        alone = [
            symbol
            for symbol, held in self._state.holdings.items()
            if symbol in self._state.isolated
            and self._state.pockets.get(symbol, ZERO) + self.unrealised(symbol, held) <= self.maintenance(symbol, held)
        ]
        cross = self._cross()
        balance = self._state.wallet - sum(self._state.pockets.values(), ZERO)
        balance += sum((self.unrealised(symbol, held) for symbol, held in cross), ZERO)
        owed = sum((self.maintenance(symbol, held) for symbol, held in cross), ZERO)
        return sorted([*alone, *(symbol for symbol, _ in cross)] if cross and balance <= owed else alone)

    def could_fall_short(self, ranges: Mapping[str, tuple[Decimal, Decimal]]) -> bool:
        """Whether one would be if every position met the worst of its range at once: a bound quick to compute."""
        balance, owed = self._state.wallet - sum(self._state.pockets.values(), ZERO), ZERO
        for symbol, held in self._state.holdings.items():
            low, high = ranges[symbol]
            worst = held.quantity * (low if held.quantity > 0 else high) - held.cost
            needed = at_least(abs(held.quantity) * high * self.rate(symbol))
            if symbol in self._state.isolated:
                if self._state.pockets.get(symbol, ZERO) + worst <= needed:
                    return True
            else:
                balance, owed = balance + worst, owed + needed
        return bool(self._cross()) and balance <= owed
