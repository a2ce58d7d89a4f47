"""Owns what closed bars say, hour by hour, to whoever passes a past: readings by columns, and where to read more.

Most bars only move the close and the range; what they say of a trend is told here for all hours at once, as a decision
would read it. What is of the market as a whole has to be read where its days close or its volume alarms. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import timedelta
from math import gcd
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bot.core.assessment import Trend
from bot.core.market import asked_of
from bot.core.policy import Policy
from bot.core.readings import AssetTable, levels
from bot.core.readings import stress as stresses
from bot.core.readings.anchors import lead_bars
from bot.core.readings.bars import MS, sound
from bot.core.readings.parameters import timeframe_ms
from bot.core.readings.regime import DAY_MS
from bot.core.readings.stress import WEEK_MS, WEEKS
from bot.core.readings.trend import TRENDS
from bot.core.readings.truth import YES
from bot.core.triggers.trend import EDGE_BARS, TURNED

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Ints = NDArray[np.int64]
SLACK: Final = 1e-6
NO_BAR: Final = -9
MS_UNIT: Final = timedelta(milliseconds=1)
UP, DOWN = TRENDS.index(Trend.STRONG_UP), TRENDS.index(Trend.STRONG_DOWN)
DRY_BARS: Final = 3  # after which a day of dry ones says nothing of now


@dataclass(frozen=True, slots=True, eq=False)
class Said:
    """What the last closed bars say at each hour, (n, k) by asset in the order of the policy.

    ``running``: strong up and neither exhausted, parabolic nor overextended. ``shunned``: of a trend that nothing is
    added in. ``welcome``: of one that may be added to soon after a trim. ``edge``: its trend turned or it became
    exhausted within `EDGE_BARS`. ``supported``: at a support. ``falling``: strong down on the regime timeframe.
    ``spiking``: its last bar is out of the ordinary and that still counts. ``still``: its volume alarms. ``close``,
    ``atr``: NaN where unknown.
    """

    running: Flags
    shunned: Flags
    welcome: Flags
    bottoming: Flags
    parabolic: Flags
    recovered: Flags
    edge: Flags
    supported: Flags
    falling: Flags
    spiking: Flags
    still: Flags
    close: Floats
    atr: Floats

    def at(self, rows: slice) -> Said:
        """Some of the hours."""
        return Said(*(getattr(self, item.name)[rows] for item in fields(self)))

    def move(self, price: Floats) -> Floats:
        """How far prices are from the last close, in ATR; NaN where unknown."""
        made: Floats = np.abs(price - self.close) / self.atr
        return made


@dataclass(frozen=True, slots=True, eq=False)
class Stirring:
    """Hours of a past: ``rows`` (n,) at which a bar closed that the market has to be read at; what bars say."""

    rows: Flags
    said: Said


def bar_ms(policy: Policy) -> int:
    """How long readings stand; 0 where there are none."""
    keys = policy.signals
    return gcd(timeframe_ms(keys.timeframe), timeframe_ms(keys.regime_timeframe)) if keys.enabled else 0


def unread(policy: Policy, times_ms: Ints) -> Stirring:
    """Of a policy without signals."""
    shape = (len(times_ms), len(policy.assets))
    none, unknown = np.zeros(shape, dtype=np.bool_), np.full(shape, np.nan)
    parts: dict[str, Any] = {item.name: unknown if item.name in ("close", "atr") else none for item in fields(Said)}
    return Stirring(np.zeros(len(times_ms), dtype=np.bool_), Said(**parts))


def stirring(
    policy: Policy, tables: Sequence[AssetTable], bars: Mapping[str, Floats], times_ms: Ints, bar_ms: int
) -> Stirring:
    """``tables`` by asset; ``bars``: signal bars of all that the market is read from; hours (n,), rising."""
    frame_ms = timeframe_ms(policy.signals.timeframe)
    closing = np.flatnonzero(np.diff(times_ms // bar_ms, prepend=times_ms[:1] // bar_ms - 1) > 0)
    slots = times_ms - times_ms % frame_ms
    rows = np.zeros(len(times_ms), dtype=np.bool_)
    rows[closing] = True
    if lead_bars(signal=True) * frame_ms >= WEEKS * WEEK_MS:
        rows[closing[_same(policy, bars, times_ms[closing], frame_ms)]] = False
    columns = [
        _said(policy, table, times_ms, _alarms(policy, bars[name], slots, frame_ms) == 1)
        for name, table in zip(policy.assets, tables, strict=True)
    ]
    return Stirring(rows, Said(*(np.column_stack(each) for each in zip(*columns, strict=True))))


def _same(policy: Policy, bars: Mapping[str, Floats], closing_ms: Ints, frame_ms: int) -> Flags:
    """(m,): bars by whose close stress is what it was, but for what volumes say of what is held."""
    slots = closing_ms - closing_ms % frame_ms
    parts = [_volume(policy, name, each, slots, frame_ms) for name, each in bars.items()]
    dry: Flags = np.column_stack([part[0] for part in parts])
    odd: Flags = np.column_stack([part[2] for part in parts])
    alarm: Ints = np.column_stack([part[1] for part in parts])
    same = np.zeros(len(closing_ms), dtype=np.bool_)
    # An alarm that stops lowers nothing before the day closes.
    same[1:] = ((dry[1:] == dry[:-1]) & (alarm[1:] <= alarm[:-1]) & ~odd[1:]).all(axis=1)
    same[1:] &= np.diff(slots) == frame_ms
    for whole_ms in (DAY_MS, timeframe_ms(policy.signals.regime_timeframe)):
        same[1:] &= np.diff(closing_ms // whole_ms) == 0
    return same


def _said(policy: Policy, table: AssetTable, times_ms: Ints, still: Flags) -> tuple[NDArray[Any], ...]:
    """Of one asset, as the fields of `Said`, (n,) each; unknown readings say nothing."""
    signal, asked = table.signal, table.asked
    slots = times_ms - times_ms % asked.timeframe_ms
    known = np.searchsorted(signal.close_ms, slots, side="right") - 1
    long_at = np.searchsorted(table.regime.close_ms, slots, side="right") - 1
    falling = np.zeros(len(slots), dtype=np.bool_)
    if len(table.regime.trend):
        falling = (long_at >= 0) & (table.regime.trend[np.maximum(long_at, 0)] == DOWN)
    if not len(signal.close_ms):
        nothing, unknown = np.zeros(len(slots), dtype=np.bool_), np.full(len(slots), np.nan)
        return (nothing, ~nothing, *(nothing for _ in range(6)), falling, nothing, still, unknown, unknown)
    some, at = known >= 0, np.maximum(known, 0)
    trend, changed = signal.trend[at], signal.trend_changed_bars[at]
    exhausted, bottoming, began, supported = _exhaustion(table, at)
    parabolic, overextended, recovered = (
        each[at] == YES for each in (signal.parabolic, signal.overextended, signal.recovered)
    )
    turned = np.isin(trend, [TRENDS.index(each) for each in TURNED]) & (changed >= 0) & (changed < EDGE_BARS)
    with np.errstate(divide="ignore", invalid="ignore"):
        leapt = signal.true_range[at] / signal.atr_before[at] > float(policy.spike.atr) - SLACK
    recent = times_ms - signal.close_ms[at] <= policy.spike.cooloff // MS_UNIT
    atr = np.where(some & (signal.atr[at] > 0), signal.atr[at], np.nan)
    late = ~some | (signal.close_ms[at] != slots)  # beside days that it was not told with: whatever asks for most
    columns = (
        (trend == UP) & ~exhausted & ~parabolic & ~overextended & ~late,
        ((trend < 0) | parabolic | overextended | ((trend == DOWN) & ~bottoming)) & ~late,
        (trend == UP) | recovered | late,
        *(each | late for each in (bottoming, parabolic, recovered, turned | began, supported)),
    )
    return (*columns, falling, leapt & recent, still, np.where(some, signal.close[at], np.nan), atr)


def _exhaustion(table: AssetTable, at: Ints) -> tuple[Flags, Flags, Flags, Flags]:
    """(n,) each: exhausted, bottoming, exhausted since at most `EDGE_BARS` bars, supported; of the bars ``at``."""
    signal, regime = table.signal, table.regime
    first = max(0, int(at.min(initial=len(signal.close_ms))) - EDGE_BARS)
    rows = np.arange(first, int(at.max(initial=first)) + 1)
    seen = np.searchsorted(regime.close_ms, signal.close_ms[rows], side="right") - 1
    joint = levels(signal, regime, rows, seen, table.asked)
    exhausted, here = joint.exhausted == YES, at - first
    before = [(here >= back) & exhausted[np.maximum(here - back, 0)] for back in range(1, EDGE_BARS + 1)]
    began = exhausted[here] & ~np.all(before, axis=0)
    return exhausted[here], joint.bottoming[here] == YES, began, joint.at_support[here] == YES


def _alarms(policy: Policy, bars: Floats, slots: Ints, frame_ms: int) -> NDArray[np.int64]:
    """(m,): 1 where the volume of the last bar alarms (R-S9), 0 where not, NO_BAR where nobody knows."""
    good = sound(bars)
    if not len(good):
        return np.full(len(slots), NO_BAR)
    ratio = stresses.volume_ratio(good, len(good))
    points = np.column_stack([good[:, MS], ratio])
    found = stresses.volume_alarm_of(points, frame_ms, slots.astype(np.float64), asked_of(policy))
    return np.where(np.isnan(found), NO_BAR, found).astype(np.int64)


def _volume(
    policy: Policy, name: str, bars: Floats, slots: Ints, frame_ms: int
) -> tuple[Flags, NDArray[np.int64], Flags]:
    """(m,) each: whether the volume of a whole day alarms (R-S9), of the index that of the last bar; where to read.

    What volumes of others say hangs on what is held of them.
    """
    good = sound(bars)
    none = np.zeros(len(slots), dtype=np.bool_)
    if len(good) != len(bars) or not len(bars):
        return none, none.astype(np.int64), ~none
    day = max(1, DAY_MS // frame_ms)
    at = np.searchsorted(bars[:, MS] + frame_ms, slots, side="right") - 1
    found = np.maximum(at, 0)
    ratio = stresses.volume_ratio(bars, len(bars))
    dry = stresses.trailing(ratio, day, len(bars)).max(axis=1)[found] < float(policy.stress.liquidity_ratio)
    dry &= (at >= 0) & (slots - bars[found, MS] < DRY_BARS * frame_ms)
    # A bar that is late leaves the readings of the regime timeframe without the ones they are told beside.
    odd = (at < day) | (bars[found, MS] + frame_ms != slots)
    if name != policy.regime.index:
        return dry, none.astype(np.int64), odd
    alarm = _alarms(policy, bars, slots, frame_ms)
    return dry, alarm, odd | (alarm == NO_BAR)
