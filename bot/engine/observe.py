"""Owns the reading of the world into one snapshot. What could not be read is named and absent, never zero."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from bot.core.desk import contract_of
from bot.core.instruments import Market, spot_symbol
from bot.core.memory import Memory
from bot.core.numbers import milliseconds
from bot.core.orders import OrderState
from bot.core.plan import bars_needed
from bot.core.plan_record import Plan
from bot.core.policy import Policy, Timeframe
from bot.core.snapshot import (
    AccountKind,
    Balance,
    Book,
    Control,
    Feeds,
    Funding,
    History,
    OpenOrder,
    Point,
    Position,
    Saving,
    Snapshot,
    Ticker,
)
from bot.core.verdicts import Refused
from bot.engine.candles import CandleCache
from bot.engine.medians import Medians
from bot.engine.parts import Parts
from bot.engine.rates import FundingRates
from bot.engine.stop import Standing
from bot.ports.errors import Unauthorized, VenueError
from bot.ports.store import OrderRow
from bot.ports.venue import Gap

T = TypeVar("T")
BOOKS_MAX = 24  # a cycle
BOOK_DEPTH = 50
AT_ONCE = 6  # candle requests under way together


@dataclass(frozen=True, slots=True)
class Reads:
    """What the venue answered this cycle."""

    kind: AccountKind | Gap
    markets: Mapping[str, Market] | Gap
    balances: Sequence[Balance] | Gap
    positions: Sequence[Position] | Gap
    quotes: Mapping[str, Ticker] | Gap
    funding: Mapping[str, Funding] | Gap
    candles: Mapping[str, Mapping[str, NDArray[np.float64]]]
    other_gaps: tuple[Gap, ...]  # candles, funding histories, feeds
    feeds: Feeds
    savings: Mapping[str, Saving] | Gap
    history: Mapping[str, History]

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """All that could not be read."""
        parts = (self.kind, self.markets, self.balances, self.positions, self.quotes, self.funding, self.savings)
        return (*(part for part in parts if isinstance(part, Gap)), *self.other_gaps)


class Observer:
    """Reads in bulk: the number of requests does not grow with the portfolio, but when a bar has closed."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._candles = CandleCache(parts.market)
        self._rates = FundingRates(parts.market)
        self._medians = Medians(parts.keep, parts.alerts)
        self._kind: AccountKind | None = None
        self._told: dict[str, tuple[tuple[object, ...], History]] = {}

    async def read(self, policy: Policy, *, charts: bool = True) -> Reads:
        """Everything but books; without ``charts``, no candles either."""
        parts = self._parts
        # Prices first: a simulated account is valued at what was seen, and an account read last is freshest.
        markets, quotes, funding = await asyncio.gather(
            self._asked("markets", parts.market.markets()),
            self._asked("quotes", parts.market.quotes()),
            self._asked("funding", parts.market.funding()),
        )
        listed = {} if isinstance(markets, Gap) else markets
        candles, gaps = await self._all_candles(policy, listed) if charts else ({}, ())
        feeds = await parts.feeds.read() if parts.feeds else Feeds()
        await self._sample(policy, listed)
        savings: Mapping[str, Saving] | Gap = {}
        if parts.savings is not None:
            savings = await self._asked("savings", parts.savings.savings())
        kind, balances, positions = await asyncio.gather(
            self._account_kind(),
            self._asked("balances", parts.account.balances()),
            self._asked("positions", parts.account.positions()),
        )
        rates, untold = await self._all_rates(policy, listed, positions, {} if isinstance(funding, Gap) else funding)
        return Reads(
            kind, markets, balances, positions, quotes, funding, candles,
            (*gaps, *untold, *(parts.feeds.gaps() if parts.feeds else ())), feeds, savings, self._history(rates),
        )  # fmt: skip

    def snapshot(
        self,
        reads: Reads,
        policy: Policy,
        memory: Memory,
        standing: Standing,
        orders: Sequence[OrderRow],
        books: Mapping[str, Book | Gap],
    ) -> Snapshot:
        """One value of it all; ``at`` is now, after the last read."""
        at = self._parts.clock.now()
        wanted = symbols(policy)
        coins = {*policy.assets, *policy.targets.stables.assets, policy.accounting_currency}
        gaps = [f"{gap.what}: {gap.why}" for gap in reads.gaps]
        gaps += [f"{book.what}: {book.why}" for book in books.values() if isinstance(book, Gap)]
        return Snapshot(
            at=at,
            venue=self._parts.venue,
            account=AccountKind() if isinstance(reads.kind, Gap) else reads.kind,
            control=_control(standing, memory),
            balances=tuple(item for item in _known(reads.balances) if item.asset in coins),
            positions=tuple(_known(reads.positions)),
            orders=tuple(open_order(row) for row in orders),
            tickers=_of(reads.quotes, wanted),
            funding=_of(reads.funding, wanted),
            books={symbol: book for symbol, book in books.items() if not isinstance(book, Gap)},
            candles={symbol: dict(frames) for symbol, frames in reads.candles.items()},
            markets=_of(reads.markets, wanted),
            history={symbol: reads.history[symbol] for symbol in sorted(wanted & reads.history.keys())},
            savings=_of(reads.savings, frozenset(coins)),
            feeds=reads.feeds,
            memory=memory.at(at),
            gaps=tuple(sorted(gaps)),
        )

    @property
    def medians(self) -> Medians:
        """What is usual of each symbol."""
        return self._medians

    async def books(self, wanted: Iterable[str]) -> Mapping[str, Book | Gap]:
        """The books of a few symbols."""
        names = sorted(set(wanted))[:BOOKS_MAX]
        found = await asyncio.gather(
            *(self._asked(f"book {name}", self._parts.market.book(name, BOOK_DEPTH)) for name in names)
        )
        return dict(zip(names, found, strict=True))

    async def _account_kind(self) -> AccountKind | Gap:
        """Asked once: what sort of account it is does not change while we run."""
        if self._kind is None:
            found = await self._asked("account", self._parts.account.kind())
            if isinstance(found, Gap):
                return found
            self._kind = found
        return self._kind

    async def _asked(self, what: str, answer: Awaitable[T | Gap]) -> T | Gap:
        try:
            return await answer
        except Unauthorized as error:
            self._parts.alerts.send("critical", f"{what}: the venue refuses the key: {error}", key="unauthorized")
            return Gap(what, f"the venue refuses the key: {error}", self._parts.clock.now())
        except VenueError as error:
            return Gap(what, str(error), self._parts.clock.now())

    async def _sample(self, policy: Policy, markets: Mapping[str, Market]) -> None:
        """Once an hour the books of what may be traded, for what is usual of them."""
        at = self._parts.clock.now()
        if not markets or not await self._medians.due(at):
            return
        names = [name for name in sampled(policy) if name in markets and markets[name].active]
        books = await self.books(in_turn(names, at))
        known = {symbol: book for symbol, book in books.items() if not isinstance(book, Gap)}
        await self._medians.sample(at, known, policy.windows.depth_within)

    async def _all_rates(
        self,
        policy: Policy,
        markets: Mapping[str, Market],
        positions: Sequence[Position] | Gap,
        funding: Mapping[str, Funding],
    ) -> tuple[dict[str, tuple[Point, ...]], tuple[Gap, ...]]:
        """Settled funding of the majors' and of held perpetuals (R-S10, R-G10)."""
        wanted = {position.symbol for position in _known(positions)}
        if policy.stress.enabled:
            wanted |= {contract_of(name, policy).symbol for name in policy.stress.majors}
        at, window = self._parts.clock.now(), policy.stress.funding_history
        made: dict[str, tuple[Point, ...]] = {}
        gaps: list[Gap] = []
        for symbol in sorted(wanted & markets.keys()):
            asked = self._rates.points(symbol, at, window, funding.get(symbol))
            found = await self._asked(f"funding history {symbol}", asked)
            if isinstance(found, Gap):
                gaps.append(found)
            elif found:
                made[symbol] = found
        return made, tuple(gaps)

    def _history(self, rates: Mapping[str, tuple[Point, ...]]) -> dict[str, History]:
        made = {}
        for symbol in sorted({*rates, *self._medians.symbols}):
            spread, depth = self._medians.of(symbol)
            told = (rates.get(symbol), spread, depth)
            if told == (None, None, None):
                continue
            known = self._told.get(symbol)
            # The very noun of the last cycle where nothing is new: what was worked out of it still holds.
            if known is None or known[0] != told:
                known = (told, History(funding=told[0], spread_median=spread, depth_median=depth))
            self._told[symbol] = known
            made[symbol] = known[1]
        return made

    async def _all_candles(
        self, policy: Policy, markets: Mapping[str, Market]
    ) -> tuple[dict[str, dict[str, NDArray[np.float64]]], tuple[Gap, ...]]:
        if not policy.signals.enabled:
            return {}, ()
        at_ms = milliseconds(self._parts.clock.now())
        turn = asyncio.Semaphore(AT_ONCE)
        asked = [(symbol, *frame) for symbol in charted(policy, markets) for frame in _frames(policy)]

        async def one(symbol: str, frame: Timeframe, keep: int) -> NDArray[np.float64] | Gap:
            async with turn:
                name = f"candles {symbol} {frame}"
                return await self._asked(name, self._candles.bars(symbol, frame, at_ms, keep))

        found = await asyncio.gather(*(one(*each) for each in asked))
        made: dict[str, dict[str, NDArray[np.float64]]] = {}
        gaps: list[Gap] = []
        for (symbol, frame, _), bars in zip(asked, found, strict=True):
            if isinstance(bars, Gap):
                gaps.append(bars)
            else:
                made.setdefault(symbol, {})[frame] = bars
        return made, tuple(gaps)


