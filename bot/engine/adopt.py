"""Owns what a first start may call its own (R-G16)."""

from __future__ import annotations

from bot.core.events import Event
from bot.core.memory import Memory
from bot.core.policy import Policy
from bot.core.snapshot import Snapshot
from bot.engine.parts import Parts
from bot.engine.record import Recorder

FIRST_START = "adopted:first start"


async def adopt_at_first(parts: Parts, recorder: Recorder, policy: Policy, snapshot: Snapshot, memory: Memory) -> bool:
    """Say on the first start what is the bot's own; whether anything was said.

    A simulated or local account is adopted whole; a real one with anything in it is not, until an operator's `adopt`.
    """
    if memory.owned is not None:
        return False
    if memory.first_seen is not None and not parts.adopts:
        return False
    unread = any(gap.startswith(("balances", "positions")) for gap in snapshot.gaps)  # may hold anything
    if not parts.adopts and not unread and not holdings(snapshot, policy):
        return False
    assets = list(policy.assets) if parts.adopts else []
    at = parts.clock.now()
    if not assets:
        text = "the account holds assets that were there before: all but safety waits for `ballast adopt`"
        parts.alerts.send("warning", text, key="adopt")
    await recorder.append([Event(FIRST_START, at, "adopted", {"assets": assets})])
    return True


def holdings(snapshot: Snapshot, policy: Policy) -> list[str]:
    """Configured assets that the account holds, and symbols it has positions on."""
    coins = {item.asset for item in snapshot.balances if item.asset in policy.assets and item.total}
    return sorted(coins | {item.symbol for item in snapshot.positions if item.quantity})
