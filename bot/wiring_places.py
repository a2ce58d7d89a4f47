"""Owns what portfolios of one process share of the venues: a clock, a market reader and, for each key, a connection.

With a run folder what is read and what may be asked is shared with the other processes of this machine as well.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final

import structlog

from bot import __version__
from bot.clocks import OffsetClock, SystemClock, boot_id, boot_s
from bot.feeds import OutsideFeeds
from bot.ports.clock import Clock
from bot.ports.errors import VenueError
from bot.settings import Settings
from bot.venues.ccxt.market_data import Nearby
from bot.venues.ccxt.profiles import Credentials, Setup
from bot.venues.ccxt.venue import CcxtVenue, profile_for
from bot.venues.readonly import ReadOnlyVenue
from bot.venues.shared import Seat, SharedMarket, codecs
from bot.venues.shared.answers import Answers, Question
from bot.venues.shared.budget import Budget
from bot.venues.shared.market import MOMENT
from bot.venues.shared.run_folder import RunFolder, digest_of
from bot.wiring import SYNC_EVERY_S, World, _credentials, _feed_keys, _paper, _paused_until, _reached
from bot.wiring_host import Keep, KeptPause
from bot.wiring_local import server_time

NO_KEY: Final = Credentials()
Key = tuple[object, ...]


@dataclass(slots=True)
class Place:
    """One venue in one environment: ``venue`` has no key and reads the market for everybody."""

    clock: Clock
    venue: CcxtVenue
    market: SharedMarket
    setup: Callable[[Credentials], Setup]
    tended: Callable[[], Awaitable[None]] | None = None


@dataclass(slots=True)
class _Used:
    """A key's connection and how many portfolios have it."""

    venue: CcxtVenue
    users: int = 0
    opening: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(slots=True)
