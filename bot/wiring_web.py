"""Owns the composition of the dashboard: record, controls, token, what-if. Reaches no venue and is given no key."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import secrets
import sys
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import structlog
from pydantic import ValidationError

from bot import __version__
from bot.clocks import SystemClock, host_utc_now
from bot.core.plan import plan
from bot.core.policy import Policy, parse_duration
from bot.engine.arithmetic import exact
from bot.ports.errors import PortError, StoreError
from bot.ports.fleet import Posts
from bot.ports.store import Identity
from bot.settings import Settings, load
from bot.store.sql import SqlControls
from bot.store.sql.engine import Database
from bot.store.sql.panorama import SqlPanorama
from bot.store.sql.posts import SqlPosts
from bot.store.sql.roster import lock_of
from bot.vitals import memory_bytes
from bot.web.server import Dashboard
from bot.web.terms import Terms, WebRefused, WhatIfRefused

TOKEN_FILE = "web.token"  # noqa: S105 - its name, not the token
KEYS = ("BALLAST_VENUE__API_KEY", "BALLAST_VENUE__SECRET", "BALLAST_VENUE__PASSWORD", "BALLAST_ALERTS__URLS")
PLANNED_WITHIN_S = 30.0


def settings_without_keys(path: Path, env: Mapping[str, str]) -> Settings:
    """The settings as a process reads them that must not know the venue's keys or where alerts go."""
    settings = load(path, {name: value for name, value in env.items() if name not in KEYS})
    venue = settings.venue.model_copy(update={"api_key": None, "secret": None, "password": None})
    return settings.model_copy(update={"venue": venue, "alerts": settings.alerts.model_copy(update={"urls": ()})})


def token_of(folder: Path) -> tuple[str, bool]:
    """The dashboard's token and whether it was made just now; raises WebRefused where its file is open to others."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / TOKEN_FILE
    made = secrets.token_urlsafe(32)
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(f"{made}\n")
    except FileExistsError:
        pass
    except OSError as error:
        raise WebRefused(f"{path}: cannot be written: {error.strerror}") from None
    else:
        return made, True
    try:
        if path.stat().st_mode & 0o077:
            raise WebRefused(f"{path}: others may read it; chmod 600 {path}")
        return path.read_text(encoding="utf-8").strip(), False
    except (OSError, UnicodeDecodeError) as error:
        raise WebRefused(f"{path}: cannot be read: {error}") from None


def dashboard_of(settings: Settings) -> tuple[Dashboard, str]:
    """A dashboard over these settings' record, and its token where that was made just now; raises WebRefused."""
    url = settings.store.url
    identity = Identity(settings.portfolio, settings.mode, settings.venue.id, settings.venue.environment)
    file = Database(url).file
    token, fresh = token_of((file.parent if file else Path("data")).resolve())
    planner = Planner(url, identity)
    terms = Terms(
        portfolio=settings.portfolio,
        mode=settings.mode,
        venue=settings.venue.id,
        environment=settings.venue.environment,
        currency=settings.accounting_currency,
        version=__version__,
        panorama=SqlPanorama(url, identity),
        controls=SqlControls(url, identity, host_utc_now),
        token=token,
        utc_now=host_utc_now,
        mono=SystemClock().mono,
        cycle_s=_cycle_s(settings),
        host=settings.web.host,
        port=settings.web.port,
        behind_tls=settings.web.behind_tls,
        names=settings.web.names,
        kill_switch=settings.kill_switch,
        what_if=planner,
        memory_bytes=memory_bytes,
    )
    if is_fleet(url):
        posts = SqlPosts(url, host_utc_now)
        terms = replace(terms, posts=posts, others=Others(url, posts, terms))
    return Dashboard(terms), token if fresh else ""


@dataclass(frozen=True, slots=True)
class Others:
    """The terms of a fleet's other portfolios: as ``own``, but for what stands in the record of each."""

    url: str
    posts: Posts
    own: Terms

    async def __call__(self, book: int, base: str) -> Terms | None:
        """Of one book; None where there is none."""
        found = await self.posts.led_with(book)
        if found is None:
            return None
        whose, said = found
        identity = Identity(whose.portfolio, whose.mode, whose.venue, whose.environment)
        return replace(
            self.own,
            portfolio=identity.portfolio,
            mode=identity.mode,
            venue=identity.venue,
            environment=identity.environment,
            currency=str(said.get("accounting_currency", self.own.currency)),
            panorama=SqlPanorama(self.url, identity),
            controls=SqlControls(self.url, identity, host_utc_now),
            cycle_s=recorded_cycle_s(said, identity.environment),
            kill_switch=str(said.get("kill_switch", "off")),
            what_if=Planner(self.url, identity),
            posts=self.posts,
            others=None,
            base=base,
        )


def is_fleet(url: str) -> bool:
    """Whether many portfolios may be in a record: a server's, or a file that a fleet worked on."""
    file = Database(url).file
    return file is None or lock_of(file).exists()


