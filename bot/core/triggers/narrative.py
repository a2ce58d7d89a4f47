"""Owns the narrative trigger: over its cap, parabolic, overheated, outrunning BTC, or illiquid (R-W4). Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from bot.core.assessment import Exposure, Market, Trigger
from bot.core.numbers import ONE, ZERO, fraction
from bot.core.policy import Policy, Sleeve
from bot.core.sizing import percent

RULE = "R-W4"


def fire(
    exposures: Sequence[Exposure], market: Market, sentiment: Mapping[str, float], policy: Policy
) -> Iterator[Trigger]:
    """Members over their share of (target + cap) / 2 of a flagged sleeve (R-A18); overheated cuts the cap."""
    for name, sleeve in policy.targets.sleeves.items():
        if not sleeve.narrative:
            continue
        members = [item for item in exposures if item.sleeve == name]
        target = sum((item.target for item in members), ZERO)
        net = sum((item.net for item in members), ZERO)
        felt = sentiment.get(name)
        hot = felt is not None and felt >= float(policy.narrative.overheated)
        cap = _cap(sleeve, target) * (ONE - policy.narrative.cap_cut if hot else ONE)
        flags = [f"sentiment {felt:.0f}, overheated"] if hot and felt is not None else []
        if net > cap:
            flags.append(f"{percent(net)} is over the cap {percent(cap)}")
        goal = fraction((target + max(cap, target)) / 2)
        for item in members:
            why = [*flags, *_of_member(item, market, policy)]
            if why and net > goal and item.drift > 0:
                yield Trigger(
                    RULE, item.asset, f"narrative {name}: {'; '.join(why)}", "over", _goal(item, members, net - goal)
                )


def _cap(sleeve: Sleeve, target: Decimal) -> Decimal:
    return sleeve.cap if sleeve.cap is not None else target * Decimal("1.25")


def _of_member(item: Exposure, market: Market, policy: Policy) -> list[str]:
    found = []
    if item.readings.parabolic:
        found.append(f"{item.asset} is parabolic")
    ahead = market.outperformance.get(item.asset)
    if ahead is not None and ahead >= policy.narrative.outperformance and item.drift > 0:
        found.append(f"{item.asset} is {percent(ahead)} ahead of BTC")
    if item.asset in market.illiquid:
        found.append(f"{item.asset}'s liquidity is gone: {market.illiquid[item.asset]}")
    return found


def _goal(item: Exposure, members: Sequence[Exposure], excess: Decimal) -> Decimal:
    """Its part of the sleeve's excess, by drift of the same sign."""
    whole = sum((other.drift for other in members if other.drift > 0), ZERO)
    return fraction(max(item.target, item.net - excess * item.drift / whole))
