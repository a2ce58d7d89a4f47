"""Owns the exchange on its own: a scene, a state file, a clock and the server, until cancelled. Prints nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from bot.clocks import ConstantClock
from bot.core.instruments import Market
from bot.core.numbers import utc_text
from bot.local_exchange.accounts import Account
from bot.local_exchange.app import Terms
from bot.local_exchange.faults import FaultyLine
from bot.local_exchange.purse import Purse
from bot.local_exchange.server import LocalExchange
from bot.local_exchange.state import FileState
from bot.ports.clock import Clock
from bot.venues.simulated.exchange import Exchange
from bot.venues.simulated.faults import Fault
from bot.venues.simulated.generated import make_scene
from bot.venues.simulated.scene import Scene

Plan = Callable[[Mapping[str, Market]], Iterable[Fault]]


@dataclass(frozen=True, slots=True)
class World:
    """What the exchange plays, whose kind of account it keeps, and what that opens with."""

    scenario: str
    seed: int
    tape: Path | None
    start: datetime | None
    balances: Mapping[str, Decimal]
    venue: Literal["binance", "bybit"] = "binance"

    def name(self) -> str:
        """One text per world: an account is never carried into another (a tape's folder may be moved, not renamed)."""
        begun = utc_text(self.start) if self.start else "its own start"
        kind = "" if self.venue == "binance" else f" in one wallet as at {self.venue}"
        played = f"tape {self.tape.name}" if self.tape else f"{self.scenario} seed {self.seed}"
        return f"{played} from {begun}{kind}"


async def serve(  # noqa: PLR0913 - all but one are named
    world: World,
    *,
    host: str,
    port: int,
    state_path: Path,
    speed: float,
    keys: Path | None = None,
    started: Callable[[str], None] = lambda _url: None,
    clock_at: Callable[[datetime, float], Clock] = ConstantClock,
    plan: Plan | None = None,
    accounts: Sequence[str] = (),
    ended: Callable[[Mapping[str, Any]], None] = lambda _counts: None,
) -> None:
    """Serve until cancelled; then stop cleanly, state on disk, and return.

    ``speed`` is venue seconds per host second, constant. ``started`` is told the base URL once it listens. Into the
    folder ``keys`` goes the key pair, as secret files of the bot. Time stands still while nothing serves: the next run
    goes on where this one ended. ``plan`` makes the faults out of the markets, and begins anew with each run; ``ended``
    is told at the end what of them bit. With ``accounts`` there is one for each name, its state in a file of that name
    beside ``state_path`` and its keys in a folder of that name under ``keys``.

    Raises `StateError`, OSError, ValueError.
    """
    scene = make_scene(scenario=world.scenario, seed=world.seed, tape=world.tape, start=world.start)
    with ExitStack() as files:
        kept = [_Kept.open(*place, world, scene, files) for place in _places(state_path, keys, accounts)]
        first = kept[0]
        exchange = first.exchange
        # One market has one time: an account that was left earlier than another goes on where that one was.
        clock = clock_at(max(each.exchange.now for each in kept), speed)
        unified = world.venue == "bybit"
        purse = Purse(exchange) if unified else None
        faults = FaultyLine(exchange, clock, plan(scene.markets()), purse) if plan else None
        server = LocalExchange(
            exchange,
            clock,
            key=first.state.keys.key,
            secret=first.state.keys.secret,
            save=first.save,
            host=host,
            port=port,
            terms=Terms(time_scale=speed, unified=unified),
            faults=faults,
            others=[Account(each.exchange, each.state.keys, each.save) for each in kept[1:]],
        )
        started(await server.start())
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            # Being cancelled is how it is told to end; the caller's own cancellation is answered by returning.
            await server.stop()
            if faults is not None:
                ended(faults.counts())


@dataclass(frozen=True, slots=True)
class _Kept:
    """An account as its file has it."""

    state: FileState
    exchange: Exchange

    @classmethod
    def open(cls, path: Path, keys: Path | None, world: World, scene: Scene, files: ExitStack) -> _Kept:
        state = FileState.open(path, world.name())
        files.callback(state.close)
        if keys is not None:
            state.hand_out(keys)
        saved = state.load()
        opened = Exchange(scene, opening=world.balances) if saved is None else Exchange(scene, state=saved.engine)
        return cls(state, opened)

    async def save(self, engine: bytes) -> None:
        await self.state.save(engine, self.exchange.now)


def _places(state_path: Path, keys: Path | None, accounts: Sequence[str]) -> list[tuple[Path, Path | None]]:
    """The state file and the folder of keys of each account."""
    if not accounts:
        return [(state_path, keys)]
    return [(state_path.with_stem(f"{state_path.stem}-{name}"), keys / name if keys else None) for name in accounts]
