"""Owns what is BingX's alone: separate wallets, bulk reads as our nouns, look-up by its own calls, codes, its wire.

Amounts of linear perpetuals are base units. Orders travel in the query. There is no testnet that trades spot.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

import ccxt.async_support as ccxt

from bot.core.events import Event
from bot.core.instruments import Market, is_swap
from bot.core.numbers import ZERO, milliseconds, plain
from bot.core.orders import OrderState
from bot.core.snapshot import Balance, Position
from bot.ports.clock import Clock
from bot.ports.errors import Malformed, Rejected
from bot.ports.venue import KeyReport
from bot.venues.ccxt import mapping
from bot.venues.ccxt.client import SafeTransport, Way
from bot.venues.ccxt.dead_man import Countdown, must_fit
from bot.venues.ccxt.limits import Traffic
from bot.venues.ccxt.line import Line
from bot.venues.ccxt.profiles import Lack, Moved, Premium, Quoted, Setup, SwapSettings, answers
from bot.venues.ccxt.profiles.plain import A_DAY_MS, Plain, config_of, only_real
from bot.venues.ccxt.profiles.worlds import base_of, check_world

_READS = """
spot/v1/common/symbols spot/v1/market/depth spot/v1/market/kline spot/v1/ticker/24hr
swap/v2/server/time swap/v2/quote/contracts swap/v2/quote/premiumIndex swap/v2/quote/ticker swap/v2/quote/depth
swap/v3/quote/klines swap/v2/quote/fundingRate
spot/v1/account/balance spot/v1/trade/query spot/v1/trade/openOrders spot/v1/trade/myTrades spot/v1/user/commissionRate
swap/v3/user/balance swap/v2/user/positions swap/v2/user/income swap/v2/user/commissionRate
swap/v2/trade/order swap/v2/trade/openOrders swap/v2/trade/fillHistory swap/v2/trade/leverage swap/v2/trade/marginType
swap/v1/positionSide/dual account/v1/uid v1/account/apiPermissions
api/v3/asset/transferRecord api/v3/capital/deposit/hisrec api/v3/capital/withdraw/history
"""
WAYS: Mapping[tuple[str, str], Way] = {
    **{("GET", f"/openApi/{path}"): Way.READ for path in _READS.split()},
    ("POST", "/openApi/spot/v1/trade/order"): Way.ORDER,
    ("POST", "/openApi/swap/v2/trade/order"): Way.ORDER,
    ("POST", "/openApi/spot/v1/trade/cancel"): Way.CANCEL,
    ("DELETE", "/openApi/swap/v2/trade/order"): Way.CANCEL,
    ("POST", "/openApi/swap/v2/trade/leverage"): Way.SETTING,
    ("POST", "/openApi/swap/v2/trade/marginType"): Way.SETTING,
    ("POST", "/openApi/swap/v1/positionSide/dual"): Way.SETTING,
    ("POST", "/openApi/api/asset/v1/transfer"): Way.MOVE,
    ("POST", "/openApi/spot/v1/trade/cancelAllAfter"): Way.SWITCH,
    ("POST", "/openApi/swap/v2/trade/cancelAllAfter"): Way.SWITCH,
}
STATES: Mapping[str, OrderState] = {
    "NEW": OrderState.OPEN,
    "PENDING": OrderState.OPEN,
    "RUNNING": OrderState.OPEN,
    "PARTIALLY_FILLED": OrderState.PARTLY_FILLED,
    "FILLED": OrderState.FILLED,
    "CANCELED": OrderState.CANCELLED,
    "CANCELLED": OrderState.CANCELLED,
    "FAILED": OrderState.REJECTED,
    "EXPIRED": OrderState.EXPIRED,  # ccxt has no word for it
}
FILLS_PAGE = 500
FILLS_WINDOW_MS = 7 * A_DAY_MS
PAGES_MOST = 40
INCOME_PAGE = 1_000
MAY_TRADE_SPOT, MAY_TRADE_SWAP, MAY_WITHDRAW = 1, 3, 5
TOO_OFTEN = 100410
UNBLOCKED = re.compile(r"unblocked after (\d{13})")
MOVED: Mapping[str, Literal["done", "pending", "failed"]] = {"CONFIRMED": "done", "SUCCESS": "done", "FAILED": "failed"}
DEPOSITED = frozenset({1, 6})
WITHDRAWN = 6


class BingxClient(SafeTransport, ccxt.bingx):  # type: ignore[misc] # ccxt has no types
    """ccxt's bingx with our transport; numbers stay the text they were decided as, coin-margined swaps are not read."""

    def parse_to_numeric(self, number: Any) -> str:
        """Exact text: ccxt would send a float, and one below 0.0001 with an exponent."""
        return str(self.number_to_string(number))

    async def fetch_inverse_swap_markets(self, params: Any = None) -> list[Any]:
        """None: one request less."""
        del params
        return []

    def sign(self, path: str, section: Any = "public", method: str = "GET", params: Any = None) -> Any:
        """As ccxt signs, without its name."""
        signed = super().sign(path, section, method, params or {})
        (signed.get("headers") or {}).pop("X-SOURCE-KEY", None)
        return signed

    def banned_s(self, status: int, body: str, response: Any) -> float | None:
        """100410 names the millisecond until which an endpoint is closed to us; ccxt takes it for a busy system."""
        del status
        found = UNBLOCKED.search(body) if self.code_of(response) == TOO_OFTEN else None
        return max(0.0, (int(found.group(1)) - self.milliseconds()) / 1000) if found else None

    def code_of(self, response: Any) -> int | None:
        """``code``, a number or its text."""
        said = str(response.get("code", "")) if isinstance(response, dict) else ""
        return int(said) if said.lstrip("-").isdecimal() else None


