"""Owns the means of an acceptance run: orders of the smallest size within a limit, each known until it is gone.

Everything it makes at the venue it takes away again. It records nothing and decides nothing about a portfolio.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Literal, TypeVar

from bot.core.instruments import Market, base_of, is_swap
from bot.core.numbers import ONE, ZERO, ceil_to, digest, floor_to, plain
from bot.core.orders import TERMINAL, MoveIntent, OrderIntent, OrderState, OrderView, Placed, TimeInForce
from bot.core.snapshot import Balance, Position
from bot.engine.arithmetic import exact
from bot.ports.clock import Clock
from bot.ports.errors import Denied, Malformed, Transient, VenueError
from bot.ports.venue import Account, Broker, Gap, MarketData, Transfers

T = TypeVar("T")
PREFIX = "bc"  # of every client id of a run; a portfolio's own begin otherwise
LIVES = timedelta(seconds=30)  # host time that an intent has to leave in
ABOVE_LEAST = Decimal("1.3")  # an order is a little larger than the venue's least, so that its coins can be sold again
BESIDE = Decimal("0.03")  # how far under the best bid an order rests
THROUGH = Decimal("0.005")  # how far through the book an order may trade
BOOK_DEPTH = 5
LOOK_FOR_S = 20.0  # host seconds that something is waited for
LOOK_EVERY_S = 0.1


@dataclass(frozen=True, slots=True)
class Ports:
    """What is tried. ``again`` opens the same account once more, as a restarted process would: it remembers nothing."""

    market: MarketData
    account: Account
    broker: Broker
    transfers: Transfers
    clock: Clock
    again: Callable[[], AbstractAsyncContextManager[Broker]]


@dataclass(frozen=True, slots=True)
class Terms:
    """What may be done. ``limit``: quote money at stake at any moment (0: nothing may be sent, only looked at).

    ``swap`` None: perpetuals are left out.

    ``time_scale``: venue seconds in a second of the wire. ``run``: what no other run is called.
    """

    run: str
    spot: str
    swap: str | None
    quote: str
    limit: Decimal
    samples: int
    leverage: Decimal
    margin_mode: Literal["cross", "isolated"]
    time_scale: float = 1.0


class Spending:
    """The permit of a run: lets through what was announced, once each, while no more than the limit is at stake."""

    def __init__(self, limit: Decimal) -> None:
        self.limit = limit
        self._announced: dict[str, Decimal] = {}
        self._at_stake: dict[str, Decimal] = {}

    def announce(self, client_id: str, value: Decimal) -> None:
        """An order of this worth (quote; 0 for what only closes or moves) is about to be sent."""
        self._announced[client_id] = value

    def over(self, client_id: str) -> None:
        """Nothing of it is at stake any more."""
        self._at_stake.pop(client_id, None)

    def __call__(self, intent: OrderIntent | MoveIntent) -> None:
        """Let it leave; raises `Denied`."""
        value = self._announced.pop(intent.client_id, None)
        if value is None:
            raise Denied(f"{intent.client_id}: was not announced")
        total = sum(self._at_stake.values(), value)
        if value and total > self.limit:
            raise Denied(f"{intent.client_id}: {plain(total)} would be at stake, the limit is {plain(self.limit)}")
        self._at_stake[intent.client_id] = self._at_stake.get(intent.client_id, ZERO) + value


def read(answer: T | Gap) -> T:
    """What was read; raises `Transient` for a Gap."""
    if isinstance(answer, Gap):
        raise Transient(f"{answer.what}: {answer.why}")
    return answer


@dataclass(slots=True)
class Bench:
    """One run's orders and where the account stood before them."""

    ports: Ports
    terms: Terms
    permit: Spending
    markets: dict[str, Market] = field(default_factory=dict)
    orders: dict[str, OrderIntent] = field(default_factory=dict)
    filled: dict[str, Decimal] = field(default_factory=dict)  # client id -> signed base units, as last seen
    ended: set[str] = field(default_factory=set)
    lent: Decimal = ZERO  # quote money that was moved to the futures wallet
    base_before: Decimal = ZERO
    strangers: frozenset[str] = frozenset()  # venue ids of orders that stood there before
    _count: int = 0

    @property
    def symbols(self) -> tuple[str, ...]:
        """What is traded."""
        return tuple(filter(None, (self.terms.spot, self.terms.swap)))

    # ---- prices and sizes

    async def best(self, symbol: str) -> tuple[Decimal, Decimal]:
        """Best bid and ask; raises `VenueError` where there are none."""
        book = read(await self.ports.market.book(symbol, BOOK_DEPTH))
        if not book.bids or not book.asks:
            raise Malformed(f"book {symbol}: nobody quotes it")
        return book.bids[0][0], book.asks[0][0]

    def size(self, symbol: str, price: Decimal) -> Decimal:
        """The least that the venue takes at ``price``, unsigned base units; coins a little more, to be sold again."""
        market = self.markets[symbol]
        least = market.smallest(price * (ONE - BESIDE))
        # What closes a position owes no minimum; what sells coins does, after their fee.
        return least if is_swap(symbol) else max(market.up(least * ABOVE_LEAST), least)

    def through(self, symbol: str, best: Decimal, *, buy: bool) -> Decimal:
        """A price that trades at once, as far through the book as is allowed."""
        tick = self.markets[symbol].tick
        return ceil_to(best * (ONE + THROUGH), tick) if buy else floor_to(best * (ONE - THROUGH), tick)

    def beside(self, symbol: str, bid: Decimal) -> Decimal:
        """A price at which a buy order rests."""
        return floor_to(bid * (ONE - BESIDE), self.markets[symbol].tick)

    # ---- orders

    def intent(
        self, symbol: str, qty: Decimal, price: Decimal, *, tif: TimeInForce = "ioc", reduce_only: bool = False
    ) -> OrderIntent:
        """An order that nobody sent yet; ``qty`` signed base units."""
        self._count += 1
        return OrderIntent(
            client_id=PREFIX + digest(self.terms.run, str(self._count), length=24),
            decision_id=f"certify {self.terms.run}",
            action_id=str(self._count),
            leg=0,
            slice=0,
            symbol=symbol,
            qty=qty,
            price=price,
            tif=tif,
            reduce_only=reduce_only,
            sent_before=self.ports.clock.now() + LIVES * self.terms.time_scale,
            fence=0,
            asset=base_of(symbol),
            kind="certify",
            purpose="hedge" if is_swap(symbol) else "spot",
            leverage=self.terms.leverage if is_swap(symbol) else None,
        )

    async def resting(self, *, tif: TimeInForce = "gtc") -> OrderIntent:
        """A buy order on the spot symbol that will rest under the market; not every venue has post-only ones."""
        symbol = self.terms.spot
        bid, _ = await self.best(symbol)
        price = self.beside(symbol, bid)
        return self.intent(symbol, self.size(symbol, price), price, tif=tif)

    async def place(self, intent: OrderIntent, broker: Broker | None = None) -> tuple[Placed, OrderView | None, str]:
        """Send it, remembering it first; through another line than ours where ``broker`` is one."""
        closes = intent.reduce_only or (intent.qty < 0 and not is_swap(intent.symbol))
        self.orders[intent.client_id] = intent
        self.ended.discard(intent.client_id)
        self.permit.announce(intent.client_id, ZERO if closes else abs(intent.qty) * intent.price)
        with exact():
            placed, view, why = await (broker or self.ports.broker).place(intent, self.permit)
        if placed in (Placed.REJECTED, Placed.DENIED):
            self._over(intent)
        if view is not None:
            self.saw(intent, view)
        return placed, view, why

    def saw(self, intent: OrderIntent, view: OrderView) -> OrderView:
        """Note what the venue says of an order."""
        sign = 1 if intent.qty > 0 else -1
        self.filled[intent.client_id] = sign * max(view.filled, abs(self.filled.get(intent.client_id, ZERO)))
        if view.state in TERMINAL:
            self._over(intent)
        return view

    def _over(self, intent: OrderIntent) -> None:
        self.ended.add(intent.client_id)
        if not self.filled.get(intent.client_id):
            self.permit.over(intent.client_id)

    async def find(self, intent: OrderIntent) -> OrderView | Gap | None:
        """What the venue says of it now."""
        with exact():
            found = await self.ports.broker.find(intent)
        return self.saw(intent, found) if isinstance(found, OrderView) else found

    async def cancel(self, intent: OrderIntent) -> OrderView | Gap:
        """Ask for it to go; what is true afterwards."""
        with exact():
            found = await self.ports.broker.cancel(intent)
        return self.saw(intent, found) if isinstance(found, OrderView) else found

    async def seen(self, intent: OrderIntent, *, ended: bool = False) -> tuple[OrderView, float]:
        """The order once the venue shows it (``ended``: shows it at its end), and host seconds; raises `Transient`."""
        clock, started_s = self.ports.clock, self.ports.clock.mono()
        while True:
            found = await self.find(intent)
            took_s = clock.mono() - started_s
            if isinstance(found, OrderView) and (found.state in TERMINAL or not ended):
                return found, took_s
            if took_s > LOOK_FOR_S:
                raise Transient(f"{intent.client_id}: {_last(found)} after {took_s:.0f} s")
            await clock.sleep(LOOK_EVERY_S)

    async def trade(self, symbol: str, qty: Decimal, *, reduce_only: bool = False) -> tuple[OrderIntent, OrderView]:
        """An order that fills at once, at its end; raises `VenueError` where it does not come to one."""
        bid, ask = await self.best(symbol)
        price = self.through(symbol, ask if qty > 0 else bid, buy=qty > 0)
        intent = self.intent(symbol, qty, price, reduce_only=reduce_only)
        placed, view, why = await self.place(intent)
        if placed in (Placed.REJECTED, Placed.DENIED):
            raise Malformed(f"an order of {plain(qty)} {symbol} was {placed}: {why}")
        if view is None or view.state not in TERMINAL:
            view, _ = await self.seen(intent, ended=True)
        return intent, view

    # ---- the account

    async def balances(self) -> list[Balance]:
        """All wallets; raises `Transient`."""
        return list(read(await self.ports.account.balances()))

    async def coins(self, asset: str, *, wallet: str | None = None) -> Decimal:
        """What of an asset the spot (or unified) wallet holds, or the one named."""
        wallets = ("spot", "unified") if wallet is None else (wallet,)
        return sum((row.total for row in await self.balances() if row.asset == asset and row.wallet in wallets), ZERO)

    async def position(self) -> Position | None:
        """The position on the perpetual that is traded, None where it is flat; raises `Transient`."""
        found = read(await self.ports.account.positions())
        return next((one for one in found if one.symbol == self.terms.swap and one.quantity), None)

    async def move(self, amount: Decimal, source: str, to: str) -> tuple[Placed, str, MoveIntent]:
        """Send one transfer of quote money between own wallets."""
        self._count += 1
        intent = MoveIntent(
            PREFIX + digest(self.terms.run, str(self._count), length=24),
            f"certify {self.terms.run}",
            str(self._count),
            self.terms.quote,
            amount,
            source,
            to,
            self.ports.clock.now() + LIVES * self.terms.time_scale,
            0,
        )
        self.permit.announce(intent.client_id, ZERO)
        with exact():
            placed, why = await self.ports.transfers.move(intent, self.permit)
        return placed, why, intent

    async def arrived(self, intent: MoveIntent) -> tuple[Placed | Gap, float]:
        """What became of a transfer once the venue can tell, and host seconds."""
        clock, started_s = self.ports.clock, self.ports.clock.mono()
        while True:
            found = await self.ports.transfers.find_move(intent)
            took_s = clock.mono() - started_s
            if found in (Placed.ACCEPTED, Placed.EXISTS, Placed.REJECTED) or took_s > LOOK_FOR_S:
                return found, took_s
            await clock.sleep(LOOK_EVERY_S)


def _last(found: OrderView | Gap | None) -> str:
    if isinstance(found, OrderView):
        return f"is {found.state.value}"
    return "the venue does not show it" if found is None else f"{found.what}: {found.why}"


def at_rest(view: OrderView) -> bool:
    """Whether an order stands in the book."""
    return view.state in (OrderState.OPEN, OrderState.PARTLY_FILLED)


def failure(error: VenueError) -> str:
    """An error as evidence, in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
