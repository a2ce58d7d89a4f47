"""Owns the simulated exchange's words: requests, orders, trades, income, wallets, positions, refusals. No behaviour."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Literal, NamedTuple

from bot.core.numbers import ZERO

Side = Literal["buy", "sell"]
OrderType = Literal["limit", "market"]
Tif = Literal["gtc", "ioc", "fok", "post_only"]
WalletName = Literal["spot", "futures", "earn"]
MarginMode = Literal["cross", "isolated"]
TradeKind = Literal["TRADE", "LIQUIDATION", "ADL", "SETTLEMENT"]  # all but the first are the venue's own doing


class RefusalCode(StrEnum):
    """Why the exchange said no; nothing was changed (but its counters)."""

    UNKNOWN_SYMBOL = "unknown_symbol"
    MARKET_CLOSED = "market_closed"  # halted, delisted, or no price is known
    BAD_PARAMETER = "bad_parameter"
    BAD_STEP = "bad_step"
    BAD_TICK = "bad_tick"
    MIN_AMOUNT = "min_amount"
    MIN_NOTIONAL = "min_notional"
    PRICE_BAND = "price_band"
    INSUFFICIENT_BALANCE = "insufficient_balance"
    INSUFFICIENT_MARGIN = "insufficient_margin"
    REDUCE_ONLY_REJECTED = "reduce_only_rejected"
    WOULD_TAKE = "would_take"  # post-only
    DUPLICATE_CLIENT_ID = "duplicate_client_id"  # an order with it is still open
    DUPLICATE_TRANSFER = "duplicate_transfer"
    NO_SAVINGS = "no_savings"
    SAVINGS_QUOTA = "savings_quota"
    TOO_MANY_ORDERS = "too_many_orders"
    LEVERAGE = "leverage"
    MARGIN_MODE = "margin_mode"  # it may not change while a position or an order is open
    ISOLATED_LEVERAGE = "isolated_leverage"  # it may not fall while an isolated position is open
    POSITION_SIDE = "position_side"  # hedge mode
    ORDER_NOT_FOUND = "order_not_found"


class Refusal(Exception):
    """The exchange's no: a code to act on and a sentence for people."""

    def __init__(self, code: RefusalCode, why: str) -> None:
        super().__init__(f"{code}: {why}")
        self.code = code
        self.why = why


class OrderStatus(StrEnum):
    """Where an order stands at the exchange; a refused one never came to be."""

    NEW = "new"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"


class IncomeKind(StrEnum):
    """What changed the futures wallet; interest alone changes savings."""

    REALISED_PNL = "realised_pnl"
    COMMISSION = "commission"
    FUNDING_FEE = "funding_fee"
    TRANSFER = "transfer"
    INSURANCE_CLEAR = "insurance_clear"  # a loss beyond the wallet, taken over by the venue
    INTEREST = "interest"


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """A create request: ``amount`` unsigned base units, ``price`` the limit in quote (None for a market order)."""

    symbol: str
    side: Side
    type: OrderType
    amount: Decimal
    price: Decimal | None = None
    tif: Tif = "gtc"
    reduce_only: bool = False
    client_id: str = ""


@dataclass(frozen=True, slots=True)
class OrderRecord:
    """An order as the exchange knows it: ``amount``, ``filled`` unsigned base units, ``quote_filled`` their cost."""

    order_id: int
    client_id: str
    symbol: str
    side: Side
    type: OrderType
    amount: Decimal
    price: Decimal | None
    tif: Tif
    reduce_only: bool
    status: OrderStatus
    filled: Decimal
    quote_filled: Decimal
    created_at: datetime
    updated_at: datetime

    @property
    def is_open(self) -> bool:
        """Whether it may still fill."""
        return self.status in (OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED)

    @property
    def rest(self) -> Decimal:
        """What has not filled, unsigned base units."""
        return self.amount - self.filled

    @property
    def average(self) -> Decimal | None:
        """The average price of what filled; None while nothing has."""
        return self.quote_filled / self.filled if self.filled else None


@dataclass(frozen=True, slots=True)
class TradeRecord:
    """One fill: ``amount`` unsigned base units for ``quote``; ``fee`` in ``fee_asset`` (+ = paid); ``realised`` PnL."""

    trade_id: int
    order_id: int
    client_id: str
    symbol: str
    side: Side
    amount: Decimal
    price: Decimal
    quote: Decimal
    fee: Decimal
    fee_asset: str
    maker: bool
    at: datetime
    realised: Decimal = ZERO
    kind: TradeKind = "TRADE"


