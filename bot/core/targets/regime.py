"""Owns the regime overlay: targets that move with bull, neutral and bear (R-T2). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from bot.core.assessment import Regime
from bot.core.numbers import ZERO
from bot.core.policy import Policy, RegimeName, overlaid

NAMES: Mapping[Regime, RegimeName] = {"bull": "bull", "neutral": "neutral", "bear": "bear", "unknown": "neutral"}


def sleeve_scales(policy: Policy, regime: Regime) -> Mapping[str, Decimal]:
    """Sleeve -> what its skeleton weight is multiplied by; the difference goes to stables."""
    name = NAMES[regime]
    overlay = policy.targets.regimes.get(name)
    sleeves = policy.targets.sleeves
    if overlay is None:
        scale = policy.regime.bear_scale if name == "bear" else Decimal(1)
        return dict.fromkeys(sleeves, scale)
    weights, _stables = overlaid(policy.targets, overlay)
    return {key: weights[key] / item.weight if item.weight else ZERO for key, item in sleeves.items()}
