"""Owns the Protocols towards a venue: data, account, broker, transfers, savings, and the permit asked before a send."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from bot.core.events import Event
from bot.core.instruments import Market
from bot.core.orders import Fill, MoveIntent, OrderIntent, OrderView, Placed
from bot.core.snapshot import AccountKind, Balance, Book, Feeds, Funding, Point, Position, Saving, Ticker


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that could not be read: a value, never 0 and never None."""

    what: str
    why: str
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class KeyReport:
    """What the key may do; None = the venue cannot say."""

    can_trade_spot: bool | None
    can_trade_swap: bool | None
    can_withdraw: bool | None
    ip_bound: bool | None
    note: str = ""


class MarketData(Protocol):
    """Public reads. Bulk: the number of requests does not grow with the number of assets."""

    async def markets(self) -> Mapping[str, Market]:
        """Filters and fees of every listed spot and linear perpetual symbol; reloaded daily by the adapter."""
        ...

    async def quotes(self) -> Mapping[str, Ticker] | Gap:
        """Spot bid/ask in bulk; perpetuals at least their mark price as ``last``."""
        ...

    async def funding(self) -> Mapping[str, Funding] | Gap:
        """Funding of every perpetual."""
        ...

    async def candles(self, symbol: str, timeframe: str, since: datetime, limit: int) -> NDArray[np.float64] | Gap:
        """Closed candles, (n, 6): ms, open, high, low, close, volume, oldest first, opened at or after ``since``."""
        ...

    async def book(self, symbol: str, depth: int) -> Book | Gap:
        """The order book."""
        ...

    async def funding_history(self, symbol: str, since: datetime) -> Sequence[Point] | Gap:
        """What a perpetual settled at, (ms, rate per interval), after ``since``, oldest first."""
        ...

    async def now(self) -> datetime | Gap:
        """The venue's own clock."""
        ...


class Account(Protocol):
    """Private reads."""

    async def kind(self) -> AccountKind:
        """Unified or not, margin mode, what can be done."""
        ...

    async def balances(self) -> Sequence[Balance] | Gap:
        """All wallets."""
        ...

    async def positions(self) -> Sequence[Position] | Gap:
        """All perpetual positions."""
        ...

    async def open_orders(self, symbols: Sequence[str]) -> Sequence[OrderView] | Gap:
        """Open orders on ``symbols``, own or not (own ones begin with our prefix); an empty sequence asks for all."""
        ...

    async def fills(self, symbol: str, since: datetime) -> Sequence[Fill] | Gap:
        """Our trades on one symbol, oldest first; ``client_id`` None where the venue's trade list does not give it."""
        ...

    async def flows(self, since: datetime) -> Sequence[Event] | Gap:
        """Funding payments (kind `funding`: symbol, paid + = by us), deposits, withdrawals, transfers (kind `flow`)."""
        ...

    async def key(self) -> KeyReport:
        """What the key may do."""
        ...


class Permit(Protocol):
    """Asked synchronously after the last await before the socket; raises `bot.ports.errors.Denied`."""

    def __call__(self, intent: OrderIntent | MoveIntent) -> None:
        """Return to let the intent leave, raise Denied to keep it."""
        ...


class Broker(Protocol):
    """Writes. Never raises on a venue's answer to a write."""

    async def place(self, intent: OrderIntent, permit: Permit) -> tuple[Placed, OrderView | None, str]:
        """Send one order once; the text says why where it is not ACCEPTED."""
        ...

    async def find(self, intent: OrderIntent) -> OrderView | Gap | None:
        """The order by client id, on every surface the venue has; None: absent NOW on all of them."""
        ...

    async def cancel(self, intent: OrderIntent) -> OrderView | Gap:
        """Cancel by client id; answers with what is true afterwards (a fill may have come first)."""
        ...

    async def prepare(self, symbol: str, leverage: Decimal, margin: Literal["cross", "isolated"]) -> None:
        """One-way mode, margin mode and leverage set and read back; idempotent; raises VenueError when not as asked."""
        ...


class Transfers(Protocol):
    """Moves between own wallets."""

    async def move(self, intent: MoveIntent, permit: Permit) -> tuple[Placed, str]:
        """Send one transfer once."""
        ...

    async def find_move(self, intent: MoveIntent) -> Placed | Gap:
        """ACCEPTED when it arrived, REJECTED when proven absent, UNKNOWN while nobody can tell."""
        ...


class Savings(Protocol):
    """Flexible savings; money goes there and back by `Transfers.move` with the wallet `earn` (R-A19)."""

    async def savings(self) -> Mapping[str, Saving] | Gap:
        """Instant flexible products by stablecoin; empty where the venue has none."""
        ...


class FeedSource(Protocol):
    """Optional outside readings."""

    async def read(self) -> Feeds:
        """What there is; a feed that fails is absent."""
        ...

    def gaps(self) -> Sequence[Gap]:
        """What the last `read` had to leave out of what is configured; each begins with "feed "."""
        ...


class Venue(MarketData, Account, Broker, Transfers, Savings, Protocol):
    """Everything at once; compositions may take the parts from different places (paper: data there, account here)."""

    async def open(self) -> None:
        """Connect; raises VenueError."""
        ...

    async def close(self) -> None:
        """Let go of everything; safe to call twice."""
        ...
