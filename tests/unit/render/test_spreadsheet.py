from __future__ import annotations

import csv
import io
from decimal import Decimal

import pytest

from bot.render.spreadsheet import cell, sheet


@pytest.mark.parametrize("text", ["=1+1", "+cmd", "-cmd", "@sum", "\tx", "\rx"])
def test_a_text_that_a_spreadsheet_would_compute_is_kept_a_text(text: str) -> None:
    assert cell(text) == f"'{text}"


@pytest.mark.parametrize("value", ["-0.5", "+1", Decimal(-3), -7])
def test_a_number_below_zero_stays_a_number(value: object) -> None:
    assert cell(value) == str(value)


def test_a_missing_value_is_an_empty_cell_and_commas_are_quoted() -> None:
    text = sheet(("a", "b"), [{"a": "x, y"}, {"b": 'say "no"'}])
    assert list(csv.reader(io.StringIO(text))) == [["a", "b"], ["x, y", ""], ["", 'say "no"']]
