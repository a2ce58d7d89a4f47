"""Owns readings known ahead: of a whole past at once, and what a decision left as its next bar closes. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bot.core.desk import contract_of
from bot.core.exposure import (
    UNEXPLAINED,
    exposures,
    ledger,
    rescoped,
    stables,
    unexplained,
    unit_value,
    worth_of,
)
from bot.core.leaning import Codes
from bot.core.market import needed, view
from bot.core.memory import Memory
from bot.core.numbers import ZERO, from_milliseconds, milliseconds
from bot.core.policy import Policy
from bot.core.prices import candles_symbol
from bot.core.readings import AssetTable, bars_needed, parameters, table
from bot.core.readings.parameters import timeframe_ms
from bot.core.snapshot import Snapshot
from bot.core.still import Held, live_of, rounded, tolerable, weights_of
from bot.core.stirring import Stirring, bar_ms, stirring, unread

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
BEFORE_BARS = 8  # of a stretch, whose readings its own edges hang on
#: (symbol, timeframe) -> all bars of a past, oldest first, (n, 6).
Bars = Callable[[str, str], Floats]


class Foreseen:
    """The readings of every bar of a past, each as a decision would compute it then."""

    def __init__(self, policy: Policy, bars: Bars, times_ms: Ints) -> None:
        self._policy = policy
        self._recorded = bars
        self._times = times_ms
        self._stirring: Stirring | None = None
        self._bars: dict[tuple[str, str], Floats] = {}
        self._tables: dict[str, AssetTable] = {}
        narrative = policy.narrative
        self._bar_ms = bar_ms(policy)
        self._asked = parameters(
            policy.signals, narrative.parabolic_return, narrative.parabolic_window, policy.costs.volatility
        )

    def at(self, held: Held, at_ms: int, net: Floats, wide: Codes, *, news: Held | None = None) -> Held | None:
        """What a decision left, read anew at an instant: as a bar closes, or with ``news`` of what happened by then.

        ``net`` (k,): exposures by then; ``wide`` (k,): what spreads say. None where regime, stress or what closed bars
        or spreads call illiquid is not what it was: targets, or what is done about them, change.
        """
        if not tolerable(held, wide[None, :])[0]:
            return None  # before these spreads become the ones that later hours are compared with
        dry, read_ms = _why_dry(held), milliseconds(held.charts.at)
        held = news or held
        seen = held.plan.assessment
        closes = self._bar_ms > 0 and at_ms // self._bar_ms > read_ms // self._bar_ms
        snapshot = self._snapshot(held.charts, at_ms, closes=closes)
        found = view(snapshot, self._policy, weights_of(held, net), live=live_of(held, wide))
        if (found.regime, found.stress) != (seen.regime, seen.stress):
            return None
        read = replace(held.plan, assessment=replace(seen, market=found))
        made = replace(held, plan=read, charted=snapshot, lately=(wide, rounded(net)))
        return made if _why_dry(made) == dry else None

    def _snapshot(self, snapshot: Snapshot, at_ms: int, *, closes: bool) -> Snapshot:
        """The snapshot at an instant, with the candles of then where one of them ends."""
        parts: dict[str, object] = {"at": from_milliseconds(at_ms)}
        if closes:
            parts["candles"] = {
                symbol: {frame: self._closed(symbol, frame, at_ms) for frame in frames}
                for symbol, frames in snapshot.candles.items()
            }
        return snapshot.model_copy(update=parts)

    def _closed(self, symbol: str, frame: str, at_ms: int) -> Floats:
        """As many of the newest closed bars as a decision holds."""
        bars = self._of(symbol, frame)
        end = int(np.searchsorted(bars[:, 0], at_ms - timeframe_ms(frame), side="right"))
        keep = bars_needed(signal=frame == self._policy.signals.timeframe)
        return bars[max(0, end - keep) : end]

    def _of(self, symbol: str, frame: str) -> Floats:
        key = (symbol, frame)
        if key not in self._bars:
            bars = np.ascontiguousarray(self._recorded(symbol, frame))
            bars.setflags(write=False)
            self._bars[key] = bars
        return self._bars[key]

    def stirring(self, snapshot: Snapshot) -> Stirring:
        """At which hours bars close that have to be read; of all of them, once."""
        if self._stirring is None:
            policy, frame = self._policy, self._policy.signals.timeframe
            if not self._bar_ms or not len(self._times):
                return unread(policy, self._times)
            bars = {name: self._of(self._charted(name, snapshot), frame) for name in needed(policy)}
            tables = [self._table(name, snapshot) for name in policy.assets]
            self._stirring = stirring(policy, tables, bars, self._times, self._bar_ms)
        return self._stirring

    def _charted(self, asset: str, snapshot: Snapshot) -> str:
        return candles_symbol(asset, contract_of(asset, self._policy).symbol, snapshot, self._policy)

    def _table(self, asset: str, snapshot: Snapshot) -> AssetTable:
        if asset not in self._tables:
            keys, symbol = self._policy.signals, self._charted(asset, snapshot)
            frames = (self._reached(symbol, keys.timeframe), self._reached(symbol, keys.regime_timeframe))
            self._tables[asset] = table(*frames, self._asked)
        return self._tables[asset]

    def _reached(self, symbol: str, frame: str) -> Floats:
        """The bars that any hour of this stretch can see."""
        bars, length_ms = self._of(symbol, frame), timeframe_ms(frame)
        kept = bars_needed(signal=frame == self._policy.signals.timeframe) + BEFORE_BARS
        first_ms = int(self._times[0]) - kept * length_ms if len(self._times) else 0
        return bars[int(np.searchsorted(bars[:, 0], first_ms)) :]


def _why_dry(held: Held) -> dict[str, str]:
    """What closed bars call illiquid, and the sort of reason."""
    return {asset: why.partition(" ")[0] for asset, why in held.leanings.dry.items()}


def told(held: Held, snapshot: Snapshot) -> Held:
    """The same, with the funding that a snapshot knows."""
    news = {"funding": snapshot.funding, "history": snapshot.history}
    return replace(held, snapshot=held.snapshot.model_copy(update=news), charted=held.charts.model_copy(update=news))


def restated(held: Held, snapshot: Snapshot, memory: Memory) -> Held | None:
    """The same, of the account as it was read again; None where more than its money and prices changed.

    Stress is not read with it, so that what it was weighed by stays what it was.
    """
    policy, seen, before = held.policy, held.plan.assessment, held.snapshot
    book, unknown, notes = ledger(snapshot, policy)
    stood = [[(one.symbol, one.quantity, one.entry_price) for one in each.positions] for each in (before, snapshot)]
    if unknown or not book.equity or snapshot.gaps or snapshot.orders or memory.vanished or stood[0] != stood[1]:
        return None
    readings = {item.asset: item.readings for item in held.items}
    items = exposures(book, seen.targets, policy, readings, notes)
    if [item.coins for item in items] != [item.coins for item in held.items]:
        return None
    worth = worth_of(snapshot, policy, book)
    unit, doubt = unit_value(book, memory, snapshot.at)
    if doubt or rescoped(worth, memory) or abs(unexplained(book, memory) or ZERO) > UNEXPLAINED:
        return None
    assessment = replace(
        seen, exposures=items, stables=stables(book, policy), worth=worth, equity=book.equity, read_equity=book.equity,
        unit_value=unit,
    )  # fmt: skip
    plan, lately = replace(held.plan, assessment=assessment), (held.wide, held.weights)
    news = told(replace(held, plan=plan, memory=memory, lately=lately), snapshot)
    return replace(news, snapshot=snapshot.model_copy(update={"candles": before.candles}))
