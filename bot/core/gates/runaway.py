"""Owns the runaway guard: nothing new beside an order in flight, no wish sent again and again in vain (R-G15). Pure."""

from __future__ import annotations

from bot.core.desk import Desk
from bot.core.numbers import plain
from bot.core.verdicts import Verdict, passed
from bot.core.wishes import Wish

GATE = "R-G15"


def judge(wish: Wish, desk: Desk) -> tuple[Wish, Verdict]:
    """Halted assets, symbols with an unknown or open order, and the third wish without an observed change.

    Safety acts on halted assets too. Its tries are counted apart: they widen its collar and halt the rest of the asset.
    """
    halted = {*desk.snapshot.control.halted_assets, *desk.memory.halted_assets}
    if wish.asset in halted and wish.cls != "safety":
        nearest = f"{wish.asset} not halted, now halted: an operator's `rearm {wish.asset}`"
        return wish, Verdict(GATE, "veto", f"{wish.asset} is halted", nearest)
    symbols = {leg.symbol for leg in wish.legs}
    for order in desk.snapshot.orders:
        if order.symbol in symbols:
            word = "of unknown outcome" if order.state == "unknown" else "still open"
            why = f"{order.symbol}: own order {order.client_id} is {word}"
            end = "the venue proving its outcome" if order.state == "unknown" else "its end"
            return wish, Verdict(GATE, "defer", why, f"{end}: {plain(order.filled)} of {plain(order.amount)} filled")
    sent, most = desk.memory.wishes.get(wish.key, 0), desk.policy.limits.repeats
    if wish.legs and sent >= most and wish.cls != "safety":
        why = f"sent {sent} times without an observed change of the position"
        nearest = f"under {most} tries in vain, now {sent}: an operator's `rearm {wish.asset}`"
        return wish, Verdict(GATE, "veto", why, nearest)
    return wish, passed(GATE)
