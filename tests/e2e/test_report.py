"""Reports in a real browser, of a run over a generated tape and of a bot that was started twice; nothing is fetched.

`REPORTS` names a folder of backtests' folders (`make presets` makes one of the five presets): each is opened too, and
with `PICTURES` set its picture is kept in docs/img.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.e2e.browser import CHROMIUM, CONTRAST, QUIET
from tests.e2e.folder import ROOT, Folder
from tests.e2e.test_backtest import SPAN, bot

SIZES = {"desktop": (1240, 900), "phone": (390, 844)}
TALL = {"desktop": 1_640, "phone": 1_900}  # of a picture
PICTURES = ROOT / "docs" / "img"
REPORTS = Path(os.environ.get("REPORTS", "")).resolve()
NAMES = sorted(path.parent.name for path in REPORTS.glob("*/report.html")) if os.environ.get("REPORTS") else []
browsing = pytest.mark.skipif(not CHROMIUM, reason="no Chromium on this machine: install it, or name it in CHROMIUM")
pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield made
        made.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """A bot that lived twice over a tape, and the backtest of the same hours."""
    mine = bot(tmp_path_factory.mktemp("reported"))
    for cycles in ("20", "10"):
        lived = mine.ballast("run", "--cycles", cycles)
        assert lived.returncode == 0, lived.stderr[-3_000:]
    done = mine.ballast("backtest", *SPAN, "--out", "out")
    assert done.returncode == 0, done.stderr
    return mine


def opened(browser: Browser, path: Path, **over: Any) -> tuple[Page, list[str]]:
    context = browser.new_context(**over)
    bad: list[str] = []
    context.on("request", lambda asked: bad.append(asked.url) if asked.url != path.as_uri() else None)
    context.on("console", lambda said: bad.append(said.text) if said.type in ("error", "warning") else None)
    context.on("weberror", lambda error: bad.append(str(error.error)))
    page = context.new_page()
    page.goto(path.as_uri())
    expect(page.locator("html")).to_have_attribute("data-drawn", re.compile(r"\d+"))
    return page, bad


def readable(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "it is wider than the screen"
    assert page.evaluate(CONTRAST) == []


@browsing
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_a_report_is_readable_at_every_size_in_both_themes_and_asks_nobody(
    browser: Browser, folder: Folder, scheme: Any, size: str
) -> None:
    width, height = SIZES[size]
    page, bad = opened(
        browser, folder.path / "out" / "report.html", viewport={"width": width, "height": height}, color_scheme=scheme
    )
    readable(page)
    assert page.locator("canvas").count() == 2 + 3 + 1  # equity, drawdown, three exposures, a price
    assert not bad
    page.context.close()


@browsing
def test_charts_answer_to_the_keyboard_and_actions_to_their_choices(browser: Browser, folder: Folder) -> None:
    page, bad = opened(browser, folder.path / "out" / "report.html")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "To the content"
    page.locator("#equity").focus()
    first = page.locator("#equity .u-legend").inner_text()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#equity .u-legend")).not_to_have_text(first)
    second = page.locator("#equity .u-legend").inner_text()
    page.keyboard.press("Shift+ArrowLeft")
    expect(page.locator("#equity .u-legend")).not_to_have_text(second)
    page.keyboard.press("+")
    page.keyboard.press("0")
    body = json.loads(page.locator("#data").inner_text())
    for asset in body["series"]["assets"]:
        page.locator("#asset").select_option(asset)
        rows = page.locator("#actions tr")
        mine = [each for each in body["actions"] if each["asset"] == asset]
        expect(rows).to_have_count(min(25, len(mine)))
        assert rows.first.locator("td").last.inner_text() == mine[-1]["why"]
    before = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_role("button", name="Switch between light and dark").click()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != before
    readable(page)
    assert not bad
    page.context.close()


def test_a_backtest_leaves_its_report_and_pictures_and_tells_the_same_again(folder: Folder) -> None:
    found = {path.name for path in (folder.path / "out").iterdir()}
    assert {"report.html", "equity.png", "exposure.png", "actions.png", "attribution.png"} <= found
    told = folder.json("report", "--of", "out")["attribution"]
    assert sum(Decimal(part["value"]) for part in told["parts"]) == Decimal(told["change"])
    assert {part["key"]: part["value"] for part in told["parts"]}["unexplained"] == "0"
    mixed = folder.ballast("report", "--of", "out", "--from", "2021-01-01")
    assert (mixed.returncode, len(mixed.stderr.splitlines())) == (1, 1)
    nowhere = folder.ballast("report", "--of", "nowhere")
    assert (nowhere.returncode, len(nowhere.stderr.splitlines())) == (1, 1)


def test_a_bot_that_was_started_twice_is_told_as_one(folder: Folder) -> None:
    body = folder.json("report")
    told = body["attribution"]
    assert body["lived"]
    assert body["counts"]["decisions"] == body["cycles"] == 30
    assert sum(Decimal(part["value"]) for part in told["parts"]) == Decimal(told["change"])
    assert {part["key"]: part["value"] for part in told["parts"]}["unexplained"] == "0"
    shown = folder.ballast("report", "--out", "lived.html")
    assert shown.returncode == 0, shown.stderr
    assert "where it came from" in shown.stdout
    assert "was it worth it?" in (folder.path / "lived.html").read_text(encoding="utf-8")
    later = folder.ballast("report", "--from", "2031-01-01")
    assert (later.returncode, later.stdout) == (0, "nothing was decided between --from and --to\n")


def test_what_never_ran_has_nothing_to_report_and_says_so_in_one_line(tmp_path: Path) -> None:
    mine = bot(tmp_path)
    done = mine.ballast("report")
    assert (done.returncode, done.stdout) == (1, "")
    assert "`ballast run` makes one" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@browsing
@pytest.mark.skipif(not NAMES, reason="REPORTS names no folder of backtests; `make presets` makes one")
@pytest.mark.parametrize("name", NAMES)
def test_the_report_of_every_preset_is_readable_and_asks_nobody(browser: Browser, name: str, tmp_path: Path) -> None:
    kept = PICTURES if os.environ.get("PICTURES") else tmp_path
    for size, (width, height) in SIZES.items():
        for scheme in ("light", "dark"):
            page, bad = opened(
                browser,
                REPORTS / name / "report.html",
                viewport={"width": width, "height": height},
                color_scheme=scheme,
            )
            readable(page)
            if (size, scheme) in (("desktop", "light"), ("phone", "dark")):
                page.screenshot(
                    path=kept / f"report-{name}-{size}.png",
                    animations="disabled",
                    full_page=True,
                    clip={"x": 0, "y": 0, "width": width, "height": TALL[size]},
                )
            assert not bad
            page.context.close()
