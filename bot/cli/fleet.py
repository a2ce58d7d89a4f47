"""Owns `ballast fleet`: a worker of a fleet, and how the fleet stands."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.options import AsJson
from bot.cli.parts import go
from bot.cli.screen import show, show_json
from bot.cli.told import USAGE, Told

if TYPE_CHECKING:
    from bot.ports.fleet import View
    from bot.settings.folder import Folder, Portfolio

app = typer.Typer(
    help="Lead many portfolios, on any number of machines.", no_args_is_help=False, invoke_without_command=True
)
Portfolios = Annotated[
    Path | None,
    typer.Option("--portfolios", metavar="DIR", help="A folder of configurations: NAME.yaml is portfolio NAME."),
]
Store = Annotated[
    str | None,
    typer.Option(
        "--store",
        envvar="BALLAST_STORE__URL",
        metavar="URL",
        help="The record of all of them: postgresql://host/name; SQLite serves one worker.",
    ),
]

RunFolder = Annotated[
    Path | None,
    typer.Option(
        "--run-folder",
        envvar="BALLAST_RUN_FOLDER",
        metavar="DIR",
        help="Where the workers of this machine meet, to ask a venue once for all of them; made with mode 0700. "
        "Else $XDG_RUNTIME_DIR/ballast, or ballast-UID in the folder for temporary files.",
    ),
]


@app.callback()
def fleet(
    context: typer.Context, portfolios: Portfolios = None, store: Store = None, run_folder: RunFolder = None
) -> None:
    """Lead many portfolios: any number of workers, on any number of machines, each portfolio led by one of them.

    Example: ballast fleet --portfolios portfolios --store postgresql://ballast@db/ballast
    """
    if context.invoked_subcommand is None:
        _worked(portfolios, store, run_folder)


@app.command()
def run(portfolios: Portfolios = None, store: Store = None, run_folder: RunFolder = None) -> None:
    """Work for the fleet until told to end (SIGTERM or Ctrl-C), then give back every portfolio.

    Example: ballast fleet run --portfolios portfolios --store postgresql://ballast@db/ballast
    """
    _worked(portfolios, store, run_folder)


@app.command()
def status(store: Store = None, as_json: AsJson = False) -> None:
    """Show who leads which portfolio, since when, and how each stands.

    Example: ballast fleet status --store postgresql://ballast@db/ballast
    """
    from bot.render.fleet import fleet_body, fleet_view

    if store is None:
        raise Told("ballast fleet status: --store URL is missing; see `ballast fleet status --help`", USAGE)
    body = fleet_body(go(_viewed(address(store))))
    if as_json:
        show_json(body)
    else:
        show(fleet_view(body))


async def _viewed(url: str) -> View:
    from bot.clocks import host_utc_now
    from bot.store.sql.posts import SqlPosts

    posts = SqlPosts(url, host_utc_now)
    try:
        return await posts.view()
    finally:
        await posts.close()


def _worked(portfolios: Path | None, store: str | None, run_folder: Path | None) -> None:
    from bot.settings import ConfigError
    from bot.settings.folder import Folder

    if portfolios is None or store is None:
        missing = "--portfolios DIR" if portfolios is None else "--store URL"
        raise Told(f"ballast fleet: {missing} is missing; see `ballast fleet --help`", USAGE)
    folder = Folder(portfolios, os.environ, address(store))
    try:
        found = folder.read()
    except ConfigError as error:
        raise Told(error.lines) from None
    wrong = [text for lines in folder.wrong.values() for text in lines]
    if not found:
        raise Told(wrong or f"{portfolios}: holds no NAME.yaml; each is one portfolio")
    for text in (*wrong, *(f"environment {name}: is of no portfolio in {portfolios}" for name in folder.strangers())):
        typer.echo(text, err=True)
    go(_run(folder, next(iter(found.values())), run_folder))


async def _run(folder: Folder, first: Portfolio, run_folder: Path | None) -> None:
    from bot.fleet.worker import FleetWorker
    from bot.wiring_fleet import new_worker, run_folder_of, set_up_fleet_logging, shared_of

    set_up_fleet_logging(folder, first)
    async with shared_of(folder.store, new_worker(), run_folder or run_folder_of(os.environ)) as shared:
        await FleetWorker(folder, shared).run()


def address(store: str) -> str:
    """The record's address with the driver that a configuration names, which nobody has to know by heart."""
    scheme, mark, rest = store.partition("://")
    drivers = {"postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg", "sqlite": "sqlite+aiosqlite"}
    return f"{drivers.get(scheme, scheme)}{mark}{rest}"
