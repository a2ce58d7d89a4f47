"""Owns the composition of a fleet: what the portfolios of one process share, and each of them over it."""

from __future__ import annotations

import asyncio
import os
import platform
import secrets
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from bot import __version__
from bot.alerts.redact import Redactor
from bot.clocks import SystemClock, host_utc_now
from bot.daemon import Body
from bot.engine import starts
from bot.ports.fleet import Roster, Worker
from bot.ports.store import Identity
from bot.settings import Settings
from bot.settings.folder import Folder, Portfolio
from bot.store.sql import SqlControls, SqlRecord
from bot.store.sql.board import Board, BoardControls
from bot.store.sql.engine import Pool
from bot.store.sql.renewing import Renewals, RenewingStore
from bot.store.sql.roster import NAME_MOST, SqlRoster
from bot.venues.ccxt.push import push_of
from bot.wiring import DRY_RUN, World, _account, _credentials, _live_terms, _parts, _world, identity_of
from bot.wiring_host import Keep, alerts_of, notes_of, redactor, run_of, set_up_logging
from bot.wiring_places import Places, nearby_of

CYCLES_AT_ONCE: Final = 6  # of a process' portfolios; the others wait for their turn
CONNECTIONS: Final = 16  # to the database, of each kind: more than cycles, starts and beats want at once
Step = Callable[[], Awaitable[None]]


def new_worker() -> Worker:
    """Who this process is in the fleet: no two have one name, whatever restarts."""
    host, mark = platform.node() or "host", secrets.token_hex(3)
    tail = f"-{os.getpid()}-{mark}"
    return Worker(f"{host[: NAME_MOST - len(tail)]}{tail}", host, os.getpid(), __version__, host_utc_now())


@dataclass(slots=True)
class Shared:
    """What the portfolios of one process have in common; ``me`` holds their leases."""

    me: Worker
    url: str
    roster: Roster
    pool: Pool | None
    board: Board
    renewals: Renewals
    places: Places
    _cycles: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(CYCLES_AT_ONCE))

    def identity(self, portfolio: Portfolio) -> Identity:
        """Whose record it is."""
        return identity_of(portfolio.settings)

    async def compose(self, portfolio: Portfolio) -> Body:
        """Everything one portfolio's daemon runs; raises PortError with one line where it cannot be had.

        As `bot.wiring.compose`, but that a claim keeps others off rather than a lock of this machine: a process that
        stands still keeps such a lock, and its portfolios are to be taken over.
        """
        settings, env = portfolio.settings, portfolio.env
        identity, url = identity_of(settings), settings.store.url
        controls = BoardControls(SqlControls(url, identity, self.roster.now, pool=self.pool), self.board, identity)
        undone = AsyncExitStack()
        undone.push_async_callback(controls.close)
        async with undone:
            store = RenewingStore(url, self.roster.now, pool=self.pool, renewals=self.renewals)
            undone.push_async_callback(store.close)
            terms = _live_terms(settings, env)
            await store.open(identity, migrate=False)
            world = await self._world(settings, store.keep, (await store.load()).last_cycle_at)
            undone.push_async_callback(world.stack.aclose)
            identity = replace(identity, account=await _account(world.account, controls, terms))
            await store.open(identity, migrate=False)  # refused where the record is of another account
            alerts = alerts_of(settings, world.clock, world.stack)
            undone.pop_all()
        record = SqlRecord(url, identity, pool=self.pool)
        tended, kept = self._in_turn(world)
        return Body(
            parts=_parts(settings, world, (store, controls, record), store.keep, alerts),
            identity=identity,
            run=run_of(settings),
            settings=settings,
            holder=self.me.name,
            closed=world.stack.aclose,
            requests=world.requests,
            tended=tended,
            kept=kept,
            standing=DRY_RUN if settings.mode == "dry-run" else "",
            starts_most=None if settings.venue.environment == "local" else starts.MOST,
            clean=redactor(settings).text,
            notes=notes_of(settings),
            delivery=alerts.delivery,
            dead_man=world.dead_man,
            push=push_of(settings.venue, lambda: _credentials(settings)),
            hears=False,
            config_path=portfolio.path,
            env=env,
        )

    async def _world(self, settings: Settings, keep: Keep, last_at: datetime | None) -> World:
        """As `bot.wiring._world`; an exchange that is built in is a portfolio's own."""
        if settings.venue.environment == "local" and settings.local.url is None:
            return await _world(settings, keep, last_at)
        return await self.places.world(settings, keep)

    def _in_turn(self, world: World) -> tuple[Step, Step]:
        """What stands before and after a cycle: it waits for its turn, so that few are under way and all are fresh."""

        async def before() -> None:
            await self._cycles.acquire()
            begun = False
            try:
                if world.tended is not None:
                    await world.tended()
                begun = True
            finally:
                if not begun:
                    self._cycles.release()

        async def after() -> None:
            self._cycles.release()
            if world.kept is not None:
                await world.kept()

        return before, after


@asynccontextmanager
async def shared_of(url: str, me: Worker, run_folder: Path | None = None) -> AsyncIterator[Shared]:
    """What this process needs before its first portfolio; raises PortError.

    ``run_folder``: where processes of this machine meet; without one this process is alone.
    """
    roster = SqlRoster(url, me.name, host_utc_now)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(roster.close)
        await roster.open()
        pool = None if url.startswith("sqlite") else Pool(url, size=CONNECTIONS)
        if pool is not None:
            stack.push_async_callback(pool.close)
        board = Board(url, SystemClock().mono, pool)
        stack.push_async_callback(board.close)
        renewals = Renewals(lambda fences, ttl_s: roster.renew(me.name, fences, ttl_s))
        places = Places(nearby_of(run_folder) if run_folder else None)
        shared = Shared(me, url, roster, pool, board, renewals, places)
        stack.push_async_callback(shared.places.close)
        yield shared


def run_folder_of(env: Mapping[str, str]) -> Path:
    """Where workers of one user on one machine meet unless told otherwise; lost with the machine's next start."""
    runtime = env.get("XDG_RUNTIME_DIR", "")
    return Path(runtime) / "ballast" if runtime else Path(tempfile.gettempdir()) / f"ballast-{os.geteuid()}"


def set_up_fleet_logging(folder: Folder, first: Portfolio) -> None:
    """Lines on stderr as the first portfolio wants them; of a portfolio's lines its own secrets are taken out.

    A line of no portfolio is cleaned of everybody's: with hundreds that is too dear for each cycle's line.
    """

    def clean(logger: Any, name: str, line: Any) -> Any:
        return Redactor(folder.secrets(line.get("portfolio")))(logger, name, line)

    set_up_logging(first.settings, clean)
