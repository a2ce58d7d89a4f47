"""Owns `ballast web`: the dashboard in a process of its own, which knows no key."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.options import DEFAULT_CONFIG, ConfigFile
from bot.cli.parts import go
from bot.cli.told import Told

if TYPE_CHECKING:
    from bot.web.server import Dashboard


def web(
    config: ConfigFile = DEFAULT_CONFIG,
    port: Annotated[
        int | None,
        typer.Option("--port", min=0, max=65535, metavar="PORT", help="Another port than web.port; 0 takes any free."),
    ] = None,
) -> None:
    """Serve the dashboard of a bot that runs in another process.

    In mode paper `ballast run` serves it by itself.

    Example: ballast web --config config/paper.yaml
    """
    from bot.settings import ConfigError
    from bot.web.terms import WebRefused
    from bot.wiring_web import KEYS, dashboard_of, settings_without_keys, told

    try:
        settings = settings_without_keys(Path(config), os.environ)
    except ConfigError as error:
        raise Told(error.lines) from None
    for name in KEYS:
        os.environ.pop(name, None)
    if port is not None:
        settings = settings.model_copy(update={"web": settings.web.model_copy(update={"port": port})})
    if not settings.web.enabled:
        raise Told(f"{config}: web.enabled: is false, must be true for a dashboard")
    try:
        dashboard, fresh = dashboard_of(settings)
        go(_served(dashboard, lambda: told(dashboard.url, fresh)))
    except WebRefused as error:
        raise Told(str(error)) from None


async def _served(dashboard: Dashboard, tell: Callable[[], None]) -> None:
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, ending.set)
    try:
        await dashboard.start()
        tell()
        await ending.wait()
    finally:
        await dashboard.stop()
