"""Owns what reaches stdout: rich output for people, canonical JSON for machines, and the question before a deed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from bot.cli.told import Told

if TYPE_CHECKING:
    from rich.console import Console, RenderableType


def console() -> Console:
    """A console that writes texts as they are: no markup, no emoji, no guessed colours."""
    from rich.console import Console

    return Console(markup=False, emoji=False, highlight=False)


def show(view: RenderableType) -> None:
    """Print for people."""
    console().print(view)


def line(text: str) -> None:
    """Print one line as it is, however wide."""
    sys.stdout.write(f"{text}\n")


def text(lines: str) -> None:
    """Print lines that end themselves."""
    sys.stdout.write(lines)


def show_json(value: Any) -> None:
    """Print one canonical JSON text."""
    from bot.core.numbers import canonical_json

    line(canonical_json(value))


def must_type(word: str, what: str) -> None:
    """Ask for a word to be typed; raises Told where something else is, or where nobody is there to be asked."""
    import typer

    if not sys.stdin.isatty():
        raise Told(f"{what}: nobody to ask, since stdin is no terminal; --yes says yes")
    if typer.prompt(f"{what}. Type {word} to go on", err=True).strip().lower() != word:
        raise Told(f"not done: that was not {word}")
