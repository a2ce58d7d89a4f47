"""Owns weights from risk: inverse volatility, equal risk, and the risk view between refreshes (R-T1, R-T5). Floats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from bot.core.calendars import last_slot
from bot.core.numbers import fraction, from_float, milliseconds
from bot.core.policy import Policy
from bot.core.targets.covariance import equal_risk, risk_shares, shrunk_covariance, weight_of_share
from bot.core.targets.history import daily_returns

Floats = NDArray[np.float64]
DAY = timedelta(days=1)


def _equal(names: Sequence[str]) -> Mapping[str, Decimal]:
    return {name: Decimal(1) / len(names) for name in names}


def _exact(names: Sequence[str], weights: Floats) -> Mapping[str, Decimal]:
    """Weights to 1e-9 whose sum is exactly 1: the first takes the rounding."""
    made = {
        name: fraction(from_float(float(weight)) or Decimal(0)) for name, weight in zip(names, weights, strict=True)
    }
    first = names[0]
    made[first] += 1 - sum(made.values())
    return made


def weights_within(
    weighting: str, names: Sequence[str], series: Mapping[str, Floats], at: datetime, policy: Policy
) -> tuple[Mapping[str, Decimal], bool]:
    """Weights of a sleeve's members as of the last refresh, and whether their history was known, else equal ones."""
    if weighting not in ("inverse-volatility", "risk-parity"):
        return _equal(names), True
    keys = policy.targets.risk_parity
    upto = milliseconds(last_slot(keys.refresh, at))
    moves = daily_returns(series, names, upto, keys.lookback // DAY)
    if moves is None:
        return _equal(names), False
    if weighting == "inverse-volatility":
        inverse = 1.0 / moves.std(axis=0, ddof=1)
        return _exact(names, inverse / inverse.sum()), True
    return _exact(names, equal_risk(shrunk_covariance(moves), np.full(len(names), 1.0 / len(names)))), True


@dataclass(frozen=True, slots=True, eq=False)
class RiskView:
    """Between refreshes: correlations of the lookback x recent volatilities, and each asset's budget of risk."""

    names: tuple[str, ...]
    covariance: Floats
    budgets: Mapping[str, float]

    def shares(self, net: Mapping[str, float]) -> Mapping[str, float]:
        """Asset -> share of variance at these net exposures."""
        weights = np.array([net.get(name, 0.0) for name in self.names])
        return dict(zip(self.names, map(float, risk_shares(weights, self.covariance)), strict=True))

    def weight_at_budget(self, asset: str, net: Mapping[str, float]) -> float:
        """The net exposure at which the asset's share is its budget, the others as they are."""
        weights = np.array([net.get(name, 0.0) for name in self.names])
        index = self.names.index(asset)
        return weight_of_share(weights, self.covariance, index, self.budgets[asset])


def risk_view(
    names: Sequence[str], series: Mapping[str, Floats], at: datetime, policy: Policy, budgets: Mapping[str, Decimal]
) -> RiskView | None:
    """The view of R-T5 as of the last daily closes; None where history is short: unknown."""
    keys = policy.targets.risk_parity
    upto = milliseconds(at)
    long = daily_returns(series, names, upto, keys.lookback // DAY)
    short = daily_returns(series, names, upto, keys.volatility // DAY)
    if long is None or short is None:
        return None
    covariance = shrunk_covariance(long)
    deviation = np.sqrt(np.diag(covariance))
    recent = short.std(axis=0, ddof=1)
    correlation = covariance / np.outer(deviation, deviation)
    shares = {name: float(budgets.get(name, Decimal(1) / len(names))) for name in names}
    return RiskView(tuple(names), correlation * np.outer(recent, recent), shares)
