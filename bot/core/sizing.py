"""Owns the size of a step: increments, stretches and goals (R-A1, R-A2). Pure arithmetic."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from bot.core.assessment import Exposure
from bot.core.memory import Episode
from bot.core.numbers import ONE, ZERO, fraction
from bot.core.policy import Policy

CLOSE_ENOUGH = Decimal("0.001")  # of E: an episode this near its goal has ended
INSIDE = Decimal("0.002")  # how far inside the band's edge a trim to the edge aims
AT_GOAL = "at its goal"  # why an episode ended that did what it was for
STRETCH = Decimal("0.1")  # of an increment, rather than leave a crumb


def step(excess: Decimal, increment: Decimal, speed: Decimal = ONE) -> Decimal:
    """min(increment x speed, excess), stretched by up to a tenth of an increment when that finishes the way (R-A2)."""
    if excess <= 0 or speed <= 0:
        return ZERO
    size = min(increment * speed, excess)
    return fraction(excess if excess - size <= increment * STRETCH else size)


def left_of(episode: Episode | None, increment: Decimal) -> Decimal | None:
    """What of the current increment is still to be filled; a crumb of up to a tenth of one is left to the next."""
    if episode is None or episode.left is None or episode.left <= increment * STRETCH:
        return None
    return fraction(episode.left)


def least_way(policy: Policy, asset: str) -> Decimal:
    """The way that shedding still goes: less is the crumb that a step would have taken with it (R-A2, R-A16)."""
    return max(CLOSE_ENOUGH, fraction(policy.trim_for(asset).increment * STRETCH))


def goal_of(exposure: Exposure, policy: Policy, direction: str) -> Decimal:
    """The net exposure an episode aims at: the target, just inside the band's edge, or halfway between (R-A2)."""
    kind = policy.goal_for(exposure.asset)
    edge = edge_of(exposure, direction)
    if kind == "edge":
        return edge
    if kind == "midpoint":
        return fraction((exposure.target + edge) / 2)
    return exposure.target


def edge_of(exposure: Exposure, direction: str) -> Decimal:
    """Just inside the edge of the band on the side the asset is out of."""
    if direction == "over":
        return fraction(max(exposure.target, exposure.band_high - INSIDE))
    return fraction(min(exposure.target, exposure.band_low + INSIDE))


def sign_of(episode: Episode) -> Literal["up", "down"]:
    """Which way an episode moves net exposure; where its record does not say, as its direction does."""
    return episode.sign or ("up" if episode.direction == "add" else "down")


def points(share: Decimal) -> str:
    """A fraction of E in points, for sentences: 0.0525 gives ``5.2``."""
    return f"{share * 100:.1f}"


def percent(share: Decimal) -> str:
    """A fraction of E as a percentage, for sentences: 0.525 gives ``52.5%``."""
    return f"{share * 100:.1f}%"
