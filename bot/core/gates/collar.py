"""Owns the price collar and the largest order (R-G14). Pure."""

from __future__ import annotations

from bot.core.copies import changed
from bot.core.desk import Desk
from bot.core.numbers import ONE, ZERO, ceil_to, floor_to
from bot.core.sizing import percent
from bot.core.verdicts import Verdict, passed
from bot.core.wishes import Leg, Wish

GATE = "R-G14"


def judge(wish: Wish, desk: Desk) -> tuple[Wish, Verdict]:
    """No leg over `limits.order_value_max` of E; every leg gets its worst price, inside the collar, on the tick."""
    largest = max((leg.notional for leg in wish.legs), default=ZERO)
    limit = desk.policy.limits.order_value_max * desk.equity
    verdict = passed(GATE)
    if desk.ledger.equity and largest > limit:
        share = limit / largest
        why = f"order of {percent(largest / desk.equity)} of E"
        nearest = f"an order of at most {percent(limit / desk.equity)} of E, now {percent(largest / desk.equity)}"
        verdict = Verdict(GATE, "resize", why, nearest, scale=share)
        wish = wish.scaled(share)
    return changed(wish, legs=tuple(_limited(leg, wish, desk) for leg in wish.legs)), verdict


def _limited(leg: Leg, wish: Wish, desk: Desk) -> Leg:
    """A buy up to collar over the reference, a sale down to collar under it; safety's is doubled per attempt."""
    limits = desk.policy.limits
    collar = limits.price_collar
    if wish.cls == "safety":
        collar = min(limits.safety_collar, collar * 2 ** desk.memory.wishes.get(wish.key, 0))
    market = desk.market(leg.symbol)
    tick = market.tick if market else None
    if leg.qty > 0:
        return changed(leg, limit=floor_to(leg.price * (ONE + collar), tick))
    return changed(leg, limit=ceil_to(leg.price * (ONE - collar), tick))
