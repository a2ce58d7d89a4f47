"""Owns the screen: at which of many hours to come a decision could be other than the hold before it. Pure.

It asks and does not decide: it may name an hour at which nothing happens, and never leaves one out at which something
could. What it has no form for is named by `unscreened` and `awake`, and then every hour is decided.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bot.core.gates.spike import SPREAD_WITHOUT_MEDIAN
from bot.core.market import SPREAD_TIMES
from bot.core.memory import Memory
from bot.core.plan_record import Plan
from bot.core.policy import Policy
from bot.core.snapshot import Snapshot
from bot.core.triggers import calendar, floor, narrative, threshold

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
SLACK: Final = 1e-9
#: Facts of a decision that ask for no other one: what remains to be done is in memory.
PASSING: Final = ("seen", "episode.ended")
MODELS: Final = ("fixed", "core-satellite")


@dataclass(frozen=True, slots=True, eq=False)
class Prospect:
    """Hours to come, a row each, were nothing traded: ``price`` (n, k) mids by asset in the order of the policy.

    NaN where unknown. ``steady``: (n,) whether prices and spreads alone are nothing to look at, as `steady` tells.
    """

    at_ms: NDArray[np.int64]
    price: Floats
    steady: Flags


def steady(policy: Policy, price: Floats, spread: Floats, calm: Floats) -> Flags:
    """(n,): no price leaps (R-G3), and no spread spikes (R-G4) or alarms (R-S9), whatever its median comes to be.

    (n, k) by asset in the order of the policy: mids; spreads as fractions of them; ``calm``: what no recorded median
    of a spread can be under, infinite where none will be known. The first row has none before it and is not steady.
    """
    made = np.zeros(len(price), dtype=np.bool_)
    with np.errstate(invalid="ignore", divide="ignore"):
        leap = np.abs(price[1:] / price[:-1] - 1).max(axis=1, initial=0.0)
        made[1:] = leap < float(policy.limits.price_jump) / 2
        spikes = np.minimum(calm * float(policy.spike.spread_ratio), float(SPREAD_WITHOUT_MEDIAN))
        made &= (spread < spikes - SLACK).all(axis=1)
        usual = spread < calm * SPREAD_TIMES - SLACK
    if policy.stress.enabled:
        return made & usual.all(axis=1)
    # Without stress an alarmed spread is a reason only where a whole sleeve has one (R-A17).
    for name in policy.targets.sleeves:
        members = np.array([policy.sleeve_of(asset) == name for asset in policy.assets])
        if members.any():
            made &= usual[:, members].any(axis=1)
    return made


def unscreened(policy: Policy) -> str:
    """Which part of a policy has no screen form; empty where all of them have."""
    parts = (
        (policy.signals.enabled, "signals"),
        (policy.targets.model not in MODELS, f"targets.model {policy.targets.model}"),
        (policy.savings.enabled, "savings"),
        (bool(policy.aliases), "aliases"),
        (len(policy.targets.stables.assets) > 1, "more stables than one"),
    )
    return ", ".join(what for found, what in parts if found)


def awake(plan: Plan, snapshot: Snapshot, memory: Memory) -> str:
    """What of the account as a decision left it must be looked at every hour; empty where it may sleep.

    ``memory`` is what was remembered after the decision.
    """
    seen = plan.assessment
    parts = (
        (plan.actions or plan.blocked, "a wish"),
        (any(event.kind not in PASSING for event in plan.events), "a fact"),
        (seen.equity is None or seen.strange or seen.doubt or memory.doubt, "equity in doubt"),
        (seen.stress > 0 or seen.regime == "bear" or seen.alarms, "the market"),
        (snapshot.positions or seen.stables.futures_wallet or memory.hedges or memory.bridges, "futures"),
        (seen.stables.earn, "savings"),
        (snapshot.orders or memory.broken or memory.sent, "orders"),
        (memory.episodes, "an episode"),
        (memory.surplus_since or memory.since or memory.vanished, "what happened since"),
        (snapshot.gaps or snapshot.control.kill != "off", "a gap or the kill switch"),
        (any(item.price is None for item in seen.exposures), "a price unknown"),
    )
    return ", ".join(what for found, what in parts if found)


def loud(plan: Plan, memory: Memory, policy: Policy, ahead: Prospect) -> Flags:
    """(n,): hours at which anything but the hold of ``plan`` could come about, if no hour before is one."""
    seen = plan.assessment
    items = seen.exposures
    coins = np.array([float(item.coins) for item in items])
    now = np.array([float(item.price or 0) for item in items])
    with np.errstate(invalid="ignore"):
        worth = float(seen.equity or 0) + (ahead.price - now) @ coins
        net = ahead.price * coins / worth[:, None]
        quiet = (
            ahead.steady
            & (worth > 0)
            & threshold.quiet(net, items, policy)
            & narrative.quiet(net, items, policy)
            & floor.quiet(float(seen.stables.liquid) / worth, policy)
            & calendar.quiet(ahead.at_ms, plan.at, policy)
            & _unbroken(worth, plan, memory, policy)
        )
    made: Flags = ~quiet
    return made


def _unbroken(worth: Floats, plan: Plan, memory: Memory, policy: Policy) -> Flags:
    """The unit value over what trips the breaker (R-G13)."""
    unit = worth * float(plan.assessment.unit_value) / float(plan.assessment.equity or 1)
    peak = np.maximum.accumulate(np.maximum(unit, float(memory.unit_peak or 0)))
    made: Flags = 1 - unit / peak < float(policy.limits.drawdown) - SLACK
    return made
