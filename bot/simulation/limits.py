"""Owns the look at what an order made of the account: leverage, gross exposure, one asset's share (R-G8, R-G18)."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from bot.core.instruments import base_of, is_swap
from bot.core.numbers import ONE, ZERO
from bot.core.orders import OrderIntent
from bot.core.policy import Policy
from bot.venues.simulated.exchange import Exchange

GROSS_SLACK = Decimal("0.05")
SHARE_SLACK = Decimal("0.02")  # of E: prices move between a decision and its fills, and E with them


class Standing(NamedTuple):
    """The account at one instant: liquid stables and equity in quote, the net coins of one base."""

    cash: Decimal
    equity: Decimal
    coins: Decimal


class Limits:
    """Judges an accepted order by the exchange alone; answers with what is wrong."""

    def __init__(self, exchange: Exchange, policy: Policy) -> None:
        self._exchange = exchange
        self._most = policy.limits
        self._targets = {
            asset: sleeve.weight * (sleeve.fixed[asset] if sleeve.fixed else ONE / len(sleeve.members))
            for sleeve in policy.targets.sleeves.values()
            for asset in sleeve.members
        }

    def broken(self, intent: OrderIntent, before: Standing, after: Standing) -> list[str]:
        """I8's other half: what an order that opens made of leverage and exposure, orders in flight being in it."""
        if intent.reduce_only or after.equity <= 0 or before.equity <= 0:
            return []
        wrong: list[str] = []
        if is_swap(intent.symbol):
            leverage = self._exchange.leverage(intent.symbol)
            if leverage > self._most.leverage:
                wrong.append(f"R-G8 {intent.client_id} opens at leverage {leverage}, at most {self._most.leverage}")
        if is_swap(intent.symbol) or intent.qty > 0:
            gross = self._gross() / after.equity
            if gross > self._most.gross + GROSS_SLACK:
                wrong.append(f"R-G8 {intent.client_id} makes gross exposure {gross:.3f}, at most {self._most.gross}")
        return [*wrong, *self._over(intent, before, after)]

    def _over(self, intent: OrderIntent, before: Standing, after: Standing) -> list[str]:
        asset = base_of(intent.symbol)
        price = self._exchange.scene.price(f"{asset}/USDT", self._exchange.now)
        if intent.qty < 0 or asset not in self._targets or not price:
            return []
        most = self._targets[asset] + self._most.asset_over_target
        was, now = before.coins * price / before.equity, after.coins * price / after.equity
        if was <= most and now > most + SHARE_SLACK:
            return [f"R-G18 {intent.client_id} takes {asset} from {was:.3f} to {now:.3f} of E, at most {most}"]
        return []

    def _gross(self) -> Decimal:
        """Coins at their price and contracts at their mark, in quote; what rests to be bought counts as bought."""
        exchange = self._exchange
        total = sum((abs(one.notional) for one in exchange.positions()), ZERO)
        for asset, held in exchange.balances().items():
            if asset in self._targets:
                price = exchange.scene.price(f"{asset}/USDT", exchange.now)
                total += (held.free + held.locked) * (price or ZERO)
        for order in exchange.open_orders():
            opens = is_swap(order.symbol) or order.side == "buy"
            if opens and not order.reduce_only and order.price is not None:
                total += order.rest * order.price
        return total
