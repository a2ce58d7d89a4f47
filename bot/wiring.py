"""Owns the composition of a portfolio: settings in, parts out. The only file that knows concrete classes."""

from __future__ import annotations

import json
import os
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.core.memory import Memory
from bot.core.snapshot import Snapshot
from bot.daemon import Body
from bot.engine import live, starts
from bot.engine.parts import Parts
from bot.ports.clock import Clock
from bot.ports.errors import StoreRefused, Transient, VenueError
from bot.ports.store import Identity
from bot.settings import LIVE, Settings
from bot.settings.sections import Feed, Feeds
from bot.wiring_host import PAUSE, Keep, KeptPause, alerts_of, locked, notes_of, redactor, run_of

if TYPE_CHECKING:
    from decimal import Decimal

    from bot.ports.alerts import Alerts
    from bot.ports.dead_man import DeadMan
    from bot.ports.store import Controls, Record, Store
    from bot.ports.venue import Account, Broker, FeedSource, KeyReport, MarketData, Savings, Transfers
    from bot.venues.ccxt.profiles import Setup
    from bot.venues.ccxt.venue import CcxtVenue
    from bot.venues.simulated.exchange import Exchange

DRY_RUN = "dry-run: the order is printed and recorded, and goes nowhere"
SYNC_EVERY_S = 30.0
FEEDS = ("dominance", "sentiment", "macro")


@dataclass(slots=True)
class World:
    """The venue side of a composition, up and running; ``stack`` takes it down again."""

    clock: Clock
    market: MarketData
    account: Account
    broker: Broker
    transfers: Transfers
    savings: Savings
    requests: Callable[[], Mapping[str, int]]
    stack: AsyncExitStack
    tended: Callable[[], Awaitable[None]] | None = None
    order_requests: Callable[[], int] | None = None  # that the built-in exchange counted
    kept: Callable[[], Awaitable[None]] | None = None
    feeds: FeedSource | None = None
    dead_man: DeadMan | None = None


def identity_of(settings: Settings) -> Identity:
    """Whose record it is."""
    return Identity(settings.portfolio, settings.mode, settings.venue.id, settings.venue.environment)


async def compose(
    settings: Settings,
    *,
    config_path: Path | None = None,
    env: Mapping[str, str] | None = None,
    stand_in: str | None = None,
) -> Body:
    """Everything that `bot.daemon.Daemon` runs; raises PortError with one line where it cannot be had.

    One process per record and host: a lock that the system lets go of when the process ends, whatever ended it.
    ``stand_in`` is the address of a local exchange that plays a real venue, for tests; no setting leads there.
    """
    from bot.clocks import host_utc_now
    from bot.store.sql import SqlControls, SqlRecord, SqlStore
    from bot.store.sql.soundness import must_be_sound
    from bot.venues.ccxt.push import push_of

    identity, url = identity_of(settings), settings.store.url
    env = os.environ if env is None else env
    controls = SqlControls(url, identity, host_utc_now)
    lock, holder = locked(settings, data_folder(settings))
    undone = AsyncExitStack()
    undone.callback(lock.close)
    try:
        store = SqlStore(url, host_utc_now)
        undone.push_async_callback(store.close)
        undone.push_async_callback(controls.close)
        terms = _live_terms(settings, env)
        await must_be_sound(url)
        await store.open(identity, migrate=True)
        world = await _world(settings, store.keep, (await store.load()).last_cycle_at, stand_in)
        undone.push_async_callback(world.stack.aclose)
        identity = replace(identity, account=await _account(world.account, controls, terms))
        await store.open(identity, migrate=False)  # refused where the record is of another account
        alerts = alerts_of(settings, world.clock, world.stack)
        undone.pop_all()
    finally:
        await undone.aclose()
    parts = _parts(settings, world, (store, controls, SqlRecord(url, identity)), store.keep, alerts)
    return Body(
        parts=parts,
        identity=identity,
        run=run_of(settings),
        settings=settings,
        holder=holder,
        closed=world.stack.aclose,
        finished=lock.close,
        requests=world.requests,
        tended=world.tended,
        kept=world.kept,
        delivery=alerts.delivery,
        daily=_daily(settings, identity, world.clock, store.keep),
        dead_man=world.dead_man,
        push=push_of(settings.venue, lambda: _credentials(settings)),
        config_path=config_path,
        env=env,
        **_manners(settings),
    )


