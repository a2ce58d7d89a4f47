"""Owns a venue's private streams through ccxt.pro. It reads that something happened and can neither trade nor move."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import urlsplit

from bot.ports.errors import Denied
from bot.venues.ccxt import errors
from bot.venues.ccxt.profiles import Credentials, Environment

TIMEOUT_MS = 10_000
ONE_WALLET = ("bybit",)
SPOT: Mapping[str, str] = {"type": "spot"}
SWAP: Mapping[str, str] = {"type": "swap", "subType": "linear"}
#: What opens a stream is no order: the only writes that may leave.
OPENS = ("listenkey", "userdatastream")


class CcxtPush:
    """Port `Push`. ``make`` makes the ccxt.pro client inside the running loop, on the first call."""

    def __init__(self, venue_id: str, make: Callable[[], Any]) -> None:
        self._make = make
        self._client: Any = None
        self._closed = False
        worlds: Mapping[str, Mapping[str, str]] = {"spot": SPOT, "futures": SWAP}
        if venue_id in ONE_WALLET:
            worlds = {"account": {}}
        self._streams = {
            f"{what} {name}": (what, asked) for name, asked in worlds.items() for what in ("orders", "balance")
        }

    def streams(self) -> Sequence[str]:
        """Orders and balance of each wallet."""
        return tuple(self._streams)

    async def heard(self, stream: str) -> None:
        """See the Protocol."""
        what, asked = self._streams[stream]
        client = self._opened()
        ask: Callable[[], Awaitable[Any]]
        if what == "orders":
            ask = lambda: client.watch_orders(None, None, None, dict(asked))  # noqa: E731 - one line, one use
        else:
            ask = lambda: client.watch_balance(dict(asked))  # noqa: E731 - one line, one use
        try:
            await ask()
        except errors.READING as error:
            raise errors.of_read(error, stream) from error

    async def close(self) -> None:
        """Let go; safe to call twice."""
        client, self._client, self._closed = self._client, None, True
        if client is not None:
            await client.close()

    def _opened(self) -> Any:
        if self._closed:
            raise Denied("the streams are closed")
        if self._client is None:
            self._client = self._make()
        return self._client


class Asked(Protocol):
    """The configured venue, as far as streams are concerned."""

    @property
    def id(self) -> str:
        """By its ccxt id."""
        ...

    @property
    def environment(self) -> Environment:
        """Which of its worlds."""
        ...

    @property
    def push(self) -> bool:
        """Whether its streams are wanted."""
        ...


def push_of(venue: Asked, credentials: Callable[[], Credentials]) -> CcxtPush | None:
    """A venue's streams; None where nobody wants or can have them: no key, a local exchange, or ccxt has none."""
    if not venue.push or venue.environment == "local" or not credentials().key:
        return None
    import ccxt.pro  # noqa: PLC0415 - slow to load, and off by default

    base, name, environment = getattr(ccxt.pro, venue.id, None), venue.id, venue.environment
    return None if base is None else CcxtPush(name, lambda: pro_client(base, environment, credentials()))


def pro_client(base: type[Any], environment: Environment, credentials: Credentials) -> Any:
    """A streaming client, which may only read and open streams; made inside the running loop."""

    class Listener(base):  # type: ignore[misc] # ccxt has no types
        async def fetch(self, url: str, method: str = "GET", headers: Any = None, body: Any = None) -> Any:
            path = urlsplit(url).path
            if method != "GET" and not any(word in path.lower() for word in OPENS):
                raise Denied(f"{method} {path} is not among the requests that streams may make")
            return await super().fetch(url, method, headers, body)

    client = Listener(
        {
            "apiKey": credentials.key,
            "secret": credentials.secret,
            "password": credentials.password,
            "enableRateLimit": True,
            "timeout": TIMEOUT_MS,
            "options": {"fetchMarkets": {"types": ["spot", "linear"]}, "fetchCurrencies": False},
        }
    )
    client.has["fetchCurrencies"] = False
    if environment == "testnet":
        client.set_sandbox_mode(True)
    elif environment == "demo":
        client.enable_demo_trading(enable=True)
    return client
