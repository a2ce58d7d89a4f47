"""Counts requests at the wire by the width of the portfolio: what one cycle asks of each venue, over HTTP.

    PYTHONPATH=. python benchmarks/wire_requests.py [--assets 5 20 100] [--rounds 12] [--write docs/venues.md]

The whole engine with ccxt's clients in front of the local exchange, which counts what comes in; BingX, WEEX and MEXC
in front of the wires that the venue contract replays, which refuse what those venues do not document. `first`: the
first cycle of a process. `quiet`: no bar closed since the last cycle and nothing to trade, median and most. `new bar`:
every asset's 4 h bar closed. What an order adds (its book, itself, its look-up, its fills, its set-up on perpetuals)
follows what is traded and not how wide it is: it is measured on the local exchange with a portfolio that trades in
every cycle. `--write` puts the table between the marks of the page.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from statistics import median

from benchmarks.cycle import Silent
from benchmarks.wide import WideScene, a_policy, an_opening
from bot.clocks import StepClock, host_utc_now
from bot.core.policy import Policy
from bot.engine.cycle import Engine
from bot.engine.parts import Parts
from bot.engine.permit import SendPermit
from bot.engine.stop import KillWatch
from bot.local_exchange.app import Terms
from bot.local_exchange.bybit.limits import Budget as V5Budget
from bot.local_exchange.server import LocalExchange
from bot.local_exchange.signing import make_keys
from bot.local_exchange.weights import Budget
from bot.ports.store import Identity
from bot.store.sql import SqlControls, SqlRecord, SqlStore
from bot.venues.ccxt.profiles import Credentials, Setup
from bot.venues.ccxt.venue import make_venue
from bot.venues.simulated.exchange import Exchange
from tests.wire.replay.bingx import BingxWire
from tests.wire.replay.mexc import MexcWire
from tests.wire.replay.stage import KEY, PASSPHRASE, SECRET, Server, Wire
from tests.wire.replay.weex import WeexWire

SERVED = ("binance", "bybit")
REPLAYED: Mapping[str, type[Wire]] = {"bingx": BingxWire, "weex": WeexWire, "mexc": MexcWire}
VENUES = (*SERVED, *REPLAYED)
STEP, BAR = timedelta(minutes=10), timedelta(hours=4)
SETTLING = 5  # cycles: a process looks for fills it missed on some symbols of each cycle until it has seen all
MARKS = ("<!-- requests -->", "<!-- /requests -->")
# The count is what is measured: nobody is slowed down or refused on the way.
BOUNDLESS = Budget(10**9)
BY_ASSET = {"candles": ("/klines", "/kline", "/historyKlines"), "books": ("/depth", "/orderbook")}
ORDERS = (
    "POST /api/v3/order",
    "POST /fapi/v1/order",
    "POST /v5/order/create",
    "POST /openApi/spot/v1/trade/order",
    "POST /openApi/swap/v2/trade/order",
    "POST /capi/v3/order",
    "POST /api/v1/private/order/create",
)


@dataclass
class Bench:
    """A portfolio with everything of a real one, its venue behind HTTP."""

    policy: Policy
    clock: StepClock
    asked: Callable[[], Counter[str]]  # so far, by method and path
    engine: Engine
    closes: Sequence[Callable[[], Awaitable[None]]]
    cycles: int = 0

    async def cycle(self, later: timedelta) -> Counter[str]:
        """One cycle ``later``; what it asked, by kind."""
        await self.clock.until(self.clock.now() + later)
        self.cycles += 1
        before = self.asked()
        await self.engine.cycle(f"c{self.cycles}", self.policy)
        return by_kind(self.asked() - before)

    async def close(self) -> None:
        """Let go of everything."""
        for close in self.closes:
            await close()


def by_kind(asked: Counter[str]) -> Counter[str]:
    """Requests for candles, books, orders, and all others."""
    found: Counter[str] = Counter()
    for what, times in asked.items():
        path = what.rpartition("/")[0] if what.endswith("_USDT") else what  # MEXC names the symbol in the path
        kind = next((kind for kind, ends in BY_ASSET.items() if path.endswith(ends)), "others")
        found["orders" if what in ORDERS else kind] += times
    return found


def a_still_policy(assets: Sequence[str]) -> Policy:
    """Nothing to do: bands that nothing leaves, no hedges, no bridges, the same targets in a bear market."""
    coins = {"weight": "0.60", "assets": list(assets), "band": {"relative": "0.95"}}
    return Policy.model_validate(
        {
            "targets": {"stables": {"weight": "0.40", "floor": "0.05"}, "sleeves": {"coins": coins}},
            "regime": {"bear_scale": 1},
            "hedge": {"enabled": False},
            "bridge": {"enabled": False},
        }
    )


@dataclass(frozen=True)
class Door:
    """Where a venue answers, and what it was asked."""

    setup: Setup
    asked: Callable[[], Counter[str]]
    stop: Callable[[], Awaitable[None]]


async def a_served_door(venue_id: str, exchange: Exchange, clock: StepClock) -> Door:
    """The local exchange, which refuses nobody for asking often."""
    keys = make_keys()
    terms = Terms(
        spot=BOUNDLESS,
        futures=BOUNDLESS,
        sapi=BOUNDLESS,
        v5=V5Budget(address_1m=10**9, scale=10**6),
        unified=venue_id == "bybit",
    )
    server = LocalExchange(exchange, clock, key=keys.key, secret=keys.secret, save=None, terms=terms)
    setup = Setup("local", Credentials(keys.key, keys.secret), await server.start())
    return Door(setup, lambda: Counter(server.requests_by_path), server.stop)


async def a_replayed_door(venue_id: str, exchange: Exchange, scene: WideScene, clock: StepClock) -> Door:
    """A venue's documented wire; what it does not document is an error."""
    wire = REPLAYED[venue_id](exchange, scene, clock)
    wire.assets = tuple(scene.assets)
    server = Server(wire)

    def asked() -> Counter[str]:
        if wire.faults:
            raise RuntimeError(f"{venue_id}: {wire.faults[0]}")
        return Counter(f"{one.method} {one.path}" for one in wire.asked)

    return Door(Setup("local", Credentials(KEY, SECRET, PASSPHRASE), await server.start()), asked, server.stop)


