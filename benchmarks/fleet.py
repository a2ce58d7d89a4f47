"""What a fleet takes by the number of its portfolios: processor time, requests, memory; a table, a file and a plot.

    python benchmarks/fleet.py --portfolios 10 100 300 --minutes 3 --plot docs/img/fleet.svg

One worker, ten assets a portfolio, a cycle a minute, in real time, on PostgreSQL; the exchange with an account for each
runs in this process and is not counted. Processor time is what the kernel says each process took, so that other work
on the machine makes the run longer and not the figures larger.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from time import monotonic
from typing import Any

from bot.clocks import ConstantClock
from bot.local_exchange.accounts import Account
from bot.local_exchange.app import Terms
from bot.local_exchange.server import LocalExchange
from bot.local_exchange.signing import KeyPair, make_keys
from bot.venues.simulated.exchange import Exchange
from bot.venues.simulated.generated import make_scene
from tests.server import Postgres, a_server

ROOT = Path(__file__).resolve().parents[1]
WARM = 2  # cycles of each portfolio before anything is counted
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
CONFIG = """
mode: testnet
cycle: 1m
venue: {id: binance, environment: local}
targets:
  stables: {weight: 0.10, floor: 0.05}
  sleeves:
    majors: {weight: 0.50, assets: {BTC: 0.5, ETH: 0.5}}
    others: {weight: 0.40, assets: [ADA, AVAX, BNB, DOGE, LINK, LTC, SOL, XRP]}
"""
WORTH = 100_000
HELD = {
    "BTC": "0.25",
    "ETH": "0.25",
    **dict.fromkeys(("ADA", "AVAX", "BNB", "DOGE", "LINK", "LTC", "SOL", "XRP"), "0.05"),
}


@dataclass(frozen=True)
class Row:
    """One size of fleet. CPU in milliseconds per cycle of one portfolio; memory and connections of the worker."""

    portfolios: int
    cycles: int
    seconds: float
    worker_ms: float
    idle_share: float  # of the worker's time that went by without a cycle's end in its second
    database_ms: float
    requests_per_minute: float
    market_per_minute: float
    start_s: float  # processor seconds until each had its first two cycles
    memory_mb: float
    sent: int
    late: float  # cycles a portfolio did per minute


def cpu_s(pid: int) -> float:
    """Processor seconds that a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_mb(pid: int) -> float:
    """Memory that a process has in use."""
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * PAGE / 1e6