def symbols(policy: Policy) -> frozenset[str]:
    """Spot and perpetual of every configured asset, and what the stables are quoted in."""
    currency = policy.accounting_currency
    assets = {*policy.assets, *_weathervanes(policy)}
    wanted = {spot_symbol(asset, currency) for asset in {*assets, *policy.targets.stables.assets} if asset != currency}
    return frozenset(wanted | {contract_of(asset, policy).symbol for asset in assets})


def sampled(policy: Policy) -> list[str]:
    """Both markets of every configured asset."""
    currency = policy.accounting_currency
    pairs = [(spot_symbol(asset, currency), contract_of(asset, policy).symbol) for asset in policy.assets]
    return sorted({name for pair in pairs for name in pair})


def in_turn(names: Sequence[str], at: datetime) -> list[str]:
    """Those of many symbols whose books are read in an hour: no more than a cycle may ask for."""
    first = at.hour * BOOKS_MAX % len(names) if len(names) > BOOKS_MAX else 0
    return [*names[first:], *names[:first]][:BOOKS_MAX]


def charted(policy: Policy, markets: Mapping[str, Market]) -> list[str]:
    """Where each asset's candles are: its spot symbol where that is listed, else its perpetual."""
    made = []
    for asset in sorted({*policy.assets, *_weathervanes(policy)}):
        names = (spot_symbol(asset, policy.accounting_currency), contract_of(asset, policy).symbol)
        made += [name for name in names if name in markets][:1]
    return made


