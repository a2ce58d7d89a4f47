"""Owns the event: one recorded fact with a key that makes appending it twice the same as once. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """A fact: unique ``key``, venue time, a ``kind`` that `memory.fold` or the record understands, JSON values."""

    key: str
    at: datetime
    kind: str
    body: Mapping[str, Any]
