"""Owns the Protocol of telling people: never on the trading path."""

from __future__ import annotations

from typing import Literal, Protocol


class Alerts(Protocol):
    """Tells people; returns at once and never raises."""

    def send(self, level: Literal["info", "warning", "critical"], text: str, *, key: str = "") -> None:
        """Queue one message; the same ``key`` is not repeated while it lasts."""
        ...
