"""Owns `ballast local-exchange`: the built-in exchange as a process of its own."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from bot.cli.screen import line
from bot.cli.told import Told

if TYPE_CHECKING:
    from bot.local_exchange.standalone import Plan
    from bot.settings import Local

PLAN_HELP = """What shall go wrong: a JSON list of faults, such as [{"fault": "drop_after", "on": "create", "nth": 2},
{"fault": "halt", "at_s": 3600, "symbol": "BTC/USDT", "for_s": 600}]. A fault is armed at_s venue seconds after the
start and bites on the nth request (default the next) on: create, cancel, lookup, account, transfer, setting, market,
any, or a path such as "POST /api/v3/order" or "POST /v5/order/create"; times says on how many in a row.

Of the line: delay, rate_limited, banned (seconds); drop_before, drop_after; reset, truncated, empty, wrong, duplicate
(done: false = the exchange never did it); html, server_error (done, status).

Of the exchange: late_visibility (seconds, for_s); partial_fill, fill_before_cancel (share); fill_after_cancel (share,
seconds); halt (symbol, for_s); delist (symbol); filters (symbol, step, tick, min_amount, min_notional); manual_trade
(symbol, side, share); deposit (asset, amount); withdrawal (asset, share); depeg (asset, price, for_s); crash (asset,
share, for_s); adl (symbol, share); liquidation (symbol); skew (seconds, for_s).

What bit is told at GET /local/faults and at the end."""


Kind = Annotated[
    str, typer.Option(metavar="NAME", help="Whose kind of account it keeps: binance (wallets) or bybit (one wallet).")
]
Accounts = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", help="One account for each NAME.yaml there, as a fleet's portfolios; its keys go to KEYS/NAME."
    ),
]


def local_exchange(  # noqa: PLR0917 - typer passes all by name
    host: Annotated[str, typer.Option(metavar="HOST", help="Address it listens on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, metavar="N", help="Port; 0 takes any free one.")] = 8800,
    state: Annotated[Path, typer.Option(metavar="FILE", help="Where it keeps its account and its key pair.")] = Path(
        "data/exchange.sqlite"
    ),
    keys: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Also put its key pair here; a bot finds it by BALLAST_SECRETS_DIR."),
    ] = None,
    accounts: Accounts = None,
    venue: Kind = "binance",
    scenario: Annotated[str, typer.Option(metavar="NAME", help="tour or random.")] = "tour",
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="The same seed is the same market.")] = 7,
    tape: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Recorded candles to play instead.")] = None,
    start: Annotated[str | None, typer.Option(metavar="DAY", help="Where the tape starts, UTC: 2021-05-10.")] = None,
    speed: Annotated[float, typer.Option(metavar="X", help="Exchange seconds per real second, constant.")] = 1.0,
    balances: Annotated[str, typer.Option(metavar="COINS", help="What its account opens with.")] = "USDT=40000,BTC=0.6",
    faults: Annotated[Path | None, typer.Option(metavar="FILE", help=PLAN_HELP)] = None,
    chaos: Annotated[
        int | None,
        typer.Option(min=0, metavar="SEED", help="What shall go wrong, drawn: the same seed is the same week of it."),
    ] = None,
) -> None:
    """Serve the built-in exchange in Binance's and Bybit's wire.

    Its public data are told in both; its account is of one kind, and only that venue's signed requests reach it.

    Example: ballast local-exchange --port 8800 --state data/exchange.sqlite --speed 60
    """
    from bot.local_exchange.standalone import World, serve
    from bot.local_exchange.state import StateError

    wanted = _checked(scenario=scenario, seed=seed, start=start, balances=_coins(balances))
    if not 0 < speed < float("inf"):
        raise typer.BadParameter(f"{speed}, must be a number above 0", param_hint="'--speed'")
    plan = _plan(faults, chaos)
    world = World(wanted.scenario, wanted.seed, tape, wanted.start, wanted.balances, _kind(venue))

    def started(url: str) -> None:
        line(f"local exchange at {url}, playing {world.name()} at {speed:g} × speed; state in {state}; Ctrl-C ends it")
        sys.stdout.flush()  # whoever waits for the line may read it through a pipe

    try:
        served = serve(
            world,
            host=host,
            port=port,
            state_path=state,
            keys=keys,
            speed=speed,
            started=started,
            plan=plan,
            accounts=_names(accounts),
            ended=_tell,
        )
        asyncio.run(_until_told(served))
    except (StateError, OSError, ValueError) as error:
        raise Told(" ".join(str(error).split())) from None


def _tell(counts: Mapping[str, Any]) -> None:
    """What bit, as one line."""
    bit = ", ".join(f"{kind} {count}" for kind, count in counts["bitten"].items()) or "nothing"
    missed, waiting, early = sum(counts["missed"].values()), counts["waiting"], counts["asked_too_early"]
    line(f"faults that bit: {bit}; with nothing to bite: {missed}; still to come: {waiting}; asked too early: {early}")


def _plan(faults: Path | None, chaos: int | None) -> Plan | None:
    from bot.venues.simulated.chaos import World, draw
    from bot.venues.simulated.fault_plan import PlanError, read_plan

    if faults is not None and chaos is not None:
        raise typer.BadParameter("is given beside --faults, must be one of them", param_hint="'--chaos'")
    if chaos is not None:
        return lambda markets: draw(chaos, World(markets))
    if faults is None:
        return None
    try:
        planned = read_plan(faults.read_text(encoding="utf-8"))
    except (PlanError, OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"{faults}: {error}", param_hint="'--faults'") from None
    return lambda _markets: planned


def _names(accounts: Path | None) -> list[str]:
    if accounts is None:
        return []
    names = sorted(path.stem for path in accounts.glob("*.yaml"))
    if not names:
        raise typer.BadParameter(f"{accounts}, must be a folder with a NAME.yaml in it", param_hint="'--accounts'")
    return names


def _kind(venue: str) -> Literal["binance", "bybit"]:
    if venue not in {"binance", "bybit"}:
        raise typer.BadParameter(f"{venue}, must be binance or bybit", param_hint="'--venue'")
    return "bybit" if venue == "bybit" else "binance"


async def _until_told(work: Coroutine[Any, Any, None]) -> None:
    """Run until a signal asks for an end: the server then answers what is under way and keeps its state."""
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        # Told to end before it served: there was nothing to stop.
        return


def _coins(text: str) -> dict[str, str]:
    pairs = [each.strip().partition("=") for each in text.split(",") if each.strip()]
    if not all(sign and amount for _coin, sign, amount in pairs):
        raise typer.BadParameter(f"{text}, must be coins such as USDT=40000,BTC=0.6", param_hint="'--balances'")
    return {coin.strip(): amount.strip() for coin, _sign, amount in pairs}


def _checked(**values: Any) -> Local:
    from pydantic import ValidationError

    from bot.settings import Local

    try:
        return Local.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        words = first["msg"] if first["type"] == "ballast" else f"is {first['input']}, {first['msg']}"
        raise typer.BadParameter(words, param_hint=f"'--{first['loc'][0]}'") from None