def database_s(server: Postgres) -> float:
    """Processor seconds of the server and of all its sessions, those that ended too."""
    data = server.socket / "data" / "postmaster.pid"
    parent = int(data.read_text(encoding="utf-8").splitlines()[0])
    fields = Path(f"/proc/{parent}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    total = (int(fields[11]) + int(fields[12]) + int(fields[13]) + int(fields[14])) / TICKS
    for each in Path(f"/proc/{parent}/task/{parent}/children").read_text(encoding="ascii").split():
        try:
            total += cpu_s(int(each))
        except OSError:  # ended meanwhile, and counted with the parent's next time
            continue
    return total


@asynccontextmanager
async def an_exchange(names: Sequence[str], keys: Path) -> AsyncIterator[tuple[str, LocalExchange]]:
    """An exchange with an account a name, in real time; its keys as secret files."""
    scene = make_scene(scenario="tour", seed=7, tape=None, start=None)
    # As a portfolio is most of its life: near its targets.
    opening = {"USDT": Decimal(WORTH) / 10}
    for coin, share in HELD.items():
        price = scene.price(f"{coin}/USDT", scene.start)
        if price is not None:
            opening[coin] = (Decimal(WORTH) * Decimal(share) / price).quantize(Decimal("1e-4"))
    pairs = [make_keys() for _ in names]
    for name, pair in zip(names, pairs, strict=True):
        hand_out(keys / name, pair)
    exchanges = [Exchange(scene, opening=opening) for _ in names]
    others = [Account(exchange, pair, None) for exchange, pair in zip(exchanges[1:], pairs[1:], strict=True)]
    server = LocalExchange(
        exchanges[0], ConstantClock(exchanges[0].now, 1.0), key=pairs[0].key, secret=pairs[0].secret,
        save=None, terms=Terms(time_scale=1.0), others=others,
    )  # fmt: skip
    try:
        yield await server.start(), server
    finally:
        await server.stop()


def hand_out(folder: Path, pair: KeyPair) -> None:
    folder.mkdir(parents=True)
    for name, text in (("api_key", pair.key), ("secret", pair.secret)):
        path = folder / f"ballast_venue__{name}"
        path.touch(mode=0o600)
        path.write_text(text, encoding="ascii")


class Log:
    """The worker's lines, read once each."""

    def __init__(self, path: Path) -> None:
        self._file = path.open(encoding="utf-8")
        self.cycles: Counter[str] = Counter()
        self.sent = 0
        self.other: list[str] = []

    def look(self) -> None:
        """Take in what came since."""
        for text in self._file:
            try:
                line: dict[str, Any] = json.loads(text)
            except ValueError:
                self.other.append(text)
                continue
            if line.get("event") == "cycle":
                self.cycles[line["portfolio"]] += 1
                self.sent += line["sent"]
            elif line.get("level") not in ("info", "debug"):
                self.other.append(text)


async def measured(count: int, minutes: float, server: Postgres) -> Row:
    """One fleet of one worker."""
    with tempfile.TemporaryDirectory(prefix="ballast-fleet-") as made:
        folder, names = Path(made), [f"desk-{number:04}" for number in range(1, count + 1)]
        (folder / "portfolios").mkdir()
        for name in names:
            (folder / "portfolios" / f"{name}.yaml").write_text(CONFIG, encoding="utf-8")
        async with an_exchange(names, folder / "keys") as (url, exchange):
            env = {
                **{name: value for name, value in os.environ.items() if not name.startswith("BALLAST_")},
                "PYTHONPATH": str(ROOT), "BALLAST_LOCAL__URL": url, "BALLAST_LOCAL__SPEED": "1",
                "BALLAST_SECRETS_DIR": str(folder / "keys"), "BALLAST_WEB__ENABLED": "false",
                "BALLAST_RUN_FOLDER": str(folder / "run"),
            }  # fmt: skip
            with (folder / "log").open("wb") as log:
                worker = await asyncio.create_subprocess_exec(
                    sys.executable, "-m", "bot", "fleet", "--portfolios", str(folder / "portfolios"),
                    "--store", server.make_database(), cwd=folder, env=env, stdout=log, stderr=log,
                )  # fmt: skip
            try:
                return await watched(worker.pid, Log(folder / "log"), names, minutes, (server, exchange))
            finally:
                worker.send_signal(signal.SIGTERM)
                await worker.wait()


async def watched(
    pid: int, log: Log, names: Sequence[str], minutes: float, beside: tuple[Postgres, LocalExchange]
) -> Row:
    server, exchange = beside
    while not all(log.cycles[name] >= WARM for name in names):
        await asyncio.sleep(0.5)
        log.look()
    start_s = cpu_s(pid)
    before = (monotonic(), cpu_s(pid), database_s(server), sum(log.cycles.values()), log.sent)
    asked = exchange.requests_by_path
    busy = idle = 0.0
    while monotonic() - before[0] < minutes * 60:
        done, took = sum(log.cycles.values()), cpu_s(pid)
        await asyncio.sleep(1)
        log.look()
        if sum(log.cycles.values()) == done:
            idle += cpu_s(pid) - took
        else:
            busy += cpu_s(pid) - took
    seconds, cycles = monotonic() - before[0], sum(log.cycles.values()) - before[3]
    news = exchange.requests_by_path - asked
    market = sum(number for path, number in news.items() if is_market(path))
    for text in log.other[:10]:
        sys.stderr.write(text)
    return Row(
        portfolios=len(names), cycles=cycles, seconds=seconds,
        worker_ms=(cpu_s(pid) - before[1]) / cycles * 1000, idle_share=idle / max(idle + busy, 1e-9),
        database_ms=(database_s(server) - before[2]) / cycles * 1000,
        requests_per_minute=sum(news.values()) / seconds * 60, market_per_minute=market / seconds * 60,
        start_s=start_s, memory_mb=resident_mb(pid), sent=log.sent - before[4], late=cycles / len(names) / seconds * 60,
    )  # fmt: skip


def is_market(path: str) -> bool:
    """Whether a request is about the market, which is everybody's."""
    names = ("ticker", "premiumIndex", "klines", "depth", "fundingRate", "fundingInfo", "exchangeInfo", "time")
    return path.rpartition("/")[2].removesuffix("s") in {name.removesuffix("s") for name in names} or "ticker" in path


def plot(rows: Sequence[Row], path: Path) -> None:
    import matplotlib as mpl
    from matplotlib import pyplot as plt

    mpl.rcParams["svg.hashsalt"] = "ballast"
    figure, places = plt.subplots(1, 3, figsize=(11, 3.2))
    sizes = [row.portfolios for row in rows]
    for place, title, values in (
        (places[0], "processor ms per cycle and portfolio", [row.worker_ms for row in rows]),
        (places[1], "requests per minute and portfolio", [row.requests_per_minute / row.portfolios for row in rows]),
        (places[2], "memory of the worker, MB", [row.memory_mb for row in rows]),
    ):
        place.plot(sizes, values, "o-", color="#1f6feb")
        place.set_title(title, fontsize=10)
        place.set_xlabel("portfolios")
        place.set_ylim(bottom=0)
        place.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def table(rows: Sequence[Row]) -> str:
    titles = (
        "portfolios", "cycles", "worker, ms", "PostgreSQL, ms", "requests/min", "of these market", "start, CPU s",
        "memory, MB", "orders", "cycles/min each",
    )  # fmt: skip
    lines = [f"| {' | '.join(titles)} |", f"|{' ---: |' * len(titles)}"]
    lines += [
        f"| {row.portfolios} | {row.cycles} | {row.worker_ms:.1f} | {row.database_ms:.1f} | "
        f"{row.requests_per_minute:,.0f} | {row.market_per_minute:,.0f} | {row.start_s:.0f} | {row.memory_mb:,.0f} | "
        f"{row.sent} | {row.late:.2f} |"
        for row in rows
    ]
    return "\n".join(lines)


def main() -> None:
    said = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    said.add_argument("--portfolios", type=int, nargs="+", default=[10, 100, 300])
    said.add_argument("--minutes", type=float, default=3.0)
    said.add_argument("--plot", type=Path)
    said.add_argument("--rows", type=Path, help="where the figures go as JSON; those that are there are kept")
    asked = said.parse_args()
    rows: list[Row] = []
    if asked.rows and asked.rows.exists():
        rows = [Row(**each) for each in json.loads(asked.rows.read_text())]
    for count in asked.portfolios:
        with a_server() as server:
            row = asyncio.run(measured(count, asked.minutes, server))
        rows = sorted([*(each for each in rows if each.portfolios != count), row], key=lambda each: each.portfolios)
        print(table([row]), flush=True)
        if asked.rows:
            asked.rows.write_text(json.dumps([asdict(each) for each in rows], indent=1))
    print(table(rows))
    if asked.plot:
        plot(rows, asked.plot)


if __name__ == "__main__":
    main()
