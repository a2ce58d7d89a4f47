"""Owns the reading of the world into one snapshot. What could not be read is named and absent, never zero."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass
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
    OpenOrder,
    Position,
    Snapshot,
    Ticker,
)
from bot.engine.candles import CandleCache
from bot.engine.parts import Parts
from bot.engine.stop import Standing
from bot.ports.errors import Unauthorized, VenueError
from bot.ports.store import OrderRow
from bot.ports.venue import Gap

T = TypeVar("T")
BOOKS_MAX = 12
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
    candle_gaps: tuple[Gap, ...]
    feeds: Feeds

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """All that could not be read."""
        parts = (self.kind, self.markets, self.balances, self.positions, self.quotes, self.funding)
        return (*(part for part in parts if isinstance(part, Gap)), *self.candle_gaps)


class Observer:
    """Reads in bulk: the number of requests does not grow with the portfolio, but when a bar has closed."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._candles = CandleCache(parts.market)
        self._kind: AccountKind | None = None

    async def read(self, policy: Policy) -> Reads:
        """Everything but books."""
        parts = self._parts
        # Prices first: a simulated account is valued at what was seen, and an account read last is freshest.
        markets, quotes, funding = await asyncio.gather(
            self._asked("markets", parts.market.markets()),
            self._asked("quotes", parts.market.quotes()),
            self._asked("funding", parts.market.funding()),
        )
        candles, gaps = await self._all_candles(policy, {} if isinstance(markets, Gap) else markets)
        kind, balances, positions = await asyncio.gather(
            self._account_kind(),
            self._asked("balances", parts.account.balances()),
            self._asked("positions", parts.account.positions()),
        )
        feeds = await parts.feeds.read() if parts.feeds else Feeds()
        return Reads(kind, markets, balances, positions, quotes, funding, candles, gaps, feeds)

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
            feeds=reads.feeds,
            memory=memory.at(at),
            gaps=tuple(sorted(gaps)),
        )

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


def book_symbols(plan: Plan) -> list[str]:
    """The symbols whose books would change a plan: those of its legs, approved first."""
    wishes = [*(item.wish for item in plan.actions), *(item.wish for item in plan.blocked)]
    legs = [leg for wish in wishes for leg in wish.legs]
    return list(dict.fromkeys(leg.symbol for leg in legs))[:BOOKS_MAX]


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
