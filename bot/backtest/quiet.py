"""Owns the passing of quiet hours: what a cycle that holds would have remembered and sampled, without deciding it.

Between trades holdings stand still, so that prices alone say at which hour a decision could be another one. The screen
(`bot.core.screen`) names those hours; the ones before are passed here, and the next decision sees the very memory,
medians and volumes that it would have seen. What has no screen form is decided at every hour.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bot.backtest.market import PastMarket
from bot.backtest.spreads import spreads
from bot.backtest.tally import Still, Tally
from bot.backtest.told import Recorded as Rates
from bot.backtest.told import Told
from bot.backtest.usual import Usual
from bot.backtest.wallet import Money, Wallet
from bot.backtest.worth import UNIT_DIGITS, units, worths
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
    loud,
    restated,
    rows_of,
    steady,
    told,
    unread,
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
Flags = NDArray[np.bool_]
DAY_MS: Final = 86_400_000
HOUR: Final = timedelta(hours=1)
HALF: Final = Decimal("0.5")
FIRST_LOOK, FURTHEST_LOOK = 128, 2_048  # hours looked at together: few after a trade, more while nothing happens

#: (symbol, hours, within) -> quotes, or None where the symbol is not recorded.
Quotes = Callable[[str, Ints, Decimal], Columns | None]
#: (symbol, timeframe) -> all bars.
Candles = Callable[[str, str], Floats]


@dataclass(frozen=True, slots=True, eq=False)
class Recorded:
    """What is known of the past beforehand: its market, quotes by columns, funding rates, bars; what an account saw."""

    market: PastMarket
    seen: ObservedScene
    quotes: Quotes
    rates: Rates
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
        self._told_upto = 0
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
        self._wide, spiking = spreads(policy, list(zip(names, self._spots, strict=True)), self._usual)
        self._steady = steady(policy, self._price, spiking)
        self._told = Told(policy, recorded.rates, times_ms)
        self._wallet = Wallet(policy, known)
        self._stirred = unread(policy, times_ms)
        self._foreseen = Foreseen(policy, recorded.candles, times_ms)

    async def passes(self, row: int, outcome: Outcome, tally: Tally) -> int:
        """The first cycle from ``row`` on that is to be decided, after ``outcome``; those before it were passed."""
        plan, snapshot = outcome.plan, outcome.snapshot
        held = Held(plan, snapshot, await self._engine.recorder.recall(), self._policy)
        if self._engine.reconciler.active or awake(held) or not self._wallet.known(snapshot):
            return row
        self._stirred = self._foreseen.stirring(snapshot)
        self._told_upto = row
        while row < len(self._times):
            if self._stirred.rows[row] or self._told.rows[row]:
                turned = await self._turned(held, row)
                if turned is None:
                    break
                held = turned
            end = self._end(row)
            row, held = await self._pass_until(row, end, held, tally)
            if row < end:
                break
        self._tell_market(row)
        return row

    def _tell_market(self, row: int) -> None:
        """Quotes would have been read at every cycle before this one."""
        if row > self._told_upto:
            self._market.passed_all(self._times[self._told_upto : row])
            self._told_upto = row

    def _end(self, row: int) -> int:
        """The cycle until which readings and funding stand: that of the next bar or settlement that has to be read."""
        later = self._stirred.rows[row + 1 :] | self._told.rows[row + 1 :]
        return row + 1 + int(np.argmax(later)) if later.any() else len(self._times)

    async def _turned(self, held: Held, row: int) -> Held | None:
        """What is held as a bar closes or funding settles; None where that must be looked at."""
        if not self._steady[row]:
            return None
        news = await self._news(held, row) if self._told.rows[row] else held
        if news is None:
            return None
        if not self._stirred.rows[row] and not self._told.felt[row]:
            return None if unstill(news) else news
        return self._reread(held, news, row)

    def _reread(self, held: Held, news: Held, row: int) -> Held | None:
        """What is held once the market is looked at again; None where that changes anything."""
        ahead, _ = self._ahead(slice(row, row + 1), news)
        with np.errstate(invalid="ignore", divide="ignore"):
            net = rows_of(news, ahead).net[0]
        turned = self._foreseen.at(held, int(self._times[row]), net, self._wide[row], news=news)
        return None if turned is None or unstill(turned) else turned

    async def _news(self, held: Held, row: int) -> Held | None:
        """What is held once funding has settled, paid and booked if positions stand; None where more happened."""
        at = from_milliseconds(int(self._times[row]))
        if not held.snapshot.positions or not self._told.paid[row]:
            known = self._told.at(row, held.charts, self._market.funding_at(at))
            return None if known is None else told(held, known)
        self._tell_market(row)
        await self._parts.clock.until(at)
        self._engine.observer.medians.stand(at, {})  # what is sampled here is told to the next decision
        snapshot = await self._engine.look(self._policy)
        with exact():
            return restated(held, snapshot, self._engine.recorder.memory)

    async def _pass_until(self, row: int, end: int, held: Held, tally: Tally) -> tuple[int, Held]:
        """Pass quiet hours before ``end``; the first that is none, and what is held with what is remembered by then."""
        look = FIRST_LOOK
        while row < end:
            rows = slice(row, min(row + look, end))
            ahead, money = self._ahead(rows, held)
            quiet, unsure = self._quiet(held, ahead, self._since(held, row))
            if quiet and not await self._pass(slice(row, row + quiet), held, money, tally):
                break
            if quiet:
                held = held.remembering(await self._engine.recorder.recall())
            row += quiet
            if unsure:  # whether the market is what it was is asked anew
                turned = self._reread(held, held, row)
                if turned is None:
                    break
                held = turned
            elif row < rows.stop:
                break
            look = min(2 * look, FURTHEST_LOOK)
        return row, held

    def _ahead(self, rows: slice, held: Held) -> tuple[Prospect, Money]:
        money = self._wallet.over(rows, held.snapshot, held.plan)
        return Prospect(
            self._times[rows], self._price[rows], money.mark, money.liquid, money.available, self._steady[rows],
            self._wide[rows], self._stirred.said.at(rows),
        ), money  # fmt: skip

    def _since(self, held: Held, row: int) -> Flags:
        """(m, k): whose volume alarmed in the hours from the one the charts are of to this one."""
        read = int(np.searchsorted(self._times, milliseconds(held.charts.at), side="right"))
        return self._stirred.said.still[min(read, row) : row]

    def _quiet(self, held: Held, ahead: Prospect, since: Flags) -> tuple[int, bool]:
        """How many of these hours are quiet, from the first on; and whether only the market may be another then."""
        flags = loud(held, ahead)
        count = int(np.argmax(flags)) if flags.any() else len(flags)
        net = rows_of(held, ahead).net
        same = as_it_was(
            held, ahead.at_ms[:count], net[:count], ahead.wide[:count], ahead.said.still[:count], since
        )  # fmt: skip
        return same, same < count

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
