"""Owns one venue's line: its client, its limits, and how every read is asked, retried and judged. Sends no order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

import ccxt.async_support as ccxt
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    stop_after_attempt,
    stop_after_delay,
    wait_random_exponential,
)

from bot.core.instruments import is_swap
from bot.core.numbers import from_milliseconds, milliseconds
from bot.ports.clock import Clock
from bot.ports.errors import Denied, Rejected, Transient, VenueError
from bot.ports.venue import Gap
from bot.venues.ccxt import errors
from bot.venues.ccxt.limits import Lane, Traffic, Turnstile
from bot.venues.ccxt.profiles import Profile, Setup

ATTEMPTS_MOST = 4
RETRY_FOR_S = 20.0
WAIT_FIRST_S = 0.3
WAIT_MOST_S = 5.0
WATCHDOG_S = 30.0  # three times the client's time-out: a throttle whose loop died would wait for ever
KNOWN_ORDERS_MOST = 10_000
SKEW_LEAST_MS = 50
SHARED_FOR = timedelta(minutes=10)  # a list of markets that several share: the first that asks anew loads it for all

T = TypeVar("T")


@dataclass
class KnownOrders:
    """Which of the venue's order ids are ours, since its trades name no client id. The oldest are forgotten."""

    most: int = KNOWN_ORDERS_MOST
    _client_ids: dict[tuple[str, str], str] = field(default_factory=dict)

    def learn(self, symbol: str, venue_id: str | None, client_id: str) -> None:
        """An order was seen."""
        if venue_id is None or not client_id:
            return
        self._client_ids[symbol, venue_id] = client_id
        while len(self._client_ids) > self.most:
            del self._client_ids[next(iter(self._client_ids))]

    def client_id(self, symbol: str, venue_id: str | None) -> str | None:
        """Whose it is, as far as we know."""
        return self._client_ids.get((symbol, venue_id)) if venue_id is not None else None


class Line:
    """What the parts of a venue share. ``read`` raises `VenueError`; ``gap`` answers with a Gap instead.

    ``source``: an open line to the same venue, whose list of markets serves this one too.
    """

    def __init__(
        self, profile: Profile, setup: Setup, clock: Clock, traffic: Traffic, source: Line | None = None
    ) -> None:
        self.profile = profile
        self._source = source
        self.loaded_at: datetime | None = None
        self.setup = setup
        self.clock = clock
        self.traffic = traffic
        self.turnstile = Turnstile()
        self.known = KnownOrders()
        self.rested = asyncio.Event()  # an order that may rest was on its way
        self._client: Any = None

    @property
    def client(self) -> Any:
        """The ccxt instance; raises `Rejected` before `open` and after `close`."""
        if self._client is None:
            raise Rejected(f"{self.profile.id} is not open")
        return self._client

    @property
    def private(self) -> bool:
        """Whether there is a key to ask with."""
        return bool(self.setup.credentials.key)

    @property
    def has_swap(self) -> bool:
        """Whether this environment has perpetuals."""
        return self.profile.has_swap(self.setup)

    async def open(self) -> None:
        """Make the client inside this loop and load the markets; raises `VenueError`, ValueError on a wrong URL."""
        if self._client is not None:
            return
        self._client = self.profile.client(self.setup, self.clock, self.traffic)
        if self._source is not None:  # reading all the certificates anew takes longer than everything else here
            self._client.ssl_context = self._source.client.ssl_context
        opened = False
        try:
            await self.sync()
            await self.load_markets()
            opened = True
        finally:
            if not opened:
                await self.close()

    async def load_markets(self) -> None:
        """Load what the venue lists, or take it from ``source``, which loads it once a day for all who share it."""
        if self._source is None:
            await self.read("markets", lambda: self.client.load_markets(self.loaded_at is not None))
        else:
            before = self._source.loaded_at
            if before is None or self.clock.now() - before >= SHARED_FOR:
                await self._source.load_markets()
            self.client.set_markets_from_exchange(self._source.client)
        self.loaded_at = self.clock.now()

    async def close(self) -> None:
        """Let go of the connection; safe to call twice."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def server_now(self) -> datetime:
        """The venue's own clock, as of half the way there and back; raises `VenueError`.

        Signatures take the measured offset over, so that requests are dated as the venue dates them.
        """
        server, here = await self._measured()
        self._dated(server, here)
        return server

    async def sync(self) -> None:
        """Measure how far the machine's clock is off, where venue time is the machine's (no local exchange)."""
        if self.setup.environment == "local":
            return
        self._dated(*await self._measured())

    def _dated(self, server: datetime, here: datetime) -> None:
        if self.setup.environment != "local":
            skew_ms = milliseconds(server) - milliseconds(here)
            self.client.skew_ms = skew_ms if abs(skew_ms) >= SKEW_LEAST_MS else 0

    async def _measured(self) -> tuple[datetime, datetime]:
        """The server's time and ours at the middle of one exchange of messages."""

        async def ask() -> tuple[datetime, datetime]:
            before = self.clock.now()
            server_ms = await self.profile.server_ms(self.client)
            middle = before + (self.clock.now() - before) / 2
            return from_milliseconds(server_ms), middle

        return await self.read("server time", ask)

    async def read(self, what: str, ask: Callable[[], Awaitable[T]], lane: Lane = Lane.READ) -> T:
        """Ask, again where that may help; raises `VenueError`. A cancellation goes straight through."""
        attempts = AsyncRetrying(
            retry=retry_if_exception(errors.is_retryable_read),
            stop=stop_after_attempt(ATTEMPTS_MOST) | stop_after_delay(RETRY_FOR_S),
            wait=wait_random_exponential(multiplier=WAIT_FIRST_S, max=WAIT_MOST_S),
            before_sleep=self._before_retry,
            sleep=self.clock.sleep,
            reraise=True,
        )
        try:
            answer: T = await attempts(self._once, ask, lane)
        except VenueError:
            raise
        except Denied as denied:
            raise Rejected(f"{what}: {denied}") from denied
        except errors.READING as error:
            raise errors.of_read(error, what) from error
        return answer

    async def gap(self, what: str, ask: Callable[[], Awaitable[T]], lane: Lane = Lane.READ) -> T | Gap:
        """As `read`, with a Gap where it fails: a value, never 0."""
        try:
            return await self.read(what, ask, lane)
        except VenueError as error:
            return Gap(what, f"{type(error).__name__}: {errors.line(error)}")

    async def private_gap(self, what: str, ask: Callable[[], Awaitable[T]], lane: Lane = Lane.READ) -> T | Gap:
        """As `gap`, for what only a key may ask."""
        return await self.gap(what, ask, lane) if self.private else Gap(what, "no key: only public data is read")

    def size(self, symbol: str) -> Any:
        """Base units per contract (1 on spot)."""
        return self.client.market(symbol).get("contractSize") or 1

    def lists(self, symbol: str) -> bool:
        """Whether the loaded markets have it."""
        return symbol in self.client.markets and (self.has_swap or not is_swap(symbol))

    async def _once(self, ask: Callable[[], Awaitable[T]], lane: Lane) -> T:
        await self.traffic.wait()
        async with self.turnstile.turn(lane):
            try:
                async with asyncio.timeout(WATCHDOG_S):
                    return await ask()
            except TimeoutError as error:
                raise Transient(f"no answer within {WATCHDOG_S:.0f} s") from error

    async def _before_retry(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, ccxt.InvalidNonce) and self.setup.environment != "local":
            server_ms = await self.profile.server_ms(self.client)
            self.client.skew_ms = server_ms - milliseconds(self.clock.now())
