"""Owns the depeg guard: what is no cash is neither bought with nor sold for (R-G12). Pure."""

from __future__ import annotations

from bot.core.desk import Desk
from bot.core.instruments import is_swap
from bot.core.prices import pegs
from bot.core.verdicts import Verdict, passed
from bot.core.wishes import Wish

GATE = "R-G12"


def judge(wish: Wish, desk: Desk) -> tuple[Wish, Verdict]:
    """The accounting currency off: everything but safety waits; unknown pegs: stables neither bought nor spent."""
    found = desk.once("pegs", lambda: pegs(desk.snapshot, desk.policy))
    if not (found.off or found.unknown):
        return wish, passed(GATE)
    limit = f"stables within {desk.policy.limits.depeg:.1%} of one another, now {found.why}"
    if desk.policy.accounting_currency in found.off and wish.cls != "safety":
        return wish, Verdict(GATE, "veto", f"the accounting currency is off its peg: {found.why}", limit)
    # A sale of coins buys stables, a purchase takes them for cash: with nobody knowing their worth, neither.
    spot = wish.cls != "safety" and any(not is_swap(leg.symbol) for leg in wish.legs)
    if found.unknown and (spot or any(move.to == "earn" for move in wish.moves)):
        return wish, Verdict(GATE, "veto", f"pegs unknown: {found.why}", limit)
    return wish, passed(GATE)
