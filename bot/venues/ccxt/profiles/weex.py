"""Owns what is WEEX's alone: sizes in base units whatever a contract is said to be, two-sided orders, its wire.

Every perpetual order names the side it opens or reduces: a sale that does not reduce opens a short beside a long, so a
flip takes two orders. Nothing moves between its wallets by API, and there is no testnet that trades spot.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

import ccxt.async_support as ccxt

from bot.core.events import Event
from bot.core.instruments import Market, is_swap
from bot.core.numbers import milliseconds, plain
from bot.core.orders import OrderIntent, OrderState
from bot.core.snapshot import Balance, Position
from bot.ports.clock import Clock
from bot.ports.errors import Malformed
from bot.ports.venue import KeyReport
from bot.venues.ccxt import mapping
from bot.venues.ccxt.client import SafeTransport, Way
from bot.venues.ccxt.limits import Traffic
from bot.venues.ccxt.profiles import Lack, Premium, Quoted, Setup, SwapSettings, answers
from bot.venues.ccxt.profiles.plain import Plain, config_of, only_real
from bot.venues.ccxt.profiles.worlds import base_of, check_world

_READS = """
/api/v3/time /api/v3/exchangeInfo /api/v3/market/ticker/24hr /api/v3/market/klines /api/v3/market/depth
/api/v3/account/ /api/v3/order /api/v3/openOrders /api/v3/allOrders /api/v3/myTrades
/capi/v3/market/time /capi/v3/market/exchangeInfo /capi/v3/market/depth /capi/v3/market/klines
/capi/v3/market/historyKlines /capi/v3/market/premiumIndex /capi/v3/market/ticker/24hr /capi/v3/market/fundingRate
/capi/v3/account/balance /capi/v3/account/symbolConfig /capi/v3/account/position/allPosition
/capi/v3/order /capi/v3/openOrders /capi/v3/order/history /capi/v3/userTrades
"""
WAYS: Mapping[tuple[str, str], Way] = {
    **{("GET", path): Way.READ for path in _READS.split()},
    ("POST", "/capi/v3/account/income"): Way.READ,  # a question, though it is posted
    ("POST", "/api/v3/order"): Way.ORDER,
    ("POST", "/capi/v3/order"): Way.ORDER,
    ("DELETE", "/api/v3/order"): Way.CANCEL,
    ("DELETE", "/capi/v3/order"): Way.CANCEL,
    ("POST", "/capi/v3/account/leverage"): Way.SETTING,
    ("POST", "/capi/v3/account/marginType"): Way.SETTING,
}
STATES: Mapping[str, OrderState] = {
    "new": OrderState.OPEN,
    "pending": OrderState.OPEN,
    "untriggered": OrderState.OPEN,
    "partially_filled": OrderState.PARTLY_FILLED,  # ccxt has no word for it
    "partial_fill": OrderState.PARTLY_FILLED,  # ccxt calls it closed
    "filled": OrderState.FILLED,
    "full_fill": OrderState.FILLED,
    "canceled": OrderState.CANCELLED,
    "cancelled": OrderState.CANCELLED,
    "rejected": OrderState.REJECTED,
    "failed": OrderState.REJECTED,
    "expired": OrderState.EXPIRED,
}
TOO_OLD = "-1046"
NO_SUCH_ORDER = -3200  # of perpetuals; ccxt calls it an invalid order
LEAST_NOTIONAL = Decimal(5)  # USDT, where the venue tells none
SPOT_CANDLES, SWAP_CANDLES = 300, 100
PAGE, PAGES_MOST = 100, 40
MINUTES = Decimal(60)


class WeexClient(SafeTransport, ccxt.weex):  # type: ignore[misc] # ccxt has no types
    """ccxt's weex with our transport; one contract is one coin."""

    def describe(self) -> Any:
        """With -1046, a time-stamp that is too old, as what it is: the clock is measured anew, a read asked again."""
        made = super().describe()
        made["exceptions"]["exact"][TOO_OLD] = ccxt.InvalidNonce
        return made

    def parse_market(self, market: Any) -> Any:
        """Without ``contractVal``: quantities and sizes are base units already, multiplied they would be wrong."""
        made = super().parse_market(market)
        if made is not None and made.get("swap"):
            made["contractSize"] = self.parse_number("1")
        return made

    def code_of(self, response: Any) -> int | None:
        """``code``, a number or its text."""
        said = str(response.get("code", "")) if isinstance(response, dict) else ""
        return int(said) if said.lstrip("-").isdecimal() else None


