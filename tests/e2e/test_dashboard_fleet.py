"""A fleet's dashboard in a real browser: from the list to each portfolio's own pages, and a stop of that one alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.browser import CHROMIUM, CONTRAST, Door, browser, clean, signed_in
from tests.e2e.folder import Folder

__all__ = ["browser"]  # a fixture
PAGES = ("", "decisions", "orders", "futures", "liquidity", "what-if", "controls")
CONFIG = """
mode: paper
cycle: 1m
local: {speed: 60}
targets:
  stables: {weight: 0.10, floor: 0.05}
  sleeves:
    majors: {weight: 0.90, assets: {BTC: 0.5, ETH: 0.5}}
"""
pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(not CHROMIUM, reason="no Chromium on this machine: install it, or name it in CHROMIUM"),
]


class Beside(Folder):
    """The same folder, with a log of its own for a second process."""

    @property
    def log(self) -> Path:
        return self.path / "beside.log"


def test_each_portfolio_of_a_fleet_has_its_own_pages_and_is_stopped_alone(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "portfolios").mkdir()
    for name in ("desk-01", "desk-02"):
        (tmp_path / "portfolios" / f"{name}.yaml").write_text(CONFIG, encoding="utf-8")
    store = f"sqlite:///{tmp_path}/data/ballast.db"
    env = {"BALLAST_WEB__ENABLED": "false", "BALLAST_RUN_FOLDER": str(tmp_path / "run")}
    fleet = Folder(tmp_path, env)
    web = Beside(
        tmp_path, {"BALLAST_STORE__URL": store.replace("sqlite", "sqlite+aiosqlite"), "BALLAST_PORTFOLIO": "desk-01"}
    )
    with fleet.running("fleet", "--portfolios", "portfolios", "--store", store) as worker:
        fleet.wait(worker, lambda: {line["portfolio"] for line in fleet.told("cycle")} == {"desk-01", "desk-02"})
        with web.running("web", "--config", "portfolios/desk-01.yaml", "--port", "0") as process:
            web.wait(process, lambda: "dashboard: http" in web.tail())
            url = web.tail().split("dashboard: ")[1].split()[0]
            token = (tmp_path / "data" / "web.token").read_text(encoding="ascii").strip()
            page, seen = signed_in(browser, Door(url, token))
            page.get_by_role("link", name="Portfolios").click()
            page.get_by_role("link", name="desk-02").click()
            expect(page.get_by_role("heading", name="Assets")).to_be_visible()
            expect(page.locator(".where strong")).to_have_text("desk-02")
            expect(page.locator("#live")).to_have_text("live")
            here = page.url
            first = page.locator("#foot a").inner_text()
            expect(page.locator("#foot a")).not_to_have_text(first, timeout=30_000)  # decisions arrive here too

            page.get_by_role("button", name="Halt").click()
            fleet.wait(worker, lambda: last_of(fleet, "desk-02")["kill"] == "halt")
            expect(page.get_by_role("alert").filter(has_text="Trading is stopped: halt")).to_contain_text("In force.")
            assert last_of(fleet, "desk-01")["kill"] == "off"

            for path in PAGES:
                page.goto(here + path)
                expect(page.locator(".where strong")).to_have_text("desk-02")
                assert page.evaluate(CONTRAST) == [], path
            page.get_by_label("Type resume").fill("resume")
            page.get_by_role("button", name="Resume").click()
            fleet.wait(worker, lambda: last_of(fleet, "desk-02")["kill"] == "off")
            page.get_by_role("link", name="Decisions").click()
            assert page.url == f"{here}decisions"
            page.get_by_role("link", name="Portfolios").click()
            page.get_by_role("link", name="desk-01").click()
            expect(page.locator(".where strong")).to_have_text("desk-01")
            clean(page, seen)


def last_of(fleet: Folder, name: str) -> dict[str, Any]:
    """The last cycle's line of a portfolio."""
    return [line for line in fleet.told("cycle") if line["portfolio"] == name][-1]
