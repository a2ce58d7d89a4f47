"""Owns what most venues do alike: orders, trades and settings through ccxt's unified calls. Knows no venue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar, Literal

import ccxt.async_support as ccxt

from bot.core.events import Event
from bot.core.instruments import is_swap
from bot.core.numbers import ONE
from bot.core.orders import MoveIntent, OrderIntent, OrderState, Placed
from bot.core.snapshot import Saving
from bot.ports.dead_man import DeadMan
from bot.ports.errors import Malformed, Rejected
from bot.venues.ccxt import errors, mapping
from bot.venues.ccxt.dead_man import lacking
from bot.venues.ccxt.line import Line
from bot.venues.ccxt.profiles import Environment, Lack, Moved, Setup

FILLS_PAGES_MOST = 40
A_DAY_MS = int(timedelta(days=1) / timedelta(milliseconds=1))
TIMEOUT_MS = 10_000
RECV_WINDOW_MS = 5_000
Side = Literal["spot", "swap"]


def config_of(setup: Setup, options: Mapping[str, Any]) -> dict[str, Any]:
    """What every ccxt instance is made with. A local exchange has minutes of its own: ccxt's throttle knows nothing."""
    local = setup.environment == "local"
    window_ms = int(RECV_WINDOW_MS * (setup.clock_speed if local else ONE))
    return {
        "apiKey": setup.credentials.key,
        "secret": setup.credentials.secret,
        "password": setup.credentials.password,
        "timeout": TIMEOUT_MS,
        "enableRateLimit": not local,
        # Time is ours: what ccxt measured once would be added to what we measure again and again.
        "options": {"adjustForTimeDifference": False, "recvWindow": window_ms, **options},
    }


def only_real(venue_id: str, setup: Setup) -> None:
    """Raise `Rejected` for an environment that a venue without a whole testnet does not have."""
    if setup.environment not in ("local", "production"):
        raise Rejected(
            f"venue.environment: is {setup.environment}, must be production or local: {venue_id} has no testnet that "
            "trades spot and perpetuals; use mode paper"
        )


