"""Owns broken pairs: what is missing of an action is completed, reduce-only or within the coins (R-W7). Pure."""

from __future__ import annotations

from decimal import Decimal

from bot.core.desk import Desk
from bot.core.futures import change_of, covering, opened
from bot.core.instruments import is_swap
from bot.core.memory import Broken
from bot.core.numbers import ZERO, fraction
from bot.core.wishes import Leg, Wish

RULE = "R-W7"


def wishes(desk: Desk) -> list[Wish]:
    """The owed leg, once more, at today's price; what became impossible is dropped by `settled`."""
    made = []
    for item in sorted(desk.memory.broken, key=lambda each: (each.action, each.symbol)):
        asset, coins = desk.asset_of(item.symbol)
        swap = is_swap(item.symbol)
        price = desk.ledger.marks.get(asset) if swap else desk.ledger.prices.get(asset)
        if price is None or not desk.ledger.equity or (item.action, item.symbol) in settled(desk):
            continue
        qty = _owed(desk, item)
        closing = swap and qty > 0
        legs: tuple[Leg, ...] = (Leg(item.symbol, qty, price * coins),)
        if swap:
            hedge = opened(desk, asset, qty * coins, "hedge", desk.policy.hedge_for(asset).leverage)
            legs = covering(desk, asset, qty * coins) if closing else (hedge,)
        made.append(
            Wish(
                RULE, "unhedge" if closing else "hedge" if swap else "derisk", "upkeep", asset,
                f"{RULE}: completes {item.action}, whose other leg was filled", legs=legs,
                exposure_change=fraction(change_of(desk, legs)),
                repairs=item.action, whole=False,
            )
        )  # fmt: skip
    return made


def _owed(desk: Desk, item: Broken) -> Decimal:
    """What is still owed, signed base units, and can still be done: no more is closed or sold than there is."""
    asset, coins = desk.asset_of(item.symbol)
    if is_swap(item.symbol):
        short = -min(ZERO, desk.ledger.contracts.get(asset, ZERO)) / coins
        return min(item.contracts, short) if item.contracts > 0 else item.contracts
    return max(item.contracts, -max(ZERO, desk.ledger.free.get(asset, ZERO)))


def settled(desk: Desk) -> frozenset[tuple[str, str]]:
    """(action, symbol)s that owe nothing any more: the short to close is gone, the venue's minimum is out of reach."""
    done = set()
    for item in desk.memory.broken:
        asset, coins = desk.asset_of(item.symbol)
        swap = is_swap(item.symbol)
        market = desk.market(item.symbol)
        price = desk.ledger.marks.get(asset) if swap else desk.ledger.prices.get(asset)
        closing = swap and item.contracts > 0
        owed = abs(_owed(desk, item))
        if not owed:
            done.add((item.action, item.symbol))
        elif market is not None and price is not None:
            least = market.smallest(price * coins, reduce_only=closing)
            if owed < least:
                done.add((item.action, item.symbol))
    return frozenset(done)
