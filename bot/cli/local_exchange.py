"""Owns `ballast local-exchange`: the built-in exchange as a process of its own."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.screen import line
from bot.cli.told import Told

if TYPE_CHECKING:
    from bot.settings import Local


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
    scenario: Annotated[str, typer.Option(metavar="NAME", help="tour or random.")] = "tour",
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="The same seed is the same market.")] = 7,
    tape: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Recorded candles to play instead.")] = None,
    start: Annotated[str | None, typer.Option(metavar="DAY", help="Where the tape starts, UTC: 2021-05-10.")] = None,
    speed: Annotated[float, typer.Option(metavar="X", help="Exchange seconds per real second, constant.")] = 1.0,
    balances: Annotated[str, typer.Option(metavar="COINS", help="What its account opens with.")] = "USDT=40000,BTC=0.6",
) -> None:
    """Serve the built-in exchange over HTTP, in Binance's wire.

    Example: ballast local-exchange --port 8800 --state data/exchange.sqlite --speed 60
    """
    from bot.local_exchange.standalone import World, serve
    from bot.local_exchange.state import StateError

    wanted = _checked(scenario=scenario, seed=seed, start=start, balances=_coins(balances))
    if not 0 < speed < float("inf"):
        raise typer.BadParameter(f"{speed}, must be a number above 0", param_hint="'--speed'")
    world = World(wanted.scenario, wanted.seed, tape, wanted.start, wanted.balances)

    def started(url: str) -> None:
        line(f"local exchange at {url}, playing {world.name()} at {speed:g} × speed; state in {state}; Ctrl-C ends it")
        sys.stdout.flush()  # whoever waits for the line may read it through a pipe

    try:
        served = serve(world, host=host, port=port, state_path=state, keys=keys, speed=speed, started=started)
        asyncio.run(_until_told(served))
    except (StateError, OSError, ValueError) as error:
        raise Told(" ".join(str(error).split())) from None


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
