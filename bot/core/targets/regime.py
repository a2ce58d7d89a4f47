"""Owns the regime overlay: targets that move with bull, neutral and bear (R-T2). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from bot.core.assessment import Regime
from bot.core.numbers import ZERO
from bot.core.policy import Policy, RegimeName, overlaid

NAMES: Mapping[Regime, RegimeName] = {"bull": "bull", "neutral": "neutral", "bear": "bear", "unknown": "neutral"}


def sleeve_weights(policy: Policy, regime: Regime) -> Mapping[str, Decimal]:
    """Sleeve -> what it weighs in a regime; what they leave of 1 is stables."""
    name = NAMES[regime]
    overlay = policy.targets.regimes.get(name)
    if overlay is not None:
        return overlaid(policy.targets, overlay)[0]
    scale = policy.regime.bear_scale if name == "bear" else Decimal(1)
    return {key: sleeve.weight * scale for key, sleeve in policy.targets.sleeves.items()}


def sleeve_scales(policy: Policy, regime: Regime) -> Mapping[str, Decimal]:
    """Sleeve -> its weight in a regime over that of the skeleton; 0 for one that is not in the skeleton."""
    weights = sleeve_weights(policy, regime)
    return {key: weights[key] / item.weight if item.weight else ZERO for key, item in policy.targets.sleeves.items()}
