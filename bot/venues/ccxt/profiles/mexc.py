"""Owns what is MEXC's alone: amounts of perpetuals in contracts, order types for times in force, its wire.

An answer to an order is its number. Sides are 1 open long, 2 close short, 3 open short, 4 close long, so that a flip
takes two orders. The margin mode rides on each order, always cross here. There is no testnet at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

import ccxt.async_support as ccxt

from bot.core.events import Event
from bot.core.instruments import Market, is_swap
from bot.core.numbers import ZERO
from bot.core.orders import OrderIntent, OrderState
from bot.core.snapshot import Balance, Position
from bot.ports.clock import Clock
from bot.ports.errors import Rejected
from bot.ports.venue import KeyReport
from bot.venues.ccxt import mapping
from bot.venues.ccxt.client import SafeTransport, Way
from bot.venues.ccxt.limits import Traffic
from bot.venues.ccxt.profiles import Lack, Moved, Premium, Quoted, Setup, SwapSettings, answers, mexc_flows
from bot.venues.ccxt.profiles.plain import Plain, config_of, only_real
from bot.venues.ccxt.profiles.worlds import base_of, check_world

_READS = """
/api/v3/time /api/v3/exchangeInfo /api/v3/klines /api/v3/depth /api/v3/ticker/bookTicker /api/v3/ticker/24hr
/api/v3/account /api/v3/order /api/v3/openOrders /api/v3/myTrades /api/v3/tradeFee /api/v3/uid
/api/v3/capital/deposit/hisrec /api/v3/capital/withdraw/history /api/v3/capital/transfer
/api/v1/contract/detail /api/v1/contract/ticker /api/v1/contract/depth/* /api/v1/contract/kline/*
/api/v1/contract/funding_rate/* /api/v1/contract/funding_rate/history
/api/v1/private/account/assets /api/v1/private/position/open_positions /api/v1/private/position/leverage
/api/v1/private/position/position_mode /api/v1/private/position/funding_records
/api/v1/private/order/get/* /api/v1/private/order/external/*/* /api/v1/private/order/list/open_orders
/api/v1/private/order/list/open_orders/* /api/v1/private/order/list/order_deals
"""
WAYS: Mapping[tuple[str, str], Way] = {
    **{("GET", path): Way.READ for path in _READS.split()},
    ("POST", "/api/v3/order"): Way.ORDER,
    ("POST", "/api/v1/private/order/create"): Way.ORDER,
    ("DELETE", "/api/v3/order"): Way.CANCEL,
    ("POST", "/api/v1/private/order/cancel_with_external"): Way.CANCEL,
    ("POST", "/api/v1/private/position/change_leverage"): Way.SETTING,
    ("POST", "/api/v1/private/position/change_position_mode"): Way.SETTING,
    ("POST", "/api/v3/capital/transfer"): Way.MOVE,
}
STATES: Mapping[str, OrderState] = {
    "NEW": OrderState.OPEN,
    "PARTIALLY_FILLED": OrderState.PARTLY_FILLED,
    "FILLED": OrderState.FILLED,
    "CANCELED": OrderState.CANCELLED,
    "PARTIALLY_CANCELED": OrderState.CANCELLED,
    "1": OrderState.OPEN,  # not taken up yet
    "2": OrderState.OPEN,
    "3": OrderState.FILLED,
    "4": OrderState.CANCELLED,
    "5": OrderState.REJECTED,  # invalid; ccxt has no word for it
}
IOC_TYPE = 3  # of perpetuals, whose time in force is ignored
IOC_TYPES = frozenset({"IMMEDIATE_OR_CANCEL", "3"})
NOT_THERE = ("not exist", "does not exist", "not found", "unknown order")
NO_SUCH_ORDER = frozenset({-2011, -2013, 2040})
SIDES = {"1": "buy", "2": "buy", "3": "sell", "4": "sell"}
REDUCING = frozenset({"2", "4"})
DEALS_PAGE = 100
HEDGED = 1


class MexcClient(SafeTransport, ccxt.mexc):  # type: ignore[misc] # ccxt has no types
    """ccxt's mexc with our transport; sides of perpetuals read as what they do."""

    def sign(self, path: str, api: Any = "public", method: str = "GET", params: Any = None) -> Any:
        """As ccxt signs, without its name."""
        signed = super().sign(path, api, method, {} if params is None else params)
        (signed.get("headers") or {}).pop("source", None)
        return signed

    def code_of(self, response: Any) -> int | None:
        """``code``, a number or its text."""
        said = str(response.get("code", "")) if isinstance(response, dict) else ""
        return int(said) if said.lstrip("-").isdecimal() else None

    def parse_order_side(self, status: Any) -> Any:
        """1 open long and 2 close short buy; 3 open short and 4 close long sell: ccxt knows the first two only."""
        return SIDES.get(str(status)) or super().parse_order_side(status)


class Mexc(Plain):
    """The profile (protocol `bot.venues.ccxt.profiles.Profile`)."""

    id = "mexc"
    acknowledges = True
    two_sided = True
    rates_most = 100
    least_order: Mapping[Literal["spot", "swap"], Decimal] = {"spot": Decimal(1), "swap": Decimal(10)}
    reads: Mapping[str, Decimal] = {
        "spot balance": Decimal(10),
        "perpetual balance": Decimal(2),
        "positions": Decimal(2),
        "perpetual tickers": Decimal(2),
        "spot book tickers": Decimal(10),
    }
    candles_most: Mapping[Literal["spot", "swap"], int] = {"spot": 500, "swap": 2_000}
    states = STATES
    client_id_names = ("clientOrderId", "externalOid", "origClientOrderId")
    swap_kind = {"type": "swap"}  # noqa: RUF012 - read only; a ``subType`` would be sent as it is
    duplicate_texts = ("duplicate", "Duplicate")
    nobody_knows = frozenset({500, 501, 503, 504, 20001, 20002, 88009})
    lacks: Sequence[Lack] = (
        Lack("a testnet", "mode paper"),
        Lack("a dead-man's switch", "what a process that died left resting is cancelled at its next start"),
        Lack("flexible savings", "idle stables stay in the spot wallet"),
        Lack("what a key may do", "mode live needs venue.unchecked_key"),
        Lack("funding intervals in bulk", "asked for perpetuals that are held; others are taken for eight hours"),
        Lack("a margin mode to look up", "every order says cross; isolated is refused"),
        Lack("one order that turns a position", "refused: close reduce-only, then open"),
        Lack("fees of each spot symbol in bulk", "the listing's"),
    )

    def client(self, setup: Setup, clock: Clock, traffic: Traffic) -> MexcClient:
        """The one instance; raises ValueError on a URL of the wrong world, `Rejected` for a testnet."""
        only_real(self.id, setup)
        made = MexcClient(config_of(setup, {"defaultType": "spot"}), clock=clock, traffic=traffic, ways=WAYS)
        made.has["fetchCurrencies"] = False
        if setup.environment == "local":
            base = base_of(setup.url)
            made.urls["api"] = {
                "spot": {"public": base, "private": base},
                "spot2": {"public": f"{base}/open/api/v2", "private": f"{base}/open/api/v2"},
                "contract": {"public": f"{base}/api/v1/contract", "private": f"{base}/api/v1/private"},
                "broker": {"private": f"{base}/api/v3/broker"},
            }
            made.timeout_on_exit = 0
        check_world(setup, made.urls["api"])
        return made

    # ---- market data

    async def server_ms(self, client: Any) -> int:
        """GET time."""
        return int(mapping.decimal((await client.spotPublicGetTime()).get("serverTime"), "server time"))

    async def quotes(self, client: Any) -> Sequence[Quoted]:
        """GET ticker/bookTicker."""
        return answers.quoted(answers.named(client, await client.spotPublicGetTickerBookTicker(), swap=False))

    async def premiums(self, client: Any) -> Sequence[Premium]:
        """GET contract/ticker: mark (``fairPrice``) and rate of all; when it is paid stands with each symbol alone."""
        return [
            Premium(
                symbol,
                mapping.positive_or_none(row.get("fairPrice"), f"{symbol}: mark price"),
                mapping.decimal_or_none(row.get("fundingRate"), f"{symbol}: funding rate"),
                None,
                mapping.instant(row["timestamp"], f"{symbol}: time") if row.get("timestamp") else None,
            )
            for symbol, row in answers.named(client, _data(await client.contractPublicGetTicker()), swap=True)
        ]

    async def funding_hours(self, client: Any) -> Mapping[str, Decimal]:
        """GET funding_rate/{symbol} of each perpetual that is held."""
        found: dict[str, Decimal] = {}
        for symbol, _ in await _positions(client) if client.apiKey else []:
            answer = await client.contractPublicGetFundingRateSymbol({"symbol": client.market(symbol)["id"]})
            row = answers.row(_data(answer), "funding rate")
            hours = mapping.positive_or_none(row.get("collectCycle"), f"{symbol}: funding interval")
            if hours is not None:
                found[symbol] = hours
        return found

    async def volumes(self, client: Any, *, swap: bool) -> Mapping[str, Decimal]:
        """GET tickers of each side."""
        rows = [
            (symbol, row.get("quoteVolume"))
            for symbol, row in answers.named(client, await client.spotPublicGetTicker24hr(), swap=False)
        ]
        if swap:
            perpetuals = answers.named(client, _data(await client.contractPublicGetTicker()), swap=True)
            rows += [(symbol, row.get("amount24")) for symbol, row in perpetuals]
        return {
            symbol: volume
            for symbol, said in rows
            if (volume := mapping.decimal_or_none(said, f"{symbol}: volume")) is not None and volume >= 0
        }

    async def markets(self, client: Any, *, private: bool) -> Mapping[str, Market]:
        """Loaded markets with the listing's fees; steps and minima of perpetuals are contracts there, coins here."""
        del private
        return answers.loaded_markets(client, {}, {})

    async def funding_rates(self, client: Any, symbol: str, since_ms: int, most: int) -> Sequence[tuple[int, Decimal]]:
        """GET funding_rate/history, newest first and without a start: pages until it is reached."""
        return await mexc_flows.settled(client, symbol, since_ms, most)

    # ---- account

    async def account_id(self, client: Any) -> str | None:
        """GET uid."""
        uid = answers.row(await client.spotPrivateGetUid(), "account").get("uid")
        return None if uid is None else f"{self.id}:{uid}"

    async def balances(self, client: Any, *, swap: bool) -> Sequence[Balance]:
        """GET both wallets."""
        at = client.clock.now()
        spot = answers.row(await client.spotPrivateGetAccount(), "balances")
        found = [answers.spot_balance(row, at) for row in answers.rows(spot.get("balances"), "balances")]
        if swap:
            rows = answers.rows(_data(await client.contractPrivateGetAccountAssets()), "perpetual balances")
            found += [
                answers.swap_balance(str(row["currency"]), row, at, wallet=_wallet(row), free="availableBalance")
                for row in rows
            ]
        return [balance for balance in found if balance.total]

    async def positions(self, client: Any) -> Sequence[Position]:
        """GET open_positions."""
        at = client.clock.now()
        return [_position(client, symbol, row, at) for symbol, row in await _positions(client)]

    async def settings(self, client: Any, symbol: str | None = None) -> Mapping[str, SwapSettings]:
        """GET leverage of one symbol, both sides; cross is what our orders say."""
        if symbol is None:
            return {
                name: SwapSettings(mapping.positive_or_none(row.get("leverage"), f"{name}: leverage"), "cross")
                for name, row in await _positions(client)
            }
        answer = await client.contractPrivateGetPositionLeverage({"symbol": client.market(symbol)["id"]})
        rows = answers.rows(_data(answer), f"{symbol}: leverage")
        sides = {mapping.positive_or_none(row.get("leverage"), f"{symbol}: leverage") for row in rows}
        return {symbol: SwapSettings(sides.pop() if len(sides) == 1 else None, "cross")}

    async def hedged(self, client: Any, symbol: str) -> bool:
        """GET position_mode."""
        del symbol
        return int(answers.row(await client.contractPrivateGetPositionPositionMode(), "mode").get("data", 0)) == HEDGED

    async def set_margin(self, client: Any, symbol: str, margin: Literal["cross", "isolated"], leverage: int) -> None:
        """Cross is what every order says; raises `Rejected` for isolated."""
        del client, leverage
        if margin != "cross":
            raise Rejected(f"{symbol}: {margin} margin is not used on MEXC; set venue.margin_mode: cross")

    async def set_leverage(self, client: Any, symbol: str, leverage: int, margin: Literal["cross", "isolated"]) -> None:
        """POST change_leverage for longs, and again for shorts."""
        del margin
        for position_type in (1, 2):
            await client.set_leverage(leverage, symbol, {"openType": 2, "positionType": position_type})

    async def flows(self, client: Any, since: datetime, *, swap: bool) -> Sequence[Event]:
        """Funding, transfers, deposits, withdrawals (`mexc_flows`)."""
        return await mexc_flows.flows_of(client, since, swap=swap)

    async def key(self, client: Any, setup: Setup) -> KeyReport:
        """Nobody tells."""
        del client, setup
        return KeyReport(None, None, None, None, "MEXC does not say what a key may do")

    async def moves(self, client: Any, source: str, to: str, since: datetime) -> Sequence[Moved]:
        """GET capital/transfer of one direction."""
        return await mexc_flows.moves_of(client, source, to, since)

    # ---- orders

    def order_type(self, intent: OrderIntent) -> Any:
        """Perpetuals have a type for what is a time in force elsewhere."""
        return IOC_TYPE if is_swap(intent.symbol) and intent.tif == "ioc" else "limit"

    def order_params(self, intent: OrderIntent) -> Mapping[str, Any]:
        """Perpetuals are told the leverage they were prepared with; a time in force would only travel along."""
        params = dict(super().order_params(intent))
        if is_swap(intent.symbol):
            params.pop("timeInForce", None)
            if intent.leverage is not None:
                params["leverage"] = int(intent.leverage)
        elif params.get("timeInForce") == "GTC":
            params.pop("timeInForce")
        return params

    async def lookup(self, client: Any, symbol: str, client_id: str) -> Any:
        """GET order by ``origClientOrderId``, or order/external/{symbol}/{id}; what is not there has many names."""
        market = client.market(symbol)
        try:
            if not market["swap"]:
                return await client.fetch_order(None, symbol, {"clientOrderId": client_id})
            asked = {"symbol": market["id"], "external_oid": client_id}
            order = (await client.contractPrivateGetOrderExternalSymbolExternalOid(asked)).get("data")
        except ccxt.ExchangeError as error:
            if not _is_absent(error):
                raise
            return None
        return client.parse_order(order, market) if order else None

    async def order(self, client: Any, symbol: str, venue_id: str) -> Any:
        """By the venue's number."""
        try:
            return await client.fetch_order(venue_id, symbol)
        except ccxt.ExchangeError as error:
            if _is_absent(error):
                raise ccxt.OrderNotFound(str(error)) from error
            raise

    async def send_cancel(self, client: Any, symbol: str, client_id: str) -> None:
        """By ``origClientOrderId``, or cancel_with_external: ccxt's own calls send more, or ``[null]``."""
        market = client.market(symbol)
        if not market["swap"]:
            await client.spotPrivateDeleteOrder({"symbol": market["id"], "origClientOrderId": client_id})
            return
        await client.contractPrivatePostOrderCancelWithExternal([{"symbol": market["id"], "externalOid": client_id}])

    async def open_orders(self, client: Any, symbol: str | None, *, swap: bool) -> Sequence[Any]:
        """Perpetuals' list knows no symbol: all are read, and the others left out."""
        found = await super().open_orders(client, symbol, swap=swap)
        return [row for row in found if symbol is None or row["symbol"] == symbol]

    async def fills(self, client: Any, symbol: str, since_ms: int) -> Sequence[Any]:
        """Spot as everywhere; perpetuals page by page, newest first."""
        if not is_swap(symbol):
            return await super().fills(client, symbol, since_ms)
        return await mexc_flows.deals(client, symbol, since_ms)

    fills_page = {"spot": 100, "swap": DEALS_PAGE}  # noqa: RUF012 - read only
    fills_days = {"spot": 30, "swap": 90}  # noqa: RUF012

    def state(self, raw: Mapping[str, Any]) -> OrderState | None:
        """By `STATES`, under ``status`` or ``state``."""
        return super().state({**raw, "status": raw.get("status", raw.get("state"))})

    def is_ioc(self, raw: Mapping[str, Any]) -> bool:
        """A type of its own, under ``type`` or ``orderType``."""
        return any(str(raw.get(name)) in IOC_TYPES for name in ("type", "orderType"))

    def trade_client_id(self, raw: Mapping[str, Any]) -> str | None:
        """Spot's trades name it."""
        return raw.get("clientOrderId") or None


def _data(answer: Any) -> Any:
    return answers.row(answer, "answer").get("data")


def _is_absent(error: BaseException) -> bool:
    """-2011 is a bad request, -2013 a bare error, 2040 an invalid order to ccxt; each says there is no such order."""
    text = str(error).lower()
    return isinstance(error, ccxt.OrderNotFound) or (
        getattr(error, "code", None) in NO_SUCH_ORDER or any(one in text for one in NOT_THERE)
    )


async def _positions(client: Any) -> list[tuple[str, Mapping[str, Any]]]:
    rows = _data(await client.contractPrivateGetPositionOpenPositions()) or []
    return [
        (symbol, row)
        for symbol, row in answers.named(client, rows, swap=True)
        if mapping.decimal(row.get("holdVol"), f"{symbol}: position")
    ]


def _wallet(row: Mapping[str, Any]) -> Decimal:
    """``equity`` is with unrealised profit; without it, what the account holds."""
    asset = row["currency"]
    profit = mapping.decimal_or_none(row.get("unrealized"), f"{asset}: unrealised profit") or ZERO
    return mapping.decimal(row.get("equity"), f"{asset}: equity") - profit


def _position(client: Any, symbol: str, row: Mapping[str, Any], at: datetime) -> Position:
    """``holdVol`` counts contracts. Neither mark nor profit is told."""
    size = mapping.decimal(client.market(symbol).get("contractSize"), f"{symbol}: contract size")
    return Position(
        symbol=symbol,
        side="long" if str(row.get("positionType")) == "1" else "short",
        contracts=mapping.decimal(row.get("holdVol"), f"{symbol}: position"),
        contract_size=size,
        entry_price=mapping.positive_or_none(
            row.get("openAvgPrice") or row.get("holdAvgPrice"), f"{symbol}: entry price"
        ),
        leverage=mapping.positive_or_none(row.get("leverage"), f"{symbol}: leverage"),
        margin_mode="isolated" if str(row.get("openType")) == "1" else "cross",
        liquidation_price=mapping.positive_or_none(row.get("liquidatePrice"), f"{symbol}: liquidation price"),
        initial_margin=mapping.decimal_or_none(row.get("im"), f"{symbol}: initial margin"),
        at=at,
    )