def _daily(settings: Settings, identity: Identity, clock: Clock, keep: Keep) -> Callable[..., Any] | None:
    """The daily summary out of this record, None where nobody wants it."""
    if settings.alerts.daily is None:
        return None
    from bot.daily import Daily
    from bot.store.sql.panorama import SqlPanorama

    at, panorama = time.fromisoformat(settings.alerts.daily), SqlPanorama(settings.store.url, identity)
    return Daily(panorama, keep, clock, at=at, currency=settings.accounting_currency).run


def _manners(settings: Settings) -> dict[str, Any]:
    """How a daemon is to carry itself under these settings, as parts of its body."""
    return {
        "standing": DRY_RUN if settings.mode == "dry-run" else "",
        "starts_most": None if settings.venue.environment == "local" else starts.MOST,
        "confirms": settings.mode == "live",
        "clean": redactor(settings).text,
        "notes": notes_of(settings),
    }


def data_folder(settings: Settings) -> Path:
    """Where the record, its lock and certificates lie."""
    from bot.store.sql.engine import Database

    file = Database(settings.store.url).file
    return (file.parent if file else Path("data")).resolve()


def _live_terms(settings: Settings, env: Mapping[str, str]) -> live.LiveTerms | None:
    """What must hold before a live venue is even connected to; None in every other mode."""
    if settings.mode != "live":
        return None
    from bot.venues.certificates import certificate_of

    terms = live.LiveTerms(settings.portfolio, env.get(LIVE), settings.venue.unchecked_key)
    live.must_be_said(terms)
    certificate_of(data_folder(settings), settings.venue.id, futures=settings.venue.futures)
    return terms


async def _account(account: Account, controls: Controls, terms: live.LiveTerms | None) -> str:
    """Whose account it is, "" where nobody tells; live with everything that must be true of it."""
    if terms is None:
        try:
            return (await account.kind()).id or ""
        except VenueError:
            return ""  # no money is at stake; what cannot be read is named in each snapshot
    name = await live.account_of(account)
    await live.key_must_be_harmless(account, terms)
    await live.must_be_confirmed(controls, name)
    return name


async def asked_of_key(settings: Settings, *, stand_in: str | None = None) -> tuple[str, KeyReport]:
    """Whose account the key is for and what it may do, by calls that only read; nothing is kept. Raises PortError."""
    looking = settings.model_copy(update={"mode": "dry-run"})
    world = await _real(looking, _nothing_kept, stand_in)
    async with world.stack:
        return (await world.account.kind()).id or "", await world.account.key()


async def line_of(settings: Settings, *, stand_in: str | None = None) -> World:
    """The venue with the key that trades, for an acceptance run; nothing is kept. Raises PortError."""
    return await _world(settings, _nothing_kept, None, stand_in)


async def holdings(settings: Settings) -> Mapping[str, Decimal]:
    """Today's coins, each as a share of everything the account holds, by calls that only read; raises PortError."""
    from bot.ports.venue import Gap
    from bot.render.first_config import shares_held

    world = await _world(settings, _nothing_kept, None)
    async with world.stack:
        balances, quotes = await world.account.balances(), await world.market.quotes()
    if isinstance(balances, Gap) or isinstance(quotes, Gap):
        gap = balances if isinstance(balances, Gap) else quotes
        raise Transient(f"the account could not be read: {gap}")
    return shares_held(balances, quotes, settings.accounting_currency)


async def _nothing_kept(_name: str, _state: bytes | None = None) -> bytes | None:
    return None


