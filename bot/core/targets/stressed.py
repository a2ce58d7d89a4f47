"""Owns what stress makes of targets: scaled risk, part of the freed weight to the majors (R-A16, R-T7). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from bot.core.numbers import ZERO, fraction
from bot.core.policy import Policy


def stressed(targets: Mapping[str, Decimal], level: int, policy: Policy) -> Mapping[str, Decimal]:
    """Risk targets x 0.9 / 0.75 / 0.5 at level 1 / 2 / 3; 30 % of what is freed goes to the majors by their targets.

    A major is trimmed less, not bought: what would lift it over its own target stays in stables.
    """
    if level <= 0 or not policy.stress.enabled:
        return targets
    scale = policy.stress.scale[min(level, len(policy.stress.scale)) - 1]
    scaled = {asset: fraction(target * scale) for asset, target in targets.items()}
    freed = sum(targets.values(), ZERO) * (1 - scale)
    majors = {asset: targets[asset] for asset in policy.stress.majors if targets.get(asset)}
    whole = sum(majors.values(), ZERO)
    for asset, target in majors.items():
        share = freed * policy.stress.to_majors * target / whole
        scaled[asset] = min(target, fraction(target * scale + share))
    return scaled
