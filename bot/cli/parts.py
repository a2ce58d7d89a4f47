"""Owns how commands come to their parts: settings, the record to read, the controls to write, and one event loop."""

from __future__ import annotations

import asyncio
import getpass
import os
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from bot.cli.told import Told

if TYPE_CHECKING:
    from bot.ports.store import Controls, Identity
    from bot.settings import Settings
    from bot.store.sql import SqlRecord
    from bot.store.sql.panorama import SqlPanorama

T = TypeVar("T")


def settings_of(path: Path) -> Settings:
    """The configuration in force; raises Told with a line for each thing wrong."""
    from bot.settings import ConfigError, load

    try:
        return load(path, os.environ)
    except ConfigError as error:
        raise Told(error.lines) from None


def identity_of(settings: Settings) -> Identity:
    """Whose record these settings are about."""
    from bot.ports.store import Identity

    return Identity(settings.portfolio, settings.mode, settings.venue.id, settings.venue.environment)


def go(work: Coroutine[None, None, T]) -> T:
    """Run a command's work; what goes wrong beyond the ports is told in one line."""
    from bot.ports.errors import PortError

    try:
        return asyncio.run(work)
    except PortError as error:
        raise Told(" ".join(str(error).split())) from None


@asynccontextmanager
async def record_of(settings: Settings) -> AsyncIterator[SqlRecord]:
    """The readers' handle on what these settings recorded.

    Where they recorded nothing and somebody else did (the bot ran in another mode, say), on what decided last, and
    stderr says so.
    """
    from bot.store.sql import SqlRecord

    record = SqlRecord(settings.store.url, await _whose(settings))
    try:
        yield record
    finally:
        await record.close()


@asynccontextmanager
async def panorama_of(settings: Settings) -> AsyncIterator[SqlPanorama]:
    """The same record, by a handle that reads pages of it."""
    from bot.store.sql.panorama import SqlPanorama

    panorama = SqlPanorama(settings.store.url, await _whose(settings))
    try:
        yield panorama
    finally:
        await panorama.close()


async def _whose(settings: Settings) -> Identity:
    from bot.store.sql import books

    mine = identity_of(settings)
    found = await books(settings.store.url)
    known = any(
        (each.identity.portfolio, each.identity.mode, each.identity.venue, each.identity.environment)
        == (mine.portfolio, mine.mode, mine.venue, mine.environment)
        for each in found
    )
    if known or not found:
        return mine
    last = found[0].identity
    sys.stderr.write(
        f"note: nothing recorded for {mine.portfolio} ({mine.mode}, {mine.venue} {mine.environment}); "
        f"showing {last.portfolio} ({last.mode}, {last.venue} {last.environment})\n"
    )
    return last


@asynccontextmanager
async def controls_of(settings: Settings) -> AsyncIterator[Controls]:
    """The operators' handle."""
    from bot.clocks import host_utc_now
    from bot.store.sql import SqlControls

    controls = SqlControls(settings.store.url, identity_of(settings), host_utc_now)
    try:
        yield controls
    finally:
        await controls.close()


def who() -> str:
    """Who asks, for the record."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):
        return "cli"