def _parts(
    settings: Settings, world: World, handles: tuple[Store, Controls, Record], keep: Keep, alerts: Alerts
) -> Parts:
    store, controls, record = handles
    return Parts(
        mode=settings.mode,
        portfolio=settings.portfolio,
        venue=settings.venue.id,
        environment=settings.venue.environment,
        market=world.market,
        account=world.account,
        broker=world.broker,
        transfers=world.transfers,
        store=store,
        controls=controls,
        record=record,
        clock=world.clock,
        alerts=alerts,
        feeds=world.feeds,
        savings=world.savings,
        keep=keep,
        adopts=settings.mode == "paper" or settings.venue.environment == "local",
        sends=settings.mode != "dry-run",
        time_scale=float(settings.local.speed) if settings.venue.environment == "local" and settings.local.url else 1.0,
    )


async def observe_once(settings: Settings) -> Snapshot:
    """One snapshot of the configured venue by read-only calls; nothing is recorded, kept or sent.

    Memory and a simulated account's state come from the record where there is one.
    """
    from bot.alerts.log import LogAlerts
    from bot.clocks import host_utc_now
    from bot.engine.arithmetic import decide
    from bot.engine.observe import Observer, book_symbols
    from bot.engine.stop import Standing
    from bot.store.memory import MemoryControls, MemoryDatabase, MemoryRecord, MemoryStore

    identity = identity_of(settings)
    kept, memory, last_at = await _recorded(settings, identity)

    async def read_only(name: str, state: bytes | None = None) -> bytes | None:
        return kept.get(name) if state is None else state

    world = await _world(settings, read_only, last_at)
    async with world.stack:
        nowhere = MemoryDatabase()
        handles = (
            MemoryStore(nowhere, host_utc_now),
            MemoryControls(nowhere, identity, host_utc_now),
            MemoryRecord(nowhere, identity),
        )
        parts = _parts(settings, world, handles, read_only, LogAlerts(world.clock.mono))
        observer, policy = Observer(parts), settings.policy()
        standing = Standing(settings.kill_switch, "kill_switch" if settings.kill_switch != "off" else "")
        reads = await observer.read(policy)
        first = observer.snapshot(reads, policy, memory, standing, (), {})
        wanted = book_symbols(decide(first, policy), policy, first.markets, first.tickers)
        books = await observer.books(wanted)
        return observer.snapshot(reads, policy, memory, standing, (), books) if books else first


async def _recorded(settings: Settings, identity: Identity) -> tuple[Mapping[str, bytes], Memory, datetime | None]:
    """Kept states, memory and the last cycle of a record, or nothing where there is none yet."""
    from bot.clocks import host_utc_now
    from bot.store.sql import SqlRecord, SqlStore

    record = SqlRecord(settings.store.url, identity)
    try:
        memory = await record.checkpoint()
    except StoreRefused:
        return {}, Memory(), None
    finally:
        await record.close()
    store = SqlStore(settings.store.url, host_utc_now)
    try:
        await store.open(identity, migrate=False)
        names = ("world", "exchange", "exchange keys", "paper", "feeds", "medians", PAUSE)
        found = {name: await store.keep(name) for name in names}
        return {name: state for name, state in found.items() if state}, memory, (await store.load()).last_cycle_at
    finally:
        await store.close()


# ---- venues


async def _world(settings: Settings, keep: Keep, last_at: datetime | None, stand_in: str | None = None) -> World:
    """The row of the table of modes and environments (config contract)."""
    if settings.venue.environment != "local":
        return await _real(settings, keep, stand_in)
    if settings.local.url is None:
        return await _embedded(settings, keep, last_at)
    return await _beside(settings, keep)