class Weex(Plain):
    """The profile (protocol `bot.venues.ccxt.profiles.Profile`)."""

    id = "weex"
    acknowledges = True
    two_sided = True
    post_only: Mapping[Literal["spot", "swap"], bool] = {"spot": False, "swap": False}
    rates_most = 100
    least_order: Mapping[Literal["spot", "swap"], Decimal] = {"spot": Decimal(5), "swap": Decimal(5)}
    reads: Mapping[str, Decimal] = {
        "spot balance": Decimal(5),
        "perpetual balance": Decimal(10),
        "positions": Decimal(15),
        "spot tickers": Decimal(10),
        "premium index": Decimal(5),
    }
    candles_most: Mapping[Literal["spot", "swap"], int] = {"spot": SPOT_CANDLES, "swap": SWAP_CANDLES}
    book_depths: Mapping[Literal["spot", "swap"], Sequence[int]] = {"spot": (15, 200), "swap": (15, 200)}
    states = STATES
    client_id_names = ("clientOrderId", "origClientOrderId", "newClientOrderId")
    swap_kind = {"type": "swap"}  # noqa: RUF012 - read only; a ``subType`` would be sent as it is
    duplicate_texts = ("duplicate", "DUPLICATE")
    nobody_knows = frozenset({-1000, -1054})
    lacks: Sequence[Lack] = (
        Lack("post-only orders", "makers are not tended: use execution.style taker"),
        Lack("transfers by API", "money is not moved between spot and futures: fund both wallets yourself"),
        Lack("a testnet that trades spot", "mode paper"),
        Lack("a dead-man's switch", "what a process that died left resting is cancelled at its next start"),
        Lack("flexible savings", "idle stables stay in the spot wallet"),
        Lack("what a key may do", "mode live needs venue.unchecked_key"),
        Lack("a least notional", "5 USDT is assumed"),
        Lack("one order that turns a position", "refused: close reduce-only, then open"),
        Lack("spot candles of long ago", "the newest 300 bars; readings that need more wait"),
        Lack("deposits into the spot wallet", "not told by API: they count as a gain until the next baseline"),
        Lack("whether a futures balance holds unrealised profit", "taken as without; certify before live"),
    )

    def client(self, setup: Setup, clock: Clock, traffic: Traffic) -> WeexClient:
        """The one instance; raises ValueError on a URL of the wrong world, `Rejected` for a testnet."""
        only_real(self.id, setup)
        made = WeexClient(config_of(setup, {"defaultType": "spot"}), clock=clock, traffic=traffic, ways=WAYS)
        made.has["fetchCurrencies"] = False
        if setup.environment == "local":
            made.urls["api"] = dict.fromkeys(made.urls["api"], base_of(setup.url))
            made.timeout_on_exit = 0
        check_world(setup, made.urls["api"])
        return made

    def has_transfers(self, setup: Setup) -> bool:
        """None by API."""
        del setup
        return False

    # ---- market data

    async def server_ms(self, client: Any) -> int:
        """GET time."""
        return int(mapping.decimal((await client.publicGetApiV3Time()).get("serverTime"), "server time"))

    async def quotes(self, client: Any) -> Sequence[Quoted]:
        """GET spot ticker/24hr: half as dear as bookTicker."""
        return answers.quoted(answers.named(client, await client.publicGetApiV3MarketTicker24hr(), swap=False))

    async def premiums(self, client: Any) -> Sequence[Premium]:
        """GET premiumIndex; ``collectCycle`` in minutes."""
        found = []
        for symbol, row in answers.named(client, await client.contractGetCapiV3MarketPremiumIndex(), swap=True):
            due = mapping.positive_or_none(row.get("nextFundingTime"), f"{symbol}: next funding")
            cycle = mapping.positive_or_none(row.get("collectCycle"), f"{symbol}: funding interval")
            found.append(
                Premium(
                    symbol,
                    mapping.positive_or_none(row.get("markPrice"), f"{symbol}: mark price"),
                    mapping.decimal_or_none(row.get("lastFundingRate"), f"{symbol}: funding rate"),
                    mapping.instant(due, f"{symbol}: next funding") if due else None,
                    mapping.instant(row["time"], f"{symbol}: time") if row.get("time") else None,
                    cycle / MINUTES if cycle else None,
                )
            )
        return found

    async def volumes(self, client: Any, *, swap: bool) -> Mapping[str, Decimal]:
        """GET ticker/24hr of each side; the second is dear, so seldom asked."""
        rows = answers.named(client, await client.publicGetApiV3MarketTicker24hr(), swap=False)
        if swap:
            rows += answers.named(client, await client.contractGetCapiV3MarketTicker24hr(), swap=True)
        return {
            symbol: volume
            for symbol, row in rows
            if (volume := mapping.decimal_or_none(row.get("quoteVolume"), f"{symbol}: volume")) is not None
            and volume >= 0
        }

    async def markets(self, client: Any, *, private: bool) -> Mapping[str, Market]:
        """Loaded markets, whose fees are live ones."""
        del private
        return answers.loaded_markets(client, {}, {}, least_notional=LEAST_NOTIONAL)

    async def candles(
        self, client: Any, symbol: str, timeframe: str, since_ms: int, count: int
    ) -> Sequence[Sequence[Any]]:
        """Perpetuals by start and end; spot answers with its newest only."""
        if is_swap(symbol):
            until_ms = since_ms + count * mapping.span_ms(timeframe)
            span = {"historical": True, "until": min(until_ms, client.milliseconds())}
            found: Sequence[Sequence[Any]] = await client.fetch_ohlcv(symbol, timeframe, since_ms, count, span)
            return found
        newest: Sequence[Sequence[Any]] = await client.fetch_ohlcv(
            symbol, timeframe, since_ms, None, {"limit": SPOT_CANDLES}
        )
        return newest

    # ---- account

    async def account_id(self, client: Any) -> str | None:
        """The spot account's ``uid``, where it tells one."""
        said = answers.row(await client.privateGetApiV3Account(), "account")
        uid = said.get("uid") or said.get("userId")
        return None if uid is None else f"{self.id}:{uid}"

    async def balances(self, client: Any, *, swap: bool) -> Sequence[Balance]:
        """GET both wallets."""
        at = client.clock.now()
        spot = answers.row(await client.privateGetApiV3Account(), "balances")
        found = [answers.spot_balance(row, at) for row in answers.rows(spot.get("balances"), "balances")]
        if swap:
            rows = answers.rows(await client.contractPrivateGetCapiV3AccountBalance(), "perpetual balances")
            found += [
                answers.swap_balance(str(row["asset"]), row, at, wallet=row.get("balance"), free="availableBalance")
                for row in rows
            ]
        return [balance for balance in found if balance.total]

    async def positions(self, client: Any) -> Sequence[Position]:
        """GET allPosition."""
        at = client.clock.now()
        rows = await client.contractPrivateGetCapiV3AccountPositionAllPosition()
        return [
            _position(symbol, row, at)
            for symbol, row in answers.named(client, rows, swap=True)
            if mapping.decimal(row.get("size"), f"{symbol}: position")
        ]

    async def settings(self, client: Any, symbol: str | None = None) -> Mapping[str, SwapSettings]:
        """GET symbolConfig of one symbol or of all."""
        asked = {} if symbol is None else {"symbol": client.market(symbol)["id"]}
        rows = await client.contractPrivateGetCapiV3AccountSymbolConfig(asked)
        return {name: _settings(name, row) for name, row in answers.named(client, rows, swap=True)}

    async def set_one_way(self, client: Any, symbol: str) -> None:
        """POST marginType says the position mode too, so the margin mode is said as it is."""
        margin = (await self.settings(client, symbol))[symbol].margin or "cross"
        await client.set_position_mode(False, symbol, {"marginMode": margin})  # noqa: FBT003 - ccxt's signature

    async def set_leverage(self, client: Any, symbol: str, leverage: int, margin: Literal["cross", "isolated"]) -> None:
        """POST leverage of the margin mode."""
        await client.set_leverage(leverage, symbol, {"marginMode": margin})

    async def flows(self, client: Any, since: datetime, *, swap: bool) -> Sequence[Event]:
        """Income of perpetuals; deposits into spot are not told."""
        return await _income(client, since) if swap else []

    async def key(self, client: Any, setup: Setup) -> KeyReport:
        """Nobody tells."""
        del client, setup
        return KeyReport(None, None, None, None, "WEEX does not say what a key may do")

    # ---- orders

    def order_params(self, intent: OrderIntent) -> Mapping[str, Any]:
        """Perpetuals are told the side of the book they open or reduce; ccxt would send ``reduceOnly`` along."""
        params = dict(super().order_params(intent))
        if is_swap(intent.symbol):
            reduces = params.pop("reduceOnly", False)
            params["positionSide"] = "LONG" if (intent.qty > 0) is not reduces else "SHORT"
        return params

    async def lookup(self, client: Any, symbol: str, client_id: str) -> Any:
        """GET order by ``origClientOrderId``; of perpetuals also its history, should the first not know client ids."""
        market = client.market(symbol)
        try:
            return await client.fetch_order("0" if market["swap"] else None, symbol, {"clientOrderId": client_id})
        except ccxt.OrderNotFound:
            pass
        except ccxt.InvalidOrder as error:
            if getattr(error, "code", None) != NO_SUCH_ORDER:
                raise
        if not market["swap"]:
            return None
        rows = await client.contractPrivateGetCapiV3OrderHistory({"symbol": market["id"], "limit": str(PAGE)})
        found = [row for row in answers.rows(rows, "order history") if self.client_id(row) == client_id]
        return client.parse_order(found[0], market) if found else None

    def state(self, raw: Mapping[str, Any]) -> OrderState | None:
        """By `STATES`, whatever its case."""
        return super().state({**raw, "status": str(raw["status"]).lower()} if raw.get("status") else raw)


