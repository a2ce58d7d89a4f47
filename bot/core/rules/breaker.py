"""Owns what the drawdown breaker does: longs are closed, shorts stay up to the spot they hedge (R-G13). Pure."""

from __future__ import annotations

from bot.core.desk import Desk
from bot.core.exposure import drawdown
from bot.core.futures import closed, mark
from bot.core.numbers import fraction
from bot.core.sizing import percent
from bot.core.wishes import Wish

RULE = "R-G13"


def trips(desk: Desk) -> bool:
    """Whether the unit value is a limit or more under its peak."""
    fall = drawdown(desk.ledger, desk.memory)
    return fall is not None and fall >= desk.policy.limits.drawdown


def wishes(desk: Desk) -> list[Wish]:
    """Every long closed, reduce-only, as safety; a short beyond its spot is R-A7's business."""
    if not trips(desk):
        return []
    fall = drawdown(desk.ledger, desk.memory)
    why = f"{RULE}: unit value {percent(fall or desk.policy.limits.drawdown)} under its peak"
    return _close_longs(desk, why, "close")


def flatten(desk: Desk) -> list[Wish]:
    """Kill level `flatten`: longs, then shorts, reduce-only; net rises by the shorts, and it is said (R-G1)."""
    if desk.snapshot.control.kill != "flatten":
        return []
    made = _close_longs(desk, "R-G1: flatten", "flatten")
    for asset in sorted(desk.ledger.contracts):
        coins = desk.ledger.contracts[asset] + desk.ledger.index.get(asset, 0 * desk.ledger.contracts[asset])
        if coins >= 0 or desk.ledger.marks.get(asset) is None:
            continue
        rise = fraction(-coins * mark(desk, asset) / desk.equity) if desk.ledger.equity else fraction(-coins * 0)
        why = f"R-G1: flatten closes the short: net exposure of {asset} rises by {percent(rise)}"
        leg = closed(desk, asset, -coins, "hedge")
        made.append(Wish("R-G1", "flatten", "safety", asset, why, legs=(leg,), exposure_change=rise))
    return made


def _close_longs(desk: Desk, why: str, kind: str) -> list[Wish]:
    made = []
    for asset in sorted(desk.ledger.contracts):
        coins = desk.ledger.contracts[asset]
        if coins <= 0 or desk.ledger.marks.get(asset) is None:
            continue
        change = -fraction(coins * mark(desk, asset) / desk.equity) if desk.ledger.equity else fraction(coins * 0)
        leg = closed(desk, asset, -coins, "bridge")
        made.append(
            Wish(
                RULE,
                "flatten" if kind == "flatten" else "close",
                "safety",
                asset,
                why,
                legs=(leg,),
                exposure_change=change,
            )
        )
    return made
