"""A fleet as its operator has it: a folder of portfolios, an exchange with an account for each, and its workers."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.e2e.beside import CONFIG
from tests.e2e.folder import Folder

PATIENCE_S = 240.0


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
        }

    def work(self, name: str) -> Started:
        """Start a worker."""
        place = self.path / name
        place.mkdir()
        folder = Folder(place, self.env)
        process = folder.start("fleet", "--portfolios", str(self.path / "portfolios"), "--store", self.store)
        made = Started(folder, process)
        self.workers.append(made)
        return made

    def ballast(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return Folder(self.path, self.env).ballast(*arguments)

    def status(self) -> dict[str, dict[str, Any]]:
        """The portfolios by name."""
        done = self.ballast("fleet", "status", "--store", self.store, "--json")
        assert done.returncode == 0, done.stderr
        return {each["portfolio"]: each for each in json.loads(done.stdout)["portfolios"]}

    def verify(self, name: str) -> subprocess.CompletedProcess[str]:
        env = {"BALLAST_STORE__URL": self.store, "BALLAST_PORTFOLIO": name, "BALLAST_SECRETS_DIR": ""}
        return Folder(self.path, env).ballast("verify", "--config", str(self.path / "portfolios" / f"{name}.yaml"))

    def ledger(self, name: str) -> list[dict[str, Any]]:
        """Every order of an account as the exchange's own file has it: read once the exchange has stopped."""
        with sqlite3.connect(self.path / f"exchange-{name}.sqlite") as file:
            (engine,) = file.execute("SELECT engine FROM exchange").fetchone()
        state = json.loads(engine)
        return [*state["open"], *state["closed"]]

    def wait(self, done: Callable[[], bool], why: str) -> None:
        until = time.monotonic() + PATIENCE_S
        while not done():
            assert time.monotonic() < until, f"{why}:\n" + "\n".join(worker.folder.tail() for worker in self.workers)
            time.sleep(0.1)


@dataclass(slots=True)
class Started:
    """A worker's process and what it says."""

    folder: Folder
    process: subprocess.Popen[bytes]

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.process.pid, number)

    def led(self) -> dict[str, dict[str, Any]]:
        """Which portfolios it began to lead, by name: the last line of each."""
        return {line["portfolio"]: line for line in self.folder.told("leads")}

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
