"""Owns broken pairs: an action whose later leg is missing is completed, reduce-only or within the coins (R-W7). Pure."""

from __future__ import annotations

from bot.core.desk import Desk
from bot.core.numbers import ZERO, fraction
from bot.core.wishes import Leg, Wish

RULE = "R-W7"


def wishes(desk: Desk) -> list[Wish]:
    """The owed leg, once more, at today's price; what became impossible is dropped by `settled`."""
    made = []
    for item in desk.memory.broken:
        asset, coins = desk.asset_of(item.symbol)
        swap = ":" in item.symbol
        price = desk.ledger.marks.get(asset) if swap else desk.ledger.prices.get(asset)
        if price is None or not desk.ledger.equity or item.action in settled(desk):
            continue
        qty = item.contracts
        closing = swap and qty > 0
        leverage = None if closing or not swap else desk.policy.hedge_for(asset).leverage
        leg = Leg(item.symbol, qty, price * coins, "hedge" if swap else "spot", reduce_only=closing, leverage=leverage)
        made.append(
            Wish(
                RULE, "unhedge" if closing else "hedge" if swap else "derisk", "upkeep", asset,
                f"{RULE}: completes {item.action}, whose other leg was filled", legs=(leg,),
                exposure_change=fraction(leg.notional / desk.equity * (1 if qty > 0 else -1)), repairs=item.action,
            )
        )  # fmt: skip
    return made


def settled(desk: Desk) -> frozenset[str]:
    """Broken actions that owe nothing any more: the short to close is gone, the venue's minimum is out of reach."""
    done = set()
    for item in desk.memory.broken:
        asset, coins = desk.asset_of(item.symbol)
        swap = ":" in item.symbol
        market = desk.market(item.symbol)
        price = desk.ledger.marks.get(asset) if swap else desk.ledger.prices.get(asset)
        held = desk.ledger.contracts.get(asset, ZERO) / coins
        closing = swap and item.contracts > 0
        if closing and held >= 0:
            done.add(item.action)
        elif market is not None and price is not None:
            least = market.smallest(price * coins, reduce_only=closing)
            if abs(item.contracts) < least:
                done.add(item.action)
    return frozenset(done)
