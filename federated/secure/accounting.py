"""What a run costs in privacy: ρ adds up over rounds, and ε at a chosen δ says it in the common terms.

Neighbouring data sets differ in all rows of one customer. Rounds may depend on the results of earlier rounds.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from federated.secure.errors import UnsafeTerms


@dataclass(frozen=True)
class PrivacySpent:
    """The guarantee of a run: ρ over all rounds, and the same as (ε, δ)."""

    rho: float
    delta: float

    @property
    def epsilon(self) -> float:
        """ε that follows from ρ by theorem; what reports claim."""
        return epsilon_of(self.rho, self.delta)

    @property
    def epsilon_gaussian(self) -> float:
        """ε of Gaussian noise with the same ρ, which no attack can exceed by more than the step of the fixed point."""
        return gaussian_epsilon(self.rho, self.delta)


def epsilon_of(rho: float, delta: float) -> float:
    """Return ε such that ρ-zCDP gives (ε, δ)-DP: the least over α > 1 of ρα + ln(1/(αδ))/(α−1) + ln(1−1/α).

    Canonne, Kamath and Steinke 2020, Proposition 12.

    >>> round(epsilon_of(0.5, 1e-6), 2)
    5.22
    """
    _check(rho, delta)
    if rho == 0:
        return 0.0

    def bound(log_order: float) -> float:
        alpha = 1 + math.exp(log_order)
        return rho * alpha - math.log(alpha * delta) / (alpha - 1) + math.log1p(-1 / alpha)

    return max(0.0, _minimum(bound, -12.0, 24.0))


def gaussian_epsilon(rho: float, delta: float) -> float:
    """Return the exact ε of Gaussian noise whose sensitivity over σ is √(2ρ) (Balle and Wang 2018, Theorem 8).

    >>> round(gaussian_epsilon(0.5, 1e-6), 2)
    4.89
    """
    _check(rho, delta)
    ratio = math.sqrt(2 * rho)
    low, high = 0.0, epsilon_of(rho, delta) + 1e-9
    if rho == 0 or _gaussian_delta(ratio, 0.0) <= delta:
        return 0.0
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if _gaussian_delta(ratio, middle) > delta else (low, middle)
    return high


def _gaussian_delta(ratio: float, epsilon: float) -> float:
    """δ of Gaussian noise at ε: Φ(r/2 − ε/r) − e^ε Φ(−r/2 − ε/r), where r is sensitivity over σ."""
    first = _log_normal_cdf(ratio / 2 - epsilon / ratio)
    second = epsilon + _log_normal_cdf(-ratio / 2 - epsilon / ratio)
    return math.exp(first) * -math.expm1(min(0.0, second - first))


def _log_normal_cdf(z: float) -> float:
    if z > -30:
        return math.log(math.erfc(-z / math.sqrt(2)) / 2)
    # The first terms of the asymptotic series; the relative error is below 10⁻⁵ here.
    return -z * z / 2 - math.log(-z * math.sqrt(2 * math.pi)) + math.log1p(-1 / z**2 + 3 / z**4)


def _check(rho: float, delta: float) -> None:
    if not (0 <= rho < math.inf and 0 < delta < 1):
        raise UnsafeTerms(f"Got ρ = {rho}, δ = {delta}; expected a finite ρ of at least 0 and δ between 0 and 1")


def _minimum(function: Callable[[float], float], low: float, high: float) -> float:
    """Return the least value of a function with one valley, by golden section."""
    step = (math.sqrt(5) - 1) / 2
    left, right = high - step * (high - low), low + step * (high - low)
    at_left, at_right = function(left), function(right)
    for _ in range(100):
        if at_left < at_right:
            high, right, at_right = right, left, at_left
            left = high - step * (high - low)
            at_left = function(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + step * (high - low)
            at_right = function(right)
    return min(at_left, at_right)
