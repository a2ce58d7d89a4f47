"""A fleet as its operator has it: a folder of portfolios, an exchange with an account for each, and its workers."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from bot.cli.app import run
from bot.clocks import host_utc_now
from bot.ports.errors import StoreRefused
from bot.ports.store import Identity, OrderRow
from bot.render.fleet import fleet_body
from bot.store.sql import SqlRecord
from bot.store.sql.posts import SqlPosts
from bot.venues.simulated.records import OrderRecord
from bot.venues.simulated.state import restore
from tests.e2e.beside import ABSENT, CONFIG
from tests.e2e.folder import Folder

PATIENCE_S = 900.0 if os.environ.get("FLEET_CAMPAIGN") else 240.0


@dataclass(slots=True)
class Fleet:
    """``path`` holds `portfolios`, the exchange's state and the keys; the record is at ``store``."""

    path: Path
    store: str
    names: tuple[str, ...]
    speed: int
    url: str = ""
    workers: list[Started] = field(default_factory=list)

    @property
    def env(self) -> dict[str, str]:
        return {
            "BALLAST_LOCAL__URL": self.url,
            "BALLAST_LOCAL__SPEED": str(self.speed),
            "BALLAST_SECRETS_DIR": str(self.path / "keys"),
            "BALLAST_WEB__ENABLED": "false",
            "BALLAST_RUN_FOLDER": str(self.path / "run"),
        }

    def work(self, name: str, program: str = "bot") -> Started:
        """Start a worker, of the program by its module's name."""
        place = self.path / name
        place.mkdir()
        folder = Folder(place, self.env, program)
        process = folder.start("fleet", "--portfolios", str(self.path / "portfolios"), "--store", self.store)
        made = Started(folder, process)
        self.workers.append(made)
        return made

    def ballast(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return Folder(self.path, self.env).ballast(*arguments)

    def seen(self) -> dict[str, Any]:
        """What `fleet status --json` prints; nobody and nothing before there is a record."""

        async def read() -> dict[str, Any]:
            posts = SqlPosts(self.store, host_utc_now)
            try:
                return fleet_body(await posts.view())
            except StoreRefused:
                return {"workers": [], "portfolios": []}
            finally:
                await posts.close()

        return asyncio.run(read())

    def muster(self) -> list[dict[str, Any]]:
        """The workers that are counted."""
        workers: list[dict[str, Any]] = self.seen()["workers"]
        return workers

    def tails(self) -> str:
        return "\n".join(worker.folder.tail() for worker in self.workers)

    def status(self) -> dict[str, dict[str, Any]]:
        """The portfolios by name."""
        return {each["portfolio"]: each for each in self.seen()["portfolios"]}

    def ledger(self, name: str) -> list[OrderRecord]:
        """Every order of an account as the exchange's own file has it: read once the exchange has stopped."""
        with sqlite3.connect(self.path / f"exchange-{name}.sqlite") as file:
            (engine,) = file.execute("SELECT engine FROM exchange").fetchone()
        state = restore(bytes(engine), 100_000)
        return [*state.closed, *state.open.values()]

    def orders(self, name: str) -> Sequence[OrderRow]:
        """Every order of a portfolio as the record has it."""

        async def read() -> Sequence[OrderRow]:
            record = SqlRecord(self.store, Identity(name, "testnet", "binance", "local"))
            try:
                return await record.orders(100_000)
            finally:
                await record.close()

        return asyncio.run(read())

    def agreed(self, name: str) -> int:
        """The exchange's ledger and the record hold the same orders of a portfolio, once, filled alike; how many."""
        ledger, rows = self.ledger(name), {row.intent.client_id: row for row in self.orders(name)}
        assert set(Counter(order.client_id for order in ledger).values()) <= {1}
        there = {order.client_id: order.filled for order in ledger}
        assert there.keys() == {key for key, row in rows.items() if row.state not in ABSENT}
        assert not [key for key, row in rows.items() if row.state in ("intended", "submitted", "unknown")]
        assert {key: rows[key].filled for key in there} == there
        return len(there)

    def proven(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        """`ballast verify` finds nothing, in this process: starting one for each would take longer than the rest."""
        monkeypatch.setenv("BALLAST_STORE__URL", self.store)
        for name in self.names:
            monkeypatch.setenv("BALLAST_PORTFOLIO", name)
            code = run(["verify", "--config", str(self.path / "portfolios" / f"{name}.yaml")])
            said = capsys.readouterr()
            assert code == 0, f"{name}: {said.out}{said.err}"

    def wait(self, done: Callable[[], bool], why: str) -> None:
        until = time.monotonic() + PATIENCE_S
        while not done():
            assert time.monotonic() < until, f"{why}:\n{self.tails()}"
            time.sleep(0.5)


@dataclass(slots=True)
class Started:
    """A worker's process and what it says."""

    folder: Folder
    process: subprocess.Popen[bytes]

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.process.pid, number)

    def last(self, event: str, names: Sequence[str]) -> list[dict[str, Any]]:
        """The last line about an event of each of these portfolios."""
        found = {line["portfolio"]: line for line in self.folder.told(event)}
        return [found[name] for name in names if name in found]

    def cycles(self) -> Counter[str]:
        return Counter(line["portfolio"] for line in self.folder.told("cycle"))


@contextmanager
def a_fleet(path: Path, store: str, names: tuple[str, ...], *, speed: int = 60, text: str = CONFIG) -> Iterator[Fleet]:
    """The folder and the exchange of a fleet; workers that still run at the end are killed."""
    (path / "portfolios").mkdir(parents=True)
    for name in names:
        (path / "portfolios" / f"{name}.yaml").write_text(text, encoding="utf-8")
    fleet = Fleet(path, store, names, speed)
    exchange = Folder(path)
    arguments = ("--port", "0", "--state", "exchange.sqlite", "--accounts", "portfolios", "--keys", "keys")
    try:
        with exchange.running("local-exchange", *arguments, "--speed", str(speed)) as process:
            exchange.wait(process, lambda: "local exchange at " in exchange.tail())
            fleet.url = exchange.tail().partition("local exchange at ")[2].partition(",")[0]
            yield fleet
    finally:
        for worker in fleet.workers:
            if worker.process.poll() is None:
                worker.signal(signal.SIGCONT)
                worker.process.kill()
                worker.process.wait(10)


def at_of(line: Mapping[str, Any]) -> float:
    """When a line was written, seconds since the epoch."""
    return datetime.fromisoformat(line["timestamp"]).timestamp()
