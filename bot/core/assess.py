"""Owns the assessment: what the account looks like now, from readings to triggers. Pure; memoises by content only."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from bot.core.assessment import Assessment, Readings, Trigger
from bot.core.desk import Ledger, contract_of
from bot.core.exposure import exposures, ledger, stables
from bot.core.numbers import milliseconds
from bot.core.policy import Policy
from bot.core.prices import candles_symbol
from bot.core.readings import Parameters, parameters, row, table_at
from bot.core.snapshot import Snapshot
from bot.core.targets import skeleton
from bot.core.triggers import floor, threshold

NO_BARS = np.empty((0, 6))
TABLES_KEPT = 4096


class _Series:
    """Two series under one content key, so that the cache compares digests and not bars."""

    __slots__ = ("key", "regime", "signal")

    def __init__(self, key: tuple[str, str], signal: NDArray[np.float64], regime: NDArray[np.float64]) -> None:
        self.key, self.signal, self.regime = key, signal, regime

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Series) and other.key == self.key


@lru_cache(maxsize=TABLES_KEPT)
def _row(series: _Series, asked: Parameters, at_ms: int) -> Readings:
    return row(table_at(series.signal, series.regime, asked, at_ms), at_ms)


def readings(snapshot: Snapshot, policy: Policy) -> Mapping[str, Readings]:
    """Asset -> the last row of its table; an asset without candles has only unknown readings."""
    if not policy.signals.enabled:
        return {}
    asked = parameters(
        policy.signals, policy.narrative.parabolic_return, policy.narrative.parabolic_window, policy.costs.volatility
    )
    at_ms = milliseconds(snapshot.at)
    # Bars are closed: the row changes only when a bar closes, so the instant is cut to the signal timeframe.
    slot_ms = at_ms - at_ms % asked.timeframe_ms
    made = {}
    for asset in policy.assets:
        symbol = candles_symbol(asset, contract_of(asset, policy).symbol, snapshot, policy)
        keys = snapshot.bar_keys.get(symbol, {})
        frames = snapshot.candles.get(symbol, {})
        key = (keys.get(policy.signals.timeframe, ""), keys.get(policy.signals.regime_timeframe, ""))
        if not any(key):
            continue
        signal = frames.get(policy.signals.timeframe, NO_BARS)
        regime = frames.get(policy.signals.regime_timeframe, NO_BARS)
        made[asset] = _row(_Series(key, signal, regime), asked, slot_ms)
    return made


def assess(
    snapshot: Snapshot, policy: Policy, table: Mapping[str, Readings] | None = None
) -> tuple[Assessment, Ledger]:
    """Readings, exposures, targets and triggers; ``table`` replaces the readings by recorded ones (verify, backtest)."""
    book, unknown, notes = ledger(snapshot, policy)
    read = readings(snapshot, policy) if table is None else table
    targets = skeleton(policy)
    items = exposures(book, targets, policy, read, notes)
    cash = stables(book, policy)
    fired: list[Trigger] = []
    if book.equity:
        refilling = snapshot.memory.episode("stables") is not None
        fired.extend(floor.fire(cash, book.equity, policy, refilling=refilling))
        fired.extend(threshold.fire(items, policy))
    if policy.signals.enabled:
        unknown = [*unknown, *(f"{item.asset} trend" for item in items if item.readings.trend is None)]
    return (
        Assessment(
            at=snapshot.at,
            equity=book.equity,
            regime="unknown",
            stress=0,
            exposures=items,
            stables=cash,
            unknown=tuple(sorted(set(unknown))),
            triggers=tuple(fired),
            targets=targets,
        ),
        book,
    )