class Plain:
    """What a profile inherits and corrects. ``fills_page``, ``fills_days``: how far one question for trades reaches."""

    id = ""
    unified = False
    acknowledges = False
    two_sided = False
    candles_need_an_end = False
    trades = True
    post_only: Mapping[Side, bool] = {"spot": True, "swap": True}
    lacks: Sequence[Lack] = ()
    least_order: Mapping[Side, Decimal] = {}
    dead_man_s: tuple[int, int] | None = None
    rates_most = 1_000
    reads: Mapping[str, Decimal] = {}
    budgets: Mapping[str, int] = {}
    orders_per_s = 5
    candles_most: Mapping[Side, int] = {"spot": 500, "swap": 500}
    book_depths: Mapping[Side, Sequence[int]] = {"spot": (), "swap": ()}
    fills_page: ClassVar[Mapping[Side, int]] = {"spot": 100, "swap": 100}
    fills_days: ClassVar[Mapping[Side, int | None]] = {"spot": None, "swap": None}
    states: ClassVar[Mapping[str, OrderState]] = {}
    state_name: ClassVar[str] = "status"
    client_id_names: ClassVar[Sequence[str]] = ("clientOrderId",)
    duplicate_codes: ClassVar[frozenset[int]] = frozenset()
    duplicate_texts: ClassVar[Sequence[str]] = ()
    nobody_knows: ClassVar[frozenset[int]] = frozenset()
    swap_kind: ClassVar[Mapping[str, str]] = {"type": "swap", "subType": "linear"}
    wallets: ClassVar[Mapping[str, str]] = {"spot": "spot", "futures": "swap"}

    # ---- what an environment has

    def offers(self, environment: Environment) -> bool:
        """Where nothing else is said, the real one only."""
        return environment == "production"

    def has_swap(self, setup: Setup) -> bool:
        """Perpetuals everywhere."""
        del setup
        return True

    def has_transfers(self, setup: Setup) -> bool:
        """Where the real account is, and beside a local exchange."""
        return setup.environment in ("local", "production")

    def has_savings(self, setup: Setup) -> bool:
        """No flexible savings."""
        del setup
        return False

    def dead_man(self, line: Line, window: timedelta) -> DeadMan:
        """None here."""
        del line, window
        raise lacking(self.id)

    # ---- orders

    def order_params(self, intent: OrderIntent) -> Mapping[str, Any]:
        """Client id, time in force, reduce-only; raises `Rejected` for a post-only order that cannot be had."""
        side: Side = "swap" if is_swap(intent.symbol) else "spot"
        params: dict[str, Any] = {"clientOrderId": intent.client_id}
        if intent.tif == "post_only":
            if not self.post_only[side]:
                raise Rejected(f"{self.id} has no post-only orders on {side}; use ioc or gtc")
            params["postOnly"] = True
        else:
            params["timeInForce"] = intent.tif.upper()
        if intent.reduce_only and side == "swap":  # spot refuses a parameter that it does not know
            params["reduceOnly"] = True
        return params

    def order_type(self, intent: OrderIntent) -> str:
        """``limit``."""
        del intent
        return "limit"

    async def lookup(self, client: Any, symbol: str, client_id: str) -> Any:
        """By `fetch_order` with the client id."""
        try:
            return await client.fetch_order(None, symbol, {"clientOrderId": client_id})
        except ccxt.OrderNotFound:
            return None

    async def order(self, client: Any, symbol: str, venue_id: str) -> Any:
        """By the venue's number."""
        return await client.fetch_order(venue_id, symbol)

    async def send_cancel(self, client: Any, symbol: str, client_id: str) -> None:
        """By `cancel_order` with the client id."""
        await client.cancel_order(None, symbol, {"clientOrderId": client_id})

    async def open_orders(self, client: Any, symbol: str | None, *, swap: bool) -> Sequence[Any]:
        """By `fetch_open_orders`."""
        kind = self.swap_kind if swap else {"type": "spot"}
        found: Sequence[Any] = await client.fetch_open_orders(symbol, None, None, {} if symbol else kind)
        return found

    async def fills(self, client: Any, symbol: str, since_ms: int) -> Sequence[Any]:
        """Pages oldest first: a full page's last instant is asked again, a quiet window is stepped over."""
        side: Side = "swap" if is_swap(symbol) else "spot"
        page, days = self.fills_page[side], self.fills_days[side]
        window_ms = days * A_DAY_MS if days else None
        now_ms, start_ms, found = client.milliseconds(), since_ms, []
        for _ in range(FILLS_PAGES_MOST):
            got = await client.fetch_my_trades(symbol, start_ms, page)
            found += got
            if len(got) >= page:
                newest_ms = int(got[-1]["timestamp"])
                start_ms = newest_ms if newest_ms > start_ms else newest_ms + 1
            elif window_ms and start_ms + window_ms < now_ms:
                start_ms += window_ms
            else:
                return found
        raise Malformed(f"fills {symbol}: more than {FILLS_PAGES_MOST} pages; ask from later")

    def trade_client_id(self, raw: Mapping[str, Any]) -> str | None:
        """Trades name no client id."""
        del raw
        return None

    def state(self, raw: Mapping[str, Any]) -> OrderState | None:
        """By ``states``; None where the answer has no word, raises `Malformed` on an unknown one.

        What an IOC order leaves over has expired, though some venues say that it was cancelled.
        """
        word = raw.get(self.state_name)
        if word is None or word == "":
            return None
        if str(word) not in self.states:
            raise Malformed(f"order status {word!r} is none of {', '.join(self.states)}")
        said = self.states[str(word)]
        return OrderState.EXPIRED if said is OrderState.CANCELLED and self.is_ioc(raw) else said

    def is_ioc(self, raw: Mapping[str, Any]) -> bool:
        """Whether a raw order says that it never rested."""
        return raw.get("timeInForce") == "IOC"

    def client_id(self, raw: Mapping[str, Any]) -> str | None:
        """The first of ``client_id_names`` that says something."""
        said = next((raw[name] for name in self.client_id_names if raw.get(name)), None)
        return None if said is None else str(said)

    def refusal(self, error: BaseException) -> Placed | None:
        """By the venue's own code; the rest is judged by ccxt's class."""
        code, text = getattr(error, "code", None), str(error)
        if code in self.duplicate_codes or any(one in text for one in self.duplicate_texts):
            return Placed.EXISTS
        limited = isinstance(error, errors.LIMITED)  # said before anything was looked at, whatever the code
        return Placed.UNKNOWN if code in self.nobody_knows and not limited else None

    # ---- futures set-up

    async def hedged(self, client: Any, symbol: str) -> bool:
        """By `fetch_position_mode`."""
        return bool((await client.fetch_position_mode(symbol))["hedged"])

    async def set_one_way(self, client: Any, symbol: str) -> None:
        """By `set_position_mode`."""
        await client.set_position_mode(False, symbol)  # noqa: FBT003 - ccxt's signature

    async def set_margin(self, client: Any, symbol: str, margin: Literal["cross", "isolated"], leverage: int) -> None:
        """By `set_margin_mode`."""
        del leverage
        await client.set_margin_mode(margin, symbol)

    async def set_leverage(self, client: Any, symbol: str, leverage: int, margin: Literal["cross", "isolated"]) -> None:
        """By `set_leverage`."""
        del margin
        await client.set_leverage(leverage, symbol)

    # ---- public reads

    async def funding_hours(self, client: Any) -> Mapping[str, Decimal]:
        """Told with the rates, or eight."""
        del client
        return {}

    async def candles(
        self, client: Any, symbol: str, timeframe: str, since_ms: int, count: int
    ) -> Sequence[Sequence[Any]]:
        """By `fetch_ohlcv`; with an end where a start alone is answered with the newest."""
        until_ms = min(since_ms + count * mapping.span_ms(timeframe) - 1, client.milliseconds())
        span = {"until": until_ms} if self.candles_need_an_end else {}
        found: Sequence[Sequence[Any]] = await client.fetch_ohlcv(symbol, timeframe, since_ms, count, span)
        return found

    async def funding_rates(self, client: Any, symbol: str, since_ms: int, most: int) -> Sequence[tuple[int, Decimal]]:
        """By `fetch_funding_rate_history`."""
        what = f"funding history {symbol}"
        found = await client.fetch_funding_rate_history(symbol, since_ms, most)
        return [(int(row["timestamp"]), mapping.decimal(row["fundingRate"], what)) for row in found]

    # ---- money

    def wallet(self, name: str) -> str:
        """By ``wallets``; raises `Rejected`."""
        if name not in self.wallets:
            raise Rejected(f"there is no wallet {name!r} here, only {', '.join(self.wallets)}")
        return self.wallets[name]

    async def send_move(self, client: Any, intent: MoveIntent) -> str | None:
        """By `transfer`, between spot and futures; raises `Rejected` unsent."""
        answer = await client.transfer(intent.asset, intent.amount, self.wallet(intent.source), self.wallet(intent.to))
        number = answer.get("id") if isinstance(answer, dict) else None
        return str(number) if number else None

    async def moves(self, client: Any, source: str, to: str, since: datetime) -> Sequence[Moved]:
        """None: no transfers are known here."""
        del client, since
        raise Rejected(f"{self.id} has no transfers from {source} to {to}")

    async def savings(self, client: Any) -> Mapping[str, Saving]:
        """None here."""
        del client
        return {}

    async def flows(self, client: Any, since: datetime, *, swap: bool) -> Sequence[Event]:
        """What only a venue's own calls tell; raises `Rejected`."""
        del client, swap
        raise Rejected(f"{self.id} has no history of payments since {since.isoformat()}")
