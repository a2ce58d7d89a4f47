"""The bugs that are planted to prove the simulation: each still has its place in the code, and each plan its faults."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.planted import planted
from benchmarks.planted_bugs import BUGS, Bug
from bot.simulation.faults import KINDS

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_has_its_place_exactly_once_and_asks_for_faults_that_there_are(bug: Bug) -> None:
    assert (ROOT / bug.file).read_text(encoding="utf-8").count(bug.old) == 1
    assert bug.old != bug.new
    known = [kind.partition("@")[0] for kind in bug.kinds] + [text.split()[1] for text in bug.beside]
    assert [kind for kind in known if kind not in KINDS] == []
    assert len(bug.beside) <= 3


def test_there_are_at_least_twenty_five_and_each_is_another() -> None:
    assert len({bug.name for bug in BUGS}) == len(BUGS) >= 25


def test_a_bug_whose_place_is_gone_is_no_copy(tmp_path: Path) -> None:
    (tmp_path / "clean" / "bot").mkdir(parents=True)
    (tmp_path / "clean" / "bot" / "one.py").write_text("a = 1\n", encoding="utf-8")
    with pytest.raises(ValueError, match="has its place 0 times, must be once"):
        planted(Bug("lost", "bot/one.py", "b = 1\n", ""), tmp_path / "clean", tmp_path / "home")
    found = planted(Bug("known", "bot/one.py", "a = 1\n", "a = 2\n"), tmp_path / "clean", tmp_path / "other")
    assert (found / "bot" / "one.py").read_text(encoding="utf-8") == "a = 2\n"
