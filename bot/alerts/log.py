"""Owns alerts that go to the log: at once, and not the same again while it is fresh. Sends nothing anywhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import structlog

from bot.ports.alerts import Delivery

QUIET_S = 300.0  # host seconds in which the same key with the same text is not repeated
KEYS_MAX = 1000


class LogAlerts:
    """`bot.ports.alerts.Alerts` as log lines. ``mono`` is host time."""

    def __init__(self, mono: Callable[[], float]) -> None:
        self._mono = mono
        self._log = structlog.get_logger("alert")
        self._said: dict[tuple[str, str], float] = {}

    def delivery(self) -> Delivery:
        """Nothing is delivered, so nothing waits."""
        return Delivery(0, 0, 0, "")

    def send(self, level: Literal["info", "warning", "critical"], text: str, *, key: str = "") -> None:
        """One line, unless the same was said under this key within five minutes."""
        now = self._mono()
        if key:
            if now - self._said.get((key, text), -QUIET_S) < QUIET_S:
                return
            if len(self._said) >= KEYS_MAX:
                self._said = {known: at for known, at in self._said.items() if now - at < QUIET_S}
            self._said[key, text] = now
        getattr(self._log, level)(text, key=key)