class Bingx(Plain):
    """The profile (protocol `bot.venues.ccxt.profiles.Profile`)."""

    id = "bingx"
    acknowledges = True
    candles_need_an_end = True
    least_order: Mapping[Literal["spot", "swap"], Decimal] = {"spot": Decimal(5), "swap": Decimal(2)}
    dead_man_s: tuple[int, int] | None = (10, 120)
    reads: Mapping[str, Decimal] = {
        "spot balance": Decimal(2),
        "perpetual balance": Decimal(2),
        "positions": Decimal(2),
        "spot tickers": Decimal(1),
        "premium index": Decimal(1),
    }
    candles_most: Mapping[Literal["spot", "swap"], int] = {"spot": 1_000, "swap": 1_000}
    book_depths: Mapping[Literal["spot", "swap"], Sequence[int]] = {"spot": (), "swap": (5, 10, 20, 50, 100, 500, 1000)}
    states = STATES
    client_id_names = ("clientOrderID", "clientOrderId", "origClientOrderId")
    duplicate_codes = frozenset({101481, 109201})
    nobody_knows = frozenset({500, 504, 100410, 100440, 100503})
    lacks: Sequence[Lack] = (
        Lack("a testnet that trades spot", "mode paper; its demo trading (VST) has perpetuals only"),
        Lack("flexible savings", "idle stables stay in the spot wallet"),
        Lack("fees in bulk", "the account's tier is asked for one spot symbol and taken for all"),
        Lack("what a key may do, for sure", "read where the answer has the documented shape, else unknown"),
    )

    def client(self, setup: Setup, clock: Clock, traffic: Traffic) -> BingxClient:
        """The one instance; raises ValueError on a URL of the wrong world, `Rejected` for a testnet."""
        only_real(self.id, setup)
        made = BingxClient(config_of(setup, {"defaultType": "spot"}), clock=clock, traffic=traffic, ways=WAYS)
        made.has["fetchCurrencies"] = False
        if setup.environment == "local":
            made.urls["api"] = dict.fromkeys(made.urls["api"], f"{base_of(setup.url)}/openApi")
            made.timeout_on_exit = 0
        check_world(setup, {name: made.implode_hostname(url) for name, url in made.urls["api"].items()})
        return made

    def dead_man(self, line: Line, window: timedelta) -> Countdown:
        """A countdown for each side of the account."""
        must_fit(self, window)
        return Countdown(line, window, lambda symbol: "swap" if is_swap(symbol) else "spot", _count_down)

    # ---- market data

    async def server_ms(self, client: Any) -> int:
        """GET server/time."""
        answer = _data(await client.swapV2PublicGetServerTime(), "server time")
        return int(mapping.decimal(answer.get("serverTime"), "server time"))

    async def quotes(self, client: Any) -> Sequence[Quoted]:
        """GET spot ticker/24hr: every symbol's best bid and ask."""
        return answers.quoted(await _spot_tickers(client))

    async def premiums(self, client: Any) -> Sequence[Premium]:
        """GET premiumIndex."""
        answer = await client.swapV2PublicGetQuotePremiumIndex()
        found = []
        for symbol, row in answers.named(client, answer.get("data"), swap=True):
            due = mapping.positive_or_none(row.get("nextFundingTime"), f"{symbol}: next funding")
            found.append(
                Premium(
                    symbol,
                    mapping.positive_or_none(row.get("markPrice"), f"{symbol}: mark price"),
                    mapping.decimal_or_none(row.get("lastFundingRate"), f"{symbol}: funding rate"),
                    mapping.instant(due, f"{symbol}: next funding") if due else None,
                    None,
                    mapping.positive_or_none(row.get("fundingIntervalHours"), f"{symbol}: funding interval"),
                )
            )
        return found

    async def volumes(self, client: Any, *, swap: bool) -> Mapping[str, Decimal]:
        """GET tickers of each side."""
        rows = await _spot_tickers(client)
        if swap:
            rows += answers.named(client, (await client.swapV2PublicGetQuoteTicker()).get("data"), swap=True)
        return {
            symbol: volume
            for symbol, row in rows
            if (volume := mapping.decimal_or_none(row.get("quoteVolume"), f"{symbol}: volume")) is not None
            and volume >= 0
        }

    async def markets(self, client: Any, *, private: bool) -> Mapping[str, Market]:
        """Loaded markets with the account's fees."""
        fees = await answers.or_nothing(_fees(client)) if private else {}
        return answers.loaded_markets(client, fees, {})

    # ---- account

    async def account_id(self, client: Any) -> str | None:
        """GET account/v1/uid."""
        uid = _data(await client.accountV1PrivateGetUid(), "account").get("uid")
        return None if uid is None else f"{self.id}:{uid}"

    async def balances(self, client: Any, *, swap: bool) -> Sequence[Balance]:
        """GET both wallets; ccxt's total of the second is what may be withdrawn, so its raw fields are read."""
        at = client.clock.now()
        spot = _data(await client.spotV1PrivateGetAccountBalance(), "balances")
        found = [answers.spot_balance(row, at) for row in answers.rows(spot.get("balances"), "balances")]
        if swap:
            answer = await client.swapV3PrivateGetUserBalance()
            found += [
                answers.swap_balance(str(row["asset"]), row, at, wallet=row.get("balance"), free="availableMargin")
                for row in answers.rows(answer.get("data"), "perpetual balances")
            ]
        return [balance for balance in found if balance.total]

    async def positions(self, client: Any) -> Sequence[Position]:
        """GET swap/v2/user/positions."""
        at = client.clock.now()
        return [
            _position(symbol, row, at)
            for symbol, row in await _positions(client)
            if mapping.decimal(row.get("positionAmt"), f"{symbol}: position")
        ]

    async def settings(self, client: Any, symbol: str | None = None) -> Mapping[str, SwapSettings]:
        """GET leverage and marginType of one symbol; of all only what positions tell."""
        if symbol is None:
            return {name: SwapSettings(_leverage(name, row), _margin(row)) for name, row in await _positions(client)}
        asked = {"symbol": client.market(symbol)["id"]}
        leverage = _data(await client.swapV2PrivateGetTradeLeverage(asked), f"{symbol}: leverage")
        mode = _data(await client.swapV2PrivateGetTradeMarginType(asked), f"{symbol}: margin mode")
        sides = {
            mapping.positive_or_none(leverage.get(name), f"{symbol}: leverage")
            for name in ("longLeverage", "shortLeverage")
        }
        isolated = str(mode.get("marginType")).upper() == "ISOLATED"
        return {symbol: SwapSettings(sides.pop() if len(sides) == 1 else None, "isolated" if isolated else "cross")}

    async def set_leverage(self, client: Any, symbol: str, leverage: int, margin: Literal["cross", "isolated"]) -> None:
        """One-way accounts have one side, BOTH."""
        del margin
        await client.set_leverage(leverage, symbol, {"side": "BOTH"})

    async def flows(self, client: Any, since: datetime, *, swap: bool) -> Sequence[Event]:
        """Income of perpetuals, deposits, withdrawals."""
        found = await _income(client, since) if swap else []
        found += await _chain(client, since)
        return sorted((event for event in found if event.at >= since), key=lambda event: (event.at, event.key))

    async def key(self, client: Any, setup: Setup) -> KeyReport:
        """GET apiPermissions: numbers by kind; an answer of another shape says nothing."""
        del setup
        answer = await client.accountV1PrivateGetAccountApiPermissions()
        said = answer.get("data", answer) if isinstance(answer, dict) else {}
        may = said.get("permissions") if isinstance(said, dict) else None
        if not isinstance(may, list):
            return KeyReport(None, None, None, None, "the answer about the key has no list of permissions")
        numbers = {int(one) for one in may if str(one).isdecimal()}
        addresses = said.get("ipAddresses")
        return KeyReport(
            MAY_TRADE_SPOT in numbers,
            MAY_TRADE_SWAP in numbers,
            MAY_WITHDRAW in numbers,
            bool(addresses) if isinstance(addresses, list) else None,
        )

    async def moves(self, client: Any, source: str, to: str, since: datetime) -> Sequence[Moved]:
        """GET asset/transferRecord of one direction."""
        accounts = {"spot": "spot", "futures": "USDTMPerp"}
        if {source, to} != set(accounts):
            raise Rejected(f"money is moved between spot and futures here, not from {source} to {to}")
        answer = await client.apiV3PrivateGetAssetTransferRecord(
            {
                "fromAccount": accounts[source],
                "toAccount": accounts[to],
                "startTime": str(milliseconds(since)),
                "pageSize": "100",
            }
        )
        return [
            Moved(
                str(row["transferId"]),
                str(row["asset"]),
                mapping.decimal(row.get("amount"), "transfer amount"),
                mapping.instant(row.get("timestamp"), "transfer time"),
                MOVED.get(str(row.get("status")).upper(), "pending"),
            )
            for row in answers.rows(answer.get("rows") or [], "transfers")
        ]

    # ---- orders

    async def lookup(self, client: Any, symbol: str, client_id: str) -> Any:
        """By its own calls: through ccxt's `fetch_order` the text ``orderId=None`` would go out."""
        market = client.market(symbol)
        asked = {"symbol": market["id"], "clientOrderID": client_id}
        ask = client.swapV2PrivateGetTradeOrder if market["swap"] else client.spotV1PrivateGetTradeQuery
        try:
            said = _data(await ask(asked), "order")
        except ccxt.OrderNotFound:
            return None
        order = answers.row(said.get("order", said), "order")
        return client.parse_order(order, market) if order else None

    async def fills(self, client: Any, symbol: str, since_ms: int) -> Sequence[Any]:
        """GET myTrades day by day, or fillHistory week by week, page by page."""
        market = client.market(symbol)
        if not is_swap(symbol):
            return await super().fills(client, symbol, since_ms)
        found: list[Any] = []
        start_ms, now_ms = since_ms, client.milliseconds()
        while start_ms <= now_ms:
            for page in range(1, PAGES_MOST + 2):
                if page > PAGES_MOST:
                    raise Malformed(f"fills {symbol}: more than {PAGES_MOST} pages; ask from later")
                span = {"startTs": str(start_ms), "endTs": str(min(start_ms + FILLS_WINDOW_MS, now_ms))}
                asked = {"symbol": market["id"], "pageIndex": str(page), "pageSize": str(FILLS_PAGE), **span}
                said = _data(await client.swapV2PrivateGetTradeFillHistory(asked), "fills")
                rows = answers.rows(said.get("fill_history_orders") or said.get("fill_orders") or [], "fills")
                found += [_swap_trade(symbol, row) for row in rows]
                if len(rows) < FILLS_PAGE:
                    break
            start_ms += FILLS_WINDOW_MS
        return found

    fills_page = {"spot": 1_000, "swap": FILLS_PAGE}  # noqa: RUF012 - read only
    fills_days = {"spot": 1, "swap": 7}  # noqa: RUF012