async def a_bench(venue_id: str, count: int, folder: Path, *, trades: bool = False) -> Bench:
    """Everything up and leading."""
    scene = WideScene(count)
    clock = StepClock(scene.start)
    exchange = Exchange(scene, opening=an_opening(scene))
    if venue_id != "bybit":
        exchange.transfer("USDT", exchange.balances()["USDT"].free / 4, "spot", "futures", client_id="opening")
    served = venue_id in SERVED
    door = await (
        a_served_door(venue_id, exchange, clock) if served else a_replayed_door(venue_id, exchange, scene, clock)
    )
    venue = make_venue(venue_id, door.setup, clock)
    await venue.open()
    url = f"sqlite+aiosqlite:///{folder / f'{venue_id}-{count}.db'}"
    mine = Identity("main", "testnet", venue_id, "local")
    store, controls = SqlStore(url, host_utc_now), SqlControls(url, mine, host_utc_now)
    record = SqlRecord(url, mine)
    await store.open(mine, migrate=True)
    fence = await store.lead("bench", 3_600)
    alerts = Silent()
    parts = Parts(
        mode="testnet", portfolio="main", venue=venue_id, environment="local", market=venue, account=venue,
        broker=venue, transfers=venue, store=store, controls=controls, record=record, clock=clock, alerts=alerts,
        feeds=None, savings=venue, keep=store.keep,
    )  # fmt: skip
    kill = KillWatch(controls, alerts)
    engine = Engine(parts, kill, SendPermit(lambda: kill.level, lambda: float("inf"), clock))
    engine.lead(fence)
    closes = [venue.close, door.stop, store.close, controls.close, record.close]
    policy = (a_policy if trades else a_still_policy)(scene.assets)
    return Bench(policy, clock, door.asked, engine, closes)


