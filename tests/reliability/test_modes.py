"""The table of failure modes: complete, its tests are there, and the page of it is current."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from tests.reliability.modes import MODES, Mode
from tests.reliability.page import PAGE, table, with_part

ROOT = Path(__file__).resolve().parents[2]


@cache
def found_in(file: str) -> frozenset[str]:
    path = ROOT / file
    if not path.is_file():
        return frozenset()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    )


def missing(mode: Mode) -> list[str]:
    """Of a mode's tests, those that are not there."""
    return [each for each in mode.tests if each.partition("::")[2] not in found_in(each.partition("::")[0])]


def test_each_of_the_eighty_modes_has_one_entry() -> None:
    assert [mode.number for mode in MODES] == list(range(1, 81))


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: str(mode.number))
def test_a_mode_names_tests_that_are_there_or_says_why_none_is(mode: Mode) -> None:
    assert missing(mode) == []
    assert mode.tests or mode.not_here
    assert len(set(mode.tests)) == len(mode.tests)


def test_a_test_that_is_gone_would_be_seen() -> None:
    gone = "tests/reliability/test_modes.py::test_that_nobody_wrote"
    elsewhere = "tests/reliability/test_nowhere.py::test_each_of_the_eighty_modes_has_one_entry"
    here = "tests/reliability/test_modes.py::test_a_test_that_is_gone_would_be_seen"
    assert missing(Mode(1, "", "", (gone, here, elsewhere))) == [gone, elsewhere]


def test_the_page_holds_the_table_as_it_is() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert with_part(page, "modes", table()) == page, "make the page anew: make docs"
