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
Ints = NDArray[np.int64]


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

    def known(self, plan: Plan) -> bool:
        """Whether every contract that is held has recorded marks."""
        items = zip(plan.assessment.exposures, self._swaps, strict=True)
        return all(each is not None for item, each in items if item.contracts or item.index_contracts)

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
                mark = Decimal(int(columns.mid[rows.start + row])).scaleb(-columns.tick)
                size = abs(position.quantity)
                available += _profit(position, mark) - at_least(size * mark / (position.leverage or ONE))
            left = min(max(available, ZERO), wallet)
            liquid[row] = float(seen.liquid - seen.futures_available + left)
            free[row] = float(left)
        return Money(self._mark[rows], liquid, free)

    def contracts(self, rows: slice, plan: Plan, snapshot: Snapshot) -> tuple[Ints, list[Decimal], Decimal]:
        """Marks in ticks (n, m) of what is held, what a tick of each is worth, and what all were worth then."""
        found = list(self._held(snapshot))
        sizes = self._sizes(plan)
        ticks = [columns.mid[rows] for _, columns in found]
        each = [sizes[position.symbol] * ONE.scaleb(-columns.tick) for position, columns in found]
        then = sum((sizes[position.symbol] * (position.mark_price or ZERO) for position, _ in found), ZERO)
        count = rows.stop - rows.start
        return (np.column_stack(ticks) if ticks else np.empty((count, 0), dtype=np.int64)), each, then

    def marked(self, row: int, plan: Plan, snapshot: Snapshot) -> tuple[Snapshot, Mapping[str, Decimal]]:
        """The snapshot with positions at the marks of a row, and what each asset's gained since the decision."""
        if not snapshot.positions:
            return snapshot, {}
        sizes, gained, positions = self._sizes(plan), {}, []
        for position, columns in self._held(snapshot):
            mark = Decimal(int(columns.mid[row])).scaleb(-columns.tick)
            asset = self._assets[self._symbols.index(position.symbol)]
            gained[asset] = sizes[position.symbol] * (mark - (position.mark_price or ZERO))
            positions.append(position.model_copy(update={"mark_price": mark}))
        return snapshot.model_copy(update={"positions": tuple(positions)}), gained

    def _sizes(self, plan: Plan) -> Mapping[str, Decimal]:
        """Signed contracts by symbol, index hedges among them."""
        items = zip(self._symbols, plan.assessment.exposures, strict=True)
        return {symbol: item.contracts + item.index_contracts for symbol, item in items}

    def _held(self, snapshot: Snapshot) -> list[tuple[Position, Columns]]:
        made = []
        for position in snapshot.positions:
            columns = self._swaps[self._symbols.index(position.symbol)] if position.symbol in self._symbols else None
            if columns is not None:
                made.append((position, columns))
        return made


def _profit(position: Position, mark: Decimal) -> Decimal:
    """Profit at a mark: what it is at the mark that was read, and what the way from there brings."""
    return (position.unrealised_pnl or ZERO) + position.quantity * (mark - (position.mark_price or ZERO))


def _length(known: Mapping[str, Columns]) -> int:
    return len(next(iter(known.values())).mid)
