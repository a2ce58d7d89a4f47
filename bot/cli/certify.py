"""Owns `ballast certify`: the acceptance run of a venue, asked for by a typed word, told item by item."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import typer

from bot.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile, Yes
from bot.cli.parts import go
from bot.cli.screen import line, must_type, show, show_json
from bot.cli.told import Told

if TYPE_CHECKING:
    from bot.engine.certify import Bench, Item, Report, Terms
    from bot.engine.certify.run import Cost
    from bot.ports.venue import Broker
    from bot.settings import Settings
    from bot.wiring import World

T = TypeVar("T")
Tell = Callable[["Item"], None]
INTERRUPTED: Final = 130
ROOM: Final = Decimal("1.1")  # prices move between the question and the orders
LIBRARIES: Final = ("ccxt", "aiohttp")


def certify(
    config: ConfigFile = DEFAULT_CONFIG,
    venue: Annotated[
        str | None, typer.Option("--venue", metavar="ID", help="The exchange, where it is not the configuration's.")
    ] = None,
    asset: Annotated[str, typer.Option("--asset", metavar="COIN", help="What is bought and sold.")] = "BTC",
    limit: Annotated[
        str | None,
        typer.Option(
            "--limit", metavar="MONEY", help="Most money at stake at any moment.", show_default="what a run needs"
        ),
    ] = None,
    samples: Annotated[
        int, typer.Option("--samples", min=1, max=100, metavar="N", help="Orders that the lag is measured on.")
    ] = 5,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Try a venue with its smallest orders and certify it.

    Example: ballast certify --config config/binance-demo.yaml
    """
    from bot.render.certify import certificate_view, cost_words
    from bot.venues.certificates import write_certificate
    from bot.wiring import data_folder

    settings = _settings(config, venue)
    terms = terms_of(settings, asset=asset, limit=_money(limit) if limit else None, samples=samples)
    terms, cost = go(cost_of(settings, terms))
    where = f"{settings.venue.id} ({settings.venue.environment})"
    say: Callable[[str], None] = (lambda _text: None) if as_json else line
    say(cost_words(where, terms, cost))
    _must_agree(settings, terms, yes=yes)
    report = go(_until_told(certified(settings, terms, _teller(quiet=as_json))))
    path = write_certificate(data_folder(settings), report.body())
    if as_json:
        show_json(report.body())
    else:
        show(certificate_view(report))
        line(f"{'certificate' if report.passed else 'what was found'}: {path}")
    if not report.passed:
        raise Told([f"{where}: no certificate: {each.name}: {each.evidence}" for each in report.in_the_way])


# ---- what is asked for


def _settings(config: Path, venue: str | None) -> Settings:
    from bot.settings import ConfigError, load

    env = dict(os.environ)
    try:
        settings = load(config, env | {"BALLAST_VENUE__ID": venue} if venue else env)
    except ConfigError as error:
        raise Told(error.lines) from None
    if settings.mode not in ("testnet", "live"):
        raise Told(f"{config}: mode is {settings.mode}, must be testnet or live: an acceptance run sends real orders")
    if settings.venue.environment == "local" and settings.local.url is None:
        raise Told(
            f"{config}: venue.environment is local and local.url names no exchange; "
            "`ballast local-exchange` runs one to rehearse on"
        )
    return settings


def _money(text: str) -> Decimal:
    try:
        limit = Decimal(text)
    except InvalidOperation:
        limit = Decimal(0)
    if not limit.is_finite() or limit <= 0:
        raise typer.BadParameter(f"{text}, must be an amount of money such as 50", param_hint="'--limit'")
    return limit


def terms_of(settings: Settings, *, asset: str, samples: int, limit: Decimal | None = None) -> Terms:
    """What may be done in a run of these settings; without a limit nothing yet."""
    from bot.clocks import host_utc_now
    from bot.core.instruments import spot_symbol, swap_symbol
    from bot.engine.certify import Terms

    policy = settings.policy()
    quote = policy.accounting_currency
    beside = settings.venue.environment == "local"
    return Terms(
        run=f"{settings.portfolio} {host_utc_now().isoformat()}",
        spot=spot_symbol(asset.upper(), quote),
        swap=swap_symbol(asset.upper(), quote) if settings.venue.futures else None,
        quote=quote,
        limit=limit or Decimal(0),
        samples=samples,
        leverage=policy.hedge.leverage,
        margin_mode=settings.venue.margin_mode,
        time_scale=float(settings.local.speed) if beside and settings.local.speed != "step" else 1.0,
    )