def _data(answer: Any, what: str) -> Mapping[str, Any]:
    return answers.row(answers.row(answer, what).get("data"), what)


async def _spot_tickers(client: Any) -> list[tuple[str, Mapping[str, Any]]]:
    answer = await client.spotV1PublicGetTicker24hr()
    return answers.named(client, answer.get("data"), swap=False)


async def _positions(client: Any) -> list[tuple[str, Mapping[str, Any]]]:
    return answers.named(client, (await client.swapV2PrivateGetUserPositions()).get("data") or [], swap=True)


async def _fees(client: Any) -> dict[str, tuple[Decimal, Decimal]]:
    found: dict[str, tuple[Decimal, Decimal]] = {}
    sides = {swap: sorted(name for name in client.markets if is_swap(name) is swap) for swap in (False, True)}
    for swap, symbols in sides.items():
        if not symbols:
            continue
        ask = client.swapV2PrivateGetUserCommissionRate if swap else client.spotV1PrivateGetUserCommissionRate
        said = _data(await ask({} if swap else {"symbol": client.market(symbols[0])["id"]}), "fees")
        row = answers.row(said.get("commission", said), "fees")
        maker = mapping.decimal(row.get("makerCommissionRate"), "maker fee")
        found |= dict.fromkeys(symbols, (maker, mapping.decimal(row.get("takerCommissionRate"), "taker fee")))
    return found


