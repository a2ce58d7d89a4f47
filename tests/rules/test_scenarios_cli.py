"""The scenarios through the command line: the same bytes as the core's, and an exit code that says whether to act."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.rules.accounts import after, decide
from tests.rules.scenarios import SCENARIOS, load, path

ACTING = ("S1", "S2", "S3", "S4", "S8", "S10", "S11", "S16", "S21-thin")
HOLDING = ("S9", "S10-holds", "S21-shut")


def ballast_plan(name: str, folder: Path, snapshot: Path | None = None) -> tuple[int, str]:
    """Exit code and standard output of `ballast plan --json` for a scenario's configuration."""
    config = folder / "config.yaml"
    config.write_text(json.dumps(SCENARIOS[name].keys), encoding="utf-8")  # JSON is YAML
    command = [sys.executable, "-m", "bot", "plan", "--config", str(config), "--snapshot", str(snapshot or path(name))]
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
    return done.returncode, done.stdout


@pytest.mark.parametrize("name", ACTING + HOLDING)
def test_a_scenario_reads_the_same_from_the_command_line(name: str, tmp_path: Path) -> None:
    code, out = ballast_plan(name, tmp_path)
    snapshot, wanted = load(name)
    assert out == decide(snapshot, wanted).to_json() + "\n"
    assert code == (2 if name in ACTING else 0)


def test_the_order_of_a_files_lists_and_maps_changes_no_byte(tmp_path: Path) -> None:
    body: dict[str, Any] = json.loads(path("S8").read_text(encoding="utf-8"))
    turned = {key: value[::-1] if isinstance(value, list) else value for key, value in reversed(body.items())}
    turned["tickers"] = dict(reversed(body["tickers"].items()))
    other = tmp_path / "turned.json"
    other.write_text(json.dumps(turned, indent=1), encoding="utf-8")
    assert ballast_plan("S8", tmp_path, other) == ballast_plan("S8", tmp_path)


def test_s3_is_followed_over_its_increments(tmp_path: Path) -> None:
    snapshot, wanted = load("S3")
    sold = []
    for step in range(4):
        file = tmp_path / f"{step}.json"
        file.write_text(snapshot.to_json(), encoding="utf-8")
        code, out = ballast_plan("S3", tmp_path, file)
        made = json.loads(out)
        sold.append([action["legs"][0]["notional"] for action in made["actions"] if action["kind"] == "trim"])
        assert code == (2 if step < 3 else 0)
        snapshot = after(snapshot, decide(snapshot, wanted))
    assert [len(item) for item in sold] == [1, 1, 1, 0]
    assert sum(float(item[0]) for item in sold[:3]) == pytest.approx(15_000, abs=20)
