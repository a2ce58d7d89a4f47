"""Owns how things stand, from beat, record and requests: kill level, drawdown, freshness. Values in, values out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from bot.core.memory import Memory
from bot.core.numbers import utc_text
from bot.core.snapshot import KILL_LEVELS
from bot.ports.store import ControlRow

FREE: Final = {"level": "off", "reason": None, "by": None, "at": None}
FRESH_LEAST_S: Final = 60.0
CYCLES_FRESH: Final = 3


@dataclass(frozen=True, slots=True)
class Standing:
    """The kill level as it is asked for, and whether the bot's own last word says the same."""

    level: str
    reason: str | None
    by: str | None
    at: str | None
    in_force: bool

    @property
    def free(self) -> bool:
        """Whether the bot may trade."""
        return self.level == "off"


def standing(
    beat: Mapping[str, Any] | None, requests: Sequence[ControlRow], asked: ControlRow | None, switch: str
) -> Standing:
    """What the beat says, unless somebody asked for something since; ``requests`` newest first.

    A level nobody knows counts as the highest. ``switch``: what the configuration says, which no request lifts.
    """
    said = str((beat or {}).get("kill", FREE)["level"])
    now: Mapping[str, Any] = (beat or {}).get("kill", FREE)
    resumed = next((row for row in requests if row.what == "resume"), None)
    if resumed is not None and now["at"] and resumed.at > datetime.fromisoformat(now["at"]):
        now = {**FREE, "level": switch, "reason": None if switch == "off" else "kill_switch"}
    if asked is not None and _rank(asked.value) > _rank(str(now["level"])):
        now = {"level": asked.value, "reason": asked.why, "by": asked.who, "at": utc_text(asked.at)}
    return Standing(str(now["level"]), now["reason"], now["by"], now["at"], in_force=said == now["level"])


def _rank(level: str) -> int:
    return KILL_LEVELS.index(level) if level in KILL_LEVELS else len(KILL_LEVELS)


def drawdown(memory: Memory) -> float | None:
    """The fall of the unit value from its peak, a fraction of the peak; None before both are known."""
    if not memory.unit_peak or memory.unit_value is None:
        return None
    return max(0.0, float(1 - memory.unit_value / memory.unit_peak))


@dataclass(frozen=True, slots=True)
class Pulse:
    """Whether the bot lives: host seconds since its last word and since a decision was last seen to come in."""

    beat_s: float | None
    cycle_s: float | None
    most_s: float

    @property
    def fresh(self) -> bool:
        """Whether its last word is young enough."""
        return self.beat_s is not None and self.beat_s <= self.most_s

    @property
    def ready(self) -> bool:
        """Whether the last cycle was completed in time."""
        return self.fresh and self.cycle_s is not None and self.cycle_s <= self.most_s


def pulse(beat: Mapping[str, Any] | None, now: datetime, cycle_seen_s: float | None, cycle_s: float) -> Pulse:
    """``now``: host time; ``cycle_seen_s``: host seconds since the last decision came in; ``cycle_s``: of a cycle."""
    spoke = (beat or {}).get("beat_at")
    beat_s = None if spoke is None else (now - datetime.fromisoformat(str(spoke))).total_seconds()
    return Pulse(beat_s, cycle_seen_s, max(CYCLES_FRESH * cycle_s, FRESH_LEAST_S))
