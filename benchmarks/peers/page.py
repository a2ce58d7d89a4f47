"""Puts lines between a page's two marks of a name; all else of the page is left as it is."""

from __future__ import annotations

import re
from pathlib import Path


def written(page: Path, name: str, lines: list[str]) -> None:
    """Replace what stands between the marks; a page without them is an error."""
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    text = page.read_text(encoding="utf-8")
    pattern = re.compile(f"{re.escape(begin)}\n.*?{re.escape(end)}", re.DOTALL)
    if not pattern.search(text):
        raise SystemExit(f"{page}: has no {begin} and {end}, must have both for the table to stand between")
    made = "\n".join([begin, *lines, end])
    page.write_text(pattern.sub(lambda _: made, text, count=1), encoding="utf-8")
