"""Owns the question which alerts nobody has read yet. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bot.ports.store import AlertRow, ControlRow

READ: Final = "read"  # what an operator's request says; its value is the number of the last alert that was read
LOOKED_AT: Final = 1_000  # alerts, newest first


def read_upto(requests: Sequence[ControlRow]) -> int:
    """The number of the last alert somebody said to have read; 0 where nobody has."""
    numbers = [int(row.value) for row in requests if row.what == READ and row.value.isdigit()]
    return max(numbers, default=0)


def unread_critical(alerts: Sequence[AlertRow], requests: Sequence[ControlRow]) -> tuple[AlertRow, ...]:
    """Critical alerts after the last read one, oldest first: while there are some, nothing is resumed."""
    upto = read_upto(requests)
    return tuple(row for row in reversed(alerts) if row.level == "critical" and row.number > upto)
