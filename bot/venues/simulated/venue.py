"""Owns the exchange as the bot's ports see it, in process; what changed is kept before it is answered. No network."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bot.core.events import Event
from bot.core.instruments import Market, is_swap
from bot.core.numbers import ZERO, milliseconds
from bot.core.orders import Fill, MoveIntent, OrderIntent, OrderView, Placed
from bot.core.snapshot import AccountKind, Balance, Book, Feeds, Funding, Point, Position, Saving, Ticker
from bot.ports.clock import Clock
from bot.ports.errors import Denied, Rejected
from bot.ports.venue import Gap, KeyReport, Permit
from bot.venues.simulated.exchange import Exchange, OrderRecord, Refusal, RefusalCode
from bot.venues.simulated.mapping import (
    events_of,
    fill_of,
    position_of,
    request_of,
    view_of,
    wallet_name,
)
from bot.venues.simulated.timeframes import TIMEFRAME_MS

Keep = Callable[[bytes], Awaitable[None]]


class SimulatedVenue:
    """All ports over one `Exchange`. Every call first brings it to ``clock.now()``.

    ``keep`` is given the account's bytes whenever it changed, before the change is answered; what it raises comes out.
    """

    def __init__(
        self, exchange: Exchange, clock: Clock, keep: Keep | None = None, *, account: str | None = None
    ) -> None:
        self._exchange = exchange
        self._clock = clock
        self._keep = keep
        self._account = account
        self._kept: int | None = None
        self._keeping = asyncio.Lock()

    async def open(self) -> None:
        """Bring the account to now and keep it."""
        await self._come()

    async def close(self) -> None:
        """Keep what is not kept yet."""
        await self._store()

    # ---- market data

    async def markets(self) -> Mapping[str, Market]:
        """As the scene lists them; a halted one is inactive."""
        await self._come()
        return {
            symbol: market if not market.active or self._exchange.is_trading(symbol) else _inactive(market)
            for symbol, market in self._exchange.scene.markets().items()
        }

    async def quotes(self) -> Mapping[str, Ticker] | Gap:
        """Bid, ask and last of every symbol that has a price (perpetuals: the mark as last)."""
        at = await self._come()
        scene = self._exchange.scene
        made: dict[str, Ticker] = {}
        for symbol in scene.markets():
            price = scene.price(symbol, at)
            if price is None:
                continue
            bid, ask = scene.touch(symbol, at) or (None, None)
            made[symbol] = Ticker(
                bid=bid,
                ask=ask,
                last=price,
                quote_volume=scene.quote_volume(symbol, at),
                at=at,
            )
        return made

    async def funding(self) -> Mapping[str, Funding] | Gap:
        """Funding of every perpetual that has some."""
        at = await self._come()
        scene = self._exchange.scene
        known = {symbol: scene.funding(symbol, at) for symbol in scene.markets() if is_swap(symbol)}
        return {symbol: funding for symbol, funding in known.items() if funding is not None}

    async def candles(self, symbol: str, timeframe: str, since: datetime, limit: int) -> NDArray[np.float64] | Gap:
        """Closed bars only."""
        at = await self._come()
        length = TIMEFRAME_MS.get(timeframe)
        if length is None or symbol not in self._exchange.scene.markets():
            return Gap(f"candles {symbol} {timeframe}", "no such symbol or timeframe here")
        bars = self._exchange.scene.candles(symbol, timeframe, milliseconds(since), limit + 1, at)
        return bars[bars[:, 0] + length <= milliseconds(at)][:limit]

    async def book(self, symbol: str, depth: int) -> Book | Gap:
        """The book, ``depth`` levels a side."""
        at = await self._come()
        book = self._exchange.scene.book(symbol, at)
        if book is None:
            return Gap(f"book {symbol}", "nobody quotes it now")
        if len(book.bids) <= depth and len(book.asks) <= depth:
            return book
        return book.model_copy(update={"bids": book.bids[:depth], "asks": book.asks[:depth]})

    async def funding_history(self, symbol: str, since: datetime) -> Sequence[Point] | Gap:
        """The settlements after ``since``."""
        at = await self._come()
        if not is_swap(symbol) or symbol not in self._exchange.scene.markets():
            return Gap(f"funding history {symbol}", "no such perpetual here")
        return [(milliseconds(when), rate) for when, rate in self._exchange.scene.settled(symbol, since, at)]

    async def now(self) -> datetime | Gap:
        """The exchange's own now."""
        await self._come()
        return self._exchange.told

    async def read(self) -> Feeds:
        """The scene's outside readings (port FeedSource)."""
        return self._exchange.scene.feeds(await self._come())

    def gaps(self) -> Sequence[Gap]:
        """None: a scene tells all it has."""
        return ()

    # ---- account

    async def kind(self) -> AccountKind:
        """Separate wallets, cross margin; savings where a stablecoin is traded."""
        await self._come()
        swaps = any(is_swap(symbol) for symbol in self._exchange.scene.markets())
        can: list[Literal["swap", "transfer", "earn"]] = ["swap", "transfer"] if swaps else []
        if self._exchange.products():
            can.append("earn")
        return AccountKind(id=self._account, unified=False, margin_mode="cross", can=tuple(can))

    async def balances(self) -> Sequence[Balance] | Gap:
        """All three wallets; of futures is free what could open positions, the rest of its balance is locked."""
        at = await self._come()
        wallet = self._exchange.futures()
        if wallet.wallet_balance < 0:
            return Gap("balances", f"the futures wallet stands at {wallet.wallet_balance} {wallet.asset}")
        free = min(max(wallet.available, ZERO), wallet.wallet_balance)
        spot = [
            Balance(wallet="spot", asset=asset, free=balance.free, locked=balance.locked, at=at)
            for asset, balance in self._exchange.balances().items()
        ]
        saved = [
            Balance(wallet="earn", asset=asset, free=amount, at=at) for asset, amount in self._exchange.earn().items()
        ]
        locked = wallet.wallet_balance - free
        return [*spot, *saved, Balance(wallet="futures", asset=wallet.asset, free=free, locked=locked, at=at)]

    async def positions(self) -> Sequence[Position] | Gap:
        """All perpetual positions."""
        at = await self._come()
        markets = self._exchange.scene.markets()
        return [position_of(record, markets.get(record.symbol), at) for record in self._exchange.positions()]

    async def open_orders(self, symbols: Sequence[str]) -> Sequence[OrderView] | Gap:
        """Open orders on ``symbols``; empty: on all."""
        await self._come()
        return [view_of(order) for order in self._exchange.open_orders() if not symbols or order.symbol in symbols]

    async def fills(self, symbol: str, since: datetime) -> Sequence[Fill] | Gap:
        """Own trades, liquidations too, oldest first."""
        await self._come()
        return [fill_of(trade) for trade in self._exchange.trades(symbol, since, self._exchange.rules.history_max)]

    async def flows(self, since: datetime) -> Sequence[Event] | Gap:
        """Funding, interest, deposits, withdrawals, transfers; and what the venue took over in a liquidation."""
        await self._come()
        return events_of(self._exchange, since)

    async def key(self) -> KeyReport:
        """There is none, and nothing can leave."""
        return KeyReport(can_trade_spot=True, can_trade_swap=True, can_withdraw=False, ip_bound=None, note="simulated")

    # ---- broker

    async def place(self, intent: OrderIntent, permit: Permit) -> tuple[Placed, OrderView | None, str]:
        """Send one order once."""
        await self._come()
        try:
            permit(intent)
        except Denied as denied:
            return Placed.DENIED, None, str(denied)
        answer: tuple[Placed, OrderView | None, str]
        try:
            order = self._exchange.place(request_of(intent))
            answer = (Placed.ACCEPTED, view_of(order), "")
        except Refusal as refusal:
            exists = refusal.code == RefusalCode.DUPLICATE_CLIENT_ID
            answer = (Placed.EXISTS if exists else Placed.REJECTED, None, str(refusal))
        await self._store()
        return answer

    async def find(self, intent: OrderIntent) -> OrderView | Gap | None:
        """The newest order with its client id; None: there is none."""
        await self._come()
        order = self._known(intent)
        return None if order is None else view_of(order)

    async def cancel(self, intent: OrderIntent) -> OrderView | Gap:
        """Cancel it if it is open; answers with the order as it then stands."""
        await self._come()
        try:
            order: OrderRecord | None = self._exchange.cancel(intent.symbol, client_id=intent.client_id)
        except Refusal:
            order = self._known(intent)  # filled or cancelled before, or never placed
        await self._store()
        return view_of(order) if order else Gap(f"order {intent.client_id}", "the venue knows no such order")

    async def prepare(self, symbol: str, leverage: Decimal, margin: Literal["cross", "isolated"]) -> None:
        """One-way mode, margin mode and leverage; raises `Rejected` when they cannot be as asked."""
        await self._come()
        if leverage != leverage.to_integral_value():
            raise Rejected(f"{symbol}: leverage {leverage} must be a whole number")
        try:
            self._exchange.set_position_mode(hedged=False)
            if self._exchange.margin_mode(symbol) != margin:
                self._exchange.set_margin_mode(symbol, margin)
            if self._exchange.leverage(symbol) != leverage:
                self._exchange.set_leverage(symbol, int(leverage))
        except Refusal as refusal:
            raise Rejected(str(refusal)) from refusal
        finally:
            await self._store()

    # ---- transfers

    async def move(self, intent: MoveIntent, permit: Permit) -> tuple[Placed, str]:
        """Send one transfer once."""
        await self._come()
        try:
            permit(intent)
        except Denied as denied:
            return Placed.DENIED, str(denied)
        answer = (Placed.ACCEPTED, "")
        try:
            source, to = wallet_name(intent.source), wallet_name(intent.to)
            self._exchange.transfer(intent.asset, intent.amount, source, to, client_id=intent.client_id)
        except Refusal as refusal:
            twice = refusal.code == RefusalCode.DUPLICATE_TRANSFER
            answer = (Placed.EXISTS if twice else Placed.REJECTED, str(refusal))
        await self._store()
        return answer

    async def find_move(self, intent: MoveIntent) -> Placed | Gap:
        """ACCEPTED when it was made; a transfer here is made at once or never, so that its absence is proof."""
        await self._come()
        made = self._exchange.transfers(limit=self._exchange.rules.history_max)
        return Placed.ACCEPTED if any(one.client_id == intent.client_id for one in made) else Placed.REJECTED

    # ---- savings

    async def savings(self) -> Mapping[str, Saving] | Gap:
        """The products, all of them instant (port Savings)."""
        await self._come()
        return {
            one.asset: Saving(product=one.product, rate=one.rate, instant=True, min=one.least)
            for one in self._exchange.products()
        }

    # ---- time and keeping

    async def _come(self) -> datetime:
        self._exchange.advance(self._clock.now())
        await self._store()
        # Another call may have moved it on while this one was keeping; it still acts at one now.
        return self._exchange.now

    async def _store(self) -> None:
        if self._keep is None or self._exchange.version == self._kept:
            return
        async with self._keeping:
            if (version := self._exchange.version) != self._kept:
                await self._keep(self._exchange.dump())
                self._kept = version

    def _known(self, intent: OrderIntent) -> OrderRecord | None:
        try:
            return self._exchange.order(intent.symbol, client_id=intent.client_id)
        except Refusal:
            return None


def _inactive(market: Market) -> Market:
    return market.model_copy(update={"active": False})
