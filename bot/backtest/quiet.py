"""Owns the passing of quiet hours: what a cycle that holds would have remembered and sampled, without deciding it.

Between trades holdings stand still, so that prices alone say at which hour a decision could be another one. The screen
(`bot.core.screen`) names those hours; the ones before are passed here, and the next decision sees the very memory,
medians and volumes that it would have seen. What has no screen form is decided at every hour.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bot.backtest.market import PastMarket
from bot.backtest.tally import Still, Tally
from bot.backtest.usual import Usual
from bot.backtest.wallet import Money, Wallet
from bot.backtest.worth import UNIT_DIGITS, units, worths
from bot.core.desk import contract_of
from bot.core.events import Event
from bot.core.instruments import spot_symbol
from bot.core.numbers import ONE, ZERO, from_milliseconds, milliseconds
from bot.core.policy import Policy
from bot.core.screen import (
    Foreseen,
    Held,
    Prospect,
    as_it_was,
    awake,
    bar_ms,
    loud,
    rows_of,
    steady,
    unscreened,
    unstill,
)
from bot.engine.arithmetic import exact
from bot.engine.cycle import Engine, Outcome
from bot.engine.observe import sampled
from bot.engine.parts import Parts
from bot.engine.record import UNIT_STEP
from bot.venues.simulated.columns import Columns
from bot.venues.simulated.observed import ObservedScene

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
DAY_MS: Final = 86_400_000
HOUR: Final = timedelta(hours=1)
HALF: Final = Decimal("0.5")
FIRST_LOOK, FURTHEST_LOOK = 128, 2_048  # hours looked at together: few after a trade, more while nothing happens

#: (symbol, hours, within) -> quotes, or None where the symbol is not recorded.
Quotes = Callable[[str, Ints, Decimal], Columns | None]
#: (symbol, after, upto) -> settlements of funding.
Settled = Callable[[str, datetime, datetime], Any]
#: (symbol, timeframe) -> all bars.
Candles = Callable[[str, str], Floats]


@dataclass(frozen=True, slots=True, eq=False)
class Recorded:
    """What is known of the past beforehand: its market, quotes by columns, settlements, bars; what an account saw."""

    market: PastMarket
    seen: ObservedScene
    quotes: Quotes
    settled: Settled
    candles: Candles


@dataclass(frozen=True, slots=True, eq=False)
class Worth:
    """Hours passed: E (n,), unit values in 1e-12, and E of a row to the last digit."""

    equity: Floats
    units: list[int]
    at: Callable[[int], Decimal]


def no_form(policy: Policy) -> str:
    """Why every cycle of a policy is decided; empty where quiet ones can be passed."""
    odd = "a cycle that is no whole hours" if policy.cycle % HOUR else ""
    return ", ".join(each for each in (unscreened(policy), odd) if each)


class Quiet:
    """Passes the quiet cycles of one run; ``times_ms`` are the instants of all its cycles."""

    def __init__(self, engine: Engine, parts: Parts, policy: Policy, recorded: Recorded, times_ms: Ints) -> None:
        self._engine = engine
        self._parts = parts
        self._policy = policy
        self._market = recorded.market
        self._seen_books = recorded.seen
        self._times = times_ms
        self._days = times_ms // DAY_MS
        within = policy.windows.depth_within
        currency = policy.accounting_currency
        found = {name: recorded.quotes(name, times_ms, within) for name in sampled(policy)}
        known = {name: columns for name, columns in found.items() if columns is not None}
        names = [spot_symbol(asset, currency) for asset in policy.assets]
        self.why = "" if all(name in known for name in names) else "an asset that is not recorded"
        if self.why:
            return
        self._spots = [known[name] for name in names]
        self._usual = Usual(known, times_ms)
        self._market.know(known, times_ms)
        # Twice the mid, in ticks: whole numbers, so that what is made of them is exact.
        self._twice = np.column_stack([columns.bid + columns.ask for columns in self._spots])
        self._price = np.column_stack([_mids(columns) for columns in self._spots])
        spread = np.column_stack([_spreads(columns) for columns in self._spots])
        calm = np.column_stack([self._usual.least_spread(name) for name in names])
        self._steady = steady(policy, self._price, spread, calm) & ~self._tellings(recorded.settled)
        self._wallet = Wallet(policy, known)
        self._bar_ms = bar_ms(policy)
        self._foreseen = Foreseen(policy, recorded.candles)

    def _tellings(self, settled: Settled) -> NDArray[np.bool_]:
        """Cycles that are the first to know of a settlement of anything's funding."""
        made = np.zeros(len(self._times), dtype=np.bool_)
        if not len(made):
            return made
        ends = (from_milliseconds(int(self._times[0])), from_milliseconds(int(self._times[-1])))
        for name in {*self._policy.assets, *self._policy.stress.majors}:
            rates = settled(contract_of(name, self._policy).symbol, *ends)
            rows = np.searchsorted(self._times, [milliseconds(at) for at, _ in rates])
            made[rows[rows < len(made)]] = True
        return made

    async def passes(self, row: int, outcome: Outcome, tally: Tally) -> int:
        """The first cycle from ``row`` on that is to be decided, after ``outcome``; those before it were passed."""
        plan, snapshot = outcome.plan, outcome.snapshot
        held = Held(plan, snapshot, await self._engine.recorder.recall(), self._policy)
        if self._engine.reconciler.active or awake(held) or not self._wallet.known(snapshot):
            return row
        first = row
        while row < len(self._times):
            if self._closes(row):
                turned = self._turned(held, row)
                if turned is None:
                    break
                held = turned
            end = self._end(row)
            row, held = await self._pass_until(row, end, held, tally)
            if row < end:
                break
        if row > first:
            self._market.passed_all(self._times[first:row])
        return row

    def _closes(self, row: int) -> bool:
        """Whether a bar that readings are made of closes with a cycle."""
        return self._bar_ms > 0 and int(self._times[row]) % self._bar_ms == 0

    def _end(self, row: int) -> int:
        """The cycle until which readings stand: that of the next bar."""
        if not self._bar_ms:
            return len(self._times)
        closes_ms = (int(self._times[row]) // self._bar_ms + 1) * self._bar_ms
        return int(np.searchsorted(self._times, closes_ms))

    def _turned(self, held: Held, row: int) -> Held | None:
        """What is held as a bar closes; None where that must be looked at."""
        if not self._steady[row]:
            return None
        ahead, _ = self._ahead(slice(row, row + 1), held)
        turned = self._foreseen.at(held, int(self._times[row]), rows_of(held, ahead).net[0])
        return None if turned is None or unstill(turned) else turned

    async def _pass_until(self, row: int, end: int, held: Held, tally: Tally) -> tuple[int, Held]:
        """Pass quiet hours before ``end``; the first that is none, and what is held with what is remembered by then."""
        look = FIRST_LOOK
        while row < end:
            rows = slice(row, min(row + look, end))
            ahead, money = self._ahead(rows, held)
            quiet = self._quiet(held, ahead)
            if quiet and not await self._pass(slice(row, row + quiet), held, money, tally):
                break
            if quiet:
                held = replace(held, memory=await self._engine.recorder.recall())
            row += quiet
            if row < rows.stop:
                break
            look = min(2 * look, FURTHEST_LOOK)
        return row, held

    def _ahead(self, rows: slice, held: Held) -> tuple[Prospect, Money]:
        money = self._wallet.over(rows, held.snapshot, held.plan)
        steady = self._steady[rows]
        return Prospect(self._times[rows], self._price[rows], money.mark, money.liquid, money.available, steady), money

    def _quiet(self, held: Held, ahead: Prospect) -> int:
        """How many of these hours are quiet, from the first on."""
        flags = loud(held, ahead)
        count = int(np.argmax(flags)) if flags.any() else len(flags)
        if not self._bar_ms:
            return count
        net = rows_of(held, ahead).net
        return next((row for row in range(count) if not as_it_was(held, int(ahead.at_ms[row]), net[row])), count)

    def prepare(self, row: int) -> None:
        """Before a cycle is decided: what it would sample is known, so that it need not read books for that.

        Who trades in this hour may look at those books all the same.
        """
        at = from_milliseconds(int(self._times[row]))
        self._usual.tell(self._engine.observer.medians, row)
        for name in self._usual.read_at(row):
            self._seen_books.saw_book_unmade(name, partial(self._market.book_at, name, at), at)

    # ---- passing

    async def _pass(self, rows: slice, held: Held, money: Money, tally: Tally) -> bool:
        """Remember and count what these hours would have; False where that cannot be told exactly."""
        with exact():
            found = self._positioned(rows, held) if held.snapshot.positions else self._unpositioned(rows, held)
            if found is None:
                return False
            await self._remember(rows, held, found)
        some = slice(0, len(found.equity))
        still = Still(found.equity, money.liquid[some], self._price[rows], money.mark[some])
        tally.stood(held.plan, self._times[rows], still)
        return True

    def _coins(self, rows: slice, held: Held, still: Decimal) -> tuple[list[int], int] | None:
        """``still`` and the coins' worth at each hour, in whole units of one scale: half of twice the mid each."""
        items = zip(held.items, self._spots, strict=True)
        return worths(self._twice[rows], [item.coins * HALF * ONE.scaleb(-each.tick) for item, each in items], still)

    def _unpositioned(self, rows: slice, held: Held) -> Worth | None:
        """Without futures all is whole units."""
        seen, memory = held.plan.assessment, held.memory
        moving = sum((item.coins * (item.price or ZERO) for item in seen.exposures), ZERO)
        found = self._coins(rows, held, (seen.equity or ZERO) - moving)
        if found is None:
            return None
        worth, scale = found
        before = memory.equity_seen or Decimal(worth[0]).scaleb(-scale)
        made = units(worth, memory.unit_value or ONE, before, scale)
        if made is None:
            return None
        return Worth(
            np.array(worth, dtype=np.float64) / 10.0**scale, made, lambda row: Decimal(worth[row]).scaleb(-scale)
        )

    def _positioned(self, rows: slice, held: Held) -> Worth | None:
        """With futures, whose entries are means of many digits, E is rounded as decisions round it, hour by hour."""
        memory, stables = held.memory, self._policy.targets.stables.assets
        money = sum((one.total for one in held.snapshot.balances if one.asset in stables), ZERO)
        found = self._coins(rows, held, money)
        if found is None:
            return None
        worth, scale = found
        equity = [
            Decimal(each).scaleb(-scale) + self._wallet.profit(rows.start + row, held.snapshot)
            for row, each in enumerate(worth)
        ]
        unit, before, made = memory.unit_value or ONE, memory.equity_seen or equity[0], []
        for each in equity:
            unit, before = (unit * each / before).quantize(UNIT_STEP), each
            made.append(int(unit.scaleb(UNIT_DIGITS)))
        return Worth(np.array([float(each) for each in equity]), made, equity.__getitem__)

    async def _remember(self, rows: slice, held: Held, found: Worth) -> None:
        """The facts of these hours that outlive them: the last one's, the peak's, and the one that opened the day."""
        memory, made = held.memory, found.units
        last = len(made) - 1
        wanted = {last}
        if Decimal(made[peak := made.index(max(made))]).scaleb(-UNIT_DIGITS) > (memory.unit_peak or ZERO):
            wanted.add(peak)
        if from_milliseconds(int(self._times[rows][last])).date().isoformat() != memory.day:
            wanted.add(int(np.searchsorted(self._days[rows], self._days[rows][last])))
        events = [
            self._seen(rows.start + row, held, (found.at(row), Decimal(made[row]).scaleb(-UNIT_DIGITS)))
            for row in sorted(wanted)
        ]
        await self._parts.store.append(events, self._engine.recorder.fence)

    def _seen(self, row: int, held: Held, worth: tuple[Decimal, Decimal]) -> Event:
        """What the cycle of this hour would have recorded as seen."""
        plan, at = held.plan, from_milliseconds(int(self._times[row]))
        seen = plan.assessment
        prices = [
            Decimal(int(twice)).scaleb(-each.tick) / 2
            for twice, each in zip(self._twice[row], self._spots, strict=True)
        ]
        snapshot, profits = self._wallet.marked(row, held.snapshot)
        items = tuple(replace(item, price=price) for item, price in zip(seen.exposures, prices, strict=True))
        moved = {item.asset: item.coins * (item.price or ZERO) + profits.get(item.asset, ZERO) for item in items}
        assessed = replace(
            seen,
            at=at,
            exposures=items,
            equity=worth[0],
            read_equity=worth[0],
            unit_value=worth[1],
            worth={**seen.worth, **moved},
        )
        told = replace(plan, decision_id=f"quiet{milliseconds(at)}", at=at, assessment=assessed, events=())
        return self._engine.recorder.seen(told, snapshot).events[-1]


def _mids(columns: Columns) -> Floats:
    """Mids as floats, NaN where nobody quotes."""
    known = columns.bid > 0
    made: Floats = np.where(known, (columns.bid + columns.ask) / 2 * 10.0**-columns.tick, np.nan)
    return made


def _spreads(columns: Columns) -> Floats:
    """Spreads as fractions of the mid, NaN where nobody quotes."""
    with np.errstate(divide="ignore", invalid="ignore"):
        made: Floats = (columns.ask - columns.bid) * 2 / (columns.ask + columns.bid)
    return made
