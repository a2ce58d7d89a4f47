"""Owns the scope: configured and adopted assets only (R-G16). Pure."""

from __future__ import annotations

from bot.core.desk import Desk
from bot.core.kept import Kept
from bot.core.policy import Policy
from bot.core.verdicts import Verdict, passed
from bot.core.wishes import Wish

GATE = "R-G16"


def _configured(policy: Policy) -> frozenset[str]:
    return frozenset((*policy.assets, *policy.targets.stables.assets))


_CONFIGURED: Kept[Policy, frozenset[str]] = Kept(_configured, 16)


def judge(wish: Wish, desk: Desk) -> tuple[Wish, Verdict]:
    """Without `memory.owned` every configured asset counts as adopted; safety acts on any configured asset."""
    if wish.asset not in _CONFIGURED.of(desk.policy):
        return wish, Verdict(
            GATE, "veto", f"{wish.asset} is not configured", f"{wish.asset} in targets.sleeves, now none"
        )
    owned = desk.memory.owned
    if owned is None or wish.asset in owned or wish.cls == "safety" or wish.asset in desk.policy.targets.stables.assets:
        return wish, passed(GATE)
    return wish, Verdict(GATE, "veto", f"{wish.asset} was there before the bot", "an operator's `adopt`")