def _margin(row: Mapping[str, Any]) -> Literal["cross", "isolated"]:
    return "isolated" if row.get("isolated") is True else "cross"


def _leverage(symbol: str, row: Mapping[str, Any]) -> Decimal | None:
    return mapping.positive_or_none(row.get("leverage"), f"{symbol}: leverage")


def _position(symbol: str, row: Mapping[str, Any], at: datetime) -> Position:
    """One-way rows say BOTH with a signed amount, or the side with ``onlyOnePosition``."""
    amount = mapping.decimal(row.get("positionAmt"), f"{symbol}: position")
    said = str(row.get("positionSide", "BOTH")).upper()
    if said != "BOTH" and row.get("onlyOnePosition") is False:
        raise Malformed(f"{symbol}: the account is in hedge mode; switch it to one-way")
    return Position(
        symbol=symbol,
        side="short" if said == "SHORT" or amount < 0 else "long",
        contracts=abs(amount),
        entry_price=mapping.positive_or_none(row.get("avgPrice"), f"{symbol}: entry price"),
        mark_price=mapping.positive_or_none(row.get("markPrice"), f"{symbol}: mark price"),
        leverage=_leverage(symbol, row),
        margin_mode=_margin(row),
        liquidation_price=mapping.positive_or_none(row.get("liquidationPrice"), f"{symbol}: liquidation price"),
        initial_margin=mapping.decimal_or_none(row.get("initialMargin"), f"{symbol}: initial margin"),
        unrealised_pnl=mapping.decimal_or_none(row.get("unrealizedProfit"), f"{symbol}: unrealised profit"),
        at=at,
    )


