"""Owns the narrative trigger: over its cap, parabolic, overheated, outrunning BTC, or illiquid (R-W4). Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from bot.core.assessment import Exposure, Market, Trend, Trigger
from bot.core.numbers import ONE, ZERO, fraction
from bot.core.policy import Policy, Sleeve
from bot.core.sizing import percent

RULE = "R-W4"
FREED = "R-A18"
SLACK = 1e-9
#: Trends in which freed weight may enter.
WELCOME = (Trend.STRONG_UP, Trend.WEAKENING_UP, Trend.RANGE)


@dataclass(frozen=True, slots=True)
class _Narrative:
    """A narrative sleeve: what flags all of it, what flags its members, and how far it is over its goal."""

    name: str
    members: Sequence[Exposure]
    whole: Sequence[str]
    own: Mapping[str, Sequence[str]]
    excess: Decimal

    @property
    def flagged(self) -> bool:
        return bool(self.whole) or any(self.own.values())


def fire(
    exposures: Sequence[Exposure], market: Market, sentiment: Mapping[str, float], policy: Policy
) -> Iterator[Trigger]:
    """Members over their share of (target + cap) / 2 of a flagged sleeve, and who takes what they free (R-A18)."""
    found = [
        _seen(name, sleeve, [item for item in exposures if item.sleeve == name], market, sentiment.get(name), policy)
        for name, sleeve in policy.targets.sleeves.items()
        if sleeve.narrative
    ]
    freed = ZERO
    for narrative in found:
        for item in narrative.members:
            why = [*narrative.whole, *narrative.own[item.asset]]
            if why and narrative.excess > 0 and item.drift > 0:
                goal = _goal(item, narrative.members, narrative.excess)
                freed += item.net - goal
                yield Trigger(RULE, item.asset, f"narrative {narrative.name}: {'; '.join(why)}", "over", goal)
    if freed > 0:
        yield from _taken(freed, [item for one in found if not one.flagged for item in one.members])


def _seen(
    name: str, sleeve: Sleeve, members: Sequence[Exposure], market: Market, felt: float | None, policy: Policy
) -> _Narrative:
    """Overheated cuts the cap while it lasts."""
    target = sum((item.target for item in members), ZERO)
    net = sum((item.net for item in members), ZERO)
    hot = felt is not None and felt >= float(policy.narrative.overheated)
    cap = _cap(sleeve, target) * (ONE - policy.narrative.cap_cut if hot else ONE)
    flags = [f"sentiment {felt:.0f}, overheated"] if hot and felt is not None else []
    if net > cap:
        flags.append(f"{percent(net)} is over the cap {percent(cap)}")
    goal = fraction((target + max(cap, target)) / 2)
    own = {item.asset: _of_member(item, market, policy) for item in members}
    return _Narrative(name, members, flags, own, net - goal)


def _taken(freed: Decimal, candidates: Sequence[Exposure]) -> Iterator[Trigger]:
    """Freed weight, by how far each is under its target: a trend up or in a range, never more than to the target.

    That they are liquid is why their sleeve is not flagged. What nobody may take stays in stables; who is out of its
    band has a trigger of its own.
    """
    takers = [item for item in candidates if item.drift < 0 and item.readings.trend in WELCOME]
    gaps = -sum((item.drift for item in takers), ZERO)
    for item in (one for one in takers if -one.drift < one.band):
        goal = fraction(item.net - item.drift * min(ONE, freed / gaps))
        why = f"weight freed by a flagged narrative: {percent(goal - item.net)} of {percent(freed)} up to its target"
        yield Trigger(FREED, item.asset, why, "under", goal)


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


def quiet(
    net: NDArray[np.float64], exposures: Sequence[Exposure], policy: Policy, market: Market | None = None
) -> NDArray[np.bool_]:
    """Where `fire` cannot: (n,), every narrative sleeve under the goal it is brought to, whatever flags it.

    ``market``: where readings and the market stand as they are and no sentiment is known: a sleeve in which none is
    flagged may lie anywhere up to its cap.
    """
    made = np.ones(len(net), dtype=np.bool_)
    for name, sleeve in policy.targets.sleeves.items():
        members = np.array([item.sleeve == name for item in exposures])
        if not sleeve.narrative or not members.any():
            continue
        target = sum((item.target for item in exposures if item.sleeve == name), ZERO)
        least = _cap(sleeve, target) * (ONE - policy.narrative.cap_cut)  # as if it were overheated
        most = (target + max(least, target)) / 2
        if market is not None and not any(_flags(item, market, policy) for item in exposures if item.sleeve == name):
            most = _cap(sleeve, target)
        made &= net[:, members].sum(axis=1) < float(most) - SLACK
    return made


def _flags(item: Exposure, market: Market, policy: Policy) -> bool:
    """Whether a member could be flagged at any price."""
    ahead = market.outperformance.get(item.asset)
    outruns = ahead is not None and ahead >= policy.narrative.outperformance
    return bool(item.readings.parabolic) or outruns or item.asset in market.illiquid
