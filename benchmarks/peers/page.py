"""Puts lines between a page's two marks of a name; all else of the page is left as it is."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path


def between(name: str) -> re.Pattern[str]:
    """The marks and what stands between them."""
    return re.compile(f"<!-- {name} -->\n.*?<!-- /{name} -->", re.DOTALL)


def must_have(page: Path, names: Iterable[str]) -> None:
    """Every mark is there; an error where not, before hours of measuring rather than after."""
    text = page.read_text(encoding="utf-8") if page.exists() else ""
    for name in names:
        if not between(name).search(text):
            raise SystemExit(f"{page}: must have <!-- {name} --> and <!-- /{name} -->, between which a table is put")


def written(page: Path, name: str, lines: list[str]) -> None:
    """Replace what stands between the marks."""
    must_have(page, [name])
    made = "\n".join([f"<!-- {name} -->", *lines, f"<!-- /{name} -->"])
    text = page.read_text(encoding="utf-8")
    page.write_text(between(name).sub(lambda _: made, text, count=1), encoding="utf-8")
