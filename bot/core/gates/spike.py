"""Owns the spike guard: a bar, a running move or a spread far out of the ordinary (R-G4). Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from bot.core.assessment import Exposure
from bot.core.desk import Desk
from bot.core.numbers import from_float, utc_text
from bot.core.prices import half_spread
from bot.core.verdicts import Verdict, passed
from bot.core.wishes import Wish

GATE = "R-G4"
SPREAD_WITHOUT_MEDIAN = Decimal("0.0050")
PASSING_MOVES = ("transfer", "recall")


@dataclass(frozen=True, slots=True)
class Spike:
    """What is out of the ordinary and since when it counts."""

    why: str
    nearest: str  # the most that is ordinary, and what it is now
    at: datetime
    running: bool  # a move or a spread of this moment, rather than a closed bar


def spikes(desk: Desk, exposure: Exposure) -> tuple[Spike, ...]:
    """The spikes of an asset now; a market that stands still has no range to compare with, so no spike."""
    return desk.once(f"spikes {exposure.asset}", lambda: tuple(_spikes(desk, exposure)))


def _spikes(desk: Desk, exposure: Exposure) -> Iterator[Spike]:
    read, policy = exposure.readings, desk.policy
    if read.last_bar_true_range and read.atr_before and read.closed_at is not None:
        times = read.last_bar_true_range / read.atr_before
        if times > policy.spike.atr and desk.snapshot.at - read.closed_at <= policy.spike.cooloff:
            nearest = f"a bar of at most {policy.spike.atr} ATR, the last {times:.1f}"
            yield Spike(f"the last bar moved {times:.1f} ATR", nearest, read.closed_at, running=False)
    if read.atr and read.close and exposure.price is not None:
        move = abs(exposure.price - (from_float(read.close) or exposure.price)) / (from_float(read.atr) or 1)
        if move > policy.spike.atr:
            nearest = f"a move of at most {policy.spike.atr} ATR, now {move:.1f}"
            yield Spike(f"running move of {move:.1f} ATR", nearest, desk.snapshot.at, running=True)
    symbol = desk.spot(exposure.asset)
    half = half_spread(symbol, desk.snapshot, policy.limits.age_max.quotes)
    history = desk.snapshot.history.get(symbol)
    median = history.spread_median if history is not None else None
    limit = median * policy.spike.spread_ratio if median else SPREAD_WITHOUT_MEDIAN
    if half is not None and half * 2 > limit:
        spread, most = f"{half * 20_000:.1f} bp", f"{limit * 10_000:.1f} bp"
        nearest = f"a spread of at most {most}, now {spread}"
        yield Spike(f"spread {spread}, limit {most}", nearest, desk.snapshot.at, running=True)


def judge(wish: Wish, desk: Desk) -> tuple[Wish, Verdict]:
    """Deferred until the cool-off after it was last true; derisk and floor wait no longer than the move lasts."""
    if wish.asset not in desk.policy.assets or wish.kind in PASSING_MOVES:
        return wish, passed(GATE)
    now = desk.snapshot.at
    found = spikes(desk, desk.exposure(wish.asset))
    if wish.cls in ("derisk", "floor"):
        running = [item for item in found if item.running]
        if running:
            return wish, Verdict(GATE, "defer", running[0].why, running[0].nearest)
        return wish, passed(GATE)
    cooloff = desk.policy.spike.cooloff
    last = max([item.at for item in found] + [at for at in [desk.memory.spikes.get(wish.asset)] if at], default=None)
    if last is None or now >= last + cooloff:
        return wish, passed(GATE)
    why = found[0].why if found else f"a spike at {utc_text(last)}"
    calm = f"{cooloff.total_seconds() / 60:g} min of calm: from {utc_text(last + cooloff)}"
    nearest = f"{found[0].nearest}; {calm}" if found else calm
    return wish, Verdict(GATE, "defer", why, nearest, until=last + cooloff)
