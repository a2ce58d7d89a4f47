"""Owns what is Binance's alone: its bulk reads as our nouns, its status words, its codes. The wire is beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

import ccxt.async_support as ccxt

from bot.core.events import Event
from bot.core.instruments import Market, is_swap
from bot.core.numbers import ONE, milliseconds
from bot.core.orders import MoveIntent, OrderIntent, OrderState, Placed
from bot.core.snapshot import Balance, Position, Saving
from bot.ports.clock import Clock
from bot.ports.errors import Malformed, Rejected
from bot.ports.venue import KeyReport
from bot.venues.ccxt import mapping
from bot.venues.ccxt.dead_man import Countdown, must_fit
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
    binance_savings,
)
from bot.venues.ccxt.profiles.binance_flows import flows_of
from bot.venues.ccxt.profiles.binance_wire import WAYS, BinanceClient, local_urls
from bot.venues.ccxt.profiles.plain import RECV_WINDOW_MS, TIMEOUT_MS, Plain
from bot.venues.ccxt.profiles.worlds import check_world

STATES: Mapping[str, OrderState] = {
    "PENDING_NEW": OrderState.OPEN,
    "NEW": OrderState.OPEN,
    "PARTIALLY_FILLED": OrderState.PARTLY_FILLED,
    "PENDING_CANCEL": OrderState.OPEN,  # asked to be cancelled is not cancelled yet
    "FILLED": OrderState.FILLED,
    "CANCELED": OrderState.CANCELLED,
    "REJECTED": OrderState.REJECTED,
    "EXPIRED": OrderState.EXPIRED,
    "EXPIRED_IN_MATCH": OrderState.EXPIRED,
}
MOVE_STATES: Mapping[str, Literal["done", "pending", "failed"]] = {
    "CONFIRMED": "done",
    "PENDING": "pending",
    "FAILED": "failed",
}
# Codes that say the server itself does not know: -1000 unknown, -1001 disconnected, -1006 and -1007 no answer from the
# matching engine, -1008 overloaded. Every other code in a complete 4xx is a refusal made before matching.
NOBODY_KNOWS = frozenset({-1000, -1001, -1006, -1007, -1008})
DUPLICATE_CODES = frozenset({-4116, -4015})
DUPLICATE_TEXT = "Duplicate order sent"
NO_KEY_REPORT = "this environment cannot say what the key may do"


class Binance(Plain):
    """The profile (protocol `bot.venues.ccxt.profiles.Profile`)."""

    id = "binance"
    budgets: Mapping[str, int] = {"api": 6_000, "fapi": 2_400, "sapi": 12_000}
    lacks: Sequence[Lack] = (
        Lack("an account in one piece", "money is moved between the spot and the futures wallet where margin needs it"),
        Lack("portfolio margin", "refused: use a classic account"),
        Lack(
            "a dead-man's switch on spot",
            "it covers perpetuals; a spot order left behind waits for the next start",
        ),
        Lack("futures on the spot testnet", "demo trading has them; it has no transfers and tells nothing of keys"),
    )
    least_order: Mapping[Literal["spot", "swap"], Decimal] = {"spot": Decimal(5), "swap": Decimal(100)}
    dead_man_s: tuple[int, int] | None = (5, 300)  # Binance names no bounds; it advises 120 s and a sign every 30
    reads: Mapping[str, Decimal] = {
        "spot account": Decimal(4),
        "perpetual account": Decimal(1),
        "positions": Decimal(1),
        "premium index": Decimal(1),
        "spot book tickers": Decimal("0.8"),
    }
    orders_per_s = 10
    fills_page = {"spot": 1_000, "swap": 1_000}  # noqa: RUF012 - read only
    fills_days = {"spot": None, "swap": 7}  # noqa: RUF012
    client_id_names = ("origClientOrderId", "clientOrderId")  # a cancel's answer has an id of its own under the second
    states = STATES
    wallets = {"spot": "spot", "futures": "swap", "earn": "earn"}  # noqa: RUF012 - ccxt has no word for the last
    candles_most: Mapping[Literal["spot", "swap"], int] = {"spot": 1_000, "swap": 1_000}
    book_depths: Mapping[Literal["spot", "swap"], Sequence[int]] = {"spot": (), "swap": (5, 10, 20, 50, 100, 500, 1000)}

    # ---- connecting

    def dead_man(self, line: Line, window: timedelta) -> Countdown:
        """A countdown for each perpetual."""
        must_fit(self, window)
        return Countdown(line, window, lambda symbol: symbol if is_swap(symbol) else None, _count_down)

    def client(self, setup: Setup, clock: Clock, traffic: Traffic) -> BinanceClient:
        """The one instance; raises ValueError on a URL of the wrong world."""
        local = setup.environment == "local"
        types = ["spot", "linear"] if self.has_swap(setup) else ["spot"]
        options = {
            "defaultType": "spot",
            "fetchCurrencies": False,
            "fetchMargins": False,
            "fetchMarkets": {"types": types},
            # Time is ours; a local exchange may run many times as fast as the host on which a request travels.
            "adjustForTimeDifference": False,
            "recvWindow": int(RECV_WINDOW_MS * (setup.clock_speed if local else ONE)),
            "fetchOpenOrders": {"warnWithoutSymbol": False},
        }
        config = {
            "apiKey": setup.credentials.key,
            "secret": setup.credentials.secret,
            "timeout": TIMEOUT_MS,
            # A local exchange has venue minutes of its own, which the host's throttle knows nothing of.
            "enableRateLimit": not local,
            "options": options,
        }
        made = BinanceClient(config, clock=clock, traffic=traffic, ways=WAYS)
        made.sapi = self.has_transfers(setup)
        if local:
            made.urls["api"] = local_urls(made.urls["api"], setup.url)
            made.timeout_on_exit = 0  # ms that TLS needs to say goodbye; here is none
        elif setup.environment == "testnet":
            made.set_sandbox_mode(True)
        elif setup.environment == "demo":
            made.enable_demo_trading(enable=True)
        check_world(setup, made.urls["api"])
        return made

    def offers(self, environment: Environment) -> bool:
        """All of them."""
        del environment
        return True

    def has_swap(self, setup: Setup) -> bool:
        """Not on the spot testnet."""
        return setup.environment != "testnet"

    def has_transfers(self, setup: Setup) -> bool:
        """SAPI exists where the real account is, and in ours."""
        return setup.environment in ("local", "production")

    def has_savings(self, setup: Setup) -> bool:
        """Savings are SAPI too."""
        return self.has_transfers(setup)

    # ---- market data

    async def server_ms(self, client: Any) -> int:
        """Spot's clock; futures' is the same one."""
        answer = await client.publicGetTime()
        return int(mapping.decimal(answer.get("serverTime"), "server time"))

    async def quotes(self, client: Any) -> Sequence[Quoted]:
        """GET ticker/bookTicker; a side that shows 0 has nobody."""
        return answers.quoted(answers.named(client, await client.publicGetTickerBookTicker(), swap=False))

    async def premiums(self, client: Any) -> Sequence[Premium]:
        """GET premiumIndex."""
        return [
            Premium(
                symbol,
                mapping.positive_or_none(row.get("markPrice"), f"{symbol}: mark price"),
                mapping.decimal_or_none(row.get("lastFundingRate"), f"{symbol}: funding rate"),
                mapping.instant(row["nextFundingTime"], f"{symbol}: next funding") if row["nextFundingTime"] else None,
                mapping.instant(row["time"], f"{symbol}: time") if row.get("time") else None,
            )
            for symbol, row in answers.named(client, await client.fapiPublicGetPremiumIndex(), swap=True)
        ]

    async def volumes(self, client: Any, *, swap: bool) -> Mapping[str, Decimal]:
        """GET ticker/24hr of each side: dear, so seldom asked."""
        sides = [(False, await client.publicGetTicker24hr())]
        if swap:
            sides.append((True, await client.fapiPublicGetTicker24hr()))
        return {
            symbol: volume
            for is_swap, rows in sides
            for symbol, row in answers.named(client, rows, swap=is_swap)
            if (volume := mapping.decimal_or_none(row.get("quoteVolume"), f"{symbol}: volume")) is not None
            and volume >= 0
        }

    async def funding_hours(self, client: Any) -> Mapping[str, Decimal]:
        """GET fundingInfo lists only what is not every eight hours."""
        return {
            symbol: hours
            for symbol, row in answers.named(client, await client.fapiPublicGetFundingInfo(), swap=True)
            if (hours := mapping.positive_or_none(row.get("fundingIntervalHours"), f"{symbol}: funding interval"))
        }

    async def markets(self, client: Any, *, private: bool) -> Mapping[str, Market]:
        """Loaded markets; a market that cannot be read is left out: what is not listed is not traded."""
        fees = await answers.or_nothing(self._fees(client)) if private else {}
        rates = await answers.or_nothing(self._maintenance(client)) if private else {}
        return answers.loaded_markets(client, fees, rates)

    async def _fees(self, client: Any) -> dict[str, tuple[Decimal, Decimal]]:
        """Maker and taker: spot's in bulk; futures' are the account's tier, so one symbol tells all of a currency's."""
        found: dict[str, tuple[Decimal, Decimal]] = {}
        if client.sapi:
            for symbol, row in answers.named(client, await client.sapiGetAssetTradeFee(), swap=False):
                found[symbol] = (
                    mapping.decimal(row.get("makerCommission"), f"{symbol}: maker fee"),
                    mapping.decimal(row.get("takerCommission"), f"{symbol}: taker fee"),
                )
        linear: dict[str, list[str]] = {}
        for symbol, unified in sorted(client.markets.items()):
            if unified.get("swap") and unified.get("linear") and unified.get("active"):
                linear.setdefault(unified["quote"], []).append(symbol)
        for symbols in linear.values():
            row = await client.fapiPrivateGetCommissionRate({"symbol": client.market(symbols[0])["id"]})
            maker = mapping.decimal(row.get("makerCommissionRate"), f"{symbols[0]}: maker fee")
            taker = mapping.decimal(row.get("takerCommissionRate"), f"{symbols[0]}: taker fee")
            found |= dict.fromkeys(symbols, (maker, taker))
        return found

    async def _maintenance(self, client: Any) -> dict[str, Decimal]:
        if not any(unified.get("swap") for unified in client.markets.values()):
            return {}
        rows = await client.fapiPrivateGetLeverageBracket()
        return {
            symbol: mapping.decimal(row["brackets"][0]["maintMarginRatio"], f"{symbol}: maintenance rate")
            for symbol, row in answers.named(client, rows, swap=True)
        }

    # ---- account

    async def balances(self, client: Any, *, swap: bool) -> Sequence[Balance]:
        """Spot and futures; ``LD`` coins are flexible savings, and lie in the wallet `earn` under their own name."""
        at = client.clock.now()
        found: list[Balance] = []
        coins = {part for unified in client.markets.values() for part in (unified["base"], unified["quote"])}
        for row in answers.rows((await client.privateGetAccount()).get("balances"), "balances"):
            asset = str(row["asset"])
            free = mapping.decimal(row.get("free"), f"{asset}: free")
            locked = mapping.decimal(row.get("locked"), f"{asset}: locked")
            if free + locked == 0:
                continue
            earning = asset.startswith("LD") and asset not in coins and asset[2:] in coins
            wallet: Literal["spot", "earn"] = "earn" if earning else "spot"
            found.append(Balance(wallet=wallet, asset=asset[2:] if earning else asset, free=free, locked=locked, at=at))
        if swap:
            answer = await client.fapiPrivateV3GetAccount()
            found.extend(
                answers.swap_balance(
                    str(row["asset"]), row, at, wallet=row.get("walletBalance"), free="availableBalance"
                )
                for row in answers.rows(answer.get("assets"), "futures assets")
            )
        return [balance for balance in found if balance.total]

    async def positions(self, client: Any) -> Sequence[Position]:
        """GET v3/positionRisk, which tells no leverage."""
        at = client.clock.now()
        return [
            _position(symbol, row, at)
            for symbol, row in answers.named(client, await client.fapiPrivateV3GetPositionRisk(), swap=True)
            if mapping.decimal(row.get("positionAmt"), f"{symbol}: position")
        ]

    async def settings(self, client: Any, symbol: str | None = None) -> Mapping[str, SwapSettings]:
        """GET symbolConfig."""
        asked = {} if symbol is None else {"symbol": client.market(symbol)["id"]}
        return {
            name: SwapSettings(
                mapping.positive_or_none(row.get("leverage"), f"{name}: leverage"),
                "isolated" if str(row.get("marginType")).upper() == "ISOLATED" else "cross",
            )
            for name, row in answers.named(client, await client.fapiPrivateGetSymbolConfig(asked), swap=True)
        }

    async def account_id(self, client: Any) -> str | None:
        """The account's ``uid``."""
        uid = (await client.privateGetAccount({"omitZeroBalances": "true"})).get("uid")
        return None if uid is None else f"{self.id}:{uid}"

    async def flows(self, client: Any, since: datetime, *, swap: bool) -> Sequence[Event]:
        """Income, deposits and withdrawals (`binance_flows`)."""
        return await flows_of(client, since, swap=swap, sapi=client.sapi)

    async def key(self, client: Any, setup: Setup) -> KeyReport:
        """GET apiRestrictions; demo and testnet have none."""
        if not self.has_transfers(setup):
            return KeyReport(None, None, None, None, NO_KEY_REPORT)
        answer = await client.sapiGetAccountApiRestrictions()
        if answer.get("enablePortfolioMarginTrading") is True:
            raise Rejected("the key is for portfolio margin, which this bot does not trade: use a classic account")
        named = ("enableSpotAndMarginTrading", "enableFutures", "enableWithdrawals", "ipRestrict")
        spot, swap, withdraw, bound = (answer.get(name) for name in named)
        moves = "" if answer.get("permitsUniversalTransfer") is True else "may not move money between own wallets"
        return KeyReport(answers.flag(spot), answers.flag(swap), answers.flag(withdraw), answers.flag(bound), moves)

    async def moves(self, client: Any, source: str, to: str, since: datetime) -> Sequence[Moved]:
        """GET asset/transfer of one direction, or the history of savings; newest first, one page of a hundred."""
        if {source, to} == {"spot", "earn"}:
            return await binance_savings.moves_of(client, redeemed=source == "earn", since=since)
        kind = {("spot", "futures"): "MAIN_UMFUTURE", ("futures", "spot"): "UMFUTURE_MAIN"}.get((source, to))
        if kind is None:
            raise Rejected(f"money is moved between spot and futures or spot and earn here, not from {source} to {to}")
        answer = await client.sapiGetAssetTransfer({"type": kind, "startTime": milliseconds(since), "size": 100})
        return [
            Moved(
                str(row["tranId"]),
                str(row["asset"]),
                mapping.decimal(row.get("amount"), "transfer amount"),
                mapping.instant(row.get("timestamp"), "transfer time"),
                MOVE_STATES.get(str(row.get("status")).upper(), "pending"),
            )
            for row in answers.rows(answer.get("rows", []), "transfers")
        ]

    async def send_move(self, client: Any, intent: MoveIntent) -> str | None:
        """POST asset/transfer between spot and futures; savings are subscribed to and redeemed."""
        if {intent.source, intent.to} == {"spot", "earn"}:
            return await binance_savings.send(client, intent)
        if "earn" in (intent.source, intent.to):
            raise Rejected(f"savings are reached from the spot wallet, not from {intent.source} to {intent.to}")
        source, to = self.wallet(intent.source), self.wallet(intent.to)
        answer = await client.transfer(intent.asset, intent.amount, source, to)
        number = answer.get("id") if isinstance(answer, dict) else None
        return str(number) if number else None

    async def savings(self, client: Any) -> Mapping[str, Saving]:
        """GET simple-earn/flexible/list."""
        return await binance_savings.savings_of(client)

    # ---- orders

    async def lookup(self, client: Any, symbol: str, client_id: str) -> Any:
        """GET order by ``origClientOrderId``."""
        try:
            return await client.fetch_order(None, symbol, {"origClientOrderId": client_id})
        except ccxt.OrderNotFound:
            return None

    async def send_cancel(self, client: Any, symbol: str, client_id: str) -> None:
        """DELETE order by ``origClientOrderId``."""
        await client.cancel_order(None, symbol, {"origClientOrderId": client_id})

    def order_params(self, intent: OrderIntent) -> Mapping[str, Any]:
        """Spot refuses ``reduceOnly`` as a parameter it does not know."""
        params: dict[str, Any] = {"newClientOrderId": intent.client_id}
        if intent.tif == "post_only":
            params["postOnly"] = True
        else:
            params["timeInForce"] = intent.tif.upper()
        if intent.reduce_only:
            params["reduceOnly"] = True
        return params

    def refusal(self, error: BaseException) -> Placed | None:
        """By the code of a complete 4xx; ccxt leaves many futures codes in the ambiguous bare class."""
        code, status = getattr(error, "code", None), getattr(error, "http_status", 0)
        if code in DUPLICATE_CODES or DUPLICATE_TEXT in str(error):
            return Placed.EXISTS
        if code is None or not 400 <= status < 500:  # noqa: PLR2004 - client errors of HTTP
            return None
        return Placed.UNKNOWN if code in NOBODY_KNOWS else Placed.REJECTED


