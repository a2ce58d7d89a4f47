# noqa: INP001 - a script beside what it makes
"""Owns the making of the pages in docs/ that come from the code: `python docs/generate.py [configuration|rules …]`.

It stands outside the package because the pages need both the settings and the rendering, which do not know each other.
"""

from __future__ import annotations

import sys
from pathlib import Path

from bot.render.docs import configuration_markdown, rule_tests, rules_markdown
from bot.settings import config_schema

HERE = Path(__file__).resolve().parent
PAGES = ("configuration", "rules")


def page(name: str) -> str:
    """The text of one page."""
    if name == "configuration":
        return configuration_markdown(config_schema())
    return rules_markdown(config_schema(), rule_tests(HERE.parent / "tests"))


def main(wanted: list[str]) -> int:
    """Write the pages named, or all; 2 for a name that is none."""
    unknown = sorted(set(wanted) - set(PAGES))
    if unknown:
        sys.stderr.write(f"docs: {unknown[0]!r} is no page, must be one of {', '.join(PAGES)}\n")
        return 2
    for name in wanted or PAGES:
        (HERE / f"{name}.md").write_text(page(name), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
