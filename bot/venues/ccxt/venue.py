"""Owns a real venue as the bot's ports see it, put together over one ccxt instance. Knows no mode of the bot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bot.core.events import Event
from bot.core.instruments import Market
from bot.core.orders import Fill, MoveIntent, OrderIntent, OrderView, Placed
from bot.core.snapshot import AccountKind, Balance, Book, Funding, Point, Position, Saving, Ticker
from bot.ports.clock import Clock
from bot.ports.dead_man import DeadMan
from bot.ports.errors import VenueError
from bot.ports.venue import Gap, KeyReport, Permit
from bot.venues.ccxt.account import CcxtAccount
from bot.venues.ccxt.broker import CcxtBroker
from bot.venues.ccxt.limits import Budget, Traffic
from bot.venues.ccxt.line import Line
from bot.venues.ccxt.market_data import CcxtMarketData, Nearby
from bot.venues.ccxt.profiles import Environment, Profile, Setup
from bot.venues.ccxt.profiles.binance import Binance
from bot.venues.ccxt.profiles.bingx import Bingx
from bot.venues.ccxt.profiles.bybit import Bybit
from bot.venues.ccxt.profiles.generic import Generic, is_known
from bot.venues.ccxt.profiles.mexc import Mexc
from bot.venues.ccxt.profiles.weex import Weex
from bot.venues.ccxt.savings import CcxtSavings
from bot.venues.ccxt.transfers import CcxtTransfers

READING = frozenset({"paper", "dry-run"})
PROFILES: Mapping[str, type[Profile]] = {
    Binance.id: Binance,
    Bybit.id: Bybit,
    Bingx.id: Bingx,
    Weex.id: Weex,
    Mexc.id: Mexc,
}


class CcxtVenue:
    """Port `Venue` over one account of one venue. ``profile``: how it differs from what ccxt says of it.

    ``beside``: an open one without a key, whose list of markets and whose pauses are this one's too.
    ``machine``: what processes of this machine may ask together, with this key; without one, from this address.
    ``nearby``: what they were told of what changes slowly.
    """

    def __init__(
        self,
        profile: Profile,
        setup: Setup,
        clock: Clock,
        *,
        margin_mode: Literal["cross", "isolated"] = "cross",
        paused_until: datetime | None = None,
        beside: CcxtVenue | None = None,
        machine: Budget | None = None,
        nearby: Nearby | None = None,
    ) -> None:
        self.environment: Environment = setup.environment
        source = beside.line if beside else None
        common = source.traffic if source else None
        paced = setup.environment != "local"
        self._traffic = Traffic(
            clock, profile.budgets, paused_until=paused_until, paced=paced, common=common, machine=machine
        )
        self._line = Line(profile, setup, clock, self._traffic, source)
        self._data = CcxtMarketData(self._line, nearby)
        self._account = CcxtAccount(self._line, margin_mode)
        self._broker = CcxtBroker(self._line, self._account, unknown_symbol=self._data.forget_markets)
        self._transfers = CcxtTransfers(self._line, self._broker)
        self._savings = CcxtSavings(self._line)

    async def open(self) -> None:
        """Connect and load the markets; raises `VenueError`, ValueError on a URL of the wrong world."""
        await self._line.open()

    async def close(self) -> None:
        """Wait for orders under way, then let go; safe to call twice."""
        await self._broker.drain()
        await self._line.close()

    @property
    def line(self) -> Line:
        """What its parts share."""
        return self._line

    # ---- what was asked

    @property
    def requests(self) -> Mapping[str, int]:
        """Requests that left, by ``"GET /api/v3/account"``."""
        return self._traffic.requests

    @property
    def used_weight(self) -> Mapping[str, int]:
        """Weight used in the venue's minute, by family, as it last said."""
        return self._traffic.used_weight

    @property
    def paused_until(self) -> datetime | None:
        """Until when the venue wants quiet, venue time; give it back after a restart."""
        return self._traffic.paused_until

    def dead_man(self, window: timedelta) -> DeadMan | None:
        """Its dead-man's switch, None for no window; raises `Rejected` where the venue has none of this length."""
        return self._line.profile.dead_man(self._line, window) if window else None

    # ---- market data

    async def markets(self) -> Mapping[str, Market]:
        """See `CcxtMarketData`."""
        return await self._data.markets()

    async def quotes(self) -> Mapping[str, Ticker] | Gap:
        """See `CcxtMarketData`."""
        return await self._data.quotes()

    async def funding(self) -> Mapping[str, Funding] | Gap:
        """See `CcxtMarketData`."""
        return await self._data.funding()

    async def candles(self, symbol: str, timeframe: str, since: datetime, limit: int) -> NDArray[np.float64] | Gap:
        """See `CcxtMarketData`."""
        return await self._data.candles(symbol, timeframe, since, limit)

    async def book(self, symbol: str, depth: int) -> Book | Gap:
        """See `CcxtMarketData`."""
        return await self._data.book(symbol, depth)

    async def funding_history(self, symbol: str, since: datetime) -> Sequence[Point] | Gap:
        """See `CcxtMarketData`."""
        return await self._data.funding_history(symbol, since)

    async def now(self) -> datetime | Gap:
        """See `CcxtMarketData`."""
        return await self._data.now()

    # ---- account

    async def kind(self) -> AccountKind:
        """See `CcxtAccount`."""
        return await self._account.kind()

    async def balances(self) -> Sequence[Balance] | Gap:
        """See `CcxtAccount`."""
        return await self._account.balances()

    async def positions(self) -> Sequence[Position] | Gap:
        """See `CcxtAccount`."""
        return await self._account.positions()

    async def open_orders(self, symbols: Sequence[str]) -> Sequence[OrderView] | Gap:
        """See `CcxtAccount`."""
        return await self._account.open_orders(symbols)

    async def fills(self, symbol: str, since: datetime) -> Sequence[Fill] | Gap:
        """See `CcxtAccount`."""
        return await self._account.fills(symbol, since)

    async def flows(self, since: datetime) -> Sequence[Event] | Gap:
        """See `CcxtAccount`."""
        return await self._account.flows(since)

    async def key(self) -> KeyReport:
        """See `CcxtAccount`."""
        return await self._account.key()

    # ---- broker

    async def place(self, intent: OrderIntent, permit: Permit) -> tuple[Placed, OrderView | None, str]:
        """See `CcxtBroker`."""
        return await self._broker.place(intent, permit)

    async def find(self, intent: OrderIntent) -> OrderView | Gap | None:
        """See `CcxtBroker`."""
        return await self._broker.find(intent)

    async def cancel(self, intent: OrderIntent) -> OrderView | Gap:
        """See `CcxtBroker`."""
        return await self._broker.cancel(intent)

    async def prepare(self, symbol: str, leverage: Decimal, margin: Literal["cross", "isolated"]) -> None:
        """See `CcxtBroker`."""
        await self._broker.prepare(symbol, leverage, margin)

    # ---- transfers

    async def move(self, intent: MoveIntent, permit: Permit) -> tuple[Placed, str]:
        """See `CcxtTransfers`."""
        return await self._transfers.move(intent, permit)

    async def find_move(self, intent: MoveIntent) -> Placed | Gap:
        """See `CcxtTransfers`."""
        return await self._transfers.find_move(intent)

    # ---- savings

    async def savings(self) -> Mapping[str, Saving] | Gap:
        """See `CcxtSavings`."""
        return await self._savings.savings()


