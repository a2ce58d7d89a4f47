"""Owns the regime overlay: targets that move with bull, neutral and bear (R-T2). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from bot.core.assessment import Regime
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
