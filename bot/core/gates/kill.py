"""Owns the kill switch's word on a wish (R-G1). Pure; the permit asks again in the last line before the socket."""

from __future__ import annotations

from bot.core.desk import Desk
from bot.core.verdicts import Verdict, passed
from bot.core.wishes import Wish

GATE = "R-G1"


def while_frozen(wish: Wish) -> bool:
    """What `freeze` lets through: safety; derisk that reduces; upkeep that does not raise net exposure."""
    if wish.cls == "safety":
        return True
    if wish.cls == "derisk":
        return wish.exposure_change < 0
    return wish.cls == "upkeep" and wish.exposure_change <= 0


def judge(wish: Wish, desk: Desk) -> tuple[Wish, Verdict]:
    """off: everything; freeze: the table above; halt: nothing; flatten: what closes positions, and nothing else."""
    level = desk.snapshot.control.kill
    flattens = level == "flatten" and wish.cls == "safety" and wish.kind == "flatten"
    if level == "off" or flattens or (level == "freeze" and while_frozen(wish)):
        return wish, passed(GATE)
    reason = f" ({desk.snapshot.control.reason})" if desk.snapshot.control.reason else ""
    return wish, Verdict(
        GATE, "veto", f"kill level {level}{reason}", f"kill level off, now {level}: an operator's `resume`"
    )
