"""Owns the trend's edge: an overweight whose trend turned, and a recovery after a trim (R-W10). Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from bot.core.assessment import Exposure, Trend, Trigger
from bot.core.memory import Memory
from bot.core.numbers import fraction
from bot.core.policy import Policy
from bot.core.sizing import points

RULE = "R-W10"
HALF = Decimal("0.5")
EDGE_BARS = 3
AFTER_TRIM = timedelta(days=30)
TURNED = (Trend.WEAKENING_UP, Trend.STABILISING_DOWN, Trend.STRONG_DOWN)


def fire(exposures: Sequence[Exposure], policy: Policy, memory: Memory, at: datetime) -> Iterator[Trigger]:
    """Edges of the last 3 signal bars, asked of assets half a band or more off their target."""
    if not policy.triggers.trend or not policy.signals.enabled:
        return
    for item in exposures:
        half = fraction(HALF * item.band)
        if item.drift >= half:
            why = _turned(item)
            if why:
                yield Trigger(RULE, item.asset, f"{points(item.drift)} points over target and {why}", "over")
        elif -item.drift >= half and _recovered(item, memory, at):
            text = f"{points(-item.drift)} points under target, recovery confirmed after a trim"
            yield Trigger(RULE, item.asset, text, "under")


def _turned(item: Exposure) -> str:
    read = item.readings
    changed = read.trend_changed_bars
    if read.trend in TURNED and changed is not None and changed < EDGE_BARS:
        return f"its trend became {read.trend.value} {changed} bars ago" if read.trend else ""
    since = read.exhausted_bars
    if read.exhausted and since is not None and since < EDGE_BARS:
        return "it became exhausted"
    return ""


def _recovered(item: Exposure, memory: Memory, at: datetime) -> bool:
    return trimmed(item, memory, at) and item.readings.recovered is True


def trimmed(item: Exposure, memory: Memory, at: datetime) -> bool:
    """Whether a recovery of the asset would count: it was trimmed last, and not long ago."""
    last = memory.last_trades.get(item.asset)
    return last is not None and last.direction == "down" and at - last.at <= AFTER_TRIM
