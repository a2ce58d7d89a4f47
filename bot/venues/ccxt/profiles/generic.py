"""Owns any other ccxt venue as far as its unified calls reach: read for paper and dry-run, never written to.

What is not certain of a venue nobody looked at is left out: an unlisted path does not exist for it, no order leaves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any, Literal

import ccxt.async_support as ccxt

from bot.core.events import Event
from bot.core.instruments import Market, is_swap
from bot.core.numbers import ZERO, milliseconds, plain
from bot.core.orders import MoveIntent, OrderIntent
from bot.core.snapshot import Balance, Position
from bot.ports.clock import Clock
from bot.ports.errors import Rejected
from bot.ports.venue import KeyReport
from bot.venues.ccxt import mapping
from bot.venues.ccxt.client import SafeTransport, Way
from bot.venues.ccxt.limits import Traffic
from bot.venues.ccxt.profiles import Environment, Lack, Premium, Quoted, Setup, SwapSettings, answers
from bot.venues.ccxt.profiles.plain import Plain, config_of
from bot.venues.ccxt.profiles.worlds import check_world

NO_ORDERS = "is read for paper and dry-run only: without a profile of its own no order leaves"
HOURS = {"h": Decimal(1), "m": Decimal(1) / 60, "d": Decimal(24)}
CLIENT_ID_NAMES = ("clientOrderId", "clientOid", "clOrdId", "client_oid", "cl_ord_id", "cloid", "text", "orderLinkId")


class ReadingTransport(SafeTransport):
    """Our transport with no list of paths: what reads may be asked, what withdraws may not, nothing is written."""

    def way_of(self, method: str, path: str) -> Way | None:
        """A GET reads; a POST only where no key could give it effect (some venues ask by POST)."""
        if "withdraw" in path.lower():
            return None
        keyless = not any(getattr(self, name, None) for name in ("apiKey", "secret", "privateKey", "walletAddress"))
        return Way.READ if method == "GET" or (method == "POST" and keyless) else None


@cache
def _client_class(venue_id: str) -> Any:
    return type(f"{venue_id.capitalize()}Reader", (ReadingTransport, getattr(ccxt, venue_id)), {})


def is_known(venue_id: str) -> bool:
    """Whether ccxt has it."""
    return venue_id in ccxt.exchanges


class Generic(Plain):
    """The profile (protocol `bot.venues.ccxt.profiles.Profile`) of a ccxt id, built from ``has`` and ``features``."""

    trades = False
    client_id_names = CLIENT_ID_NAMES

    def __init__(self, venue_id: str) -> None:
        if not is_known(venue_id):
            raise Rejected(f"venue.id: is {venue_id}, must be one that ccxt has")
        self.id = venue_id
        self._plain = getattr(ccxt, venue_id)()
        self.candles_most = {"spot": self._candles("spot"), "swap": self._candles("swap")}
        self.post_only = {"spot": False, "swap": False}
        self.lacks = (
            Lack("a profile of its own", f"{venue_id} {NO_ORDERS}"),
            Lack("savings and transfers", "not read"),
            Lack("deposits and withdrawals", "not read: they count as gains and losses"),
            *(Lack(what, instead) for name, what, instead in MISSING if not self.can(name)),
        )

    def can(self, name: str) -> bool:
        """What ccxt says it has."""
        return bool(self._plain.has.get(name))

    def _candles(self, side: Literal["spot", "swap"]) -> int:
        """``features`` say how many a page holds; 500 where they say nothing."""
        found: Any = (self._plain.features or {}).get(side) or {}
        found = found.get("linear", found) if side == "swap" else found
        page = ((found or {}).get("fetchOHLCV") or {}).get("limit")
        return int(page) if page else 500

    # ---- connecting

    def client(self, setup: Setup, clock: Clock, traffic: Traffic) -> Any:
        """The one instance; raises `Rejected` where there is no such environment."""
        if setup.environment not in ("production", "testnet"):
            raise Rejected(f"venue.environment: is {setup.environment}, must be production or testnet on {self.id}")
        made = _client_class(self.id)(config_of(setup, {}), clock=clock, traffic=traffic, ways={})
        made.has["fetchCurrencies"] = False
        if setup.environment == "testnet":
            if not made.urls.get("test"):
                raise Rejected(f"venue.environment: is testnet, and {self.id} has none; use mode paper")
            made.set_sandbox_mode(True)
        apis = made.urls["api"]
        addresses = apis if isinstance(apis, Mapping) else {"api": apis}
        check_world(setup, {name: made.implode_hostname(str(url)) for name, url in _leaves(addresses).items()})
        return made

    def offers(self, environment: Environment) -> bool:
        """A testnet where ccxt knows its address."""
        return environment == "production" or (environment == "testnet" and bool(self._plain.urls.get("test")))

    def has_swap(self, setup: Setup) -> bool:
        """Perpetuals whose rates come in bulk."""
        del setup
        return self.can("swap") and self.can("fetchFundingRates")

    def has_transfers(self, setup: Setup) -> bool:
        """Nothing is written."""
        del setup
        return False

    # ---- market data

    async def server_ms(self, client: Any) -> int:
        """The venue's clock, or ours where it tells none."""
        return int(await client.fetch_time()) if self.can("fetchTime") else int(client.milliseconds())

    async def quotes(self, client: Any) -> Sequence[Quoted]:
        """In bulk, or not at all."""
        return [
            Quoted(
                symbol,
                mapping.positive_or_none(row.get("bid"), f"{symbol}: bid"),
                mapping.positive_or_none(row.get("ask"), f"{symbol}: ask"),
            )
            for symbol, row in (await self._tickers(client, swap=False)).items()
        ]

    async def _tickers(self, client: Any, *, swap: bool) -> Mapping[str, Mapping[str, Any]]:
        kind = {"type": "swap", "subType": "linear"} if swap else {"type": "spot"}
        if not swap and self.can("fetchBidsAsks"):
            found = await client.fetch_bids_asks(None, kind)
        elif self.can("fetchTickers"):
            found = await client.fetch_tickers(None, kind)
        else:
            raise Rejected(f"{self.id} has no quotes in bulk")
        return {symbol: row for symbol, row in found.items() if symbol in client.markets and is_swap(symbol) is swap}

    async def premiums(self, client: Any) -> Sequence[Premium]:
        """Rates with their marks."""
        found = []
        for symbol, row in (await client.fetch_funding_rates()).items():
            if symbol not in client.markets or not is_swap(symbol):
                continue
            due = row.get("nextFundingTimestamp") or row.get("fundingTimestamp")
            found.append(
                Premium(
                    symbol,
                    mapping.positive_or_none(row.get("markPrice"), f"{symbol}: mark price"),
                    mapping.decimal_or_none(row.get("fundingRate"), f"{symbol}: funding rate"),
                    mapping.instant(due, f"{symbol}: next funding") if due else None,
                    mapping.instant(row["timestamp"], f"{symbol}: time") if row.get("timestamp") else None,
                    _hours(row.get("interval")),
                )
            )
        return found

    async def volumes(self, client: Any, *, swap: bool) -> Mapping[str, Decimal]:
        """Of spot tickers, and of perpetuals' where they come in bulk."""
        if not self.can("fetchTickers"):
            return {}
        rows = dict(await client.fetch_tickers(None, {"type": "spot"}))
        if swap:
            rows |= await client.fetch_tickers(None, {"type": "swap", "subType": "linear"})
        return {
            symbol: volume
            for symbol, row in rows.items()
            if (volume := mapping.decimal_or_none(row.get("quoteVolume"), f"{symbol}: volume")) is not None
            and volume >= 0
        }

    async def markets(self, client: Any, *, private: bool) -> Mapping[str, Market]:
        """Loaded markets with the listing's fees."""
        del private
        return answers.loaded_markets(client, {}, {})

    # ---- account

    async def account_id(self, client: Any) -> str | None:
        """The account's number, where ccxt asks for one."""
        if not self.can("fetchAccounts"):
            return None
        known = await client.fetch_accounts()
        return f"{self.id}:{known[0]['id']}" if len(known) == 1 and known[0].get("id") else None

    async def balances(self, client: Any, *, swap: bool) -> Sequence[Balance]:
        """Ccxt's free and used; what the perpetuals' total means differs by venue."""
        at = client.clock.now()
        kinds: list[tuple[Literal["spot", "futures"], str]] = [("spot", "spot")]
        if swap:
            kinds.append(("futures", "swap"))
        found = []
        for wallet, kind in kinds:
            answer = await client.fetch_balance({"type": kind})
            for asset, row in answer.items():
                if not isinstance(row, Mapping) or "total" not in row or asset in ("free", "used", "total", "info"):
                    continue
                free = mapping.decimal_or_none(row.get("free"), f"{asset}: free")
                total = mapping.decimal(row.get("total"), f"{asset}: total")
                free = total if free is None else min(max(free, ZERO), total)
                found.append(Balance(wallet=wallet, asset=asset, free=free, locked=total - free, at=at))
        return [balance for balance in found if balance.total]

    async def positions(self, client: Any) -> Sequence[Position]:
        """ccxt's, linear ones; raises `Rejected` where they cannot be read in bulk."""
        if not self.can("fetchPositions"):
            raise Rejected(f"{self.id} has no positions in bulk")
        at = client.clock.now()
        found = []
        for row in await client.fetch_positions():
            symbol = str(row["symbol"])
            contracts = mapping.decimal_or_none(row.get("contracts"), f"{symbol}: position")
            if not contracts or symbol not in client.markets or not is_swap(symbol):
                continue
            size = mapping.positive_or_none(client.market(symbol).get("contractSize"), f"{symbol}: contract size")
            found.append(
                Position(
                    symbol=symbol,
                    side="short" if row.get("side") == "short" else "long",
                    contracts=abs(contracts),
                    contract_size=size or Decimal(1),
                    entry_price=mapping.positive_or_none(row.get("entryPrice"), f"{symbol}: entry price"),
                    mark_price=mapping.positive_or_none(row.get("markPrice"), f"{symbol}: mark price"),
                    leverage=mapping.positive_or_none(row.get("leverage"), f"{symbol}: leverage"),
                    margin_mode=row["marginMode"] if row.get("marginMode") in ("cross", "isolated") else None,
                    liquidation_price=mapping.positive_or_none(row.get("liquidationPrice"), f"{symbol}: liquidation"),
                    unrealised_pnl=mapping.decimal_or_none(row.get("unrealizedPnl"), f"{symbol}: unrealised profit"),
                    at=at,
                )
            )
        return found

    async def settings(self, client: Any, symbol: str | None = None) -> Mapping[str, SwapSettings]:
        """What positions tell."""
        held = await self.positions(client)
        return {one.symbol: SwapSettings(one.leverage, one.margin_mode) for one in held if symbol in (None, one.symbol)}

    async def flows(self, client: Any, since: datetime, *, swap: bool) -> Sequence[Event]:
        """Funding payments, an amount below 0 taken for paid by us."""
        if not swap or not self.can("fetchFundingHistory"):
            return []
        found = []
        for row in await client.fetch_funding_history(None, milliseconds(since)):
            if row.get("id") is None or not row.get("symbol"):
                continue
            what = f"funding {row['id']}"
            paid = -mapping.decimal(row.get("amount"), what)
            body = {"symbol": str(row["symbol"]), "paid": plain(paid)}
            key = f"{self.id}:funding:{row['id']}"
            found.append(Event(key, mapping.instant(row.get("timestamp"), what), "funding", body))
        return sorted((event for event in found if event.at >= since), key=lambda event: (event.at, event.key))

    async def key(self, client: Any, setup: Setup) -> KeyReport:
        """Nobody tells."""
        del client, setup
        return KeyReport(None, None, None, None, f"nothing is known of what a key may do on {self.id}")

    # ---- nothing is written

    def order_params(self, intent: OrderIntent) -> Mapping[str, Any]:
        """Raises `Rejected`."""
        raise Rejected(f"{intent.client_id}: {self.id} {NO_ORDERS}")

    async def send_move(self, client: Any, intent: MoveIntent) -> str | None:
        """Raises `Rejected`."""
        del client
        raise Rejected(f"{intent.client_id}: {self.id} {NO_ORDERS}")


MISSING = (
    ("fetchTickers", "tickers in bulk", "volumes are unknown"),
    ("fetchFundingRates", "funding rates in bulk", "no perpetuals: hedges and bridges are off"),
    ("fetchTime", "a clock to ask", "the machine's clock is believed"),
    ("fetchPositions", "positions in bulk", "dry-run of perpetuals is not possible"),
)


def _hours(interval: Any) -> Decimal | None:
    text = str(interval or "")
    number, unit = text[:-1], text[-1:]
    return Decimal(number) * HOURS[unit] if number.isdecimal() and int(number) and unit in HOURS else None


def _leaves(urls: Mapping[str, Any]) -> dict[str, Any]:
    """Addresses that are set; some venues list products without one."""
    found: dict[str, Any] = {}
    for name, url in urls.items():
        if isinstance(url, Mapping):
            found |= {f"{name}.{inner}": one for inner, one in _leaves(url).items()}
        elif url:
            found[name] = url
    return found
