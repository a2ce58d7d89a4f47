"""Owns the stable floor's trigger: liquid stables under the floor by more than the tolerance (R-W3). Pure."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from bot.core.assessment import Stables, Trigger
from bot.core.numbers import fraction
from bot.core.policy import Policy
from bot.core.sizing import percent, points

RULE = "R-W3"


def fire(stables: Stables, equity: Decimal, policy: Policy, *, refilling: bool) -> Iterator[Trigger]:
    """Fires under floor - tolerance, and goes on until floor + refill once a refill episode is open."""
    wanted = policy.targets.stables
    liquid = fraction(stables.liquid / equity)
    lower = wanted.floor - wanted.tolerance
    upper = wanted.floor + wanted.refill
    if liquid < lower or (refilling and liquid < upper):
        missing = points(wanted.floor - liquid)
        why = f"liquid stables {percent(liquid)} are {missing} points under the floor {percent(wanted.floor)}"
        if liquid >= wanted.floor:
            why = f"liquid stables {percent(liquid)}: the refill goes on to {percent(upper)}"
        yield Trigger(RULE, "stables", why, "refill")


def quiet(liquid: NDArray[np.float64], policy: Policy) -> NDArray[np.bool_]:
    """Where `fire` cannot, while no refill is under way: (n,) of liquid stables as fractions of equity."""
    made: NDArray[np.bool_] = liquid > float(policy.targets.stables.floor)
    return made