def _must_agree(settings: Settings, terms: Terms, *, yes: bool) -> None:
    """A person types the most that is at stake; play money can be agreed to by --yes."""
    real = settings.venue.environment == "production"
    if yes and not real:
        return
    if not sys.stdin.isatty():
        which = "real money is agreed to by a person at a terminal" if real else "--yes says yes to play money"
        raise Told(f"nobody to ask, since stdin is no terminal: {which}; nothing was sent")
    money = "real money" if real else "play money"
    must_type(f"{terms.limit:f} {terms.quote}".lower(), f"Orders with {money} will be sent")


# ---- the run


@asynccontextmanager
async def _line(settings: Settings, stand_in: str | None) -> AsyncIterator[World]:
    from bot.wiring import line_of

    world = await line_of(settings, stand_in=stand_in)
    try:
        yield world
    finally:
        await world.stack.aclose()


async def _bench(settings: Settings, terms: Terms, world: World, stand_in: str | None) -> tuple[Bench, Cost]:
    from bot.engine.certify import Ports
    from bot.engine.certify.run import prepared

    @asynccontextmanager
    async def again() -> AsyncIterator[Broker]:
        async with _line(settings, stand_in) as other:
            yield other.broker

    return await prepared(Ports(world.market, world.account, world.broker, world.transfers, world.clock, again), terms)


async def cost_of(settings: Settings, terms: Terms, *, stand_in: str | None = None) -> tuple[Terms, Cost]:
    """What a run would take, by calls that only read. Raises PortError where the limit is under it.

    Terms without a limit get one a little above; perpetuals are left out where the venue's world has none.
    """
    from dataclasses import replace

    from bot.engine.certify.run import must_do

    async with _line(settings, stand_in) as world:
        if terms.swap is not None and "swap" not in (await world.account.kind()).can:
            terms = replace(terms, swap=None)
        _, cost = await _bench(settings, terms, world, stand_in)
    if not terms.limit:
        terms = replace(terms, limit=(cost.at_stake * ROOM).to_integral_value(ROUND_CEILING))
    must_do(terms, cost)
    return terms, cost


async def certified(settings: Settings, terms: Terms, tell: Tell, *, stand_in: str | None = None) -> Report:
    """The run, while no bot of this portfolio is at work on this machine. Raises PortError, Told.

    ``stand_in`` is the address of a local exchange that plays the venue, for tests; no option leads there.
    """
    from bot import __version__
    from bot.clocks import host_utc_now
    from bot.engine.certify import Report
    from bot.engine.certify import certify as run
    from bot.wiring import data_folder
    from bot.wiring_host import locked

    lock, _ = locked(settings, data_folder(settings))
    with lock:
        async with _line(settings, stand_in) as world:
            bench, _ = await _bench(settings, terms, world, stand_in)
            report = Report(
                venue=settings.venue.id,
                environment=settings.venue.environment,
                account=(await world.account.kind()).id or "",
                at=host_utc_now(),
                version=__version__,
                libraries=_libraries(),
                symbols=bench.symbols,
                futures=terms.swap is not None,
            )
            return await run(bench, report, tell)


def _libraries() -> dict[str, str]:
    import platform
    from importlib.metadata import version

    return {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}}


async def _until_told(work: Coroutine[Any, Any, T]) -> T:
    """Run until a signal asks for an end: what was made is then taken away before the process goes."""
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        raise Told(
            "ended before its end: nothing of it was left at the venue unless told so; no certificate", INTERRUPTED
        ) from None


def _teller(*, quiet: bool) -> Tell:
    """Each verdict as it comes, on stderr: the table at the end goes to stdout."""

    def tell(item: Item) -> None:
        if not quiet:
            sys.stderr.write(f"{item.verdict.value:8} {item.name}: {item.evidence}\n")
            sys.stderr.flush()

    return tell
