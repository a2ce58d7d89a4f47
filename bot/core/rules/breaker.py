"""Owns what the drawdown breaker does: longs are closed, shorts stay up to the spot they hedge (R-G13). Pure."""

from __future__ import annotations

from typing import Literal

from bot.core.desk import Desk
from bot.core.exposure import drawdown
from bot.core.futures import change_of, closed, covers, mark
from bot.core.numbers import ZERO, fraction
from bot.core.sizing import percent
from bot.core.wishes import Wish

RULE = "R-G13"
FLATTEN = "R-G1"


def trips(desk: Desk) -> bool:
    """Whether the unit value is a limit or more under its peak."""
    fall = drawdown(desk.ledger, desk.memory, desk.snapshot.at, desk.seen.rescoped)
    return fall is not None and fall >= desk.policy.limits.drawdown


def wishes(desk: Desk) -> list[Wish]:
    """Every long closed, reduce-only, as safety; a short beyond its spot is R-A7's business."""
    if not trips(desk):
        return []
    fall = drawdown(desk.ledger, desk.memory, desk.snapshot.at, desk.seen.rescoped)
    why = f"{RULE}: unit value {percent(fall or desk.policy.limits.drawdown)} under its peak"
    return _close_longs(desk, RULE, why, "close")


def flatten(desk: Desk) -> list[Wish]:
    """Kill level `flatten`: longs, then shorts, reduce-only; net rises by the shorts, and it is said (R-G1)."""
    if desk.snapshot.control.kill != "flatten":
        return []
    made = _close_longs(desk, FLATTEN, f"{FLATTEN}: flatten", "flatten")
    for asset in sorted(desk.ledger.contracts):
        legs = covers(desk, asset)
        if not legs:
            continue
        rise = fraction(change_of(desk, legs)) if desk.ledger.equity else ZERO
        why = f"{FLATTEN}: flatten closes the short: net exposure of {asset} rises by {percent(rise)}"
        made.append(Wish(FLATTEN, "flatten", "safety", asset, why, legs=legs, exposure_change=rise))
    return made


def _close_longs(desk: Desk, rule: str, why: str, kind: Literal["flatten", "close"]) -> list[Wish]:
    made = []
    for asset in sorted(desk.ledger.contracts):
        coins = desk.ledger.contracts[asset]
        if coins <= 0 or desk.ledger.marks.get(asset) is None:
            continue
        change = -fraction(coins * mark(desk, asset) / desk.equity) if desk.ledger.equity else ZERO
        leg = closed(desk, asset, -coins, "bridge")
        made.append(Wish(rule, kind, "safety", asset, why, legs=(leg,), exposure_change=change))
    return made
