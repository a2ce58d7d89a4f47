"""Owns the composition of a past: settings and recorded prices in, a run's parts out. No venue, no network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bot.backtest.heard import HeardAlerts
from bot.backtest.market import PastMarket
from bot.backtest.quiet import Recorded
from bot.backtest.run import Job
from bot.clocks import StepClock, host_utc_now
from bot.core.instruments import base_of, is_swap
from bot.core.numbers import utc_text
from bot.core.policy import Policy
from bot.engine.observe import symbols
from bot.engine.parts import Parts
from bot.ports.errors import StoreRefused
from bot.ports.store import Identity
from bot.settings import Settings
from bot.store.memory import MemoryControls, MemoryDatabase, MemoryRecord, MemoryStore
from bot.store.sql import SqlControls, SqlRecord, SqlStore
from bot.venues.simulated.exchange import Exchange
from bot.venues.simulated.observed import ObservedScene
from bot.venues.simulated.paper import ObservedMarket
from bot.venues.simulated.recordings import TapeError
from bot.venues.simulated.tape import USUAL_BOOKS, BookModel, TapeScene
from bot.venues.simulated.venue import SimulatedVenue

if TYPE_CHECKING:
    from bot.ports.store import Controls, Record, Store

SAME_PRICES = "spot and perpetual trade at the same recorded prices; depth is modelled from turnover, not recorded"
BAR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
EVERY_BAR = 10_000_000
RESTING = "what rests in the book between two decisions meets no price there, so that makers fill rarely"
FEEDS = ("dominance", "sentiment", "macro")


@dataclass(frozen=True, slots=True)
class Span:
    """What is to be played: a folder of recordings, from when (None: once there is history) to when (None: the end).

    ``cycle``: how often is decided; None: as configured, but not within a recorded bar, where prices are made up.
    """

    folder: Path
    since: datetime | None = None
    until: datetime | None = None
    cycle: timedelta | None = None


async def past(
    settings: Settings,
    span: Span,
    *,
    name: str,
    record_url: str | None = None,
    screen: bool = True,
    books: BookModel = USUAL_BOOKS,
) -> Job:
    """A run of these settings over the past, as `ballast run` in mode paper would live it.

    The account is a paper account with ``paper.balances`` and sees what the engine reads, nothing else. ``record_url``:
    a database that keeps the record, so that it can be read like a live one, holds too; None keeps it in memory.
    ``screen``: whether quiet cycles may be passed. ``books``: how they are made up. Raises `TapeError`, `StoreRefused`.
    """
    scene = TapeScene(span.folder, span.since, model=books)
    end = scene.end or scene.start
    until = end if span.until is None else span.until
    if not scene.start < until <= end:
        asked = f"--to: {utc_text(until)} must be after {utc_text(scene.start)} and no later than {utc_text(end)}"
        raise TapeError(f"{asked}, where the recordings end")
    policy, changed = _policy(settings, span)
    clock = StepClock(scene.start)
    identity = Identity(settings.portfolio, "paper", settings.venue.id, "local")
    store, controls, record = await _handles(identity, record_url)
    wanted = symbols(policy)
    seen = ObservedScene(clock.now())
    exchange = Exchange(seen, opening=settings.paper.balances, at=clock.now(), latency=settings.paper.latency)
    account = SimulatedVenue(exchange, clock, account=f"paper {settings.portfolio}")
    alerts = HeardAlerts()
    market = PastMarket(scene, clock, wanted)
    recorded = Recorded(market, seen, scene.columns, scene.rates, _bars(scene, until)) if screen else None
    if record_url is not None:
        recorded = None  # who keeps the record keeps holds too
    parts = Parts(
        mode="paper",
        portfolio=settings.portfolio,
        venue=settings.venue.id,
        environment="local",
        market=ObservedMarket(market, seen, clock),
        account=account,
        broker=account,
        transfers=account,
        savings=account,
        store=store,
        controls=controls,
        record=record,
        clock=clock,
        alerts=alerts,
        keep=store.keep if record_url else None,
    )
    config = {row.key: row.value for row in settings.rows()}
    config["cycle"] = f"{policy.cycle // timedelta(seconds=1)}s"
    notes = (*changed, *_notes(settings, scene, wanted, until))
    return Job(name, parts, policy, identity, until, config, notes=notes, heard=alerts.notes, recorded=recorded)


def _bars(scene: TapeScene, until: datetime) -> Callable[[str, str], NDArray[np.float64]]:
    """All bars of a symbol and a timeframe."""
    return lambda symbol, frame: scene.candles(symbol, frame, 0, EVERY_BAR, until)


def _policy(settings: Settings, span: Span) -> tuple[Policy, tuple[str, ...]]:
    policy = settings.policy()
    cycle = max(policy.cycle, BAR) if span.cycle is None else span.cycle
    if cycle == policy.cycle:
        return policy, ()
    note = f"decided every {cycle // MINUTE} min, not every {policy.cycle // MINUTE}: prices are recorded by the hour"
    return policy.model_copy(update={"cycle": cycle}), (note,) if span.cycle is None else ()


async def _handles(identity: Identity, url: str | None) -> tuple[Store, Controls, Record]:
    if url is None:
        database = MemoryDatabase()
        return (
            MemoryStore(database, host_utc_now),
            MemoryControls(database, identity, host_utc_now),
            MemoryRecord(database, identity),
        )
    store = SqlStore(url, host_utc_now)
    await store.open(identity, migrate=True)
    last = (await store.load()).last_cycle_at
    if last is not None:
        await store.close()
        raise StoreRefused(f"--record {url}: holds decisions up to {utc_text(last)} already, must be a new database")
    return store, SqlControls(url, identity, host_utc_now), SqlRecord(url, identity)


def _notes(settings: Settings, scene: TapeScene, wanted: frozenset[str], until: datetime) -> tuple[str, ...]:
    """What this run cannot know, said where its figures are."""
    notes = [SAME_PRICES, RESTING]
    listed = {base_of(name) for name in scene.markets()}
    stables = {*settings.policy().targets.stables.assets, settings.policy().accounting_currency}
    missing = sorted({base_of(name) for name in wanted} - listed - stables)
    if missing:
        notes.append(f"not recorded, so without a price: {', '.join(missing)}")
    swaps = [name for name in wanted & scene.markets().keys() if is_swap(name)]
    unpaid = sorted(base_of(name) for name in swaps if not scene.settled(name, scene.start, until))
    if unpaid:
        notes.append(f"no funding recorded, so unknown (nothing is paid and no rule counts on it): {', '.join(unpaid)}")
    if any(getattr(settings.feeds, feed) is not None for feed in FEEDS):
        notes.append("outside feeds were not recorded: unknown all along")
    return tuple(notes)
