"""The dashboard of a running bot in a real browser: sign in, watch, stop, resume; no error, nothing leaves the host."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.browser import CHROMIUM, CONTRAST, Door, browser, clean, signed_in
from tests.e2e.folder import ROOT, Folder

PAGES = ("/", "/decisions", "/orders", "/futures", "/liquidity", "/what-if", "/controls")
SIZES = {"desktop": (1360, 900), "phone": (390, 844)}
SHOWN = {
    "/": "overview",
    "/decisions": "decisions",
    "/futures": "futures",
    "/liquidity": "liquidity",
    "/controls": "controls",
}
__all__ = ["browser"]  # a fixture
PICTURES = ROOT / "docs" / "img"
LATER = int(os.environ.get("PICTURES", "0"))  # cycles until docs/img is made anew; 0: it stays as it is
CYCLES = 20  # waited for at a time
WITHIN_S = 1.0  # that a stop takes hold
pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(not CHROMIUM, reason="no Chromium on this machine: install it, or name it in CHROMIUM"),
]


class Beside(Folder):
    """The same folder, with a log of its own for a second process."""

    @property
    def log(self) -> Path:
        return self.path / "beside.log"


class Bot:
    """A bot in paper with its dashboard, in a folder of its own."""

    def __init__(self, folder: Folder, process: Any) -> None:
        self.folder = folder
        self.process = process
        folder.wait(process, lambda: bool(folder.told("dashboard")) and bool(folder.told("cycle")))
        self.url = folder.told("dashboard")[-1]["url"]
        self.token = (folder.path / "data" / "web.token").read_text(encoding="ascii").strip()
        assert self.token not in folder.log.read_text(encoding="utf-8"), "a log for machines holds no token"

    def levels(self) -> list[str]:
        return [line["kill"] for line in self.folder.told("cycle")]


@pytest.fixture(scope="module")
def bot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bot]:
    folder = Folder(tmp_path_factory.mktemp("bot"), {"BALLAST_WEB__PORT": "0"})
    with folder.running("run", "--config", str(ROOT / "config" / "paper.yaml")) as process:
        made = Bot(folder, process)
        for _ in range(0, LATER, CYCLES):
            folder.wait_cycles(process, CYCLES)
        yield made
    folder.proven()


def test_a_decision_arrives_without_reloading_the_page(browser: Browser, bot: Bot) -> None:
    page, seen = signed_in(browser, bot)
    expect(page.locator("#live")).to_have_text("live")
    page.evaluate("window.mine = 'still the same page'")
    first = page.locator("#foot a").inner_text()
    expect(page.locator("#foot a")).not_to_have_text(first, timeout=10_000)
    assert page.evaluate("window.mine") == "still the same page"
    points = int(page.locator("#chart").get_attribute("data-points") or 0)
    assert points >= 1
    clean(page, seen)


def test_one_click_stops_the_bot_within_a_second_and_a_typed_word_lets_it_go_on(browser: Browser, bot: Bot) -> None:
    page, seen = signed_in(browser, bot)
    page.get_by_role("button", name="Halt").click()
    clicked_at = time.monotonic()
    bot.folder.wait(bot.process, lambda: bool(bot.folder.told("own orders cancelled")))
    assert time.monotonic() - clicked_at < WITHIN_S
    assert bot.folder.told("own orders cancelled")[-1]["kill"] == "halt"
    notice = page.get_by_role("alert").filter(has_text="Trading is stopped: halt")
    expect(notice).to_contain_text("In force.", timeout=10_000)
    bot.folder.wait_cycles(bot.process, 2)
    stopped = bot.folder.told("cycle")[-1]
    assert (stopped["kill"], stopped["sent"]) == ("halt", 0)

    page.goto(f"{bot.url}/controls")
    word = page.get_by_label("Type resume")
    word.fill("go on")
    page.get_by_role("button", name="Resume").click()
    assert "/resume" not in page.url, "the form does not leave the page"
    assert bot.levels()[-1] == "halt"
    word.fill("resume")
    word.press("Enter")
    expect(page.get_by_role("status").filter(has_text="Resumed")).to_be_visible()
    bot.folder.wait(bot.process, lambda: bot.levels()[-1] == "off")
    expect(page.locator("#kill")).to_contain_text("trading", timeout=10_000)
    clean(page, seen)


def test_an_asset_is_frozen_and_released_from_the_page(browser: Browser, bot: Bot) -> None:
    page, seen = signed_in(browser, bot)
    page.goto(f"{bot.url}/controls")
    page.get_by_label("Asset").select_option("DOGE")
    page.get_by_role("button", name="Freeze").last.click()
    bot.folder.wait_cycles(bot.process, 2)
    page.goto(f"{bot.url}/controls")
    row = page.locator("#assets li").filter(has_text="DOGE")
    expect(row).to_be_visible()
    row.get_by_role("button", name="Release").click()
    bot.folder.wait_cycles(bot.process, 2)
    page.goto(f"{bot.url}/controls")
    expect(page.get_by_text("None is frozen.")).to_be_visible()
    clean(page, seen)


def test_an_edited_target_is_planned_without_touching_the_bot(browser: Browser, bot: Bot) -> None:
    page, seen = signed_in(browser, bot)
    page.goto(f"{bot.url}/what-if")
    page.get_by_label("stables").fill("40")
    expect(page.locator("#sum")).to_have_text("130 %")
    page.get_by_label("majors").fill("10")
    expect(page.locator("#sum")).to_have_text("100 %")
    page.get_by_role("button", name="Plan it").click()
    expect(page.get_by_role("heading", name="It would")).to_be_visible(timeout=40_000)
    row = page.locator("tbody tr").filter(has_text="ETH")
    expect(row.locator("td").nth(3)).to_have_text("4.0 %")
    clean(page, seen)


def test_the_keyboard_alone_reaches_everything(browser: Browser, bot: Bot) -> None:
    page, seen = signed_in(browser, bot)
    page.goto(bot.url)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "To the content"
    names = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        names.add(page.evaluate("document.activeElement.textContent.trim()"))
    assert {"Overview", "Decisions", "Controls", "Halt", "Sign out"} <= names
    clean(page, seen)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_every_page_is_readable_at_every_size_in_both_themes(
    browser: Browser, bot: Bot, scheme: Any, size: str, tmp_path: Path
) -> None:
    width, height = SIZES[size]
    folder = PICTURES if LATER else tmp_path
    folder.mkdir(parents=True, exist_ok=True)
    page, seen = signed_in(browser, bot, viewport={"width": width, "height": height}, color_scheme=scheme)
    for path in PAGES:
        page.goto(bot.url + path)
        expect(page.locator("#live")).to_have_text("live")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{path} is wider than the screen"
        assert page.evaluate(CONTRAST) == [], f"{path} has text with too little contrast (WCAG AA)"
        unnamed = page.evaluate(
            "[...document.querySelectorAll('input:not([type=hidden]), select')]"
            ".filter((each) => !each.labels.length).map((each) => each.name)"
        )
        assert unnamed == [], f"{path} has fields without a label"
        if path in SHOWN:
            picture = folder / f"dashboard-{SHOWN[path]}-{size}-{scheme}.png"
            page.screenshot(path=picture, animations="disabled", full_page=path == "/" and size == "desktop")
            assert picture.stat().st_size > 10_000
    clean(page, seen)


def test_a_process_without_keys_shows_the_same_bot_and_a_page_says_when_it_is_gone(browser: Browser, bot: Bot) -> None:
    config = str(ROOT / "config" / "paper.yaml")
    secrets = {"BALLAST_VENUE__API_KEY": "canary-key", "BALLAST_VENUE__SECRET": "canary-secret"}
    own = Beside(bot.folder.path, {**bot.folder.env, **secrets})
    with own.running("web", "--config", config, "--port", "0") as process:
        own.wait(process, lambda: "dashboard: http" in own.tail())
        address = own.tail().split("dashboard: ")[1].split()[0]
        assert address != bot.url
        assert "token" not in own.tail(), "told once, by the one that made it"
        page, seen = signed_in(browser, Door(address, bot.token))
        first = page.locator("#foot a").inner_text()
        expect(page.locator("#foot a")).not_to_have_text(first, timeout=10_000)
        assert not seen.bad
    expect(page.locator("#live")).to_have_text("reconnecting", timeout=10_000)
    page.context.close()
