"""`ballast compare` from outside: two configurations over one generated past, each in a process of its own."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from tests.e2e.folder import Folder
from tests.unit.backtest.tapes import BEGUN, CONFIG, tape

START = BEGUN + timedelta(days=15)
SPAN = ("--from", START.isoformat(), "--to", (START + timedelta(days=8)).isoformat())
QUICK = CONFIG + "signals: {enabled: false}\nstress: {enabled: false}\nregime: {confirm: 3}\n"


@pytest.fixture
def past(tmp_path: Path) -> Folder:
    tape(tmp_path / "tape", hours=24 * 24)
    (tmp_path / "near.yaml").write_text(QUICK, encoding="utf-8")
    wide = QUICK + "triggers: {band: {points: 0.20, relative: null}}\n"
    (tmp_path / "wide.yaml").write_text(wide, encoding="utf-8")
    return Folder(tmp_path)


def test_two_configurations_are_compared_window_by_window_as_each_backtest_tells_it(past: Folder) -> None:
    done = past.ballast(
        "compare", "near.yaml", "wide.yaml", "--data", "tape", *SPAN, "--windows", "2", "--jobs", "2", "--json"
    )
    assert done.returncode == 0, done.stderr
    body = json.loads(done.stdout)
    assert [len(each["runs"]) for each in body["windows"]] == [2, 2]
    alone = json.loads(past.ballast("backtest", "--config", "near.yaml", "--data", "tape", *SPAN, "--json").stdout)
    mine = body["whole"]["runs"]["near"]
    assert mine["total"] == pytest.approx(alone["figures"]["total"])
    assert mine["fills"] == alone["traded"]["fills"] > 0
    assert mine["fees"] == pytest.approx(float(alone["traded"]["fees"]), abs=0.01)
    assert sum(each["runs"]["near"]["fills"] for each in body["windows"]) == mine["fills"]