@dataclass(frozen=True, slots=True)
class IncomeRecord:
    """One change of the futures wallet, or interest on savings: ``amount`` + = received."""

    income_id: int
    at: datetime
    kind: IncomeKind
    asset: str
    amount: Decimal
    symbol: str = ""
    trade_id: int | None = None


@dataclass(frozen=True, slots=True)
class TransferRecord:
    """A move between own wallets; it arrives at once. ``client_id`` is ours, in process only."""

    transfer_id: int
    at: datetime
    asset: str
    amount: Decimal
    source: WalletName
    to: WalletName
    client_id: str = ""


@dataclass(frozen=True, slots=True)
class FlowRecord:
    """Money that came from or went outside; ``amount`` unsigned."""

    flow_id: int
    at: datetime
    asset: str
    amount: Decimal
    kind: Literal["deposit", "withdrawal"]


class ProductRecord(NamedTuple):
    """An instant savings product: ``rate`` a year; in coins the least a subscription brings, the most that is kept."""

    product: str
    asset: str
    rate: Decimal
    least: Decimal
    quota: Decimal


class SpotBalance(NamedTuple):
    """Coins in the spot wallet."""

    free: Decimal
    locked: Decimal


@dataclass(frozen=True, slots=True)
class FuturesWallet:
    """The futures wallet: ``margin_balance`` = ``wallet_balance`` + ``unrealised``, over all positions.

    ``initial_margin`` is the positions' and the open orders' (``order_margin``). ``available`` opens new
    positions (below 0 when margin is short); ``withdrawable`` leaves unrealised profit behind. Of these sums
    ``cross_wallet`` and ``cross_unrealised`` are what isolated positions have no part in.
    """

    asset: str
    wallet_balance: Decimal
    unrealised: Decimal
    margin_balance: Decimal
    initial_margin: Decimal
    order_margin: Decimal
    maintenance_margin: Decimal
    available: Decimal
    withdrawable: Decimal
    cross_wallet: Decimal
    cross_unrealised: Decimal


@dataclass(frozen=True, slots=True)
class PositionRecord:
    """One perpetual position: ``quantity`` signed base units; ``liquidation_price`` None where no price liquidates."""

    symbol: str
    quantity: Decimal
    entry_price: Decimal
    mark_price: Decimal
    leverage: int
    liquidation_price: Decimal | None
    initial_margin: Decimal
    maintenance_margin: Decimal
    unrealised: Decimal
    updated_at: datetime
    margin_mode: MarginMode = "cross"
    isolated_wallet: Decimal = ZERO  # what of the wallet stands behind it, where it is isolated

    @property
    def notional(self) -> Decimal:
        """Signed, at mark."""
        return self.quantity * self.mark_price


@dataclass(frozen=True, slots=True)
class Rules:
    """What the venue rules beyond a market's filters; fractions, minutes in names.

    ``swap_band``: how far a perpetual's aggressive limit may lie beyond mark; ``spot_up``/``spot_down``: a spot limit's
    range as multiples of the price; ``market_band``: how far a market order walks the book; ``fees_in_base``: whether a
    spot buy's fee comes off the coins it got, else it is paid in quote on top; ``savings_*``: instant savings of each
    of these coins that is traded here, ``rate`` a year, the rest in coins.
    """

    swap_band: Decimal = Decimal("0.15")
    spot_up: Decimal = Decimal(5)
    spot_down: Decimal = Decimal("0.2")
    market_band: Decimal = Decimal("0.05")
    fees_in_base: bool = True
    leverage: int = 20  # of a symbol nobody set
    leverage_max: int = 125
    maintenance_rate: Decimal = Decimal("0.01")  # where the market does not say
    liquidation_fee: Decimal = Decimal("0.0125")
    open_orders_max: int = 200  # a symbol
    recovery: timedelta = timedelta(minutes=1)  # until the book has forgotten our own fills
    pace: timedelta = timedelta(minutes=1)  # how finely an eventful stretch of time is walked
    savings_assets: tuple[str, ...] = ("DAI", "FDUSD", "TUSD", "USDC", "USDT")
    savings_rate: Decimal = Decimal("0.03")
    savings_min: Decimal = Decimal("0.1")
    savings_quota: Decimal = Decimal(10_000_000)
    history_max: int = 5_000  # closed orders, trades, income, interest, transfers, flows: each


DEFAULT_RULES = Rules()