class Places:
    """Every venue that this process reaches; made when they are first needed, closed with it.

    ``nearby``: the machine's run folder; without one, as where it cannot be used, this process is alone.
    """

    nearby: RunFolder | None = None
    _places: dict[Key, Place] = field(default_factory=dict)
    _keys: dict[Key, _Used] = field(default_factory=dict)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def world(self, settings: Settings, keep: Keep) -> World:
        """The venue side of one portfolio, as `bot.wiring` makes it for one alone; raises VenueError."""
        async with self._turn:
            place = await self._place(settings)
        ages = settings.policy().limits.age_max
        async with AsyncExitStack() as stack:
            feeds = OutsideFeeds(await _feed_keys(settings, place.setup(NO_KEY).url), place.clock, keep)
            stack.push_async_callback(feeds.close)
            if settings.mode == "paper":
                seat = Seat(place.market, quotes=ages.quotes, funding=ages.funding)
                world = await _paper(settings, keep, place.clock, seat, stack.pop_all())
                venue = place.venue
            else:
                venue = await self._connected(place, settings, keep, stack)
                seat = Seat(place.market, quotes=ages.quotes, funding=ages.funding, own=venue)
                account = ReadOnlyVenue(venue) if settings.mode == "dry-run" else venue
                world = World(
                    place.clock, seat, account, account, account, account, lambda: venue.requests, stack.pop_all()
                )
                world.dead_man = venue.dead_man(settings.venue.dead_man) if account is venue else None
        world.requests = lambda: venue.requests
        world.tended = place.tended
        world.feeds, world.kept = feeds, KeptPause(lambda: venue.paused_until, keep)
        return world

    async def close(self) -> None:
        """Let go of every connection; the portfolios must be done."""
        for used in self._keys.values():
            await used.venue.close()
        for place in self._places.values():
            await place.market.close()
            await place.venue.close()
        self._keys, self._places = {}, {}

    async def _place(self, settings: Settings) -> Place:
        venue, local = settings.venue, settings.local
        beside = venue.environment == "local"
        profile = type(profile_for(venue.id, settings.mode))
        key: Key = (venue.id, profile, venue.environment, (local.url, local.speed) if beside else None)
        known = self._places.get(key)
        if known is None:
            nearby = self.nearby.of(repr((__version__, *key))) if self.nearby else None
            known = self._places[key] = await self._opened(settings, nearby, beside=beside)
        return known

    async def _opened(self, settings: Settings, nearby: RunFolder | None, *, beside: bool) -> Place:
        url, said = settings.local.url or "", settings.local.speed
        clock: Clock = SystemClock()
        tended = None
        if beside and said == "step":
            raise VenueError(f"local.speed: is step, must be the speed of the exchange at {url}, such as 600")
        speed = Decimal(1) if said == "step" else said
        if beside:
            clock, tended = await _clock_of(url, float(speed))

        def setup(credentials: Credentials) -> Setup:
            if beside:
                return Setup("local", credentials, url, speed)
            return Setup(settings.venue.environment, credentials)

        answers = Answers(nearby, clock, float(speed) if beside else 1.0, MOMENT) if nearby else None
        venue = CcxtVenue(
            profile_for(settings.venue.id, settings.mode),
            setup(NO_KEY),
            clock,
            machine=self._budget(settings, "address"),
            nearby=_numbers_of(answers) if answers else None,
        )
        async with AsyncExitStack() as undone:
            undone.push_async_callback(venue.close)
            await _reached(venue, settings)
            undone.pop_all()
        return Place(clock, venue, SharedMarket(venue, clock, answers, own_time=beside), setup, tended)

    def _budget(self, settings: Settings, whose: str) -> Budget | None:
        """What this machine may ask of a venue together; other versions of ours ask there too."""
        if self.nearby is None:
            return None
        venue, local = settings.venue, settings.local
        url = local.url if venue.environment == "local" else None
        return Budget(self.nearby.of(repr(("budget", venue.id, venue.environment, url))), whose)

    async def _connected(self, place: Place, settings: Settings, keep: Keep, stack: AsyncExitStack) -> CcxtVenue:
        """The connection of the portfolio's key; ``stack`` lets go of it."""
        credentials = _credentials(settings)
        key: Key = (id(place), credentials, settings.venue.margin_mode)
        used = self._keys.get(key)
        if used is None:
            venue = CcxtVenue(
                profile_for(settings.venue.id, settings.mode),
                place.setup(credentials),
                place.clock,
                margin_mode=settings.venue.margin_mode,
                paused_until=await _paused_until(keep, place.clock),
                beside=place.venue,
                machine=self._budget(settings, f"key-{digest_of(credentials.key)}"),
            )
            used = self._keys[key] = _Used(venue)
        used.users += 1

        async def let_go() -> None:
            used.users -= 1
            if not used.users:
                self._keys.pop(key, None)
                await used.venue.close()

        stack.push_async_callback(let_go)
        async with used.opening:
            await _reached(used.venue, settings)
        return used.venue


def nearby_of(path: Path) -> RunFolder | None:
    """The machine's run folder, made where it is not yet; None where it cannot be used, which is told."""
    log = structlog.get_logger("fleet")
    folder = RunFolder(path, boot_s, boot_id(), lambda why: log.warning("shares nothing on this machine", why=why))
    return folder if folder.open() else None


def _numbers_of(answers: Answers) -> Nearby:
    """Numbers by symbol, asked for once on this machine."""

    async def asked(
        what: str, keep: timedelta, ask: Callable[[], Awaitable[Mapping[str, Decimal]]]
    ) -> tuple[Mapping[str, Decimal], datetime]:
        return await answers.get(Question(what, what, keep, codecs.NUMBERS), ask)

    return asked


async def _clock_of(url: str, speed: float) -> tuple[Clock, Callable[[], Awaitable[None]]]:
    """The time of an exchange beside us, and what measures it again now and then, for all who have it."""
    clock = OffsetClock(await server_time(url, speed), speed)
    measured_s = clock.mono()

    async def tended() -> None:
        nonlocal measured_s
        if clock.mono() - measured_s >= SYNC_EVERY_S:
            measured_s = clock.mono()
            clock.sync(await server_time(url, speed))

    return clock, tended
