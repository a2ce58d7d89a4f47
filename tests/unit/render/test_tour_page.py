"""The page of the documented run: made from a tally, and as it lies in docs/."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from bot.render.fired import KINDS, fired_body, fired_of
from tests.unit.render.bodies import OVER, a_body

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def script() -> Any:
    spec = importlib.util.spec_from_file_location("docs_tour", ROOT / "docs" / "tour.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_has_a_row_for_every_kind_and_says_why_a_rule_never_spoke(script: Any) -> None:
    body = a_body(OVER)
    tally = fired_body(fired_of([body]))
    page = script.page(tally, "1 of 1 identical, 2 of 2 invariants hold", tally)
    assert "1 of 1 identical, 2 of 2 invariants hold." in page
    rows = [line for line in page.splitlines() if line.startswith("| ")]
    (trim,) = [line for line in rows if line.startswith("| trim |")]
    assert body["decision_id"] in trim
    assert "BTC: R-W2: net 64.0%" in trim
    assert {line.split(" |")[0][2:] for line in rows} >= set(KINDS)
    assert "| R-G17 | plans are approved by themselves (`approve: auto`) |" in rows
    assert "| R-A14 | nothing in this market called for it |" in rows
    assert not [line for line in rows if line.startswith("| R-A3 |")]


def test_a_command_that_fails_ends_the_tour_in_one_line(
    script: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(script.StepFailed, match=r"`ballast explain d` ended with 1: .*`ballast run` makes one"):
        script.play(tmp_path, [("explain", "d")])
    assert capsys.readouterr().out == ""
    assert not (tmp_path / "data").exists()


def test_the_page_in_docs_shows_every_kind_done_and_was_proven(script: Any) -> None:
    page = script.PAGE.read_text(encoding="utf-8")
    done = {cells[0][2:]: int(cells[1]) for cells in _cells(page) if cells[0][2:] in KINDS and cells[1] != "0"}
    assert set(done) == set(KINDS)
    assert "invariants hold" in page
    for step in script.STEPS:
        assert f"ballast {step[0]} {step[1]}" in page


def _cells(page: str) -> list[list[str]]:
    return [line.split(" | ") for line in page.splitlines() if line.startswith("| ")]
