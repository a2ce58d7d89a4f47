"""Owns the calendar trigger: slots by sleeve, opened by the first cycle at or after them (R-W1). Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from bot.core.assessment import Exposure, Trigger
from bot.core.calendars import last_slot, next_slot
from bot.core.memory import Memory
from bot.core.numbers import milliseconds
from bot.core.policy import Policy
from bot.core.sizing import percent, points

RULE = "R-W1"
LEAST = Decimal("0.01")  # a drift of a point is worth an episode


def due(policy: Policy, memory: Memory, at: datetime) -> Mapping[str, datetime]:
    """Sleeve -> the slot it owes: not yet fired, younger than `triggers.slot_age`, not from before the first start."""
    owed = {}
    for name in policy.targets.sleeves:
        calendar = policy.calendar_for(name)
        if calendar is None or memory.first_seen is None:
            continue
        slot = last_slot(calendar, at)
        fired = memory.fired_slots.get(name)
        if slot <= memory.first_seen or (fired is not None and fired >= slot):
            continue
        if at - slot <= policy.triggers.slot_age:
            owed[name] = slot
    return owed


def fire(exposures: Sequence[Exposure], policy: Policy, memory: Memory, at: datetime) -> Iterator[Trigger]:
    """Every asset of a due sleeve that is a point or more off its target."""
    owed = due(policy, memory, at)
    for item in exposures:
        slot = owed.get(item.sleeve)
        if slot is None or abs(item.drift) < LEAST:
            continue
        over = item.drift > 0
        why = (
            f"{policy.calendar_for(item.sleeve)} slot of {slot:%Y-%m-%d %H:%M}: {points(abs(item.drift))} points "
            f"{'over' if over else 'under'} target {percent(item.target)}"
        )
        yield Trigger(RULE, item.asset, why, "over" if over else "under", item.target)


def quiet(at_ms: NDArray[np.int64], since: datetime, policy: Policy) -> NDArray[np.bool_]:
    """Where `fire` cannot, nothing being owed at ``since``: (n,), before the next slot of any sleeve."""
    lines = {policy.calendar_for(name) for name in policy.targets.sleeves} - {None}
    first = min((milliseconds(next_slot(line, since)) for line in lines if line is not None), default=None)
    return np.ones(len(at_ms), dtype=np.bool_) if first is None else at_ms < first
