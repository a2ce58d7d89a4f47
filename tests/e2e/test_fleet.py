"""A fleet of real processes on PostgreSQL and one exchange: led once, taken over, fenced, and nothing sent twice."""

from __future__ import annotations

import os
import signal
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from bot import __version__
from tests.e2e.fleet import Fleet, Started, a_fleet, at_of
from tests.e2e.newer import NEWER
from tests.server import Postgres, a_server

COUNT = int(os.environ.get("FLEET_CAMPAIGN") or 6)  # `make fleet-campaign`: sixty
pytestmark = pytest.mark.timeout(3600)
SPEED = 60 if COUNT < 30 else 2  # a cycle of a minute is one second here, or half a minute


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with a_server() as made:
        yield made


def told(text: str) -> None:
    """Figures of a campaign, which nothing depends on."""
    if COUNT >= 30:
        print(text, file=sys.__stderr__, flush=True)


def leaders(fleet: Fleet) -> dict[str, str | None]:
    return {name: each["leader"] for name, each in fleet.status().items()}


def evenly_led(fleet: Fleet) -> bool:
    """Whether every portfolio is led, and each worker that lives leads its share."""
    found = leaders(fleet)
    alive = [worker for worker in fleet.workers if worker.process.poll() is None]
    counts = Counter(found.values())
    return len(found) == COUNT and None not in found and max(counts.values()) <= -(-COUNT // len(alive))


def each_has_cycled(worker: Started, names: Sequence[str], after: datetime) -> bool:
    lines = [line for line in worker.folder.told("cycle") if datetime.fromisoformat(line["timestamp"]) > after]
    return {line["portfolio"] for line in lines} >= set(names)


def test_a_fleet_loses_workers_and_neither_a_portfolio_nor_an_order(
    tmp_path: Path, server: Postgres, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    names = tuple(f"desk-{number:02}" for number in range(1, COUNT + 1))
    with a_fleet(tmp_path, server.make_database(), names, speed=SPEED) as fleet:
        killed, paused, third = fleet.work("one"), fleet.work("two"), fleet.work("three")
        fleet.wait(lambda: evenly_led(fleet), "every portfolio led, each worker its share")
        fleet.wait(
            lambda: sum((worker.cycles() for worker in fleet.workers), Counter()).keys() >= set(names), "a cycle"
        )

        before = fleet.status()
        by_pid = {each["name"]: each["pid"] for each in fleet.muster()}
        lost = {
            worker.process.pid: [name for name in names if by_pid.get(before[name]["leader"]) == worker.process.pid]
            for worker in (killed, paused)
        }
        assert all(lost.values())
        paused.signal(signal.SIGSTOP)
        killed.signal(signal.SIGKILL)
        at = datetime.now().astimezone()
        killed.process.wait(10)
        theirs = [name for part in lost.values() for name in part]
        fleet.wait(lambda: each_has_cycled(third, theirs, at), "both workers' portfolios taken over")
        for word in ("takes", "leads"):
            took = [at_of(line) - at.timestamp() for line in third.last(word, theirs)]
            told(f"third worker {word}: {len(took)} portfolios, {min(took):.1f} to {max(took):.1f} s after the kill")
        after = fleet.status()
        assert {each["leader"] for each in after.values()} == {each["name"] for each in fleet.muster()}
        assert all(after[name]["fence"] > before[name]["fence"] for name in theirs)

        first = {name: first_decision(third, name, at) for name in theirs}
        continued = datetime.now().astimezone()
        paused.signal(signal.SIGCONT)
        mine = lost[paused.process.pid]
        fleet.wait(lambda: fenced(paused, continued) >= set(mine), "the continued worker finds itself fenced")
        # It is a worker again, and gets its share back, under new fences.
        fleet.wait(lambda: evenly_led(fleet), "the continued worker leads its share again")

        for worker in (paused, third):
            worker.signal(signal.SIGTERM)
        assert [worker.process.wait(120) for worker in (paused, third)] == [0, 0], fleet.tails()
        assert all(leader is None for leader in leaders(fleet).values())

    sent = 0
    for name in names:
        rows, ledger = fleet.orders(name), fleet.ledger(name)
        ids = Counter(order.client_id for order in ledger)
        assert set(ids.values()) <= {1}
        known = {row.intent.client_id: row for row in rows}
        assert ids.keys() <= known.keys()  # nothing at the venue that the record does not know
        sent += len(ids)
        if name in theirs:
            # What its old leader meant to send came to the venue before its new leader first decided, or never.
            late = [
                order
                for order in ledger
                if known[order.client_id].intent.fence <= before[name]["fence"] and order.created_at > first[name]
            ]
            assert not late
    told(f"{sent} orders at the venue, none twice, each in the record")
    fleet.proven(monkeypatch, capsys)


def test_two_versions_freeze_their_portfolios_while_both_are_there(tmp_path: Path, server: Postgres) -> None:
    names = ("desk-01", "desk-02")
    with a_fleet(tmp_path, server.make_database(), names) as fleet:

        def all_led(level: str, versions: set[str]) -> bool:
            found = fleet.status().values()
            led = all(each["leader"] and each["kill"] == level for each in found)
            return len(found) == len(names) and led and {each["version"] for each in found} == versions

        older = fleet.work("older")
        fleet.wait(lambda: all_led("off", {__version__}), "led by one version")
        newer = fleet.work("newer", "tests.e2e.newer")
        fleet.wait(lambda: all_led("freeze", {__version__, NEWER}), "each led by one version, and frozen")
        told = fleet.ballast("fleet", "status", "--store", fleet.store)
        assert told.stdout.count("two versions or configurations of it are in the fleet: frozen") == len(names)
        older.signal(signal.SIGTERM)
        assert older.process.wait(120) == 0, fleet.tails()
        fleet.wait(lambda: all_led("off", {NEWER}), "nobody had to resume them")
        newer.signal(signal.SIGTERM)
        assert newer.process.wait(120) == 0, fleet.tails()


def first_decision(worker: Started, name: str, after: datetime) -> datetime:
    """Venue time of a worker's first decision for a portfolio."""
    lines = [line for line in worker.folder.told("cycle") if line["portfolio"] == name]
    return next(
        datetime.fromisoformat(line["at"]) for line in lines if datetime.fromisoformat(line["timestamp"]) > after
    )


def fenced(worker: Started, after: datetime) -> set[str]:
    """Portfolios that a worker gave up since then because another leads them."""
    lines: list[dict[str, Any]] = [*worker.folder.told("stopped"), *worker.folder.told("led by another")]
    return {line["portfolio"] for line in lines if datetime.fromisoformat(line["timestamp"]) > after}
