"""`ballast backtest` from outside: the decisions of mode paper over the same tape, files for a report, a record."""

from __future__ import annotations

import csv
import json
from datetime import timedelta
from pathlib import Path

from bot.backtest.result import read
from tests.e2e.folder import Folder
from tests.unit.backtest.tapes import BEGUN, CONFIG, tape

CYCLES = 60
START = BEGUN + timedelta(days=15)
END = START + timedelta(hours=CYCLES)
RECORD = "sqlite+aiosqlite:///backtest.db"
SPAN = ("--from", START.isoformat(), "--to", END.isoformat())


def bot(folder: Path, *, volatility: float = 0.012) -> Folder:
    """A folder with a configuration that plays a tape step by step."""
    made = tape(folder / "tape", hours=24 * 20, volatility=volatility)
    local = f"local: {{tape: {made}, start: {START.date().isoformat()}, speed: step}}\n"
    (folder / "config.yaml").write_text(CONFIG + local + "log: {level: warning, format: json}\n", encoding="utf-8")
    return Folder(folder, {"BALLAST_CONFIG": "config.yaml"})


def test_the_backtest_of_a_tape_decides_what_mode_paper_decides_to_the_byte(tmp_path: Path) -> None:
    mine = bot(tmp_path)
    lived = mine.ballast("run", "--cycles", str(CYCLES))
    assert lived.returncode == 0, lived.stderr[-3_000:]
    played = mine.ballast("backtest", *SPAN, "--record", RECORD, "--json")
    assert played.returncode == 0, played.stderr
    past = Folder(tmp_path, {**mine.env, "BALLAST_STORE__URL": RECORD})
    decisions = mine.decisions()
    assert len(decisions) == CYCLES
    assert sum(len(each["actions"]) for each in decisions) > 10
    assert decisions == past.decisions()
    ours, theirs = mine.orders(), past.orders()
    assert len(ours) > 10
    assert ours == theirs
    past.proven()


def test_a_recorded_backtest_is_explained_like_a_live_decision(tmp_path: Path) -> None:
    mine = bot(tmp_path)
    done = mine.ballast("backtest", *SPAN, "--record", RECORD, "--out", "out")
    assert done.returncode == 0, done.stderr
    first = read(tmp_path / "out").trades[0]
    past = Folder(tmp_path, {**mine.env, "BALLAST_STORE__URL": RECORD})
    body = past.json("explain", first.decision_id)
    assert first.action_id in {each["id"] for each in body["actions"]}
    assert str(first.qty) in {each["qty"] for each in body["fills"]}


def test_the_files_and_the_summary_tell_the_same_run(tmp_path: Path) -> None:
    mine = bot(tmp_path)
    body = json.loads(mine.ballast("backtest", *SPAN, "--out", "out", "--json").stdout)
    result = read(tmp_path / "out")
    assert len(result.curve) == body["cycles"] == CYCLES
    assert f"{result.curve.equity[-1]:.2f}" == f"{float(body['equity']['last']):.2f}"
    with (tmp_path / "out" / "fills.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == body["traded"]["fills"] > 0
    assert round(sum(float(row["fee"]) for row in rows), 2) == float(body["traded"]["fees"])
    shown = mine.ballast("backtest", *SPAN)
    assert shown.returncode == 0
    assert "targets bought and" in shown.stdout
    assert "note: spot and perpetual trade at the same recorded prices" in " ".join(shown.stdout.split())


def test_what_cannot_be_played_is_one_line_and_writes_nothing(tmp_path: Path) -> None:
    mine = bot(tmp_path)
    cases = {
        ("--data", "nowhere"): "nowhere is no folder",
        ("--from", "yesterday"): "--from: 'yesterday' is no date",
        ("--from", "2031-01-01"): "is outside the tape",
        ("--to", "2020-01-01"): "--to: 2020-01-01T00:00:00Z must be after",
        ("--cycle", "soon"): "--cycle: 'soon' is no duration",
    }
    for arguments, said in cases.items():
        done = mine.ballast("backtest", *arguments, "--out", "out")
        assert (done.returncode, done.stdout) == (1, ""), arguments
        assert len(done.stderr.splitlines()) == 1, done.stderr
        assert said in done.stderr
    assert not (tmp_path / "out").exists()
