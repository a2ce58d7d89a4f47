"""Owns what a composition needs of the machine: the lock, the log, the fingerprint of a run. Knows no venue."""

from __future__ import annotations

import fcntl
import logging
import platform
import sys
from pathlib import Path
from typing import IO

import numpy as np
import structlog
import talib

from bot import __version__
from bot.alerts.redact import Redactor
from bot.core.numbers import canonical_json
from bot.core.policy import config_hash
from bot.ports.errors import Fenced
from bot.ports.store import Run
from bot.settings import Settings

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


def set_up_logging(settings: Settings) -> None:
    """Lines on stderr: JSON where nobody watches, text on a terminal; secrets are taken out."""
    text = settings.log.format == "text" or (settings.log.format == "auto" and sys.stderr.isatty())
    level = logging.getLevelName(settings.log.level.upper())
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            redactor(settings),
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
