"""Owns what a run over the past heard itself say: alerts counted by what they are about, for nobody reads them live."""

from __future__ import annotations

from collections import Counter
from typing import Literal

SHOWN = 8


class HeardAlerts:
    """`bot.ports.alerts.Alerts` that keeps the first text of each key and how often it came."""

    def __init__(self) -> None:
        self._count: Counter[tuple[str, str]] = Counter()
        self._text: dict[tuple[str, str], str] = {}

    def send(self, level: Literal["info", "warning", "critical"], text: str, *, key: str = "") -> None:
        """Count it."""
        about = (level, key.partition(":")[0] or text)
        self._count[about] += 1
        self._text.setdefault(about, text)

    def notes(self) -> list[str]:
        """What was warned of, most often first."""
        told = [
            f"{level}, {count} times, first: {self._text[level, about]}"
            for (level, about), count in self._count.most_common()
            if level != "info"
        ]
        rest = len(told) - SHOWN
        return [*told[:SHOWN], *([f"and {rest} other kinds of warnings"] if rest > 0 else [])]
