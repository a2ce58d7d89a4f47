"""Owns readings known ahead: of a whole past at once, and what a decision left as its next bar closes. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bot.core.desk import contract_of
from bot.core.market import view
from bot.core.numbers import from_milliseconds
from bot.core.policy import Policy
from bot.core.prices import candles_symbol
from bot.core.readings import AssetTable, bars_needed, parameters, row, table
from bot.core.readings.parameters import timeframe_ms
from bot.core.snapshot import Snapshot
from bot.core.still import Held, weights_of

Floats = NDArray[np.float64]
#: What a snapshot has made of its parts, and a copy with other parts must not have.
MADE = ("bar_keys", "window", "text", "digest")

#: (symbol, timeframe) -> all bars of a past, oldest first, (n, 6).
Bars = Callable[[str, str], Floats]


class Foreseen:
    """The readings of every bar of a past, each as a decision would compute it then."""

    def __init__(self, policy: Policy, bars: Bars) -> None:
        self._policy = policy
        self._recorded = bars
        self._bars: dict[tuple[str, str], Floats] = {}
        self._tables: dict[str, AssetTable] = {}
        narrative = policy.narrative
        self._asked = parameters(
            policy.signals, narrative.parabolic_return, narrative.parabolic_window, policy.costs.volatility
        )

    def at(self, held: Held, at_ms: int, net: Floats) -> Held | None:
        """What a decision left, read anew at an instant at which bars have closed; ``net`` (k,) exposures by then.

        None where regime, stress or what is illiquid is not what it was: targets, or what is done about them, change.
        """
        seen, snapshot = held.plan.assessment, self._snapshot(held.charts, at_ms)
        found = view(snapshot, self._policy, weights_of(held, net))
        then = (seen.regime, seen.stress, seen.market.illiquid.keys())
        if (found.regime, found.stress, found.illiquid.keys()) != then:
            return None
        slot_ms = at_ms - at_ms % self._asked.timeframe_ms
        items = tuple(
            replace(item, readings=row(self._table(item.asset, snapshot), slot_ms)) for item in seen.exposures
        )
        read = replace(seen, exposures=items, market=found)
        return replace(held, plan=replace(held.plan, assessment=read), charted=snapshot)

    def _snapshot(self, snapshot: Snapshot, at_ms: int) -> Snapshot:
        """The snapshot with the candles of an instant."""
        candles = {
            symbol: {frame: self._closed(symbol, frame, at_ms) for frame in frames}
            for symbol, frames in snapshot.candles.items()
        }
        made = snapshot.model_copy(update={"at": from_milliseconds(at_ms), "candles": candles})
        for name in MADE:
            made.__dict__.pop(name, None)
        return made

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

    def _table(self, asset: str, snapshot: Snapshot) -> AssetTable:
        if asset not in self._tables:
            keys = self._policy.signals
            symbol = candles_symbol(asset, contract_of(asset, self._policy).symbol, snapshot, self._policy)
            frames = (self._of(symbol, keys.timeframe), self._of(symbol, keys.regime_timeframe))
            self._tables[asset] = table(*frames, self._asked)
        return self._tables[asset]
