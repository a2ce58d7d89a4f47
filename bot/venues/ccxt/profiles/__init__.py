"""Owns what a profile must know of its venue beyond ccxt's unified interface. A new venue is a new profile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, Protocol

from bot.core.events import Event
from bot.core.instruments import Market
from bot.core.orders import MoveIntent, OrderIntent, OrderState, Placed
from bot.core.snapshot import Balance, Position, Saving
from bot.ports.clock import Clock
from bot.ports.dead_man import DeadMan
from bot.ports.venue import KeyReport
from bot.venues.ccxt.limits import Traffic

if TYPE_CHECKING:
    from bot.venues.ccxt.line import Line

Environment = Literal["local", "production", "testnet", "demo"]


@dataclass(frozen=True, slots=True)
class Credentials:
    """An account's key; empty strings where only public data is read."""

    key: str = ""
    secret: str = ""
    password: str = ""

    def __repr__(self) -> str:
        return f"Credentials({'given' if self.key else 'none'})"


@dataclass(frozen=True, slots=True)
class Setup:
    """Where and as whom to connect. ``clock_speed`` is venue seconds per host second at a local exchange."""

    environment: Environment
    credentials: Credentials = Credentials()
    url: str | None = None  # of a local exchange: http://127.0.0.1:8788
    clock_speed: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True)
class Quoted:
    """Best bid and ask of a spot symbol."""

    symbol: str
    bid: Decimal | None
    ask: Decimal | None


@dataclass(frozen=True, slots=True)
class Premium:
    """Mark price and funding of a perpetual."""

    symbol: str
    mark: Decimal | None
    rate: Decimal | None
    next_at: datetime | None
    at: datetime | None
    hours: Decimal | None = None  # between payments, where this answer tells it


@dataclass(frozen=True, slots=True)
class SwapSettings:
    """How a perpetual is set up on the account."""

    leverage: Decimal | None
    margin: Literal["cross", "isolated"] | None


@dataclass(frozen=True, slots=True)
class Moved:
    """A row of the transfer history; ``client_id`` where the venue keeps ours."""

    venue_id: str
    asset: str
    amount: Decimal
    at: datetime
    state: Literal["done", "pending", "failed"]
    client_id: str | None = None


@dataclass(frozen=True, slots=True)
class Lack:
    """What a venue does not have, and what the bot does instead."""

    what: str
    instead: str


