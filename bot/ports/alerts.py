"""Owns the Protocol of telling people: never on the trading path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, Protocol

#: The key of the daily summary: asked for by itself, it goes out whatever level is the least that people are told of.
DAILY: Final = "daily summary"


@dataclass(frozen=True, slots=True)
class Delivery:
    """How the post goes: shown by `status`, counted by the metrics."""

    waiting: int
    delivered: int
    undelivered: int
    why: str


class Alerts(Protocol):
    """Tells people; returns at once and never raises."""

    def send(self, level: Literal["info", "warning", "critical"], text: str, *, key: str = "") -> None:
        """Queue one message; the same ``key`` is not repeated while it lasts."""
        ...
