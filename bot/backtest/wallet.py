"""Owns the futures wallet of a past between trades: what positions are worth and leave free at the marks to come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from bot.core.desk import contract_of
from bot.core.numbers import ONE, ZERO
from bot.core.plan_record import Plan
from bot.core.policy import Policy
from bot.core.snapshot import Position, Snapshot
from bot.venues.simulated.columns import Columns
from bot.venues.simulated.fees import at_least

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Money:
    """Hours to come: marks (n, k) by asset; liquid stables and those of the futures wallet (n,), in money."""

    mark: Floats
    liquid: Floats
    available: Floats


class Wallet:
    """Of one run: ``known`` are the quotes of its symbols by columns. Perpetuals are marked at the recorded price."""

    def __init__(self, policy: Policy, known: Mapping[str, Columns]) -> None:
        self._assets = policy.assets
        self._swaps = [known.get(contract_of(asset, policy).symbol) for asset in policy.assets]
        self._symbols = [contract_of(asset, policy).symbol for asset in policy.assets]
        self._currency = policy.accounting_currency
        self._mark = np.column_stack([
            np.full(_length(known), np.nan) if each is None else each.mid * 10.0**-each.tick for each in self._swaps
        ])  # fmt: skip

    def known(self, snapshot: Snapshot) -> bool:
        """Whether every position has recorded marks and an entry."""
        priced = all(position.entry_price is not None for position in snapshot.positions)
        return priced and len(self._held(snapshot)) == len(snapshot.positions)

    def over(self, rows: slice, snapshot: Snapshot, plan: Plan) -> Money:
        """What there is at each of these hours, were nothing traded."""
        count, seen = rows.stop - rows.start, plan.assessment.stables
        wallet = sum(
            (one.total for one in snapshot.balances if (one.wallet, one.asset) == ("futures", self._currency)), ZERO
        )
        liquid, free = np.full(count, float(seen.liquid)), np.full(count, float(seen.futures_available))
        if not snapshot.positions:
            return Money(self._mark[rows], liquid, free)
        for row in range(count):
            available = wallet
            for position, columns in self._held(snapshot):
                mark = _mark(columns, rows.start + row)
                size = abs(position.quantity)
                available += _profit(position, mark) - at_least(size * mark / (position.leverage or ONE))
            left = min(max(available, ZERO), wallet)
            liquid[row] = float(seen.liquid - seen.futures_available + left)
            free[row] = float(left)
        return Money(self._mark[rows], liquid, free)

    def profit(self, row: int, snapshot: Snapshot) -> Decimal:
        """What E counts of all positions at the marks of a row, reckoned as `bot.core.exposure` does."""
        total = ZERO
        for position, columns in self._held(snapshot):
            total += position.quantity * (_mark(columns, row) - (position.entry_price or ZERO))
        return total

    def marked(self, row: int, snapshot: Snapshot) -> tuple[Snapshot, Mapping[str, Decimal]]:
        """The snapshot with positions at the marks of a row, and the profit of each asset's."""
        if not snapshot.positions:
            return snapshot, {}
        profits: dict[str, Decimal] = {}
        positions = []
        for position, columns in self._held(snapshot):
            mark = _mark(columns, row)
            asset = self._assets[self._symbols.index(position.symbol)]
            profits[asset] = position.quantity * (mark - (position.entry_price or ZERO))
            positions.append(position.model_copy(update={"mark_price": mark}))
        return snapshot.model_copy(update={"positions": tuple(positions)}), profits

    def _held(self, snapshot: Snapshot) -> list[tuple[Position, Columns]]:
        made = []
        for position in snapshot.positions:
            columns = self._swaps[self._symbols.index(position.symbol)] if position.symbol in self._symbols else None
            if columns is not None:
                made.append((position, columns))
        return made


def _mark(columns: Columns, row: int) -> Decimal:
    return Decimal(int(columns.mid[row])).scaleb(-columns.tick)


def _profit(position: Position, mark: Decimal) -> Decimal:
    """Profit at a mark: what it is at the mark that was read, and what the way from there brings."""
    return (position.unrealised_pnl or ZERO) + position.quantity * (mark - (position.mark_price or ZERO))


def _length(known: Mapping[str, Columns]) -> int:
    return len(next(iter(known.values())).mid)
