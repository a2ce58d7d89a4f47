"""Owns how a command tells that it failed: complete lines for stderr and an exit code; imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

FAILED: Final = 1
USAGE: Final = 64


class Told(Exception):
    """A failure that a person can act upon; ``lines`` are whole sentences, ``code`` is the process' exit code."""

    def __init__(self, lines: str | Iterable[str], code: int = FAILED) -> None:
        self.lines = (lines,) if isinstance(lines, str) else tuple(lines)
        self.code = code
        super().__init__("\n".join(self.lines))