def _settings(symbol: str, row: Mapping[str, Any]) -> SwapSettings:
    isolated = str(row.get("marginType")).upper() == "ISOLATED"
    names = ("isolatedLongLeverage", "isolatedShortLeverage") if isolated else ("crossLeverage",)
    found = {mapping.positive_or_none(row.get(name), f"{symbol}: leverage") for name in names}
    return SwapSettings(found.pop() if len(found) == 1 else None, "isolated" if isolated else "cross")


def _position(symbol: str, row: Mapping[str, Any], at: datetime) -> Position:
    """Sizes are base units. The mark is not told: it is what makes the unrealised profit what it is."""
    if row.get("separatedMode") == "SEPARATED":
        raise Malformed(f"{symbol}: positions are kept apart; switch the symbol to combined (one-way)")
    size = mapping.decimal(row.get("size"), f"{symbol}: position")
    value = mapping.positive_or_none(row.get("openValue"), f"{symbol}: open value")
    profit = mapping.decimal_or_none(row.get("unrealizePnl"), f"{symbol}: unrealised profit")
    side: Literal["long", "short"] = "short" if str(row.get("side")).upper() == "SHORT" else "long"
    mark = None
    if value is not None and profit is not None:
        mark = (value + (profit if side == "long" else -profit)) / size
    return Position(
        symbol=symbol,
        side=side,
        contracts=size,
        entry_price=value / size if value else None,
        mark_price=mark if mark is not None and mark > 0 else None,
        leverage=mapping.positive_or_none(row.get("leverage"), f"{symbol}: leverage"),
        margin_mode="isolated" if str(row.get("marginType")).upper() == "ISOLATED" else "cross",
        liquidation_price=mapping.positive_or_none(row.get("liquidatePrice"), f"{symbol}: liquidation price"),
        initial_margin=mapping.decimal_or_none(row.get("marginSize"), f"{symbol}: initial margin"),
        unrealised_pnl=profit,
        at=at,
    )