def profile_for(venue_id: str, mode: str) -> Profile:
    """The profile of a ccxt id for a mode of the bot; raises `VenueError` with one line where there is none.

    A venue without a profile of its own is read, for paper and dry-run; orders go to none that nobody looked at.
    """
    profile = PROFILES.get(venue_id)
    if profile is not None:
        return profile()
    known = ", ".join(sorted(PROFILES))
    if not is_known(venue_id):
        raise VenueError(f"venue.id: is {venue_id}, must be one that ccxt has, such as {known}")
    if mode not in READING:
        why = "of others only prices and balances are read, in mode paper or dry-run"
        raise VenueError(f"venue.id: is {venue_id}, mode {mode} needs one of {known}: {why}")
    return Generic(venue_id)


def make_venue(
    venue_id: str,
    setup: Setup,
    clock: Clock,
    *,
    margin_mode: Literal["cross", "isolated"] = "cross",
    paused_until: datetime | None = None,
) -> CcxtVenue:
    """The venue of a ccxt id that has a profile; raises ValueError for another."""
    profile = PROFILES.get(venue_id)
    if profile is None:
        raise ValueError(f"venue.id {venue_id!r} has no profile; there are profiles for {', '.join(sorted(PROFILES))}")
    return CcxtVenue(profile(), setup, clock, margin_mode=margin_mode, paused_until=paused_until)