async def _embedded(settings: Settings, keep: Keep, last_at: datetime | None) -> World:
    """The built-in exchange in this loop, over HTTP; its venue time goes on where it stopped."""
    from bot.clocks import ScaledClock, StepClock
    from bot.local_exchange.server import LocalExchange
    from bot.venues.ccxt.profiles import Credentials, Setup

    exchange = await _exchange(settings, keep)
    # The account is kept when it changes, the record with every cycle: time must not go back behind either.
    start = max(exchange.now, last_at) if last_at else exchange.now
    speed = settings.local.speed
    clock = StepClock(start) if speed == "step" else ScaledClock(start, float(speed))
    key, secret = await _exchange_keys(keep)

    async def save(state: bytes) -> None:
        await keep("exchange", state)

    stack = AsyncExitStack()
    server = LocalExchange(exchange, clock, key=key, secret=secret, save=save, unified=settings.venue.id == "bybit")
    url = await server.start()
    stack.push_async_callback(server.stop)
    credentials = Credentials() if settings.mode == "paper" else Credentials(key, secret)
    world = await _over_ccxt(settings, keep, clock, Setup("local", credentials, url), stack)
    world.order_requests = lambda: server.order_requests
    world.dead_man = None  # this exchange ends with the bot
    return world


async def _exchange(settings: Settings, keep: Keep) -> Exchange:
    """The engine in its scene, as it was left; a record never changes its world."""
    from bot.local_exchange.standalone import World as Scenery
    from bot.venues.simulated.exchange import Exchange
    from bot.venues.simulated.generated import make_scene

    local = settings.local
    tape = Path(local.tape) if local.tape else None
    name = Scenery(local.scenario, local.seed, tape, local.start, local.balances).name()
    known = await keep("world", None)
    if known is not None and known.decode() != name:
        message = f"the record of portfolio {settings.portfolio!r} played {known.decode()!r}, asked for is {name!r}"
        raise StoreRefused(f"{message}; name another portfolio or store.url")
    try:
        scene = make_scene(scenario=local.scenario, seed=local.seed, tape=tape, start=local.start)
    except (OSError, ValueError) as error:
        raise VenueError(f"local.tape: {error}") from error
    await keep("world", name.encode())
    state = await keep("exchange", None)
    return Exchange(scene, state=state) if state else Exchange(scene, opening=local.balances)


async def _exchange_keys(keep: Keep) -> tuple[str, str]:
    from bot.local_exchange.signing import make_keys

    saved = await keep("exchange keys", None)
    if saved is None:
        made = make_keys()
        saved = json.dumps([made.key, made.secret]).encode()
        await keep("exchange keys", saved)
    key, secret = json.loads(saved)
    return str(key), str(secret)


async def _beside(settings: Settings, keep: Keep) -> World:
    """A local exchange that runs already, at constant speed."""
    from bot.clocks import OffsetClock
    from bot.venues.ccxt.profiles import Setup
    from bot.wiring_local import server_time

    url, speed = settings.local.url or "", settings.local.speed
    if speed == "step":
        raise VenueError(f"local.speed: is step, must be the speed of the exchange at {url}, such as 600")
    clock = OffsetClock(await server_time(url, float(speed)), float(speed))
    measured_at = clock.mono()

    async def tended() -> None:
        nonlocal measured_at
        if clock.mono() - measured_at >= SYNC_EVERY_S:
            with suppress(Transient):  # asked again before the next cycle, which itself measures how far it is off
                clock.sync(await server_time(url, float(speed)))
                measured_at = clock.mono()

    setup = Setup("local", _credentials(settings), url, speed)
    world = await _over_ccxt(settings, keep, clock, setup, AsyncExitStack())
    world.tended = tended
    return world


async def _real(settings: Settings, keep: Keep, stand_in: str | None) -> World:
    from bot.clocks import OffsetClock, SystemClock
    from bot.venues.ccxt.profiles import Setup
    from bot.wiring_local import server_time

    if stand_in is not None:
        clock = OffsetClock(await server_time(stand_in), 1.0)
        return await _over_ccxt(
            settings, keep, clock, Setup("local", _credentials(settings), stand_in), AsyncExitStack()
        )
    setup = Setup(settings.venue.environment, _credentials(settings))
    return await _over_ccxt(settings, keep, SystemClock(), setup, AsyncExitStack())


