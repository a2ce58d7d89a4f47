"""What is wrong is said in one line, before anything is written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.folder import ROOT, Folder

SLEEVES = "sleeves: {majors: {weight: 0.90, assets: [BTC]}}"
BAD_FILES = {
    "unknown key": (f"targets: {{{SLEEVES}}}\ntargest: 1\n", "targest"),
    "duplicate key": (f"cycle: 1m\ncycle: 2m\ntargets: {{{SLEEVES}}}\n", "cycle"),
    "sleeves that do not sum to 1": ("targets: {sleeves: {majors: {weight: 0.5, assets: [BTC]}}}\n", "targets"),
    "floor not under its target": (f"targets: {{stables: {{weight: 0.1, floor: 0.2}}, {SLEEVES}}}\n", "floor"),
}


@pytest.mark.parametrize("wrong", BAD_FILES)
@pytest.mark.parametrize("command", ["run", "plan"])
def test_a_bad_configuration_is_one_line_and_nothing_is_written(wrong: str, command: str, tmp_path: Path) -> None:
    text, word = BAD_FILES[wrong]
    (tmp_path / "portfolio.yaml").write_text(text, encoding="utf-8")
    done = Folder(tmp_path).ballast(command, "--config", "portfolio.yaml")
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1
    assert word in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["portfolio.yaml"]


@pytest.mark.parametrize("wrong", ["NaN", "a missing field", "a negative price"])
def test_a_bad_snapshot_is_one_line_and_nothing_is_written(wrong: str, tmp_path: Path) -> None:
    body = json.loads((ROOT / "tests" / "rules" / "snapshots" / "S4.json").read_text(encoding="utf-8"))
    symbol = min(body["tickers"])
    if wrong == "a missing field":
        del body["balances"]
    else:
        body["tickers"][symbol]["bid"] = float("nan") if wrong == "NaN" else -1
    (tmp_path / "now.json").write_text(json.dumps(body), encoding="utf-8")
    done = Folder(tmp_path).ballast("plan", "--snapshot", "now.json")
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1
    assert "balances" in done.stderr if wrong == "a missing field" else symbol in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["now.json"]


def test_a_mistyped_flag_is_wrong_usage(tmp_path: Path) -> None:
    done = Folder(tmp_path).ballast("run", "--cycels", "3")
    assert done.returncode == 64
    assert len(done.stderr.splitlines()) == 1
    assert "--cycels" in done.stderr
    assert list(tmp_path.iterdir()) == []
