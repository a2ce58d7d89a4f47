"""Owns covariance and equal risk: Ledoit-Wolf shrinkage and cyclical coordinate descent (R-T5). Floats, pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
SWEEPS = 500
ENOUGH = 1e-12


def shrunk_covariance(returns: Floats) -> Floats:
    """Ledoit and Wolf (2004): the sample covariance drawn towards a scaled identity. Shape (t, n) to (n, n), per bar."""
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
    """Long-only weights, sum 1, whose shares of risk are ``budgets`` (Griveau-Billion, Richard and Roncalli, 2013)."""
    weights = 1.0 / np.sqrt(np.diag(covariance))
    weights /= weights.sum()
    for _ in range(SWEEPS):
        before = weights.copy()
        for index in range(weights.size):
            own = covariance[index, index]
            others = float(covariance[index] @ weights) - own * weights[index]
            sigma = float(np.sqrt(weights @ covariance @ weights))
            root = others * others + 4.0 * own * budgets[index] * sigma
            weights[index] = (-others + np.sqrt(root)) / (2.0 * own)
        if np.abs(weights - before).max() < ENOUGH:
            break
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
