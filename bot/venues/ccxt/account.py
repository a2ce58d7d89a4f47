"""Owns a real venue's private reads: wallets, positions, open orders, fills, flows, the key. Writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

import ccxt.async_support as ccxt

from bot.core.events import Event
from bot.core.instruments import is_swap
from bot.core.numbers import milliseconds
from bot.core.orders import Fill, OrderView
from bot.core.snapshot import AccountKind, Balance, Position
from bot.ports.errors import Malformed, VenueError
from bot.ports.venue import Gap, KeyReport
from bot.venues.ccxt import mapping
from bot.venues.ccxt.limits import Lane
from bot.venues.ccxt.line import Line

UNSEEN_MOST = 10  # orders asked for their client id in one look at trades
NAMELESS_MOST = 1_000
ALL_AT_ONCE_FROM = 12  # symbols: asking for every open order weighs as much as asking for about so many


class CcxtAccount:
    """Port `Account`."""

    def __init__(self, line: Line, margin_mode: Literal["cross", "isolated"] = "cross") -> None:
        self._line = line
        self._margin_mode = margin_mode
        self._id: str | None = None
        self._leverage: dict[str, Decimal | None] = {}
        self._nameless: dict[tuple[str, str], None] = {}  # orders that told no client id; the oldest are forgotten

    async def kind(self) -> AccountKind:
        """One wallet or several, and what can be done. Raises `VenueError` where a key cannot read its account."""
        line = self._line
        if self._id is None and line.private:
            self._id = await line.read("account", lambda: line.profile.account_id(line.client))
        can: list[Literal["swap", "transfer", "earn"]] = ["swap"] if line.has_swap else []
        if line.profile.has_transfers(line.setup) and line.has_swap:
            can.append("transfer")
        if line.private and line.profile.has_savings(line.setup):
            can.append("earn")
        return AccountKind(id=self._id, unified=line.profile.unified, margin_mode=self._margin_mode, can=tuple(can))

    async def balances(self) -> Sequence[Balance] | Gap:
        """All wallets; coins that are not there are 0, for the answer was whole."""
        line = self._line
        return await line.private_gap("balances", lambda: line.profile.balances(line.client, swap=line.has_swap))

    async def positions(self) -> Sequence[Position] | Gap:
        """All positions, leverage filled in from what was last read of each symbol's settings."""
        line = self._line
        if not line.has_swap:
            return []
        found = await line.private_gap("positions", lambda: line.profile.positions(line.client))
        if isinstance(found, Gap):
            return found
        lacking = [one for one in found if one.leverage is None]
        if any(one.symbol not in self._leverage for one in lacking):
            settings = await line.gap("leverages", lambda: line.profile.settings(line.client))
            if not isinstance(settings, Gap):
                self._leverage = {symbol: setting.leverage for symbol, setting in settings.items()}
        return [
            one if one.leverage is not None else one.model_copy(update={"leverage": self._leverage.get(one.symbol)})
            for one in found
        ]

    def learn_leverage(self, symbol: str, leverage: Decimal) -> None:
        """It was set, and read back."""
        self._leverage[symbol] = leverage

    async def open_orders(self, symbols: Sequence[str]) -> Sequence[OrderView] | Gap:
        """Open orders on ``symbols``, or on all."""
        line = self._line

        async def ask() -> list[OrderView]:
            found = []
            for swap in (False, True) if line.has_swap else (False,):
                wanted = sorted({symbol for symbol in symbols if is_swap(symbol) is swap and line.lists(symbol)})
                if symbols and not wanted:
                    continue
                if not symbols or len(wanted) >= ALL_AT_ONCE_FROM:
                    rows = await line.profile.open_orders(line.client, None, swap=swap)
                    found += [row for row in rows if not symbols or row["symbol"] in wanted]
                else:
                    for symbol in wanted:
                        found += await line.profile.open_orders(line.client, symbol, swap=swap)
            return [self.view(row) for row in found]

        return await line.private_gap("open orders", ask, Lane.LOOKUP)

    async def fills(self, symbol: str, since: datetime) -> Sequence[Fill] | Gap:
        """Our trades at or after ``since``, oldest first."""
        line = self._line

        async def ask() -> list[Fill]:
            return await self._named(symbol, await self.trades(symbol, since))

        if not line.lists(symbol):
            return Gap(f"fills {symbol}", "not listed here")
        return await line.private_gap(f"fills {symbol}", ask, Lane.LOOKUP)

    async def trades(self, symbol: str, since: datetime) -> list[Fill]:
        """As `fills`; raises ccxt's errors and `Malformed`. Each trade once, whatever pages overlap."""
        line = self._line
        rows = await line.profile.fills(line.client, symbol, milliseconds(since))
        found = {one.trade_id: one for one in (self._fill(symbol, row) for row in rows)}
        return sorted((one for one in found.values() if one.at >= since), key=lambda one: (one.at, one.trade_id))

    async def _named(self, symbol: str, found: list[Fill]) -> list[Fill]:
        """With the client ids of orders that we have not seen yet, asked one by one: the newest few, each once.

        A venue's trades name only its own number of an order; who placed it stands in the order.
        """
        line = self._line
        unseen = dict.fromkeys(one.venue_order_id for one in reversed(found) if one.client_id is None)
        for venue_id in [number for number in unseen if number is not None][:UNSEEN_MOST]:
            if (symbol, venue_id) in self._nameless:
                continue
            try:
                self.view(await line.profile.order(line.client, symbol, venue_id))
            except (ccxt.OrderNotFound, ccxt.BadRequest, Malformed):
                self._nameless[symbol, venue_id] = None  # an order of old, or one that cannot be read: nobody's
            while len(self._nameless) > NAMELESS_MOST:
                del self._nameless[next(iter(self._nameless))]
        return [
            one if one.client_id else replace(one, client_id=line.known.client_id(symbol, one.venue_order_id))
            for one in found
        ]

    async def flows(self, since: datetime) -> Sequence[Event] | Gap:
        """Funding payments, deposits, withdrawals, transfers, oldest first."""
        line = self._line
        return await line.private_gap("flows", lambda: line.profile.flows(line.client, since, swap=line.has_swap))

    async def key(self) -> KeyReport:
        """What the key may do; None where nobody can tell."""
        line = self._line
        if not line.private:
            return KeyReport(None, None, None, None, "no key: only public data is read")
        try:
            return await line.read("key", lambda: line.profile.key(line.client, line.setup))
        except VenueError as error:
            return KeyReport(None, None, None, None, f"{type(error).__name__}: {error}")

    def view(self, unified: Any) -> OrderView:
        """An order that ccxt parsed, its id remembered; raises `Malformed`."""
        line = self._line
        symbol, raw = str(unified["symbol"]), unified["info"]
        client_id = line.profile.client_id(raw) or ""
        made = mapping.order_view(
            unified, client_id=client_id, said=line.profile.state(raw), size=Decimal(line.size(symbol))
        )
        line.known.learn(symbol, made.venue_id, client_id)
        return made

    def _fill(self, symbol: str, unified: Any) -> Fill:
        line = self._line
        venue_id = str(unified["order"]) if unified.get("order") else None
        said = line.profile.trade_client_id(unified["info"])
        if said:
            line.known.learn(symbol, venue_id, said)
        size = Decimal(line.size(symbol))
        return mapping.fill(unified, client_id=said or line.known.client_id(symbol, venue_id), size=size)
