"""Owns the drift trigger: an asset or a sleeve at or beyond its band (R-W2). Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from bot.core.assessment import Exposure, Trigger
from bot.core.numbers import ZERO, fraction
from bot.core.policy import Policy
from bot.core.sizing import percent, points

RULE = "R-W2"
SLACK = 1e-9
LEAST_PART = Decimal("0.2")  # of a member's own band: less of a sleeve's drift is not worth a step of its own


def fire(exposures: Sequence[Exposure], policy: Policy) -> Iterator[Trigger]:
    """Assets whose drift is at or beyond their band, then members that owe a share of their sleeve's drift."""
    fired = set()
    for item in exposures:
        if abs(item.drift) >= item.band:
            fired.add(item.asset)
            yield _of_asset(item)
    for name in policy.targets.sleeves:
        members = [item for item in exposures if item.sleeve == name]
        yield from _of_sleeve(name, members, fired, policy)


def _of_asset(item: Exposure) -> Trigger:
    over = item.drift > 0
    why = (
        f"net {percent(item.net)} is {points(abs(item.drift))} points {'over' if over else 'under'} "
        f"target {percent(item.target)}, band ±{points(item.band)}"
    )
    return Trigger(RULE, item.asset, why, "over" if over else "under")


def _of_sleeve(name: str, members: Sequence[Exposure], fired: set[str], policy: Policy) -> Iterator[Trigger]:
    """What the members' own episodes leave over of the sleeve's drift, spread by drift of the same sign."""
    target = sum((item.target for item in members), ZERO)
    width = _width(target, policy)
    drift = sum((item.drift for item in members), ZERO)
    if width is None or abs(drift) < width:
        return
    left = fraction(drift - sum((item.drift for item in members if item.asset in fired), ZERO))
    rest = [item for item in members if item.asset not in fired and item.drift * drift > 0]
    whole = sum((item.drift for item in rest), ZERO)
    if left * drift <= 0 or not whole:
        return
    share = min(Decimal(1), left / whole)
    for item in rest:
        if abs(item.drift * share) < item.band * LEAST_PART:
            continue
        over = drift > 0
        why = (
            f"sleeve {name} is {points(abs(drift))} points {'over' if over else 'under'} its target "
            f"{percent(target)}, band ±{points(width)}; {item.asset}'s part is {points(abs(item.drift * share))}"
        )
        goal = fraction(item.net - item.drift * share)
        yield Trigger(RULE, item.asset, why, "over" if over else "under", goal)


def _width(target: Decimal, policy: Policy) -> Decimal | None:
    """The half-width of a sleeve's band; None where it is switched off."""
    band = policy.triggers.sleeve_band
    widths = [width for width in (band.points, band.relative and band.relative * target) if width]
    return fraction(min(widths)) if widths else None


def quiet(
    net: NDArray[np.float64],
    exposures: Sequence[Exposure],
    policy: Policy,
    over: NDArray[np.bool_] | None = None,
    under: NDArray[np.bool_] | None = None,
) -> NDArray[np.bool_]:
    """Where `fire` cannot, or asks for nothing: (n,) of net exposures (n, k) in the order of ``exposures``.

    ``over`` and ``under``: (n, k), where an asset over or under its band is known to be left as it is.
    """
    target, band = (np.array([float(value) for value in each]) for each in zip(*map(_edges, exposures), strict=True))
    drift = net - target
    left = np.zeros(drift.shape, dtype=np.bool_)
    if over is not None and under is not None:
        left = np.where(drift > 0, over, under)
    inside: NDArray[np.bool_] = (left | (np.abs(drift) < band - SLACK)).all(axis=1)
    for name in policy.targets.sleeves:
        width = _width(sum((item.target for item in exposures if item.sleeve == name), ZERO), policy)
        if width is None:
            continue
        members = np.array([item.sleeve == name for item in exposures])
        whole = drift[:, members].sum(axis=1)
        spread = (left[:, members] | (drift[:, members] * whole[:, None] <= 0)).all(axis=1)
        inside &= spread | (np.abs(whole) < float(width) - SLACK)
    return inside


def _edges(item: Exposure) -> tuple[Decimal, Decimal]:
    return item.target, item.band
