"""Privacy of Gaussian noise, tightly: Gaussian differential privacy (Dong, Roth and Su 2022).

A mechanism that adds Gaussian noise of deviation σ to a statistic of ℓ₂ sensitivity Δ is μ-GDP with μ = Δ/σ. Several of
them together are μ-GDP with μ² = Σ μᵢ², exactly. In the ledger's unit their cost is ρ = μ²/2. Noise is discrete, on a
grid so fine that its privacy is that of continuous noise (`noise`; Canonne, Kamath and Steinke 2020).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import lru_cache

_MOST_MU = 40.0


def delta_of(mu: float, epsilon: float) -> float:
    """Return the least δ such that μ-GDP implies (ε, δ)-DP: Φ(−ε/μ + μ/2) − e^ε·Φ(−ε/μ − μ/2) (Balle and Wang 2018).

    >>> round(delta_of(1.0, 1.0), 4)
    0.1269
    """
    from scipy.special import log_ndtr

    if mu <= 0:
        return 0.0
    high, low = -epsilon / mu + mu / 2, -epsilon / mu - mu / 2
    first, second = float(log_ndtr(high)), epsilon + float(log_ndtr(low))
    return math.exp(first) * -math.expm1(min(0.0, second - first))


@lru_cache(maxsize=256)
def mu_of(epsilon: float, delta: float) -> float:
    """Return the largest μ for which μ-GDP implies (ε, δ)-DP, rounded down.

    >>> round(mu_of(1.0, 1e-6) ** 2 / 2, 4)
    0.028
    """
    low, high = 0.0, _MOST_MU
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if delta_of(middle, epsilon) <= delta else (low, middle)
    return low * (1 - 1e-9)


def epsilon_of(mu: float, delta: float) -> float:
    """Return the least ε for which μ-GDP implies (ε, δ)-DP, rounded up.

    >>> round(epsilon_of(mu_of(1.0, 1e-6), 1e-6), 6)
    1.0
    """
    low, high = 0.0, 1.0
    while delta_of(mu, high) > delta:
        high *= 2
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (low, middle) if delta_of(mu, middle) <= delta else (middle, high)
    return high


def spent_mu(scales: Iterable[float]) -> float:
    """Return μ of recorded noise, each the ratio σ/Δ of its deviation to its sensitivity: √Σ (Δ/σ)²; no noise: ∞.

    >>> spent_mu([2.0, 2.0, 2.0, 2.0])
    1.0
    """
    ratios = list(scales)
    return math.sqrt(sum(ratio**-2 for ratio in ratios)) if all(ratio > 0 for ratio in ratios) else math.inf
