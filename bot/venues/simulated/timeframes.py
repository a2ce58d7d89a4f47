"""Owns which bars the exchange keeps and how long they are."""

from __future__ import annotations

from collections.abc import Mapping

_UNITS_MS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
TIMEFRAME_MS: Mapping[str, int] = {
    f"{count}{unit}": count * _UNITS_MS[unit]
    for unit, counts in {"m": (1, 3, 5, 15, 30), "h": (1, 2, 4, 6, 8, 12), "d": (1, 3), "w": (1,)}.items()
    for count in counts
}