def _position(symbol: str, row: Mapping[str, Any], at: datetime) -> Position:
    amount = mapping.decimal(row.get("positionAmt"), f"{symbol}: position")
    if str(row.get("positionSide", "BOTH")) != "BOTH":
        raise Malformed(f"{symbol}: the account is in hedge mode; switch it to one-way")
    isolated = mapping.decimal_or_none(row.get("isolatedMargin"), f"{symbol}: isolated margin")
    return Position(
        symbol=symbol,
        side="long" if amount > 0 else "short",
        contracts=abs(amount),
        entry_price=mapping.positive_or_none(row.get("entryPrice"), f"{symbol}: entry price"),
        mark_price=mapping.positive_or_none(row.get("markPrice"), f"{symbol}: mark price"),
        margin_mode="isolated" if isolated else "cross",
        liquidation_price=mapping.positive_or_none(row.get("liquidationPrice"), f"{symbol}: liquidation price"),
        initial_margin=mapping.decimal_or_none(row.get("initialMargin"), f"{symbol}: initial margin"),
        maintenance_margin=mapping.decimal_or_none(row.get("maintMargin"), f"{symbol}: maintenance margin"),
        unrealised_pnl=mapping.decimal_or_none(row.get("unRealizedProfit"), f"{symbol}: unrealised profit"),
        at=at,
    )


async def _count_down(client: Any, symbol: str, seconds: int) -> None:
    """POST countdownCancelAll, weight 10."""
    asked = {"symbol": client.market_id(symbol), "countdownTime": seconds * 1000}
    await client.fapiPrivatePostCountdownCancelAll(asked)
