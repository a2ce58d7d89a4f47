"""`ballast tune` from outside: workers in processes of their own share a study; one is killed, its trial goes on.

Over SQLite and over PostgreSQL, whose server is the one that the stores are tested against.
"""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages import RDBStorage
from optuna.trial import TrialState

from bot.wiring_tune import storage_url
from tests.e2e.folder import PATIENCE_S, Folder
from tests.server import Postgres, a_server
from tests.unit.backtest.tapes import BEGUN, CONFIG, tape

START = BEGUN + timedelta(days=10)
TRIALS = 6
QUICK = CONFIG.replace("cycle: 1h", "cycle: 4h") + (
    "# what is tuned stands here\n"
    "signals: {enabled: false}\nstress: {enabled: false}\ntriggers: {band: {points: 0.05, relative: null}}\n"
)
SPACE = "triggers.band.points: {from: 0.02, to: 0.12, step: 0.01}\nadd.increment: {from: 0.02, to: 0.10, step: 0.01}\n"
ARGUMENTS = (
    "tune", "--config", "own.yaml", "--space", "space.yaml", "--data", "tape", "--windows", "3",
    "--from", START.isoformat(), "--to", (START + timedelta(days=12)).isoformat(),
    "--trials", str(TRIALS), "--dead-after", "3s",
)  # fmt: skip


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with a_server() as server:
        yield server


@pytest.fixture
def bench(tmp_path: Path) -> Folder:
    tape(tmp_path / "tape", hours=24 * 23)
    (tmp_path / "own.yaml").write_text(QUICK, encoding="utf-8")
    (tmp_path / "space.yaml").write_text(SPACE, encoding="utf-8")
    return Folder(tmp_path)


def trials_of(url: str) -> list[optuna.trial.FrozenTrial]:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = RDBStorage(url)
    try:
        study = next((each for each in storage.get_all_studies() if each.study_name == "own"), None)
        return storage.get_all_trials(study._study_id) if study else []  # noqa: SLF001 - Optuna names it nowhere else
    finally:
        storage.remove_session()
        storage.engine.dispose()


def running_by(url: str, process: subprocess.Popen[bytes]) -> list[optuna.trial.FrozenTrial]:
    mine = (each for each in trials_of(url) if each.user_attrs.get("worker", "").endswith(f":{process.pid}"))
    return [each for each in mine if each.state == TrialState.RUNNING]


def killed_while_playing(url: str, process: subprocess.Popen[bytes]) -> int:
    """SIGKILL a worker that certainly has a trial in its hand; that trial's number."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        assert process.poll() is None
        if running_by(url, process):
            process.send_signal(signal.SIGSTOP)  # it may have just ended that one: look again while it stands
            if found := running_by(url, process):
                process.kill()
                process.wait(10)
                return found[0].number
            process.send_signal(signal.SIGCONT)
        time.sleep(0.2)
    raise AssertionError("no trial was ever begun by it")


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_two_workers_finish_a_study_though_one_is_killed_and_its_trial_is_picked_up(
    kind: str, bench: Folder, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{bench.path}/tune.db"
    if kind == "postgresql":
        server: Postgres = request.getfixturevalue("postgres")
        url = server.make_database()
    # As a worker writes it: a driver of ours, whatever the address said.
    direct = storage_url(url)
    doomed = bench.start(*ARGUMENTS, "--storage", url)
    dead = killed_while_playing(direct, doomed)
    with bench.running(*ARGUMENTS, "--storage", url) as other:
        done = bench.ballast(*ARGUMENTS, "--storage", url, "--json")
        assert done.returncode == 0, done.stderr
        assert other.wait(PATIENCE_S) == 0, bench.tail()
    body: dict[str, Any] = json.loads(done.stdout)
    assert body["trials"]["ended"] >= TRIALS
    assert body["trials"]["running"] == 0
    assert body["trials"]["from_dead_workers"] == 1
    again = [each for each in trials_of(direct) if each.system_attrs.get("failed_trial") == dead]
    # Where the others have had enough trials by the time it is missed, it waits for whoever comes next.
    assert [each.state in (TrialState.COMPLETE, TrialState.PRUNED, TrialState.WAITING) for each in again] == [True]
    assert trials_of(direct)[dead].state == TrialState.FAIL
    workers = {each.user_attrs["worker"] for each in trials_of(direct) if each.user_attrs}
    assert len(workers) == 3, workers
    best = (bench.path / "own-tuned.yaml").read_text(encoding="utf-8")
    assert best.startswith("# ballast tune: trial ")
    assert "# what is tuned stands here" in best
    assert bench.ballast("check", "--config", "own-tuned.yaml").returncode == 0
    assert (bench.path / "own.yaml").read_text(encoding="utf-8") == QUICK


def test_a_worker_told_to_end_hands_its_trial_back_at_once(bench: Folder) -> None:
    url = f"sqlite:///{bench.path}/tune.db"
    with bench.running(*ARGUMENTS, "--storage", url) as process:
        until = time.monotonic() + PATIENCE_S
        while not running_by(url, process):
            assert time.monotonic() < until
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 130
    states = [each.state for each in trials_of(url)]
    assert TrialState.RUNNING not in states
    assert states.count(TrialState.FAIL) == states.count(TrialState.WAITING) <= 1
