"""Owns many accounts of one exchange: whose key signs a request decides which of them answers. Opens no socket."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from bot.local_exchange.app import App, Receive, Save, Scope, Send
from bot.local_exchange.signing import KeyPair
from bot.venues.simulated.exchange import Exchange

KEYS = (b"x-mbx-apikey", b"x-bapi-api-key")  # where Binance and Bybit look for the key


@dataclass(frozen=True, slots=True)
class Account:
    """One more account: its engine, its key pair, and where its state goes."""

    exchange: Exchange
    keys: KeyPair
    save: Save | None


class Accounts:
    """An ASGI application over one `App` an account. Public requests, and those of unknown keys, are the first's."""

    def __init__(self, first: App, others: Mapping[str, App]) -> None:
        self._first = first
        self._others = {key.encode("latin-1"): app for key, app in others.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        key = next((value for name, value in scope["headers"] if name.lower() in KEYS), b"")
        await self._others.get(key, self._first)(scope, receive, send)

    @property
    def order_requests(self) -> int:
        """Requests to place an order, on any account."""
        return sum(app.order_requests for app in self._all)

    @property
    def requests_by_path(self) -> Counter[str]:
        """Requests by method and path, of all accounts."""
        return sum((app.requests_by_path for app in self._all), Counter())

    async def settle(self) -> None:
        """Bring every account to the venue's present and commit it."""
        for app in self._all:
            await app.settle()

    @property
    def _all(self) -> tuple[App, ...]:
        return (self._first, *self._others.values())
