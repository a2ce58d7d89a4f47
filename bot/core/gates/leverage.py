"""Owns leverage, margin and distance to liquidation of what is opened (R-G8). Pure."""

from __future__ import annotations

from decimal import Decimal

from bot.core.desk import Desk, Ledger
from bot.core.instruments import is_swap
from bot.core.numbers import ZERO
from bot.core.sizing import percent
from bot.core.verdicts import Verdict, passed
from bot.core.wishes import Wish

GATE = "R-G8"
MAINTENANCE_UNKNOWN = Decimal("0.01")
CLEARLY = Decimal("1e-6")  # far more than the roundings of a sum over all assets


def judge(wish: Wish, desk: Desk) -> tuple[Wish, Verdict]:
    """Per position, gross over the portfolio, margin in the wallet, distance after the action."""
    limits = desk.policy.limits
    after = desk.after(wish).ledger
    opened = [leg for leg in wish.legs if is_swap(leg.symbol) and not leg.reduce_only]
    for leg in opened:
        if leg.leverage is None or leg.leverage > limits.leverage:
            nearest = f"a leverage of at most {limits.leverage}, now {leg.leverage}"
            return wish, Verdict(GATE, "veto", f"{leg.symbol}: leverage {leg.leverage}", nearest)
    pending = desk.pending_gross
    if _exceeds(wish, desk, after, pending):
        gross = after.gross + pending
        under_way = f" ({pending:.4f} of it under way)" if pending else ""
        nearest = f"a gross exposure of at most {limits.gross}, with this {gross:.4f}, now {desk.ledger.gross:.4f}"
        return wish, Verdict(GATE, "veto", f"gross exposure would be {gross:.4f}{under_way}", nearest)
    if not opened:
        return wish, passed(GATE)
    if not after.unified and after.futures_available < 0:
        have, short = desk.ledger.futures_available, -after.futures_available
        nearest = f"{have + short:.2f} in the futures wallet, now {have:.2f}"
        return wish, Verdict(GATE, "defer", f"margin is short by {short:.2f}", nearest)
    # The maintenance of what is opened comes on top of that of what stands.
    rates = [(leg.notional, desk.market(leg.symbol)) for leg in opened]
    added = sum((size * ((item and item.maintenance_rate) or MAINTENANCE_UNKNOWN) for size, item in rates), ZERO)
    distance = after.distance
    if distance is not None:
        distance -= added / after.futures_notional
    if distance is not None and distance < limits.top_up_distance:
        would = percent(max(ZERO, distance))
        nearest = f"a distance of at least {percent(limits.top_up_distance)}, with this {would}"
        return wish, Verdict(GATE, "veto", f"distance to liquidation would be {would}", nearest)
    return wish, passed(GATE)


def _exceeds(wish: Wish, desk: Desk, after: Ledger, pending: Decimal) -> bool:
    """Whether gross exposure would rise over its limit; where it clearly stays under, the sum is not made again."""
    touched = {desk.asset_of(leg.symbol)[0] for leg in wish.legs}
    rise = sum((after.size(asset) - desk.ledger.size(asset) for asset in touched), ZERO)
    limit = desk.policy.limits.gross
    if desk.ledger.gross + rise + pending < limit - CLEARLY:
        return False
    return after.gross + pending > limit and after.gross > desk.ledger.gross
