"""Owns what a composition needs of the machine: the lock, the log, the fingerprint of a run. Knows no venue."""

from __future__ import annotations

import fcntl
import logging
import platform
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any

import numpy as np
import structlog
import talib

from bot import __version__
from bot.alerts.log import LogAlerts
from bot.alerts.outbox import Manners, Outbox
from bot.alerts.people import apprise_channel
from bot.alerts.redact import Redactor
from bot.clocks import host_utc_now
from bot.core.numbers import canonical_json
from bot.core.policy import config_hash
from bot.ports.clock import Clock
from bot.ports.errors import Fenced
from bot.ports.store import Run
from bot.settings import Settings

Keep = Callable[[str, bytes | None], Awaitable[bytes | None]]
PAUSE = "pause"  # the name a venue's ban is kept under
PAUSE_STEP = timedelta(seconds=1)
IN_ENVIRONMENT = "{keys}: in the environment, where whoever sees the process reads them; secret files are better"


def locked(settings: Settings, folder: Path) -> tuple[IO[str], str]:
    """A lock per record and host, and the holder's name on the lease; raises Fenced while another process has it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{settings.portfolio}.{settings.mode}.{settings.venue.environment}.lock"
    lock = path.open("a", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise Fenced(
            f"another process on this machine runs portfolio {settings.portfolio!r} ({path} is locked)"
        ) from None
    return lock, f"{platform.node()}:{path}"


def alerts_of(settings: Settings, clock: Clock, stack: AsyncExitStack) -> LogAlerts | Outbox:
    """Alerts to the log, and to people where addresses are configured; ``stack`` ends their delivery. In a loop."""
    log, wanted = LogAlerts(clock.mono), settings.alerts
    if not wanted.urls:
        return log
    manners = Manners(wanted.least, wanted.quiet_hours, wanted.digest.total_seconds())
    channel = apprise_channel([url.get_secret_value() for url in wanted.urls])
    sender = f"{settings.portfolio} ({settings.mode}, {settings.venue.id})"
    outbox = Outbox(log, channel, clock, host_utc_now, sender=sender, manners=manners)
    outbox.start()
    stack.push_async_callback(outbox.close)
    return outbox


def run_of(settings: Settings) -> Run:
    """What this process is: version, libraries, configuration without secrets."""
    fingerprint = {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "talib": str(talib.__version__),
        "machine": platform.machine(),
        "system": platform.system(),
    }
    config = canonical_json({row.key: row.value for row in settings.rows()})
    return Run(__version__, fingerprint, config, config_hash(settings.policy()))


def set_up_logging(settings: Settings, clean: Callable[..., Any] | None = None) -> None:
    """Lines on stderr: JSON where nobody watches, text on a terminal; secrets are taken out (by ``clean``).

    What a task binds (the portfolio, where there are many) stands in each of its lines.
    """
    text = settings.log.format == "text" or (settings.log.format == "auto" and sys.stderr.isatty())
    level = logging.getLevelName(settings.log.level.upper())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            clean or redactor(settings),
            structlog.dev.ConsoleRenderer() if text else structlog.processors.JSONRenderer(default=str),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def redactor(settings: Settings) -> Redactor:
    """What takes these settings' secrets out of a line or a text."""
    return Redactor(tuple(secret for secret in settings.secrets() if secret))


def notes_of(settings: Settings) -> list[str]:
    """What an operator should hear at every start."""
    keys = settings.keys_in_environment()
    return [IN_ENVIRONMENT.format(keys=" and ".join(keys))] if keys else []


@dataclass(slots=True)
class KeptPause:
    """Keeps a ban beyond the process: asked after each cycle, it writes only what changed."""

    paused_until: Callable[[], datetime | None]
    keep: Keep
    told: datetime | None = None

    async def __call__(self) -> None:
        """Write it down."""
        until = self.paused_until()
        if until is None or (self.told is not None and abs(until - self.told) < PAUSE_STEP):
            return  # one that is over does no harm: it lies in the past
        self.told = until
        await self.keep(PAUSE, until.isoformat().encode())
