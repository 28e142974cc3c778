"""Noise in shares: each site adds a part, so that the sum is private and nobody ever holds it without noise.

Each of n sites adds discrete Gaussian noise N_ℤ(0, σ₁²) to every value of its vector, in whole steps of the fixed
point. With Δ the L2 sensitivity in steps and d the number of values, the sum is ½ε²-concentrated private, where
(Kairouz, Liu and Steinke 2021, "The distributed discrete Gaussian mechanism", Proposition 14)

    ε = min(√(Δ²/(n·σ₁²) + τ·d/2), Δ/(√n·σ₁) + τ·√d),   τ = 10·Σ_{k=1}^{n−1} exp(−2π²·σ₁²·k/(k+1)).

τ is what a sum of discrete Gaussians differs from a discrete Gaussian; it is below 10⁻²⁰⁰ from σ₁ = 8 on.
Neighbouring data sets differ in all rows of one customer.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray
from opendp.domains import atom_domain, vector_domain
from opendp.measurements import make_gaussian
from opendp.metrics import l2_distance
from opendp.mod import Measurement, enable_features

from federated.secure.errors import UnsafeTerms

enable_features("contrib")

_SIGMA_LEAST = 8.0
# Fixed point leaves room for noise up to 2⁶² (`federated.fixed_point`). 12 σ is passed with probability 10⁻³².
_SIGMA_MOST = 2.0**62 / 12


@dataclass(frozen=True)
class NoiseTerms:
    """The noise of one round's sum.

    `sensitivity`: how much one customer can change the sum, as an L2 norm in steps: clip × steps per unit.
    `noise_multiplier`: σ of the noise in the sum of the fewest sites, as a multiple of the sensitivity.
    `sites_min`: the fewest sites whose sum is accepted. More sites only add noise.
    `colluders`: sites that may tell the others' adversary their own noise; the rest alone reach the multiplier.
    """

    sensitivity: float
    noise_multiplier: float
    sites_min: int
    colluders: int = 0

    def __post_init__(self) -> None:
        if not (0 < self.sensitivity < math.inf and 0 < self.noise_multiplier < math.inf):
            raise UnsafeTerms("Sensitivity and noise multiplier must be finite and above 0")
        if not 0 <= self.colluders < self.sites_min:
            raise UnsafeTerms(
                f"{self.colluders} of {self.sites_min} sites collude; expected at least one that does not"
            )
        if not self.sigma_of_share >= _SIGMA_LEAST or self.sigma * math.sqrt(self.sites_min) > _SIGMA_MOST:
            raise UnsafeTerms(
                f"A site's noise has σ = {self.sigma_of_share:.3g} steps; expected {_SIGMA_LEAST:g} to 2⁵⁸. Choose "
                "finer or coarser steps, or another clip"
            )

    @property
    def sigma(self) -> float:
        """σ of the noise that counts, in the sum of the fewest sites, in steps."""
        return math.nextafter(self.sensitivity * self.noise_multiplier, math.inf)

    @property
    def sigma_of_share(self) -> float:
        """σ of the noise that each site adds, in steps."""
        return math.nextafter(self.sigma / math.sqrt(self.sites_min - self.colluders), math.inf)

    def rho(self, size: int) -> float:
        """Return ρ (zero-concentrated privacy) of a released sum of `size` values; see the module for the formula."""
        return rho_of_shares(self.sensitivity, self.sigma_of_share, self.sites_min - self.colluders, size)

    @cached_property
    def draw(self) -> Callable[[int], NDArray[np.int64]]:
        """The function that draws one site's noise for a number of values."""
        return noise_share(self.sigma, self.sites_min - self.colluders)


def rho_of_shares(sensitivity: float, sigma_of_share: float, shares: int, size: int) -> float:
    """Return ρ of a sum with `shares` parts of noise, each with `sigma_of_share`; see the module for the formula.

    >>> round(rho_of_shares(100.0, 50.0, 16, 10), 6)  # Δ²/(2·n·σ₁²)
    0.125
    """
    variance = sigma_of_share**2
    gap = 10 * sum(math.exp(-2 * math.pi**2 * variance * k / (k + 1)) for k in range(1, shares))
    ratio = sensitivity / (math.sqrt(shares) * sigma_of_share)
    epsilon = min(math.sqrt(ratio**2 + gap * size / 2), ratio + gap * math.sqrt(size))
    return math.nextafter(epsilon**2 / 2, math.inf)


def noise_share(sigma: float, sites_min: int) -> Callable[[int], NDArray[np.int64]]:
    """Return the function that draws one site's noise: discrete Gaussian of OpenDP with σ/√sites_min.

    The sum of the shares of `sites_min` sites has standard deviation σ.
    """
    measurement = _gaussian(math.nextafter(sigma / math.sqrt(sites_min), math.inf))

    def draw(size: int) -> NDArray[np.int64]:
        return np.array(measurement([0] * size), dtype=np.int64)

    return draw


def add_noise(values: NDArray[np.uint64], noise: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return a site's fixed-point vector with its noise, modulo 2⁶⁴."""
    return values + noise.view(np.uint64)


@lru_cache(maxsize=64)
def _gaussian(scale: float) -> Measurement:
    return make_gaussian(vector_domain(atom_domain(T="i64")), l2_distance(T="f64"), scale=scale)
