"""Owns what is Bybit's alone (v5, unified trading account): bulk reads as our nouns, look-up, codes. See `bybit_wire`.

One wallet holds spot and perpetuals (`unified`); an answer to an order is an acknowledgement; client ids are
``orderLinkId``. Money enters and leaves by transfers between the funding account and the unified one: those are its
deposits and withdrawals here (`bybit_flows`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

import ccxt.async_support as ccxt

from bot.core.events import Event
from bot.core.instruments import Market, is_swap
from bot.core.numbers import ZERO, plain
from bot.core.orders import MoveIntent, OrderIntent, OrderState, Placed
from bot.core.snapshot import Balance, Position, Saving
from bot.ports.clock import Clock
from bot.ports.errors import Malformed, Rejected
from bot.ports.venue import KeyReport
from bot.venues.ccxt import mapping
from bot.venues.ccxt.dead_man import must_fit
from bot.venues.ccxt.limits import Traffic
from bot.venues.ccxt.line import Line
from bot.venues.ccxt.profiles import (
    Environment,
    Lack,
    Moved,
    Premium,
    Quoted,
    Setup,
    SwapSettings,
    answers,
    bybit_flows,
)
from bot.venues.ccxt.profiles import bybit_savings as earning
from bot.venues.ccxt.profiles.bybit_stream import Disconnection
from bot.venues.ccxt.profiles.bybit_wire import BybitClient, a_client
from bot.venues.ccxt.profiles.plain import A_DAY_MS, Plain

WEEK_MS = 7 * A_DAY_MS  # how far one question for executions reaches
EXECUTIONS_PAGE = 100
MARGINS: Mapping[str, Literal["cross", "isolated"]] = {"REGULAR_MARGIN": "cross", "ISOLATED_MARGIN": "isolated"}
MARGIN_WORDS = {margin: word for word, margin in MARGINS.items()}
EARN_REFUSED = frozenset({180001, 180002})  # a parameter, a coin that is not legal
WOULD_TAKE = "EC_PostOnlyWillTakeLiquidity"
STATES: Mapping[str, OrderState] = {
    "Created": OrderState.OPEN,
    "New": OrderState.OPEN,
    "Active": OrderState.OPEN,
    "Untriggered": OrderState.OPEN,
    "Triggered": OrderState.OPEN,
    "PartiallyFilled": OrderState.PARTLY_FILLED,
    "Filled": OrderState.FILLED,
    "PartiallyFilledCanceled": OrderState.CANCELLED,  # ccxt calls it closed
    "Cancelled": OrderState.CANCELLED,
    "Deactivated": OrderState.CANCELLED,
    "Rejected": OrderState.REJECTED,
}
NO_KEY_REPORT = "this environment cannot say what the key may do"


class Bybit(Plain):
    """The profile (protocol `bot.venues.ccxt.profiles.Profile`)."""

    id = "bybit"
    unified = True
    acknowledges = True
    candles_need_an_end = True
    rates_most = 200
    least_order: Mapping[Literal["spot", "swap"], Decimal] = {"spot": Decimal(5), "swap": Decimal(5)}
    dead_man_s: tuple[int, int] | None = (3, 300)
    reads: Mapping[str, Decimal] = {
        "wallet": Decimal(1),
        "savings": Decimal(5),
        "positions": Decimal(5),
        "spot tickers": Decimal(5),
        "perpetual tickers": Decimal(5),
    }
    orders_per_s = 10
    candles_most: Mapping[Literal["spot", "swap"], int] = {"spot": 1_000, "swap": 1_000}
    book_depths: Mapping[Literal["spot", "swap"], Sequence[int]] = {"spot": (200,), "swap": (200,)}
    states = STATES
    state_name = "orderStatus"
    client_id_names = ("orderLinkId",)
    duplicate_codes = frozenset({110072, 170141, 10014})
    nobody_knows = frozenset({10000, 10016})
    wallets = {"spot": "UNIFIED", "unified": "UNIFIED", "earn": "EARN"}  # noqa: RUF012 - read only
    lacks: Sequence[Lack] = (
        Lack("transfers between spot and futures", "none needed: the unified account is one wallet"),
        Lack("classic accounts", "refused: market amounts and wallets mean something else there"),
        Lack("the funding account", "not counted; a transfer from it is a deposit, one to it a withdrawal"),
    )

    # ---- connecting

    def client(self, setup: Setup, clock: Clock, traffic: Traffic) -> BybitClient:
        """The one instance; raises ValueError on a URL of the wrong world."""
        return a_client(setup, clock, traffic)

    def offers(self, environment: Environment) -> bool:
        """All of them."""
        del environment
        return True

    def has_transfers(self, setup: Setup) -> bool:
        """One wallet: nothing to move."""
        del setup
        return False

    def has_savings(self, setup: Setup) -> bool:
        """Where the real account is, and beside a local exchange."""
        return setup.environment in ("local", "production")

    def dead_man(self, line: Line, window: timedelta) -> Disconnection:
        """Disconnect protection of spot and perpetuals."""
        must_fit(self, window)
        return Disconnection(line, window)

    # ---- market data

    async def server_ms(self, client: Any) -> int:
        """GET market/time."""
        return int(mapping.decimal((await client.publicGetV5MarketTime()).get("time"), "server time"))

    async def quotes(self, client: Any) -> Sequence[Quoted]:
        """GET market/tickers of spot."""
        return answers.quoted(await _tickers(client, swap=False), bid="bid1Price", ask="ask1Price")

    async def premiums(self, client: Any) -> Sequence[Premium]:
        """GET market/tickers of linear: mark, rate and next payment; the interval stands in the listing, in minutes."""
        found = []
        for symbol, row in await _tickers(client, swap=True):
            due = mapping.positive_or_none(row.get("nextFundingTime"), f"{symbol}: next funding")
            minutes = client.market(symbol)["info"].get("fundingInterval")
            interval = mapping.positive_or_none(minutes, f"{symbol}: funding interval")
            found.append(
                Premium(
                    symbol,
                    mapping.positive_or_none(row.get("markPrice"), f"{symbol}: mark price"),
                    mapping.decimal_or_none(row.get("fundingRate"), f"{symbol}: funding rate"),
                    mapping.instant(due, f"{symbol}: next funding") if due else None,
                    None,
                    interval / 60 if interval else None,
                )
            )
        return found

    async def volumes(self, client: Any, *, swap: bool) -> Mapping[str, Decimal]:
        """GET market/tickers of each side."""
        return {
            symbol: volume
            for side in ((False, True) if swap else (False,))
            for symbol, row in await _tickers(client, swap=side)
            if (volume := mapping.decimal_or_none(row.get("turnover24h"), f"{symbol}: volume")) is not None
            and volume >= 0
        }

    async def markets(self, client: Any, *, private: bool) -> Mapping[str, Market]:
        """Loaded markets with the account's fees and the lowest risk tier's maintenance rate."""
        fees = await answers.or_nothing(_fees(client)) if private else {}
        return answers.loaded_markets(client, fees, await answers.or_nothing(_maintenance(client)))

    async def funding_rates(self, client: Any, symbol: str, since_ms: int, most: int) -> Sequence[tuple[int, Decimal]]:
        """GET funding/history, whose pages hold the newest before their end: back until the start is reached."""
        what, end_ms = f"funding history {symbol}", client.milliseconds()
        found: dict[int, Decimal] = {}
        asked = {"category": "linear", "symbol": client.market(symbol)["id"], "limit": str(most)}
        for _ in range(answers.PAGES_MOST):
            span = {"startTime": str(since_ms), "endTime": str(end_ms)}
            answer = await client.publicGetV5MarketFundingHistory({**asked, **span})
            rows = answers.rows(_result(answer, what).get("list"), what)
            page = {int(row["fundingRateTimestamp"]): mapping.decimal(row.get("fundingRate"), what) for row in rows}
            found |= page
            if len(rows) < most or min(page) <= since_ms:
                return sorted(found.items())
            end_ms = min(page) - 1
        raise Malformed(f"{what}: more than {answers.PAGES_MOST} pages; ask from later")

    # ---- account

    async def account_id(self, client: Any) -> str | None:
        """GET user/query-api: ``userID``; raises `Rejected` for an account that is not unified."""
        if client.is_demo:
            return None
        said = await _query_api(client)
        return f"{self.id}:{said['userID']}" if said.get("userID") else None

    async def balances(self, client: Any, *, swap: bool) -> Sequence[Balance]:
        """GET account/wallet-balance (perpetuals' margin lies there too), and what lies in flexible savings."""
        del swap
        at = client.clock.now()
        answer = await client.privateGetV5AccountWalletBalance({"accountType": "UNIFIED"})
        accounts = answers.rows(_result(answer, "balances").get("list"), "balances")
        coins = answers.rows(accounts[0].get("coin"), "balances") if accounts else []
        found = [_balance(row, at) for row in coins]
        if client.earns:
            found += await earning.saved(client)
        return [balance for balance in found if balance.total]

    async def positions(self, client: Any) -> Sequence[Position]:
        """GET position/list, once for each currency that perpetuals settle in."""
        at = client.clock.now()
        found = [row for coin in client.settle_coins() for row in await _positions(client, {"settleCoin": coin})]
        held = [row for row in found if mapping.decimal_or_none(row.get("size"), "position")]
        margin = await _margin(client) if held else None
        return [_position(symbol, row, margin, at) for symbol, row in answers.named(client, held, swap=True)]

    async def settings(self, client: Any, symbol: str | None = None) -> Mapping[str, SwapSettings]:
        """GET position/list tells a symbol's leverage even without a position; the margin mode is the account's."""
        asked = (
            [{"symbol": client.market(symbol)["id"]}] if symbol else [{"settleCoin": c} for c in client.settle_coins()]
        )
        found = [row for one in asked for row in await _positions(client, one)]
        margin = await _margin(client)
        return {
            name: SwapSettings(mapping.positive_or_none(row.get("leverage"), f"{name}: leverage"), margin)
            for name, row in answers.named(client, found, swap=True)
        }

    async def flows(self, client: Any, since: datetime, *, swap: bool) -> Sequence[Event]:
        """Funding, transfers from and to the funding account, interest (`bybit_flows`)."""
        return await bybit_flows.flows_of(client, since, swap=swap)

    async def key(self, client: Any, setup: Setup) -> KeyReport:
        """GET user/query-api; demo trading has none."""
        if setup.environment == "demo":
            return KeyReport(None, None, None, None, NO_KEY_REPORT)
        said = await _query_api(client)
        may = answers.row(said.get("permissions"), "permissions")
        writes = str(said.get("readOnly")) == "0"
        addresses = said.get("ips")
        derivatives = [*(may.get("ContractTrade") or ()), *(may.get("Derivatives") or ())]
        return KeyReport(
            writes and "SpotTrade" in (may.get("Spot") or ()),
            writes and any(one in derivatives for one in ("Order", "DerivativesTrade")),
            "Withdraw" in (may.get("Wallet") or ()),
            bool(addresses) and "*" not in addresses if isinstance(addresses, list) else None,
            "" if may.get("Earn") else "may not use savings",
        )

    async def moves(self, client: Any, source: str, to: str, since: datetime) -> Sequence[Moved]:
        """GET earn/order: subscriptions or redemptions, each under our own id."""
        if "earn" not in (source, to):
            return await super().moves(client, source, to, since)
        return await earning.moves_of(client, redeemed=source == "earn", since=since)

    async def send_move(self, client: Any, intent: MoveIntent) -> str | None:
        """POST earn/place-order; there is nothing else to move."""
        if "earn" not in (intent.source, intent.to):
            raise Rejected(
                f"spot and perpetuals are one wallet here: nothing moves from {intent.source} to {intent.to}"
            )
        return await earning.send(client, intent)

    async def savings(self, client: Any) -> Mapping[str, Saving]:
        """GET earn/product."""
        return await earning.savings_of(client)

    # ---- orders

    def refusal(self, error: BaseException) -> Placed | None:
        """Savings' codes are unknown to ccxt; the first two say that a request was never taken, the rest say less."""
        refused = getattr(error, "code", None) in EARN_REFUSED
        return Placed.REJECTED if refused else super().refusal(error)

    def state(self, raw: Mapping[str, Any]) -> OrderState | None:
        """By `STATES`; a post-only order that would take is taken in first and ended then."""
        said = super().state(raw)
        return OrderState.REJECTED if said is OrderState.CANCELLED and raw.get("rejectReason") == WOULD_TAKE else said

    async def lookup(self, client: Any, symbol: str, client_id: str) -> Any:
        """GET order/realtime (open ones and the last closed), then order/history; neither errs on what it has not."""
        asked = {"orderLinkId": client_id}
        found = await client.fetch_open_orders(symbol, None, None, asked)
        found = found or await client.fetch_canceled_and_closed_orders(symbol, None, None, asked)
        return found[0] if found else None

    async def order(self, client: Any, symbol: str, venue_id: str) -> Any:
        """As `lookup`, by the venue's number."""
        asked = {"orderId": venue_id}
        found = await client.fetch_open_orders(symbol, None, None, asked)
        found = found or await client.fetch_canceled_and_closed_orders(symbol, None, None, asked)
        if not found:
            raise ccxt.OrderNotFound(f"bybit knows no order {venue_id} on {symbol}")
        return found[0]

    async def send_cancel(self, client: Any, symbol: str, client_id: str) -> None:
        """POST order/cancel by ``orderLinkId``; ccxt's ``clientOrderId`` would go out as it is and be ignored."""
        await client.cancel_order(None, symbol, {"orderLinkId": client_id})

    async def open_orders(self, client: Any, symbol: str | None, *, swap: bool) -> Sequence[Any]:
        """GET order/realtime, every page; perpetuals once for each settlement currency."""
        category = {"category": "linear" if swap else "spot"}
        asked = [{"symbol": client.market(symbol)["id"]}] if symbol else [{}]
        if swap and not symbol:
            asked = [{"settleCoin": coin} for coin in client.settle_coins()]
        found = []
        for one in asked:

            async def ask(cursor: str | None, one: Mapping[str, str] = one) -> Any:
                more = {"cursor": cursor} if cursor else {}
                return await client.privateGetV5OrderRealtime(
                    {**category, **one, "openOnly": "0", "limit": "50", **more}
                )

            rows = answers.named(client, await answers.by_cursor(ask, "open orders"), swap=swap)
            found += [client.parse_order(row, client.market(name)) for name, row in rows if _is_open(row)]
        return found

    async def fills(self, client: Any, symbol: str, since_ms: int) -> Sequence[Any]:
        """GET execution/list, week by week."""
        market = client.market(symbol)
        asked = {"category": "linear" if is_swap(symbol) else "spot", "symbol": market["id"], "execType": "Trade"}
        rows = await bybit_flows.executions(client, asked, since_ms)
        return [client.parse_trade(row, market) for row in rows]

    def trade_client_id(self, raw: Mapping[str, Any]) -> str | None:
        """Executions name it."""
        return raw.get("orderLinkId") or None

    # ---- futures set-up

    async def hedged(self, client: Any, symbol: str) -> bool:
        """A ``positionIdx`` of 1 or 2 is one side of two; there is no other way to ask."""
        rows = await _positions(client, {"symbol": client.market(symbol)["id"]})
        return any(str(row.get("positionIdx", "0")) != "0" for row in rows)

    async def set_margin(self, client: Any, symbol: str, margin: Literal["cross", "isolated"], leverage: int) -> None:
        """POST account/set-margin-mode, for the whole account."""
        del symbol, leverage
        await client.privatePostV5AccountSetMarginMode({"setMarginMode": MARGIN_WORDS[margin]})

    def order_params(self, intent: OrderIntent) -> Mapping[str, Any]:
        """As everywhere; ``positionIdx`` 0 is the one-way position, and nothing is borrowed on spot."""
        more = {"positionIdx": 0} if is_swap(intent.symbol) else {"isLeverage": 0}
        return {**super().order_params(intent), **more}


def _result(answer: Any, what: str) -> Mapping[str, Any]:
    return answers.row(answers.row(answer, what).get("result"), what)


async def _tickers(client: Any, *, swap: bool) -> list[tuple[str, Mapping[str, Any]]]:
    answer = await client.publicGetV5MarketTickers({"category": "linear" if swap else "spot"})
    return answers.named(client, _result(answer, "tickers").get("list"), swap=swap)


async def _fees(client: Any) -> dict[str, tuple[Decimal, Decimal]]:
    found: dict[str, tuple[Decimal, Decimal]] = {}
    for category in ("spot", "linear"):
        answer = await client.privateGetV5AccountFeeRate({"category": category})
        for symbol, row in answers.named(client, _result(answer, "fees").get("list"), swap=category == "linear"):
            maker = mapping.decimal(row.get("makerFeeRate"), f"{symbol}: maker fee")
            found[symbol] = (maker, mapping.decimal(row.get("takerFeeRate"), f"{symbol}: taker fee"))
    return found


async def _maintenance(client: Any) -> dict[str, Decimal]:
    """The lowest tier of each perpetual; fifteen symbols a page."""

    async def ask(cursor: str | None) -> Any:
        return await client.publicGetV5MarketRiskLimit({"category": "linear", **({"cursor": cursor} if cursor else {})})

    found: dict[str, Decimal] = {}
    if client.settle_coins():
        for symbol, row in answers.named(client, await answers.by_cursor(ask, "risk limits"), swap=True):
            rate = mapping.decimal(row.get("maintenanceMargin"), f"{symbol}: maintenance rate")
            found[symbol] = min(rate, found.get(symbol, rate))
    return found


async def _query_api(client: Any) -> Mapping[str, Any]:
    said = _result(await client.privateGetV5UserQueryApi(), "key")
    if str(said.get("uta")) != "1":
        raise Rejected("the account is a classic one, must be a unified trading account: upgrade it at the venue")
    return said


async def _positions(client: Any, asked: Mapping[str, str]) -> list[Mapping[str, Any]]:
    async def ask(cursor: str | None) -> Any:
        more = {"cursor": cursor} if cursor else {}
        return await client.privateGetV5PositionList({"category": "linear", "limit": "200", **asked, **more})

    return await answers.by_cursor(ask, "positions")


async def _margin(client: Any) -> Literal["cross", "isolated"]:
    word = str(_result(await client.privateGetV5AccountInfo(), "account").get("marginMode"))
    if word not in MARGINS:
        raise Malformed(f"the account's margin mode is {word!r}, must be one of {', '.join(MARGINS)}")
    return MARGINS[word]


def _is_open(row: Mapping[str, Any]) -> bool:
    """order/realtime also holds what ended a moment ago."""
    return STATES.get(str(row.get("orderStatus"))) in (None, OrderState.OPEN, OrderState.PARTLY_FILLED)


def _balance(row: Mapping[str, Any], at: datetime) -> Balance:
    """A coin without unrealised profit; free is what no order, no margin and no unrealised loss stands on.

    ``availableToWithdraw`` is empty in a unified account.
    """
    asset = str(row["coin"])
    wallet = mapping.decimal(row.get("walletBalance"), f"{asset}: wallet balance")
    if wallet < 0:
        raise Malformed(
            f"the unified wallet stands at {plain(wallet)} {asset}: it is borrowed, which is not traded with"
        )
    names = ("locked", "totalOrderIM", "totalPositionIM")
    tied = sum((mapping.decimal_or_none(row.get(name), f"{asset}: {name}") or ZERO for name in names), ZERO)
    loss = min(ZERO, mapping.decimal_or_none(row.get("unrealisedPnl"), f"{asset}: unrealised profit") or ZERO)
    free = min(max(wallet - tied + loss, ZERO), wallet)
    return Balance(wallet="unified", asset=asset, free=free, locked=wallet - free, at=at)


def _position(
    symbol: str, row: Mapping[str, Any], margin: Literal["cross", "isolated"] | None, at: datetime
) -> Position:
    if str(row.get("positionIdx", "0")) != "0":
        raise Malformed(f"{symbol}: the account is in hedge mode; switch it to one-way")
    return Position(
        symbol=symbol,
        side="long" if mapping.side(row.get("side"), f"{symbol}: position") == "buy" else "short",
        contracts=mapping.decimal(row.get("size"), f"{symbol}: position"),
        entry_price=mapping.positive_or_none(row.get("avgPrice"), f"{symbol}: entry price"),
        mark_price=mapping.positive_or_none(row.get("markPrice"), f"{symbol}: mark price"),
        leverage=mapping.positive_or_none(row.get("leverage"), f"{symbol}: leverage"),
        margin_mode=margin,
        liquidation_price=mapping.positive_or_none(row.get("liqPrice"), f"{symbol}: liquidation price"),
        initial_margin=mapping.decimal_or_none(row.get("positionIM"), f"{symbol}: initial margin"),
        maintenance_margin=mapping.decimal_or_none(row.get("positionMM"), f"{symbol}: maintenance margin"),
        unrealised_pnl=mapping.decimal_or_none(row.get("unrealisedPnl"), f"{symbol}: unrealised profit"),
        at=at,
    )
