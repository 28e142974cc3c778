"""Measures a lower bound of the privacy loss of a release, to be compared with the claimed loss.

The best test between neighbours x and x' for Gaussian noise is T(y) = Σ (x − x')·y/σ² over everything released.
From `runs` draws of T on each side, half choose a threshold, half bound its error rates (Clopper–Pearson). Noise
that gives μ = √(2ρ) allows no error rates (α, β) with Φ⁻¹(1 − α) − Φ⁻¹(β) > μ (Gaussian differential privacy,
Dong, Roth and Su 2019).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta, norm

from privacy.dp.mechanism import add_gaussian
from privacy.dp.noise_plan import NoisyVector

CONFIDENCE = 0.999
Vectors = Mapping[str, Sequence[int]]


def audited_mu(
    vectors: Mapping[str, NoisyVector], x: Vectors, neighbour: Vectors, runs: int, rho_factor: float = 1.0
) -> float:
    """Returns a lower bound on μ with confidence 0.999. `rho_factor` > 1 breaks the noise on purpose."""
    here, there = (_draw(vectors, x, neighbour, side, runs, rho_factor) for side in (x, neighbour))
    choosing = np.concatenate([here[: runs // 2], there[: runs // 2]])
    # Not at the edges: rates of a few draws choose a poor threshold about once in a hundred audits.
    candidates = np.quantile(choosing, np.linspace(0.25, 0.75, 49))
    best = max(candidates, key=lambda at: _mu(here[: runs // 2], there[: runs // 2], at))
    return _mu(here[runs // 2 :], there[runs // 2 :], best)


def epsilon_of_mu(mu: float, delta: float = 1e-6) -> float:
    """Returns ε at δ for exact μ-Gaussian differential privacy."""
    low, high = 0.0, 200.0
    for _ in range(100):
        middle = (low + high) / 2
        spent = norm.cdf(mu / 2 - middle / mu) - math.exp(middle) * norm.cdf(-mu / 2 - middle / mu)
        low, high = (middle, high) if spent > delta else (low, middle)
    return high


def _draw(
    vectors: Mapping[str, NoisyVector], x: Vectors, y: Vectors, side: Vectors, runs: int, rho_factor: float
) -> NDArray[Any]:
    score = np.zeros(runs)
    for name, vector in vectors.items():
        apart = np.array(x[name]) - np.array(y[name])
        cells = np.flatnonzero(apart)
        values = np.tile(np.array(side[name])[cells], runs).tolist()
        noisy, _ = add_gaussian(values, vector.l2_sensitivity, vector.rho * rho_factor)
        # Around the middle, so that large values do not swamp the sum.
        middle = (np.array(x[name])[cells] + np.array(y[name])[cells]) / 2
        score += ((np.array(noisy).reshape(runs, -1) - middle) @ apart[cells]) / vector.scale**2
    return score


def _mu(here: NDArray[Any], there: NDArray[Any], threshold: float) -> float:
    runs = len(here)
    false_alarms, misses = int((there > threshold).sum()), int((here <= threshold).sum())
    rates = [_upper(wrong, runs) for wrong in (false_alarms, misses)]
    return float(norm.ppf(1 - rates[0]) - norm.ppf(rates[1]))


def _upper(wrong: int, runs: int) -> float:
    """Returns Clopper and Pearson's upper bound of a rate."""
    return 1.0 if wrong == runs else float(beta.ppf((1 + CONFIDENCE) / 2, wrong + 1, runs - wrong))
