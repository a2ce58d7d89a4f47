"""A tiny market that stands still unless a test moves it, and a clock that goes only where a test sets it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from bot.core.instruments import Market, is_swap
from bot.core.numbers import milliseconds
from bot.core.snapshot import Book, Feeds, Funding
from bot.venues.simulated.exchange import Exchange
from bot.venues.simulated.scene import ScriptedFlow, top_of

D = Decimal
START = datetime(2026, 1, 5, tzinfo=UTC)
EIGHT_HOURS = timedelta(hours=8)
SPOT, SWAP = "BTC/USDT", "BTC/USDT:USDT"
FRAMES_MS = {"1h": 3_600_000, "4h": 14_400_000, "1d": 86_400_000}
MARKETS: Mapping[str, Market] = {
    SPOT: Market(
        step=D("0.00001"),
        tick=D("0.01"),
        min_amount=D("0.00001"),
        min_notional=D(5),
        maker=D("0.001"),
        taker=D("0.001"),
    ),
    "ETH/USDT": Market(
        step=D("0.0001"), tick=D("0.01"), min_amount=D("0.0001"), min_notional=D(5), maker=D("0.001"), taker=D("0.001")
    ),
    SWAP: Market(
        step=D("0.001"),
        tick=D("0.1"),
        min_amount=D("0.001"),
        min_notional=D(100),
        maker=D("0.0002"),
        taker=D("0.0005"),
        maintenance_rate=D("0.005"),
    ),
    "ETH/USDT:USDT": Market(
        step=D("0.001"),
        tick=D("0.01"),
        min_amount=D("0.001"),
        min_notional=D(20),
        maker=D("0.0002"),
        taker=D("0.0005"),
        maintenance_rate=D("0.005"),
    ),
}


class StillScene:
    """BTC at 50,000 and ETH at 2,500; 1 % of a coin's price at most between twenty levels of a deep book."""

    start = START
    end = None

    def __init__(self, moves: Mapping[datetime, Decimal] | None = None, funding_rate: str = "0.0001") -> None:
        self.moves = dict(moves or {})
        self.funding_rate = D(funding_rate)

    def markets(self) -> Mapping[str, Market]:
        return MARKETS

    def price(self, symbol: str, at: datetime) -> Decimal | None:
        if symbol.startswith("ETH"):
            return D(2_500)
        price = D(50_000)
        for moved_at, to in sorted(self.moves.items()):
            price = to if moved_at <= at else price
        return price

    def book(self, symbol: str, at: datetime) -> Book | None:
        price, market = self.price(symbol, at), MARKETS[symbol]
        assert price is not None
        assert market.tick is not None
        levels = range(1, 21)
        return Book(
            bids=tuple((price - market.tick * level, D(2)) for level in levels),
            asks=tuple((price + market.tick * level, D(2)) for level in levels),
        )

    def touch(self, symbol: str, at: datetime) -> tuple[Decimal | None, Decimal | None] | None:
        """The book's top."""
        return top_of(self.book(symbol, at))

    def extremes(self, symbol: str, after: datetime, upto: datetime) -> tuple[Decimal, Decimal] | None:
        seen = [self.price(symbol, after), self.price(symbol, upto)]
        seen += [self.price(symbol, at) for at in self.moves if after < at <= upto]
        known = [price for price in seen if price is not None]
        return (min(known), max(known)) if upto > after else None

    def funding(self, symbol: str, at: datetime) -> Funding | None:
        if not is_swap(symbol):
            return None
        since = at - START
        return Funding(rate=self.funding_rate, next_at=START + EIGHT_HOURS * (since // EIGHT_HOURS + 1))

    def settled(self, symbol: str, after: datetime, upto: datetime) -> Sequence[tuple[datetime, Decimal]]:
        first = -(-(after - START) // EIGHT_HOURS)
        instants = [START + EIGHT_HOURS * n for n in range(first, (upto - START) // EIGHT_HOURS + 1)]
        return [(at, self.funding_rate) for at in instants if after < at <= upto and is_swap(symbol)]

    def candles(self, symbol: str, timeframe: str, since_ms: int, limit: int, at: datetime) -> NDArray[np.float64]:
        if timeframe not in FRAMES_MS:
            message = f"candles: timeframe {timeframe!r} is none of {', '.join(FRAMES_MS)}"
            raise ValueError(message)
        span = FRAMES_MS[timeframe]
        first = -(-since_ms // span) * span
        price = float(self.price(symbol, at) or 0)
        opened = [first + n * span for n in range(limit) if first + n * span <= milliseconds(at)]
        return np.array([[ms, price, price + 10, price - 10, price, 12.5] for ms in opened]).reshape(-1, 6)

    def quote_volume(self, symbol: str, at: datetime) -> Decimal:
        return D(1_000_000)

    def feeds(self, at: datetime) -> Feeds:
        return Feeds(dominance=((float(milliseconds(START)), D("52.5")),))

    def flows(self, after: datetime, upto: datetime) -> Sequence[ScriptedFlow]:
        return ()


class SetClock:
    """Venue time stands where it is set; host time is real."""

    def __init__(self, at: datetime = START) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def mono(self) -> float:
        return time.monotonic()

    async def sleep(self, host_s: float) -> None:
        raise NotImplementedError

    async def until(self, venue_at: datetime) -> None:
        self.at = max(self.at, venue_at)


def an_exchange(scene: StillScene | None = None, usdt: int = 40_000, btc: str = "0.6") -> Exchange:
    return Exchange(scene or StillScene(), opening={"USDT": D(usdt), "BTC": D(btc)})
