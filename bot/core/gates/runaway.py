"""Owns the runaway guard: nothing new beside an order in flight, no wish sent again and again in vain (R-G15). Pure."""

from __future__ import annotations

from bot.core.desk import Desk
from bot.core.verdicts import Verdict
from bot.core.wishes import Wish

GATE = "R-G15"


def judge(wish: Wish, desk: Desk) -> tuple[Wish, Verdict]:
    """Halted assets, symbols with an unknown or open order, and the third wish without an observed change."""
    halted = {*desk.snapshot.control.halted_assets, *desk.memory.halted_assets}
    if wish.asset in halted:
        return wish, Verdict(GATE, "veto", f"{wish.asset} is halted", f"an operator's `rearm {wish.asset}`")
    symbols = {leg.symbol for leg in wish.legs}
    for order in desk.snapshot.orders:
        if order.symbol in symbols:
            word = "of unknown outcome" if order.state == "unknown" else "still open"
            why = f"{order.symbol}: own order {order.client_id} is {word}"
            return wish, Verdict(
                GATE, "defer", why, "the venue proving its outcome" if order.state == "unknown" else "it ending"
            )
    sent = desk.memory.wishes.get(wish.key, 0)
    if wish.legs and sent >= desk.policy.limits.repeats:
        why = f"sent {sent} times without an observed change of the position"
        return wish, Verdict(GATE, "veto", why, f"an operator's `rearm {wish.asset}`")
    return wish, Verdict(GATE, "pass")
