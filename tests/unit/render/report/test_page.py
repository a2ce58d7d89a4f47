from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path

import pytest

from bot.backtest.report import report
from bot.render.report.page import page, parts_to_the_cent
from tests.unit.backtest.results import a_curve, a_result
from tests.unit.render.report.bodies import a_body


def data_of(text: str) -> dict[str, object]:
    (found,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    made: dict[str, object] = json.loads(found)
    return made


def test_a_page_names_no_host_and_loads_nothing_from_outside_itself() -> None:
    text = page(a_body())
    own = re.sub(r"<script>.*?</script>|<style>.*?</style>", "", text, flags=re.DOTALL)
    assert not re.search(r"https?:|//[a-z]|<link (?!rel=\"icon\" href=\"data:)|<script src|<img", own)
    assert "default-src 'none'" in own
    assert not re.search(r"@import|url\(", "".join(re.findall(r"<style>(.*?)</style>", text, re.DOTALL)))


def test_what_is_written_in_a_reason_or_a_setting_is_text_and_never_markup() -> None:
    text = page(a_body())
    assert text.count("<script") == text.count("</script>") == 3
    assert "<b>not</b>" not in text
    assert "alert(1)" in text
    assert "<script>alert(1)" not in text
    actions = data_of(text)["actions"]
    assert isinstance(actions, list)
    assert actions[0]["why"] == "R-A11: <b>not</b> markup </script>"


def test_the_numbers_that_are_drawn_are_those_of_the_body() -> None:
    body = a_body()
    found = data_of(page(body))
    assert found == {name: body[name] for name in ("series", "actions", "rivals")}


def test_the_parts_that_are_shown_add_up_to_the_cent_that_is_shown() -> None:
    body = a_body()
    parts = parts_to_the_cent(body["attribution"])
    assert sum(value for _, _, value in parts) == Decimal(body["attribution"]["change"]).quantize(Decimal("0.01"))
    shown = page(body)
    assert "+17.81" in shown
    assert "targets bought and held" in shown


@pytest.mark.parametrize("lived", [True, False])
def test_it_says_what_it_is_about_and_what_it_cannot_know(*, lived: bool) -> None:
    body = a_body(lived=lived)
    shown = page(body)
    assert ("was it worth it?" in shown) == lived
    assert ("Survivorship" in shown) != lived
    for each in body["unknown"]:
        assert each in shown


def test_a_result_without_assets_actions_or_equity_is_a_page_all_the_same() -> None:
    shown = page(report(a_result(a_curve([[100]] * 2, [0.5], equity=[float("nan")] * 2))))
    assert "Where the change came from" not in shown
    assert "Equity was known at no decision" in shown


def test_what_it_ships_is_there() -> None:
    folder = Path("bot/render/report")
    assert {path.name for path in folder.iterdir() if path.suffix in (".html", ".css", ".js")} == {
        "report.html",
        "report.css",
        "report.js",
    }