async def _over_ccxt(settings: Settings, keep: Keep, clock: Clock, setup: Setup, stack: AsyncExitStack) -> World:
    """Market data through ccxt, and for the account too unless it is simulated; a dry run's writes go nowhere."""
    from bot.feeds import OutsideFeeds
    from bot.venues.ccxt.venue import CcxtVenue, profile_for
    from bot.venues.readonly import ReadOnlyVenue

    async with stack:
        paused_until = await _paused_until(keep, clock)
        margin_mode = settings.venue.margin_mode
        profile = profile_for(settings.venue.id, settings.mode)
        venue = CcxtVenue(profile, setup, clock, margin_mode=margin_mode, paused_until=paused_until)
        stack.push_async_callback(venue.close)
        await _reached(venue, settings)
        feeds = OutsideFeeds(await _feed_keys(settings, setup.url), clock, keep)
        stack.push_async_callback(feeds.close)
        kept = stack.pop_all()
    if settings.mode == "paper":
        world = await _paper(settings, keep, clock, venue, kept)
        world.requests = lambda: venue.requests
    else:
        account = ReadOnlyVenue(venue) if settings.mode == "dry-run" else venue
        world = World(clock, venue, account, account, account, account, lambda: venue.requests, kept)
        world.dead_man = venue.dead_man(settings.venue.dead_man) if account is venue else None
    world.feeds, world.kept = feeds, KeptPause(lambda: venue.paused_until, keep)
    return world


async def _reached(venue: CcxtVenue, settings: Settings) -> None:
    try:
        await venue.open()
    except Transient as error:
        where = f"{settings.venue.id} ({settings.venue.environment})"
        raise Transient(f"{where} cannot be reached from this machine: {error}") from error


async def _feed_keys(settings: Settings, url: str | None) -> Feeds:
    """The configured feeds; beside a local exchange, what nobody configured is what that one tells."""
    from bot.wiring_local import asked

    if settings.venue.environment != "local" or url is None:
        return settings.feeds
    unset = [name for name in FEEDS if settings.origins.get(f"feeds.{name}", "default") == "default"]
    unset = [name for name in unset if getattr(settings.feeds, name) is None]
    told = await asked(f"{url.rstrip('/')}/local/feeds", url) if unset else {}
    own = Feed(kind="http", url=f"{url.rstrip('/')}/local/feeds")
    return settings.feeds.model_copy(update={name: own for name in unset if told.get(name) is not None})


async def _paused_until(keep: Keep, clock: Clock) -> datetime | None:
    """Until when a venue wanted quiet when the last process ended, venue time; None where that is over."""
    text = (await keep(PAUSE, None) or b"").decode()
    until = datetime.fromisoformat(text) if text else None
    return until if until is not None and until > clock.now() else None


async def _paper(settings: Settings, keep: Keep, clock: Clock, real: MarketData, stack: AsyncExitStack) -> World:
    """A simulated account that trades at what was seen of the real market."""
    from bot.venues.simulated.exchange import Exchange
    from bot.venues.simulated.paper import ObservedMarket, ObservedScene
    from bot.venues.simulated.venue import SimulatedVenue

    state = await keep("paper", None)
    scene = ObservedScene(clock.now())
    latency: timedelta = settings.paper.latency
    if state is None:
        exchange = Exchange(scene, opening=settings.paper.balances, at=clock.now(), latency=latency)
    else:
        exchange = Exchange(scene, state=state, latency=latency)
        scene.resume(exchange.now)

    async def save(dumped: bytes) -> None:
        await keep("paper", dumped)

    market = ObservedMarket(real, scene, clock)
    account = SimulatedVenue(exchange, clock, save, account=f"paper {settings.portfolio}")
    stack.push_async_callback(account.close)
    return World(clock, market, account, account, account, account, dict, stack)


def _credentials(settings: Settings) -> Any:
    from bot.venues.ccxt.profiles import Credentials

    venue = settings.venue
    if settings.mode == "paper":
        return Credentials()
    if venue.api_key is None or venue.secret is None:
        raise VenueError(f"mode {settings.mode} needs BALLAST_VENUE__API_KEY and BALLAST_VENUE__SECRET")
    password = venue.password.get_secret_value() if venue.password else ""
    return Credentials(venue.api_key.get_secret_value(), venue.secret.get_secret_value(), password)