@dataclass(frozen=True)
class Figures:
    """Requests of a cycle."""

    first: int
    quiet: float
    quiet_most: int
    new_bar: float
    new_bar_candles: float
    new_bar_books: float


async def measured(venue_id: str, count: int, rounds: int, folder: Path) -> Figures:
    """The counts of some cycles of each sort, in which nothing was to be traded."""
    bench = await a_bench(venue_id, count, folder)
    try:
        first = await bench.cycle(STEP)
        for later in (*[STEP] * SETTLING, BAR, STEP):
            await bench.cycle(later)
        quiet = [await bench.cycle(STEP) for _ in range(rounds)]
        new_bar = [await bench.cycle(BAR) for _ in range(rounds)]
    finally:
        await bench.close()
    sent = sum(one["orders"] for one in (*quiet, *new_bar))
    if sent:
        raise RuntimeError(f"{venue_id}, {count} assets: {sent} orders were sent, must be none to count quiet cycles")
    return Figures(
        sum(first.values()),
        median(sum(one.values()) for one in quiet),
        max(sum(one.values()) for one in quiet),
        median(one["others"] for one in new_bar),
        median(one["candles"] for one in new_bar),
        median(one["books"] for one in new_bar),
    )


async def by_order(venue_id: str, quiet: float, rounds: int, folder: Path) -> float:
    """Requests that an order adds to a quiet cycle."""
    bench = await a_bench(venue_id, 5, folder, trades=True)
    try:
        for later in (STEP, STEP, BAR, STEP):
            await bench.cycle(later)
        seen = [await bench.cycle(STEP) for _ in range(rounds)]
    finally:
        await bench.close()
    orders = sum(one["orders"] for one in seen)
    return (sum(sum(one.values()) for one in seen) - quiet * rounds) / orders


def row(venue_id: str, count: int, seen: Figures) -> str:
    """A line of the table."""
    said = (seen.first, seen.quiet, seen.quiet_most, seen.new_bar, seen.new_bar_candles, seen.new_bar_books)
    return f"| {venue_id} | {count} | " + " | ".join(f"{one:g}" for one in said) + " |"


HEAD = (
    "| venue | assets | first cycle | quiet cycle | most in a quiet one | on a new bar | its candles | its books |\n"
    "|---|--:|--:|--:|--:|--:|--:|--:|"
)


def main() -> None:
    """Measure, print, and with ``--write`` keep the table in the page."""
    options = argparse.ArgumentParser(description="Counts requests at the wire by the number of assets.")
    options.add_argument("--assets", type=int, nargs="+", default=[5, 20, 100])
    options.add_argument("--rounds", type=int, default=12)
    options.add_argument("--write", type=Path, help="the page whose table is to be made anew")
    given = options.parse_args()
    lines, quiet = [HEAD], dict[str, float]()
    print(HEAD, flush=True)
    for venue_id in VENUES:
        for count in given.assets:
            with tempfile.TemporaryDirectory() as folder:
                seen = asyncio.run(measured(venue_id, count, given.rounds, Path(folder)))
            lines.append(row(venue_id, count, seen))
            print(lines[-1], flush=True)
            quiet[venue_id] = seen.quiet
    told = []
    for venue_id in SERVED:
        with tempfile.TemporaryDirectory() as folder:
            more = asyncio.run(by_order(venue_id, quiet[venue_id], given.rounds, Path(folder)))
        told.append(f"{more:.1f} requests at {venue_id}")
    lines += ["", f"An order adds {' and '.join(told)}."]
    print(lines[-1])
    if given.write:
        page = given.write.read_text(encoding="utf-8")
        before, _, rest = page.partition(MARKS[0])
        _, _, after = rest.partition(MARKS[1])
        made = "\n".join([before + MARKS[0], *lines, MARKS[1]]) + after
        given.write.write_text(made, encoding="utf-8")


if __name__ == "__main__":
    main()
