"""Owns where a browser is, how it is started, and what makes a page readable; tests of pages share it."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome") or ""
#: A browser looks up hosts of its maker's by itself; what a page asks for is watched, so the rest is switched off.
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
#: A script: every text whose contrast with what is behind it is under WCAG AA.
CONTRAST = """() => {
  const parse = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((each) => each / 255)
    .map((each) => (each <= 0.03928 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4))
    .reduce((sum, each, at) => sum + each * [0.2126, 0.7152, 0.0722][at], 0);
  const over = (top, under) => {
    const a = top[3] ?? 1;
    return [0, 1, 2].map((at) => top[at] * a + under[at] * (1 - a));
  };
  const behind = (node) => {
    const stack = [];
    for (let each = node; each; each = each.parentElement) stack.push(parse(getComputedStyle(each).backgroundColor));
    return stack.reverse().reduce((under, each) => over(each, under), [255, 255, 255]);
  };
  const weak = [];
  for (const node of document.querySelectorAll("body *")) {
    const own = [...node.childNodes].some((each) => each.nodeType === 3 && each.textContent.trim());
    if (!own || node.closest("svg, .hidden, canvas") || !node.getClientRects().length) continue;
    const style = getComputedStyle(node);
    const under = behind(node);
    const [a, b] = [light(over(parse(style.color), under)), light(under)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700);
    const words = node.textContent.trim().slice(0, 30);
    if (ratio < (large ? 3 : 4.5)) weak.push(`${node.tagName}.${node.className} ${ratio.toFixed(2)} ${words}`);
  }
  return weak;
}"""


@dataclass(frozen=True)
class Door:
    """Where a dashboard is, and what opens it."""

    url: str
    token: str


class Seen:
    """What happened in a browser that must not, and where its requests went."""

    def __init__(self, context: BrowserContext, host: str) -> None:
        self.bad: list[str] = []
        self.asked = 0
        self._host = host
        context.on("request", self._request)
        context.on("console", lambda said: self.bad.append(said.text) if said.type in ("error", "warning") else None)
        context.on("weberror", lambda error: self.bad.append(str(error.error)))

    def _request(self, request: Any) -> None:
        self.asked += 1
        if urlsplit(request.url).netloc != self._host:
            self.bad.append(f"asked for {request.url}")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield made
        made.close()


def signed_in(browser: Browser, door: Any, **over: Any) -> tuple[Page, Seen]:
    context = browser.new_context(**over)
    seen = Seen(context, urlsplit(door.url).netloc)
    page = context.new_page()
    page.goto(door.url)
    expect(page).to_have_url(re.compile("/sign-in"))
    page.get_by_label("Token").fill(door.token)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Assets")).to_be_visible()
    return page, seen


def clean(page: Page, seen: Seen) -> None:
    """Nothing went wrong, and nothing was asked of another host."""
    assert seen.asked > 5
    assert not seen.bad
    page.context.close()
