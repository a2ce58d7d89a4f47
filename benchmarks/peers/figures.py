"""The arithmetic of the tables: medians of what was kept, ratios, and whether an aim was reached."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import cast

from benchmarks.peers.kept import Sample

# How many times faster than an engine ours is to be (below 1: how much slower it may be).
BACKTEST_AIMS = {"vectorbt": 10.0, "bt": 500.0, "numba loop": 1 / 20}
# The most of freqtrade's process() that a cycle of ours may take, by the number of pairs.
LIVE_AIMS = {20: 1 / 20, 100: 1 / 40, 500: 1 / 60}
HELP_AIM, START_AIM, MEMORY_AIM = 0.3, 0.4, 0.8


@dataclass(frozen=True)
class Seen:
    """One engine on one width: the median of what its rounds took."""

    seconds: float
    rounds: int
    line: dict[str, object]  # the last one it told


def seen(samples: Sequence[Sample], engine: str) -> Seen | None:
    """The median over all rounds; nothing where none told of the engine."""
    lines = [line for sample in samples for line in sample["lines"] if line["engine"] == engine]
    seconds = [each for line in lines for each in cast("list[float]", line["seconds"])]
    if not seconds:
        return None
    return Seen(median(seconds), len(lines), lines[-1])


def middle(samples: Sequence[Sample], engine: str, name: str) -> float | None:
    """The median of one figure over all rounds; nothing where none told it."""
    told = [line[name] for sample in samples for line in sample["lines"] if line["engine"] == engine and name in line]
    return median(cast("list[float]", told)) if told else None


def versus(ratio: float) -> str:
    """How many times faster ours is, from their time over ours."""
    return f"{ratio:,.1f} × faster" if ratio >= 1 else f"{1 / ratio:,.1f} × slower"


def aim(ratio: float, least: float) -> str:
    """An aim on their time over ours, and whether it was reached."""
    asked = f"{least:,.0f} × faster" if least >= 1 else f"at most {1 / least:,.0f} × slower"
    return f"{asked}: {met(reached=ratio >= least)}"


def part(share: float) -> str:
    """A share of freqtrade's time: 1/N, or how many times it where it is more."""
    return f"1/{1 / share:,.1f}" if share <= 1 else f"{share:,.1f} ×"


def met(*, reached: bool) -> str:
    """One word."""
    return "met" if reached else "**missed**"


def time(seconds: float) -> str:
    """Processor time for a reader."""
    if seconds < 1e-3:  # noqa: PLR2004 - a millisecond
        return f"{seconds * 1e6:,.0f} μs"
    if seconds < 1:
        return f"{seconds * 1e3:,.1f} ms"
    return f"{seconds:,.2f} s" if seconds < 100 else f"{seconds:,.0f} s"  # noqa: PLR2004 - three digits