async def _income(client: Any, since: datetime) -> list[Event]:
    """POST income: what changed the futures wallet, page by page; below 0 was paid by us."""
    kinds = {"deposit": "deposit", "withdraw": "withdrawal", "transfer_in": "transfer", "transfer_out": "transfer"}
    found: dict[str, Event] = {}
    start_ms = milliseconds(since)
    for _ in range(PAGES_MOST):
        span = {"startTime": start_ms, "endTime": client.milliseconds(), "limit": PAGE}
        answer = answers.row(await client.contractPrivatePostCapiV3AccountIncome(span), "income")
        rows = sorted(answers.rows(answer.get("items") or [], "income"), key=lambda row: int(row["time"]))
        for row in rows:
            what = f"income {row.get('billId')}"
            kind, amount = str(row.get("incomeType")), mapping.decimal(row.get("income"), what)
            at, key = mapping.instant(row.get("time"), what), f"weex:income:{row['billId']}"
            symbol = answers.symbol_of(client, row.get("symbol"), swap=True)
            if kind == "position_funding" and symbol:
                found[key] = Event(key, at, "funding", {"symbol": symbol, "paid": plain(-amount)})
            elif kind in kinds:
                moved = abs(amount) if kinds[kind] == "transfer" else amount
                body = {"asset": str(row["asset"]), "amount": plain(moved), "kind": kinds[kind]}
                found[key] = Event(key, at, "flow", body)
        if len(rows) < PAGE:
            return sorted(found.values(), key=lambda event: (event.at, event.key))
        last_ms = int(rows[-1]["time"])
        start_ms = last_ms if last_ms > start_ms else last_ms + 1
    raise Malformed(f"income since {since.isoformat()}: more than {PAGES_MOST} pages; ask from later")
