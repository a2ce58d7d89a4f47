"""Owns covariance and equal risk: Ledoit-Wolf shrinkage and cyclical coordinate descent (R-T5). Floats, pure."""

from __future__ import annotations

from functools import lru_cache
from math import sqrt

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
SWEEPS = 500
ENOUGH = 1e-12


def shrunk_covariance(returns: Floats) -> Floats:
    """Ledoit and Wolf (2004): the sample covariance drawn towards a scaled identity, per bar. (t, n) to (n, n)."""
    centred = returns - returns.mean(axis=0)
    count, size = centred.shape
    sample = centred.T @ centred / count
    mean = np.trace(sample) / size
    squares = centred**2
    spread = float(((squares.T @ squares) / count - sample**2).sum()) / count / size
    distance = float(((sample - mean * np.eye(size)) ** 2).sum()) / size
    share = 0.0 if distance == 0 else min(spread, distance) / distance
    shrunk: Floats = (1.0 - share) * sample + share * mean * np.eye(size)
    return shrunk


def equal_risk(covariance: Floats, budgets: Floats) -> Floats:
    """Long-only weights, sum 1, whose shares of risk are ``budgets`` (Griveau-Billion, Richard and Roncalli, 2013).

    ``budgets`` are above 0 and sum to 1; every variance is above 0. Equal for equal input, which is remembered.
    """
    made = _descended(np.ascontiguousarray(covariance).tobytes(), np.ascontiguousarray(budgets).tobytes())
    return made.copy()


@lru_cache(maxsize=64)
def _descended(covariance: bytes, budgets: bytes) -> Floats:
    """Cyclical coordinate descent on correlations: risk parity's weights are those of correlations over volatility."""
    asked = np.frombuffer(budgets)
    whole = np.frombuffer(covariance).reshape(asked.size, asked.size)
    deviation = np.sqrt(np.diag(whole))
    correlation = whole / np.outer(deviation, deviation)
    scaled = np.sqrt(asked)
    for _ in range(SWEEPS):
        before = scaled.copy()
        marginal = correlation @ scaled
        variance = float(scaled @ marginal)
        for index, budget in enumerate(asked.tolist()):
            own = float(scaled[index])
            others = float(marginal[index]) - own
            new = (-others + sqrt(others * others + 4.0 * budget * sqrt(variance))) / 2.0
            step = new - own
            variance += step * (2.0 * float(marginal[index]) + step)
            marginal += step * correlation[index]
            scaled[index] = new
        if np.abs(scaled - before).max() <= ENOUGH * scaled.max():
            break
    weights = scaled / deviation
    total: Floats = weights / weights.sum()
    return total


def risk_shares(weights: Floats, covariance: Floats) -> Floats:
    """Each holding's share of variance, n (S n) / s^2; they sum to 1; zeros for an empty book."""
    whole = float(weights @ covariance @ weights)
    shares: Floats = weights * (covariance @ weights) / whole if whole > 0 else np.zeros_like(weights)
    return shares


def weight_of_share(weights: Floats, covariance: Floats, index: int, budget: float) -> float:
    """The weight of one holding at which its share of variance is ``budget``, the others as they are; >= 0."""
    own = float(covariance[index, index])
    rest = np.delete(weights, index)
    cross = float(np.delete(covariance[index], index) @ rest)
    other = float(rest @ np.delete(np.delete(covariance, index, 0), index, 1) @ rest)
    a, b, c = (1.0 - budget) * own, (1.0 - 2.0 * budget) * cross, -budget * other
    if a <= 0:
        return float(weights[index])
    return max(0.0, (-b + float(np.sqrt(max(0.0, b * b - 4.0 * a * c)))) / (2.0 * a))