def _weathervanes(policy: Policy) -> set[str]:
    """Assets that the market as a whole is read from (R-S7 to R-S14), held or not."""
    return {policy.regime.index, *policy.stress.majors}


def _frames(policy: Policy) -> list[tuple[Timeframe, int]]:
    signals = policy.signals
    frames = [(signals.timeframe, bars_needed(signal=True))]
    if signals.regime_timeframe != signals.timeframe:
        frames.append((signals.regime_timeframe, bars_needed(signal=False)))
    return frames


#: Gates that a book can bring round: a second source, a spread, depth, a cost, and what depth cut under a minimum.
ASK_BOOKS = frozenset({"R-G3", "R-G4", "R-G5", "R-G10", "R-G11"})
#: Only an operator's yes is missing, and what is to be approved should be what the book bears.
APPROVAL = "R-G17"


def book_symbols(
    plan: Plan, policy: Policy, markets: Mapping[str, Market], tickers: Mapping[str, Ticker] = MappingProxyType({})
) -> list[str]:
    """The symbols whose books would change a plan: its legs', approved first, then the other market of each asset.

    Before all those that ``tickers`` quote and whose quote is not believed (R-G3): nothing is sized meanwhile, and
    their books are a second source.

    A leg that the first plan had to drop, for want of a book, comes back in the second only if its book is there. What
    a clock, a budget or an operator stops, no book lets through: it is not asked for.
    """
    wishes = [*(item.wish for item in plan.actions), *(item.wish for item in plan.blocked if _could_pass(item))]
    unpriced = [item.asset for item in plan.assessment.exposures if item.price is None]
    spots = [spot_symbol(asset, policy.accounting_currency) for asset in unpriced]
    doubted = [name for name in spots if (quote := tickers.get(name)) and quote.bid and quote.ask]
    names = [*doubted, *(leg.symbol for wish in wishes for leg in wish.legs)]
    for wish in wishes:
        if wish.asset in policy.assets and wish.legs:
            names += [spot_symbol(wish.asset, policy.accounting_currency), contract_of(wish.asset, policy).symbol]
    return [name for name in dict.fromkeys(names) if name in markets][:BOOKS_MAX]


def _could_pass(item: Refused) -> bool:
    """Whether a book may turn every refusal; one that ends at a known instant (a schedule, a pace) waits for that."""
    stopped = [verdict for verdict in item.not_passed if verdict.verdict in ("defer", "veto")]
    return all(
        verdict.gate == APPROVAL or (verdict.gate in ASK_BOOKS and (verdict.until is None or verdict.gate == "R-G4"))
        for verdict in stopped
    )


def open_order(row: OrderRow) -> OpenOrder:
    """An unfinished order as the core counts it."""
    open_now = row.state in (OrderState.OPEN, OrderState.PARTLY_FILLED)
    return OpenOrder(
        symbol=row.intent.symbol,
        side="buy" if row.intent.qty > 0 else "sell",
        amount=abs(row.sent_qty if row.sent_qty is not None else row.intent.qty),
        filled=row.filled,
        price=row.intent.price,
        reduce_only=row.intent.reduce_only,
        client_id=row.intent.client_id,
        action=row.intent.action_id,
        state="open" if open_now else "unknown",
    )


def _control(standing: Standing, memory: Memory) -> Control:
    return Control(kill=standing.level, halted_assets=memory.halted_assets, reason=standing.reason or None)


def _known(answer: Sequence[T] | Gap) -> Sequence[T]:
    return () if isinstance(answer, Gap) else answer


def _of(answer: Mapping[str, T] | Gap, wanted: frozenset[str]) -> dict[str, T]:
    if isinstance(answer, Gap):
        return {}
    return {symbol: answer[symbol] for symbol in sorted(wanted & answer.keys())}
