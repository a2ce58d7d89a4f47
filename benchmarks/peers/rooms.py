"""Which of the bot's rooms a profile's time went to: what a library took is its caller's."""

from __future__ import annotations

import cProfile
import pstats
from collections import defaultdict
from functools import cache
from pathlib import Path

from benchmarks.peers.environments import ROOT

Function = tuple[str, int, str]
ELSEWHERE = "elsewhere"


def room(path: str) -> str:
    """bot/core, bot/store ...; nothing for what is not the bot's."""
    file = Path(path)
    if not file.is_relative_to(ROOT / "bot"):
        return ""
    parts = file.relative_to(ROOT).parts
    return "/".join(parts[:2]) if len(parts) > 2 else "bot"  # noqa: PLR2004 - bot/ROOM/FILE


def shares(profile: cProfile.Profile) -> dict[str, float]:
    """Parts of 1 by room, the greatest first."""
    stats = pstats.Stats(profile).stats  # type: ignore[attr-defined]

    @cache
    def owner(function: Function, depth: int = 0) -> str:
        """The room on whose behalf a function runs: its own, or of the caller that it took most of its time for."""
        if mine := room(function[0]):
            return mine
        callers = stats[function][4]
        if not callers or depth > 30:  # noqa: PLR2004 - a ring of library functions
            return ELSEWHERE
        return str(owner(max(callers, key=lambda each: callers[each][3]), depth + 1))

    spent: dict[str, float] = defaultdict(float)
    for function, (_, _, own, _, callers) in stats.items():
        if room(function[0]) or not callers:
            spent[owner(function)] += own
            continue
        for caller, (_, _, part, _) in callers.items():
            spent[owner(caller)] += part
    whole = sum(spent.values())
    return {name: value / whole for name, value in sorted(spent.items(), key=lambda each: -each[1])}