@asynccontextmanager
async def dashboard_beside(settings: Settings) -> AsyncIterator[None]:
    """The dashboard in the daemon's own loop, for mode paper; where it cannot be had, the bot runs without."""
    if settings.mode != "paper" or not settings.web.enabled:
        yield
        return
    log = structlog.get_logger("dashboard")
    try:
        dashboard, fresh = dashboard_of(settings)
        await dashboard.start()
    except (WebRefused, StoreError) as error:
        log.warning("runs without a dashboard", why=str(error))
        yield
        return
    # As the log goes: lines for people hold the token once, lines for machines never do.
    if settings.log.format == "text" or (settings.log.format == "auto" and sys.stderr.isatty()):
        told(dashboard.url, fresh)
    else:
        log.info("dashboard", url=dashboard.url, token_file=TOKEN_FILE)
    try:
        yield
    finally:
        await dashboard.stop()


def told(url: str, fresh: str) -> None:
    """Say where it is; the token only when it was made just now, to the terminal and into no log."""
    sys.stderr.write(f"dashboard: {url}\n")
    if fresh:
        sys.stderr.write(f"dashboard token: {fresh}  (told once; it is kept in {TOKEN_FILE} beside the record)\n")
    sys.stderr.flush()


class Planner:
    """Plans edited targets in a process of its own, one at a time: a decision takes what a cycle may not wait for."""

    def __init__(self, url: str, identity: Identity) -> None:
        self._url = url
        self._identity = identity
        self._busy = asyncio.Lock()

    async def __call__(self, edit: Mapping[str, Any]) -> Mapping[str, Any]:
        """Bodies of two plans of the last snapshot: ``now`` as recorded, ``plan`` as it would be."""
        if self._busy.locked():
            raise WhatIfRefused("another plan is being made; try again in a moment")
        async with self._busy:
            try:
                pool = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))
            except OSError as error:
                raise WhatIfRefused(f"no process can be started to plan it: {error.strerror}") from None
            try:
                work = asyncio.get_running_loop().run_in_executor(pool, planned, self._url, self._identity, edit)
                return await asyncio.wait_for(work, PLANNED_WITHIN_S)
            except TimeoutError:
                raise WhatIfRefused(f"it could not be planned within {PLANNED_WITHIN_S:.0f} s") from None
            except BrokenExecutor:
                raise WhatIfRefused("the process that planned it ended; see the log") from None
            finally:
                pool.shutdown(wait=False, cancel_futures=True)


def planned(url: str, identity: Identity, edit: Mapping[str, Any]) -> Mapping[str, Any]:
    """What `Planner` asks for, in the process that was made for it; raises WhatIfRefused."""
    return asyncio.run(_planned(url, identity, edit))


async def _planned(url: str, identity: Identity, edit: Mapping[str, Any]) -> Mapping[str, Any]:
    panorama = SqlPanorama(url, identity)
    try:
        last = await panorama.latest()
        found = await panorama.decision(last.decision_id) if last else None
        raw = json.loads(json.dumps(await panorama.policy()))
    except PortError as error:
        raise WhatIfRefused(str(error)) from None
    finally:
        await panorama.close()
    if found is None:
        raise WhatIfRefused("the last decision's snapshot is not kept, so there is nothing to plan with")
    row, snapshot, _ = found
    try:
        policy = Policy.model_validate({**raw, "targets": edited(raw["targets"], edit)})
    except ValidationError as error:
        raise WhatIfRefused(*(_line(each) for each in error.errors())) from None
    with exact():
        return {"now": json.loads(row.plan_json), "plan": plan(snapshot, policy).body()}


def edited(targets: Mapping[str, Any], edit: Mapping[str, Any]) -> dict[str, Any]:
    """Targets as JSON with an edit's weights in place; raises WhatIfRefused for a sleeve or asset nobody has."""
    made: dict[str, Any] = json.loads(json.dumps(targets))
    if "stables" in edit:
        made["stables"]["weight"] = edit["stables"]["weight"]
    for name, change in edit.get("sleeves", {}).items():
        sleeve = made["sleeves"].get(name)
        if sleeve is None:
            raise WhatIfRefused(f"{name}: is no sleeve, must be one of {', '.join(made['sleeves'])}")
        if "weight" in change:
            sleeve["weight"] = change["weight"]
        for asset, share in change.get("assets", {}).items():
            if not isinstance(sleeve["assets"], dict) or asset not in sleeve["assets"]:
                raise WhatIfRefused(f"{name}.{asset}: has no weight of its own in this sleeve")
            sleeve["assets"][asset] = share
    return made


def recorded_cycle_s(said: Mapping[str, Any], environment: str) -> float:
    """As `_cycle_s`, of settings as a run wrote them down; 0 where it wrote none."""
    speed = said.get("local.speed", 1) if environment == "local" else 1
    cycle = said.get("cycle")
    return parse_duration(str(cycle)).total_seconds() / float(speed) if cycle and speed != "step" else 0.0


def _cycle_s(settings: Settings) -> float:
    """A cycle's length in the machine's seconds: the local exchange's time runs faster."""
    speed = settings.local.speed if settings.venue.environment == "local" else 1
    return settings.cycle.total_seconds() / float(speed) if speed != "step" else 0.0


def _line(error: Any) -> str:
    where = ".".join(str(part) for part in error["loc"])
    return f"{where}: {error['msg']}".removeprefix(": ")
