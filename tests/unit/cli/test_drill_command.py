"""`ballast drill`: what it is asked, what it tells, and its exit codes; the processes it starts are real."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bot.cli.app import run
from bot.cli.drill import _body, _tell
from bot.simulation.drill import Report
from tests.unit.cli.ran import Ballast

pytestmark = pytest.mark.timeout(300)
ROOT = Path(__file__).resolve().parents[3]


def a_report(*violations: str) -> Report:
    report = Report(seed=4, kills=3, starts=4, rounds=1, decisions=7, orders=9, fills=8, violations=list(violations))
    report.moments.update({"starting": 1, "any time": 2})
    report.left.update({"an order submitted": 2, "nothing unfinished": 1})
    report.restarts_s += [2.5, 1.25, 3.75, 2.0]
    return report


def test_kills_of_a_real_bot_leave_both_ledgers_alike_and_their_files_where_one_wants_them(ballast: Ballast) -> None:
    ran = ballast("drill", "--kills", "2", "--seed", "5", "--json", "--keep", "kept")
    assert ran.code == 0, ran.out + ran.err
    body = ran.json
    assert body["violations"] == []
    assert body["kills"] == 2
    assert sum(body["moments"].values()) == sum(body["left"].values()) == 2
    assert body["starts"] == 3
    assert (ballast.folder / "kept" / "round-1" / "exchange.sqlite").exists()
    assert (ballast.folder / "kept" / "round-1" / "bot" / "data" / "ballast.db").exists()


def test_people_are_told_the_figures_and_that_nothing_was_found(capsys: pytest.CaptureFixture[str]) -> None:
    _tell(a_report())
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "kills 3" in lines
    assert "an order submitted 2" in lines
    assert "from a start to its first decision, p50 2.50 s" in lines
    assert "from a start to its first decision, p99 3.75 s" in lines
    assert lines[-1].startswith("no duplicate, no orphan")


def test_where_something_was_found_it_says_how_to_keep_the_files(capsys: pytest.CaptureFixture[str]) -> None:
    report = a_report("round 1, kill 2: I3 btx is at the exchange and not in the record")
    _tell(report)
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "1 violations; --keep FOLDER --seed 4 keeps the files of another run"
    assert json.loads(json.dumps(_body(report)))["violations"] == report.violations


def test_a_drill_without_a_restart_knows_no_time_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    report = a_report()
    report.restarts_s.clear()
    _tell(report)
    assert "p99 unknown" in " ".join(capsys.readouterr().out.split())
    assert _body(report)["restart_s"] == {"p50": None, "p99": None, "longest": None}


def test_a_folder_that_is_there_already_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["drill", "--kills", "1", "--keep", str(tmp_path)]) == 1
    assert "must be a folder that is not there yet" in capsys.readouterr().err


def test_told_to_end_it_leaves_no_process_behind(tmp_path: Path) -> None:
    started = subprocess.Popen(
        [sys.executable, "-m", "bot", "drill", "--kills", "50", "--keep", str(tmp_path / "kept")],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    record = tmp_path / "kept" / "round-1" / "bot" / "data" / "ballast.db"
    until = time.monotonic() + 60
    while not record.exists():
        assert started.poll() is None
        assert time.monotonic() < until
        time.sleep(0.05)
    children = Path(f"/proc/{started.pid}/task/{started.pid}/children").read_text(encoding="ascii").split()
    assert children
    started.send_signal(signal.SIGTERM)
    _, said = started.communicate(timeout=60)
    assert started.returncode == 1
    assert said == "the drill was told to end; nothing is proven\n"
    assert not [each for each in children if Path(f"/proc/{each}").exists()]
