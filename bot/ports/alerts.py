"""Owns the Protocol of telling people: never on the trading path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol


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
