"""Owns how a span is cut into windows that follow one another: walk-forward, whole hours, none left out. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final

from bot.core.numbers import utc_text

HOUR: Final = timedelta(hours=1)
LEAST: Final = timedelta(days=3)  # under that there are not three daily returns to say anything by


class WindowError(ValueError):
    """A span that cannot be cut as asked: one line."""


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a span: decisions from ``since`` to before ``until``."""

    since: datetime
    until: datetime

    def body(self) -> dict[str, Any]:
        """As JSON."""
        return {"since": utc_text(self.since), "until": utc_text(self.until)}


def windows(since: datetime, until: datetime, count: int) -> tuple[Window, ...]:
    """``count`` windows of equal length in whole hours, the last to the end of the span; raises `WindowError`."""
    length = (until - since) // count // HOUR * HOUR
    if length < LEAST:
        whole = (until - since) / timedelta(days=1)
        raise WindowError(
            f"{count} windows of {whole:.1f} days in all have {length / timedelta(days=1):.1f} days each, "
            f"must have at least {LEAST.days}: a longer span or fewer windows"
        )
    ends = [since + length * number for number in range(count)] + [until]
    return tuple(Window(*pair) for pair in pairwise(ends))
