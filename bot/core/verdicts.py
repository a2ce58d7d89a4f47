"""Owns what a gate says of a wish, and the type that only the gate may make: `Approved`. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Literal

from bot.core.wishes import Wish

VerdictKind = Literal["pass", "resize", "defer", "veto"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """One gate's word; ``scale`` (0..1) for resize, ``until`` for defer; ``nearest`` would have let it through."""

    gate: str
    verdict: VerdictKind
    why: str = ""
    nearest: str = ""
    until: datetime | None = None
    scale: Decimal | None = None


@cache
def passed(gate: str) -> Verdict:
    """The word of a gate that let a wish through: the same object each time, since most words are this one."""
    return Verdict(gate, "pass")


@dataclass(frozen=True, slots=True)
class Approved:
    """A wish that every gate let through, as resized. Built in `bot.core.gate` alone; `execute` takes nothing else."""

    wish: Wish
    passed: int
    not_passed: tuple[Verdict, ...] = ()  # the resizes on the way


@dataclass(frozen=True, slots=True)
class Refused:
    """A wish that at least one gate deferred or vetoed."""

    wish: Wish
    passed: int
    not_passed: tuple[Verdict, ...]
