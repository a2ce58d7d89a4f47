"""Owns the venue's filters: listed, active, whole steps, minima (R-G11). Pure."""

from __future__ import annotations

from decimal import Decimal

from bot.core.copies import changed
from bot.core.desk import Desk
from bot.core.instruments import is_swap
from bot.core.numbers import ZERO, fraction, plain
from bot.core.verdicts import Verdict, passed
from bot.core.wishes import Leg, Wish

GATE = "R-G11"


def judge(wish: Wish, desk: Desk) -> tuple[Wish, Verdict]:
    """Amounts cut to whole steps; a short too small to open is left out; what is under every minimum is carried."""
    legs: list[Leg] = []
    small = nearest = ""
    for leg in wish.legs:
        market = desk.market(leg.symbol)
        if market is None:
            return wish, Verdict(GATE, "veto", f"{leg.symbol} is not listed", f"{leg.symbol} listed, now none")
        if not market.active:
            return wish, Verdict(
                GATE, "defer", f"{leg.symbol} is halted", f"{leg.symbol} traded again, now halted by the venue"
            )
        amount = market.down(abs(leg.qty))
        least = market.smallest(leg.price, reduce_only=leg.reduce_only)
        if amount < least or amount == 0:
            least = max(least, market.step or least)
            small = f"{leg.symbol}: {abs(leg.qty):.8f} is under the venue's least of {plain(least)}"
            nearest = f"{plain(least)} of {leg.symbol}, now {abs(leg.qty):.8f}: carried until it is one"
            continue
        legs.append(changed(leg, qty=amount if leg.qty > 0 else -amount))
    if wish.legs and (not legs or (small and _needs_all(wish))):
        return wish, Verdict(GATE, "veto", small, nearest)
    change = wish.exposure_change
    if wish.legs and change:
        change = _change(legs, desk)
    made = changed(wish, legs=tuple(legs), exposure_change=change)
    return made, passed(GATE)


def _needs_all(wish: Wish) -> bool:
    """A conversion is one thing: without one of its legs it would change net exposure."""
    return wish.kind == "convert"


def _change(legs: list[Leg], desk: Desk) -> Decimal:
    if not desk.ledger.equity:
        return ZERO
    total = ZERO
    for leg in legs:
        if leg.purpose == "index" and is_swap(leg.symbol):
            continue
        total += leg.qty * leg.price
    return fraction(total / desk.equity)