def _swap_trade(symbol: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """A fill as ccxt would tell it; an amount is base units."""
    at = row.get("filledTime") or row.get("filledTm")
    moment = at if str(at).isdecimal() else milliseconds(mapping.utc(at, "fill time"))
    fee = mapping.decimal(row.get("commission"), "fee")
    return {
        "id": row.get("tradeId") or row.get("id"),
        "info": dict(row),
        "order": row.get("orderId"),
        "symbol": symbol,
        "side": row.get("side"),
        "price": row.get("price"),
        "amount": row.get("qty") or row.get("volume"),
        "timestamp": moment,
        # What was paid is told as a negative number; a rebate, positive.
        "fee": {"cost": -fee, "currency": row.get("commissionAsset") or row.get("currency")},
    }


async def _income(client: Any, since: datetime) -> list[Event]:
    """Pages by time, a page's last instant asked again; an amount below 0 was paid by us."""
    found: dict[str, Event] = {}
    start_ms = milliseconds(since)
    for _ in range(PAGES_MOST):
        answer = await client.swapV2PrivateGetUserIncome({"startTime": str(start_ms), "limit": str(INCOME_PAGE)})
        rows = sorted(answers.rows(answer.get("data") or [], "income"), key=lambda row: int(row["time"]))
        for row in rows:
            event = _income_event(client, row)
            if event is not None:
                found[event.key] = event
        if len(rows) < INCOME_PAGE:
            return list(found.values())
        last_ms = int(rows[-1]["time"])
        start_ms = last_ms if last_ms > start_ms else last_ms + 1
    raise Malformed(f"income since {since.isoformat()}: more than {PAGES_MOST} pages; ask from later")


def _income_event(client: Any, row: Mapping[str, Any]) -> Event | None:
    kind = str(row["incomeType"])
    amount = mapping.decimal(row.get("income"), f"income {row.get('tranId')}")
    at = mapping.instant(row.get("time"), f"income {row.get('tranId')}")
    key = f"bingx:income:{kind}:{row['tranId']}:{row.get('symbol') or row['asset']}"
    if kind == "FUNDING_FEE":
        symbol = answers.symbol_of(client, row.get("symbol"), swap=True)
        return Event(key, at, "funding", {"symbol": symbol, "paid": plain(-amount)}) if symbol else None
    kinds = {"TRANSFER": "transfer", "INSURANCE_CLEAR": "other"}
    if kind not in kinds:
        return None
    moved = abs(amount) if kind == "TRANSFER" else amount
    return Event(key, at, "flow", {"asset": str(row["asset"]), "amount": plain(moved), "kind": kinds[kind]})


async def _chain(client: Any, since: datetime) -> list[Event]:
    """Deposits and withdrawals."""
    asked = {"startTime": str(milliseconds(since)), "limit": "1000"}
    came = answers.rows(await client.spotV3PrivateGetCapitalDepositHisrec(asked), "deposits")
    went = answers.rows(await client.spotV3PrivateGetCapitalWithdrawHistory(asked), "withdrawals")
    found = []
    for row in came:
        if row.get("status") in DEPOSITED:
            at = mapping.instant(row.get("insertTime"), "deposit")
            amount = mapping.decimal(row.get("amount"), "deposit")
            body = {"asset": str(row["coin"]), "amount": plain(amount), "kind": "deposit"}
            found.append(Event(f"bingx:deposit:{row.get('txId')}:{milliseconds(at)}", at, "flow", body))
    for row in went:
        if row.get("status") == WITHDRAWN:
            at = mapping.utc(row.get("applyTime"), "withdrawal time")
            fee = mapping.decimal_or_none(row.get("transactionFee"), "withdrawal fee") or ZERO
            amount = mapping.decimal(row.get("amount"), "withdrawal") + fee
            body = {"asset": str(row["coin"]), "amount": plain(-amount), "kind": "withdrawal"}
            found.append(Event(f"bingx:withdrawal:{row['id']}", at, "flow", body))
    return found


async def _count_down(client: Any, side: str, seconds: int) -> None:
    """POST cancelAllAfter of one side of the account."""
    asked = {"type": "ACTIVATE", "timeOut": seconds} if seconds else {"type": "CLOSE", "timeOut": 0}
    ask = client.swapV2PrivatePostTradeCancelAllAfter if side == "swap" else client.spotV1PrivatePostTradeCancelAllAfter
    await ask(asked)
