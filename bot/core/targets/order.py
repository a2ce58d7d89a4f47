"""Owns the order in which targets come about: skeleton, regime, model, narrative cap, stress (R-T7). Pure.

Every step keeps the sum 1: what a step takes from risk goes to stables, which are 1 minus all of these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from bot.core.assessment import Regime
from bot.core.calendars import last_slot
from bot.core.numbers import ZERO, fraction, milliseconds
from bot.core.policy import Policy
from bot.core.targets.covariance import equal_risk, shrunk_covariance
from bot.core.targets.history import daily_returns
from bot.core.targets.parity import DAY, weights_within
from bot.core.targets.regime import sleeve_weights
from bot.core.targets.stressed import stressed

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Targets:
    """Net exposures wanted now, and in a neutral regime without stress, fractions of E; what history could not say."""

    now: Mapping[str, Decimal]
    neutral: Mapping[str, Decimal]
    unknown: tuple[str, ...] = ()


def wanted(
    policy: Policy,
    regime: Regime,
    stress: int,
    series: Mapping[str, Floats],
    at: datetime,
    budgets: Mapping[str, Decimal],
) -> Targets:
    """Targets of every configured asset; ``series`` are daily bars by asset."""
    unknown: list[str] = []
    shares = {name: _shares(policy, name, series, at, unknown) for name in policy.targets.sleeves}
    whole = _model_weights(policy, series, at, budgets, unknown)
    now = _capped(_with(policy, regime, shares, whole), policy)
    neutral = _capped(_with(policy, "neutral", shares, whole), policy)
    exact = {asset: fraction(target) for asset, target in stressed(now, stress, policy).items()}
    return Targets(exact, {asset: fraction(target) for asset, target in neutral.items()}, tuple(sorted(unknown)))


def _shares(
    policy: Policy, name: str, series: Mapping[str, Floats], at: datetime, unknown: list[str]
) -> Mapping[str, Decimal]:
    """Weights inside one sleeve: fixed where written, else by its weighting (R-T1)."""
    sleeve = policy.targets.sleeves[name]
    if sleeve.fixed is not None and sleeve.weighting == "fixed":
        return sleeve.fixed
    weights, known = weights_within(sleeve.weighting, sleeve.members, series, at, policy)
    if not known:
        unknown.append(f"history of sleeve {name}: equal weights")
    return weights


def _model_weights(
    policy: Policy, series: Mapping[str, Floats], at: datetime, budgets: Mapping[str, Decimal], unknown: list[str]
) -> Mapping[str, Decimal] | None:
    """Under the risk-parity model, shares of all risk assets by equal risk as of the last refresh (R-T5)."""
    if policy.targets.model != "risk-parity":
        return None
    names = policy.assets
    keys = policy.targets.risk_parity
    moves = daily_returns(series, names, milliseconds(last_slot(keys.refresh, at)), keys.lookback // DAY)
    covariance = shrunk_covariance(moves) if moves is not None else None
    if covariance is None or not (np.diag(covariance) > 0).all():
        unknown.append("history for risk parity: the skeleton stands")
        return None
    asked = np.array([float(budgets.get(name, Decimal(1) / len(names))) for name in names])
    weights = equal_risk(covariance, asked / asked.sum())
    return {name: Decimal(f"{weight:.12f}") for name, weight in zip(names, weights, strict=True)}


def _with(
    policy: Policy,
    regime: Regime,
    shares: Mapping[str, Mapping[str, Decimal]],
    whole: Mapping[str, Decimal] | None,
) -> dict[str, Decimal]:
    weights = sleeve_weights(policy, regime)
    made = {asset: weights[name] * share for name, members in shares.items() for asset, share in members.items()}
    if whole is None:
        return made
    risk = sum(made.values(), ZERO)
    return {asset: risk * share for asset, share in whole.items()}


def _capped(targets: Mapping[str, Decimal], policy: Policy) -> Mapping[str, Decimal]:
    """A narrative sleeve's target is at most its cap; the difference goes to stables."""
    made = dict(targets)
    for sleeve in policy.targets.sleeves.values():
        total = sum((made[asset] for asset in sleeve.members), ZERO)
        if sleeve.narrative and sleeve.cap is not None and total > sleeve.cap:
            for asset in sleeve.members:
                made[asset] *= sleeve.cap / total
    return made
