"""The commands around a bot that really runs: the paper preset in a process of its own, in an empty folder."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot.render.status import PROMISED

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Folder:
    """Where a bot lives; `ballast …` runs there."""

    path: Path

    def start(self, *arguments: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("BALLAST_")}
        return subprocess.Popen(
            [sys.executable, "-m", "bot", *arguments],
            cwd=self.path,
            env={**clean, "PYTHONPATH": str(ROOT), **(env or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ballast(self, *arguments: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        process = self.start(*arguments, env=env)
        out, err = process.communicate(timeout=100)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def json(self, *arguments: str) -> Any:
        done = self.ballast(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def digest(self) -> str:
        """Of everything the database holds on disk."""
        whole = hashlib.sha256()
        for path in sorted(self.path.glob("data/ballast.db*")):
            whole.update(path.name.encode() + path.read_bytes())
        return whole.hexdigest()


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Folder, subprocess.CompletedProcess[str]]:
    folder = Folder(tmp_path_factory.mktemp("bot"))
    return folder, folder.ballast("run", "--cycles", "3")


Ran = tuple[Folder, subprocess.CompletedProcess[str]]


def test_three_cycles_end_by_themselves_with_one_json_line_each(ran: Ran) -> None:
    _, done = ran
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert sum(line["event"] == "cycle" for line in lines) == 3


def test_status_then_holds_what_the_contract_promises(ran: Ran) -> None:
    body = ran[0].json("status")
    assert PROMISED.keys() <= body.keys()
    assert (body["mode"], body["venue"], body["environment"]) == ("paper", "binance", "local")
    assert (body["cycles"], body["decisions"], body["unknown_orders"]) == (3, 3, 0)
    assert body["kill"]["level"] == "off"
    assert float(body["equity"]) > 0
    assert len(body["exposures"]) == 7


def test_every_order_belongs_to_a_decision_and_every_decision_explains_itself(ran: Ran) -> None:
    folder, _ = ran
    decisions = {each["decision_id"]: each for each in folder.json("decisions")}
    orders = folder.json("orders")
    assert len(decisions) == 3
    assert orders
    assert {each["decision_id"] for each in orders} <= decisions.keys()
    explained = folder.json("explain", orders[0]["decision_id"])
    assert orders[0]["client_id"] in {each["client_id"] for each in explained["orders"]}
    assert {"version", "at", "equity", "exposures", "actions", "blocked", "holds", "after"} <= explained.keys()
    for each in decisions.values():
        told = {item["asset"] for item in (*each["actions"], *each["blocked"], *each["holds"])}
        assert told == {item["asset"] for item in each["exposures"]}
        assert all(item["nearest"] for item in each["holds"])


def test_why_names_the_nearest_thing_that_would_change_its_word(ran: Ran) -> None:
    done = ran[0].ballast("why", "XRP")
    assert done.returncode == 0
    assert "nearest: " in " ".join(done.stdout.split())


def test_the_record_proves_itself(ran: Ran) -> None:
    done = ran[0].ballast("verify")
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[-1].startswith("3 of 3 identical, ")


def test_a_plan_of_the_present_records_nothing_and_is_the_snapshots_plan(ran: Ran) -> None:
    folder, _ = ran
    before = folder.digest()
    taken = folder.ballast("snapshot")
    assert taken.returncode == 0, taken.stderr
    (folder.path / "now.json").write_text(taken.stdout, encoding="utf-8")
    of_file = folder.ballast("plan", "--snapshot", "now.json", "--json")
    of_venue = folder.ballast("plan", "--json")
    assert of_file.returncode in (0, 2), of_file.stderr
    assert of_venue.returncode in (0, 2), of_venue.stderr
    bodies = [json.loads(done.stdout) for done in (of_file, of_venue)]
    assert len({body["config_hash"] for body in bodies}) == 1
    kinds = [[(item["kind"], item["asset"]) for item in body["actions"]] for body in bodies]
    assert kinds[0] == kinds[1]
    assert folder.digest() == before


def test_a_dry_run_prints_the_orders_it_would_send_and_sends_none(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    env = {"BALLAST_MODE": "dry-run", "BALLAST_LOG__FORMAT": "text"}
    done = folder.ballast("run", "--cycles", "1", env=env)
    assert done.returncode == 0, done.stderr
    assert "Would do" in done.stdout
    assert "none is sent" in " ".join(done.stdout.split())
    asked = folder.ballast("orders", "--json", env={"BALLAST_MODE": "dry-run"})
    orders = json.loads(asked.stdout)
    assert orders
    assert {each["state"] for each in orders} == {"denied"}
    for each in orders:
        assert f"{each['side']} " in done.stdout
        assert each["symbol"] in done.stdout


def test_an_interrupted_bot_ends_cleanly_and_the_next_one_goes_on(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    process = folder.start("run")
    assert process.stderr is not None
    for line in process.stderr:
        if json.loads(line)["event"] == "cycle":
            break
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=8)
    assert process.returncode == 0
    first = folder.json("decisions")
    assert folder.ballast("run", "--cycles", "1").returncode == 0
    after = folder.json("decisions")
    assert [each["decision_id"] for each in after[1:]] == [each["decision_id"] for each in first]
    assert after[0]["at"] > first[0]["at"]


def test_a_kill_before_the_start_holds_from_the_first_cycle_until_a_resume(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    assert folder.ballast("kill", "halt", "--reason", "not yet").returncode == 0
    assert folder.ballast("run", "--cycles", "1").returncode == 0
    (decision,) = folder.json("decisions")
    assert decision["actions"] == []
    assert {gate["gate"] for item in decision["blocked"] for gate in item["gates"]["not_passed"]} >= {"R-G1"}
    assert folder.json("orders") == []
    assert folder.json("status")["kill"]["reason"] == "not yet"
    assert folder.ballast("resume", "--yes").returncode == 0
    assert folder.ballast("run", "--cycles", "1").returncode == 0
    assert folder.json("decisions")[0]["actions"]
