"""The pages: what they link to is there, and what they tell to type is a command with those options."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from bot.cli.app import app

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "SECURITY.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\]\(([^)#\s]+)")
TYPED = re.compile(r"`(?:BALLAST_\w+=\S+ )?ballast ([^`]+)`")
BLOCK = re.compile(r"```\w*\n(.*?)```", re.DOTALL)


def tree() -> Any:
    return typer.main.get_command(app)


def told(page: Path) -> Iterator[str]:
    """Every command line on a page: in backticks, or at the beginning of a line of a block."""
    text = page.read_text(encoding="utf-8")
    for block in BLOCK.findall(text):
        yield from (
            line.partition("#")[0].removeprefix("ballast ")
            for line in block.splitlines()
            if line.startswith("ballast ")
        )
    yield from TYPED.findall(BLOCK.sub("", text))


def must_be_a_command(line: str) -> None:
    node, words = tree(), shlex.split(line.replace("…", "").replace("[", "").replace("]", ""))
    while words and hasattr(node, "commands"):
        if words[0].startswith("-"):
            break
        assert words[0] in node.commands, f"ballast {line}: {words[0]} is no command"
        node = node.commands[words.pop(0)]
    known = {option for parameter in node.params for option in (*parameter.opts, *parameter.secondary_opts)}
    known |= {"--help", "-h"}
    for word in words:
        if word.startswith("--"):
            assert word.partition("=")[0] in known, f"ballast {line}: {word} is no option of it"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_links_to_is_there(page: Path) -> None:
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if "://" not in target and not target.startswith("mailto:"):
            assert (page.parent / target).exists(), f"{page.name} links to {target}, which is not there"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_tells_to_type_is_a_command_with_those_options(page: Path) -> None:
    for line in told(page):
        if "|" not in line:  # `approve|reject` names two
            must_be_a_command(line)


@pytest.mark.parametrize("line", ["sell everything", "run --fast", "plan --snapshto x"])
def test_a_command_that_does_not_exist_would_be_found(line: str) -> None:
    with pytest.raises(AssertionError, match="is no"):
        must_be_a_command(line)
