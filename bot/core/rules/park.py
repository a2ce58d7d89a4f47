"""Owns idle stables: parked in flexible savings, recalled before they are needed (R-A19). Pure."""

from __future__ import annotations

from datetime import timedelta
from decimal import ROUND_FLOOR, Decimal

from bot.core.desk import Desk
from bot.core.futures import own_cash, own_powder
from bot.core.numbers import CENT, ZERO
from bot.core.sizing import STRETCH, points
from bot.core.wishes import Move, Wish

RULE = "R-A19"
A_DAY = timedelta(days=1)
LEAST_NEED = Decimal(1)


def able(desk: Desk) -> bool:
    """Savings on, offered by the account, and an instant product known for the currency."""
    product = desk.snapshot.savings.get(desk.policy.accounting_currency)
    can = "earn" in desk.snapshot.account.can
    return desk.policy.savings.enabled and can and product is not None and product.instant


def park(desk: Desk) -> list[Wish]:
    """What lies beyond floor, buffer, wishes, open episodes and margin, when worth a move, at most daily."""
    last = desk.memory.last_parked_at
    if not able(desk) or (last is not None and desk.snapshot.at - last < A_DAY):
        return []
    if desk.episodes_up() or any(item.direction == "under" for item in desk.seen.triggers):
        return []  # what is wished for is not idle
    stables = desk.policy.targets.stables
    # Not on a promise: were this plan's sale not filled, L would be under the floor.
    idle = min(own_powder(desk) - stables.buffer * desk.equity - desk.ledger.margin, own_cash(desk))
    product = desk.snapshot.savings[desk.policy.accounting_currency]
    amount = max(ZERO, idle).quantize(CENT, ROUND_FLOOR)
    if amount < max(desk.policy.savings.min_move * desk.equity, product.min):
        return []
    why = f"{RULE}: {points(amount / desk.equity)} points lie idle beyond floor and buffer"
    move = Move(desk.policy.accounting_currency, amount, "spot", "earn")
    return [Wish(RULE, "park", "yield", desk.policy.accounting_currency, why, moves=(move,))]


def recall(desk: Desk) -> list[Wish]:
    """Before an add, a margin need or a refill: as much as dry powder does not cover of all that is wanted now."""
    earn = desk.ledger.earn
    if earn <= 0 or not desk.ledger.equity:
        return []
    wanted = _wanted(desk)
    lack = wanted - desk.dry_powder
    # An addition that lacks a crumb is a crumb smaller (R-A2): it needs no recall of its own.
    missing = _refill(desk) + (lack if lack > wanted * STRETCH else ZERO) + _margin(desk)
    # At least what is worth parking: else prices that tick call for a few coins more in every cycle.
    least = desk.policy.savings.min_move * desk.equity
    amount = min(earn, max(missing, least)).quantize(CENT, ROUND_FLOOR)
    if missing < LEAST_NEED or amount < LEAST_NEED:
        return []
    why = f"{RULE}: {missing:.2f} of what is parked is needed now, {amount:.2f} is recalled"
    move = Move(desk.policy.accounting_currency, amount, "earn", "spot")
    return [Wish(RULE, "recall", "upkeep", desk.policy.accounting_currency, why, moves=(move,))]


def _refill(desk: Desk) -> Decimal:
    if not any(item.direction == "refill" for item in desk.seen.triggers):
        return ZERO
    stables = desk.policy.targets.stables
    return max(ZERO, (stables.floor + stables.refill) * desk.equity - desk.ledger.liquid)


def _margin(desk: Desk) -> Decimal:
    """What a top-up of the futures wallet lacks in the spot wallet (R-A20)."""
    ledger, distance = desk.ledger, desk.ledger.distance
    if distance is None or distance >= desk.policy.limits.top_up_distance:
        return ZERO
    need = ledger.futures_notional / desk.policy.hedge.leverage + ledger.maintenance
    have = ledger.futures_balance + ledger.unrealised + max(ZERO, ledger.stables_spot - ledger.reserved)
    return max(ZERO, need - (ledger.liquid if ledger.unified else have))


def _wanted(desk: Desk) -> Decimal:
    """What the adds of this cycle would take: an increment of each underweight asset, at most."""
    total = ZERO
    for item in desk.seen.exposures:
        episode = desk.memory.episode(item.asset)
        working = episode is not None and episode.sign == "up"
        if desk.trigger(item.asset, "under") is None and not working:
            continue
        gap = min(-min(ZERO, desk.drift(item.asset)), desk.policy.add_for(item.asset).increment)
        total += gap * desk.equity * (1 + desk.taker(desk.spot(item.asset)))
    return total
