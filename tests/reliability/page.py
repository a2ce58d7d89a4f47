"""Writes the table of failure modes into docs/reliability.md: `python -m tests.reliability.page`, in `make docs`."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from tests.reliability.modes import MODES

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"


def table() -> str:
    """All modes as Markdown, a table for each part."""
    lines: list[str] = []
    part = ""
    for mode in MODES:
        if mode.part != part:
            part = mode.part
            lines += [
                "",
                f"### {part[0].upper()}{part[1:]}",
                "",
                "| | what goes wrong: what is done | held by |",
                "| --- | --- | --- |",
            ]
        what = f"{mode.what}; not here: {mode.not_here}" if mode.not_here else mode.what
        lines.append(f"| {mode.number} | {what} | {'<br>'.join(_told(each) for each in mode.tests) or '—'} |")
    return "\n".join(lines[1:])


def _told(test: str) -> str:
    file, _, name = test.partition("::")
    return f"[{name.removeprefix('test_').replace('_', ' ')}](../{file})"


def with_part(page: str, name: str, text: str) -> str:
    """The page with a new text between `<!-- name -->` and `<!-- /name -->`; raises ValueError where they are not."""
    found = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    made, count = found.subn(lambda seen: f"{seen[1]}\n{text}\n\n{seen[2]}", page)
    if count != 1:
        raise ValueError(f"the page has {count} parts {name!r}, must have one")
    return made


def main() -> int:
    PAGE.write_text(with_part(PAGE.read_text(encoding="utf-8"), "modes", table()), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