class Profile(Protocol):
    """Requests are bulk; amounts and prices are taken from the venue's own text, never from a float."""

    id: str
    unified: bool  # spot and perpetuals are one wallet
    acknowledges: bool  # the answer to an order names it, and tells nothing of what became of it
    two_sided: bool  # an order that does not reduce may open a short beside a long: a flip takes two orders
    trades: bool  # False: only what is public is read here, no order can leave
    post_only: Mapping[Literal["spot", "swap"], bool]
    lacks: Sequence[Lack]
    least_order: Mapping[Literal["spot", "swap"], Decimal]  # in quote, as commonly listed; the listing counts
    dead_man_s: tuple[int, int] | None  # least and most window of its dead-man's switch; None: it has none
    rates_most: int  # settled funding rates, a page
    reads: Mapping[str, Decimal]  # a cycle's bulk reads and what ccxt's throttle charges for each
    budgets: Mapping[str, int]  # weight per minute by family
    orders_per_s: int
    candles_most: Mapping[Literal["spot", "swap"], int]  # a page
    book_depths: Mapping[Literal["spot", "swap"], Sequence[int]]  # () = any

    def client(self, setup: Setup, clock: Clock, traffic: Traffic) -> Any:
        """The one ccxt instance, made inside the running loop; raises ValueError on a URL of the wrong world."""
        ...

    def offers(self, environment: Environment) -> bool:
        """Whether the venue has this world, whole enough for the bot."""
        ...

    def has_swap(self, setup: Setup) -> bool:
        """Whether this environment has perpetuals."""
        ...

    def has_transfers(self, setup: Setup) -> bool:
        """Whether this environment moves money between own wallets."""
        ...

    def has_savings(self, setup: Setup) -> bool:
        """Whether this environment has flexible savings, the wallet `earn`."""
        ...

    def dead_man(self, line: Line, window: timedelta) -> DeadMan:
        """The venue's dead-man's switch; raises `Rejected` where it has none, or not of this length."""
        ...

    async def server_ms(self, client: Any) -> int:
        """The venue's clock."""
        ...

    async def quotes(self, client: Any) -> Sequence[Quoted]:
        """Every spot symbol, one request."""
        ...

    async def premiums(self, client: Any) -> Sequence[Premium]:
        """Every perpetual, one request."""
        ...

    async def volumes(self, client: Any, *, swap: bool) -> Mapping[str, Decimal]:
        """24 h quote volume of every spot symbol, with ``swap`` of every perpetual too."""
        ...

    async def funding_hours(self, client: Any) -> Mapping[str, Decimal]:
        """Funding intervals that are not the usual eight hours."""
        ...

    async def markets(self, client: Any, *, private: bool) -> Mapping[str, Market]:
        """Filters and fees of loaded markets; with a key the account's own fees and maintenance rates."""
        ...

    async def balances(self, client: Any, *, swap: bool) -> Sequence[Balance]:
        """All wallets."""
        ...

    async def positions(self, client: Any) -> Sequence[Position]:
        """All perpetual positions; leverage where the answer has it."""
        ...

    async def settings(self, client: Any, symbol: str | None = None) -> Mapping[str, SwapSettings]:
        """Leverage and margin mode of one or all perpetuals."""
        ...

    async def account_id(self, client: Any) -> str | None:
        """What names the account."""
        ...

    async def flows(self, client: Any, since: datetime, *, swap: bool) -> Sequence[Event]:
        """Funding payments and money that came or went."""
        ...

    async def key(self, client: Any, setup: Setup) -> KeyReport:
        """What the key may do."""
        ...

    async def moves(self, client: Any, source: str, to: str, since: datetime) -> Sequence[Moved]:
        """Transfers of one direction, savings included."""
        ...

    async def send_move(self, client: Any, intent: MoveIntent) -> str | None:
        """One transfer, sent once; the venue's number, None where the answer has none; raises `Rejected` unsent."""
        ...

    async def savings(self, client: Any) -> Mapping[str, Saving]:
        """Flexible products open for subscription, by stablecoin."""
        ...

    async def candles(
        self, client: Any, symbol: str, timeframe: str, since_ms: int, count: int
    ) -> Sequence[Sequence[Any]]:
        """Candles from ``since_ms`` on, oldest first, at most a page; where a venue cannot, its newest ones."""
        ...

    async def funding_rates(self, client: Any, symbol: str, since_ms: int, most: int) -> Sequence[tuple[int, Decimal]]:
        """What a perpetual settled at from ``since_ms``: (ms, rate), oldest first, at most a page."""
        ...

    def order_params(self, intent: OrderIntent) -> Mapping[str, Any]:
        """What turns ccxt's limit order into this intent, client id included."""
        ...

    def order_type(self, intent: OrderIntent) -> str:
        """Ccxt's word for it: ``limit``, unless the venue has a type of its own for what a flag says elsewhere."""
        ...

    async def lookup(self, client: Any, symbol: str, client_id: str) -> Any:
        """The unified order under this client id, None where there is none; asks every place that keeps ids."""
        ...

    async def order(self, client: Any, symbol: str, venue_id: str) -> Any:
        """The unified order of the venue's number; raises `ccxt.OrderNotFound`."""
        ...

    async def send_cancel(self, client: Any, symbol: str, client_id: str) -> None:
        """Ask for an order's end by client id, once."""
        ...

    async def open_orders(self, client: Any, symbol: str | None, *, swap: bool) -> Sequence[Any]:
        """Unified open orders of one symbol, or of all on one side."""
        ...

    async def fills(self, client: Any, symbol: str, since_ms: int) -> Sequence[Any]:
        """Our unified trades from ``since_ms`` on, whole; raises `Malformed` where they are too many to read."""
        ...

    def trade_client_id(self, raw: Mapping[str, Any]) -> str | None:
        """The client id in a raw trade, None where this venue's trades name none."""
        ...

    async def hedged(self, client: Any, symbol: str) -> bool:
        """Whether the account holds longs and shorts side by side."""
        ...

    async def set_one_way(self, client: Any, symbol: str) -> None:
        """Ask for one position per symbol."""
        ...

    async def set_margin(self, client: Any, symbol: str, margin: Literal["cross", "isolated"], leverage: int) -> None:
        """Ask for a margin mode."""
        ...

    async def set_leverage(self, client: Any, symbol: str, leverage: int, margin: Literal["cross", "isolated"]) -> None:
        """Ask for a leverage."""
        ...

    def state(self, raw: Mapping[str, Any]) -> OrderState | None:
        """The venue's own status word; None where the answer has none; raises `Malformed` on an unknown word."""
        ...

    def client_id(self, raw: Mapping[str, Any]) -> str | None:
        """The client id in a raw order."""
        ...

    def refusal(self, error: BaseException) -> Placed | None:
        """EXISTS or REJECTED where a complete answer's own code proves it, None where it does not."""
        ...

    def wallet(self, name: str) -> str:
        """What the venue calls one of our wallets; raises `Rejected`."""
        ...
