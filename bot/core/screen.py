"""Owns the screen: at which of many hours to come a decision could be other than the hold before it. Pure.

It asks and does not decide: it may name an hour at which nothing happens, and never leaves one out at which something
could. What it has no form for is named by `unscreened` and `awake`, and then every hour is decided.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bot.core import longs
from bot.core.desk import contract_of
from bot.core.foreseen import Foreseen, restated, told
from bot.core.gates.spike import SPREAD_WITHOUT_MEDIAN
from bot.core.leaning import Codes
from bot.core.market import SPREAD_TIMES
from bot.core.memory import Memory
from bot.core.plan_record import Plan
from bot.core.policy import Policy
from bot.core.settlements import LATE_MS, Settlements, felt, outlived, window_ms
from bot.core.still import (
    CALM,
    DEAR,
    WIDE,
    Held,
    Rows,
    as_it_was,
    backed,
    budgeted,
    excused,
    hedged,
    indexed,
    live_of,
    shed,
    tolerable,
    turned,
    unspiked,
    unstill,
    weighed,
    worked,
)
from bot.core.stirring import Said, unread
from bot.core.triggers import calendar, floor, narrative, threshold

__all__ = [
    "CALM",
    "DEAR",
    "LATE_MS",
    "SPREAD_TIMES",
    "SPREAD_WITHOUT_MEDIAN",
    "WIDE",
    "Foreseen",
    "Held",
    "Prospect",
    "Rows",
    "Settlements",
    "as_it_was",
    "awake",
    "felt",
    "live_of",
    "loud",
    "outlived",
    "restated",
    "rows_of",
    "steady",
    "told",
    "unread",
    "unscreened",
    "unstill",
    "window_ms",
]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
SLACK: Final = 1e-9
#: Facts of a decision that ask for no other one: what remains to be done is in memory.
PASSING: Final = ("seen", "episode.ended", "spikes", "surplus")
MODELS: Final = ("fixed", "core-satellite", "momentum", "risk-parity")


@dataclass(frozen=True, slots=True, eq=False)
class Prospect:
    """Hours to come, a row each, were nothing traded: (n, k) by asset in the order of the policy, (n,) money.

    ``price``: mids, NaN where unknown; ``mark``: of perpetuals; ``liquid``, ``available``: liquid stables, and those of
    the futures wallet; ``steady``: whether no price leaps and no spread spikes, as `steady` tells; ``wide`` (n, k):
    what spreads say (`bot.core.leaning.Codes`); ``said``: what closed bars say.
    """

    at_ms: NDArray[np.int64]
    price: Floats
    mark: Floats
    liquid: Floats
    available: Floats
    steady: Flags
    wide: Codes
    said: Said


def steady(policy: Policy, price: Floats, spiking: Flags) -> Flags:
    """(n,): no price leaps (R-G3), and no spread spikes (R-G4).

    ``price`` (n, k): mids by asset in the order of the policy; ``spiking`` (n,). The first row has none before it and
    is not steady.
    """
    made = np.zeros(len(price), dtype=np.bool_)
    with np.errstate(invalid="ignore", divide="ignore"):
        leap = np.abs(price[1:] / price[:-1] - 1).max(axis=1, initial=0.0)
        made[1:] = leap < float(policy.limits.price_jump) / 2
    return made & ~spiking


def unscreened(policy: Policy) -> str:
    """Which part of a policy has no screen form; empty where all of them have."""
    parts = (
        (policy.targets.model not in MODELS, f"targets.model {policy.targets.model}"),
        (policy.savings.enabled, "savings"),
        (bool(policy.aliases), "aliases"),
        (len(policy.targets.stables.assets) > 1, "more stables than one"),
    )
    return ", ".join(what for found, what in parts if found)


def awake(held: Held) -> str:
    """What of the account as a decision left it must be looked at every hour; empty where it may sleep.

    The memory is what was remembered after the decision.
    """
    plan, snapshot, memory = held.plan, held.snapshot, held.memory
    seen, off = plan.assessment, not held.policy.signals.enabled
    parts = (
        (plan.actions or plan.blocked, "a wish"),
        (any(event.kind not in PASSING for event in plan.events), "a fact"),
        (seen.equity is None or seen.strange or seen.doubt or memory.doubt, "equity in doubt"),
        (off and (seen.stress > 0 or seen.regime == "bear" or seen.alarms), "the market"),
        (seen.stables.earn, "savings"),
        (snapshot.orders or memory.broken or memory.sent, "orders"),
        (memory.since or memory.vanished, "what happened since"),
        (snapshot.gaps or snapshot.control.kill != "off", "a gap or the kill switch"),
        (any(item.price is None for item in seen.exposures), "a price unknown"),
        (snapshot.feeds.sentiment or snapshot.feeds.macro or snapshot.feeds.dominance, "feeds"),
    )
    return ", ".join(what for found, what in parts if found) or unstill(held)


def loud(held: Held, ahead: Prospect) -> Flags:
    """(n,): hours at which anything but the hold of a decision could come about, if no hour before is one.

    With signals, readings and the market must be those of the decision: hours of one signal bar, `as_it_was` asked.
    """
    plan, policy, items = held.plan, held.policy, held.items
    with np.errstate(invalid="ignore", divide="ignore"):
        rows = rows_of(held, ahead)
        over, under = excused(held, rows)
        quiet = (
            ahead.steady
            & (rows.worth > 0)
            & threshold.quiet(rows.net, items, policy, over, under)
            & _unflagged(held, rows, ahead.wide)
            & tolerable(held, ahead.wide)
            & floor.quiet(rows.liquid / rows.worth, policy)
            & calendar.quiet(ahead.at_ms, plan.at, policy)
            & weighed(held, ahead.at_ms)
            & turned(held, rows, over, under)
            & worked(held, rows, over, under)
            & unspiked(held, rows, ahead.said.move(ahead.price))
            & shed(held, rows)
            & indexed(held, rows)
            & hedged(held, rows)
            & budgeted(held, rows)
            & longs.stand(held.desk, held.memory, rows.mark, rows.said, rows.at_ms)
            & backed(held, rows)
            & _unbroken(rows.worth, plan, held.memory, policy)
        )
    made: Flags = ~quiet
    return made


def _unflagged(held: Held, rows: Rows, wide: Codes) -> Flags:
    """(n,): narratives ask for nothing (R-W4), whichever of them turn parabolic, or illiquid by their spread (n, k)."""
    items, market, net = held.items, held.plan.assessment.market, rows.net
    made = narrative.quiet(net, items, held.policy, market if held.policy.signals.enabled else None)
    illiquid = np.array([item.asset in market.illiquid for item in items])
    worse = (((wide > 0) & ~illiquid) | rows.said.parabolic).any(axis=1)
    if worse.any():
        made &= ~worse | narrative.quiet(net, items, held.policy)
    return made


def rows_of(held: Held, ahead: Prospect) -> Rows:
    """What is held at the prices to come."""
    items, seen = held.items, held.plan.assessment
    coins, now, short, index = (
        np.array([float(value) for value in each])
        for each in zip(
            *((item.coins, item.price or 0, item.contracts, item.index_contracts) for item in items), strict=True
        )
    )
    marks = {one.symbol: float(one.mark_price or 0) for one in held.snapshot.positions}
    then = np.array([marks.get(contract_of(item.asset, held.policy).symbol, 0.0) for item in items])
    whole = short + index
    mark = np.where(whole != 0, ahead.mark, 0.0)
    gained = (mark - np.where(whole != 0, then, 0.0)) @ whole
    worth = float(seen.equity or 0) + (ahead.price - now) @ coins + gained
    profit = sum(float(one.unrealised_pnl or 0) for one in held.snapshot.positions)
    return Rows(
        at_ms=ahead.at_ms,
        worth=worth,
        mark=mark,
        spot=ahead.price * coins / worth[:, None],
        futures=mark * short / worth[:, None],
        index=mark * index / worth[:, None],
        liquid=ahead.liquid,
        available=ahead.available,
        notional=mark @ np.abs(whole),
        unrealised=profit + gained,
        said=ahead.said,
    )


def _unbroken(worth: Floats, plan: Plan, memory: Memory, policy: Policy) -> Flags:
    """The unit value over what trips the breaker (R-G13)."""
    unit = worth * float(plan.assessment.unit_value) / float(plan.assessment.equity or 1)
    peak = np.maximum.accumulate(np.maximum(unit, float(memory.unit_peak or 0)))
    made: Flags = 1 - unit / peak < float(policy.limits.drawdown) - SLACK
    return made
