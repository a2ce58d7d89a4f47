"""Owns the skeleton of targets: sleeves and the weights inside them (R-T1). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from bot.core.numbers import fraction
from bot.core.policy import Policy, Sleeve


def skeleton(policy: Policy) -> Mapping[str, Decimal]:
    """Asset -> target net exposure as a fraction of E; with the stables target they sum to 1 (to 1e-9)."""
    return {
        asset: fraction(sleeve.weight * share)
        for sleeve in policy.targets.sleeves.values()
        for asset, share in _shares(sleeve).items()
    }


def _shares(sleeve: Sleeve) -> Mapping[str, Decimal]:
    """Fixed weights where written, else equal ones."""
    fixed = sleeve.fixed
    if fixed is not None:
        return fixed
    members = sleeve.members
    return {asset: Decimal(1) / len(members) for asset in members}
