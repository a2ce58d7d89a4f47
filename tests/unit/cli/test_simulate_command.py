"""`ballast simulate`: what it is asked, what it answers, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.cli.app import run
from bot.cli.told import USAGE
from bot.simulation.faults import Fault, Plan


def plan_file(folder: Path, *faults: Fault) -> Path:
    path = folder / "plan.json"
    path.write_text(Plan(2, 0.5, 3_600, "fifo", faults).to_json(), encoding="utf-8")
    return path


def test_a_plan_is_played_as_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = plan_file(tmp_path, Fault("venue", "place", 1, "timeout_after", 5.0))
    assert run(["simulate", "--plan", str(path), "--json"]) == 0
    body = json.loads(capsys.readouterr().out)
    assert body["failed"] == []
    assert body["histories"] == 1
    assert body["faults"]["timeout_after"] == 1
    assert body["roads"]["submitted>unknown"] == 1
    assert list(body["digests"]) == ["2"]


def test_people_are_told_what_bit_and_how_it_ended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["simulate", "--plan", str(plan_file(tmp_path))]) == 0
    said = capsys.readouterr().out
    assert "timeout_after" in said
    assert "intended>submitted" in said
    assert said.rstrip().endswith("every invariant held")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--seeds", "9..3"], "9..3, must be two numbers such as 1..500"),
        (["--seeds", "x"], "x, must be two numbers"),
        (["--cycle", "1y"], "1y, must be a time from 10s to 1d"),
        (["--cycle", "2s"], "2s, must be a time"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["simulate", *arguments]) == USAGE
    assert words in capsys.readouterr().err


def test_a_plan_that_is_none_is_refused_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "no.json"
    path.write_text('{"seed": 1, "faults": []}', encoding="utf-8")
    assert run(["simulate", "--plan", str(path)]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "no plan of faults" in said
