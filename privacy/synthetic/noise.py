"""Noise of OpenDP, discrete on a fine grid, at least as private as continuous Gaussian noise of the stated deviation.

Why. Gaussian differential privacy is exact for continuous noise; OpenDP draws discrete noise, which floating-point
attacks cannot undo. Let y = x + N(0, σ₁²) for a whole number x, and round y to z with probability ∝ exp(-(z-y)²/2s²).
Then z is discrete Gaussian of variance σ₁² + s² around x, but for a factor within 1 ± 4·exp(-2π²s²) (Peikert 2010,
theorem 3.1). So discrete noise of variance σ₁² + s² is continuous noise of variance σ₁², processed further. With s = 2
the factor changes ε by less than 10⁻³³ a cell, which the rounding in `accounting.mu_of` exceeds.
"""

from __future__ import annotations

import math

import numpy as np

from privacy.dp.mechanism import add_gaussian
from privacy.synthetic.spread import Codes, Weights

ROUNDING = 2.0
"""s of the rounding, in steps of the grid."""
LEAST_SCALE = 64.0
"""Least σ₁ in steps of the grid: the rounding then enlarges the noise by less than 1 in 2,000."""


def add_fine_noise(values: Codes, l2_sensitivity: float, mu: float) -> tuple[Weights, float]:
    """Return whole numbers with noise, and the deviation σ₁ ≥ Δ/μ of the continuous noise that it is worth.

    The grid has steps of 1/2ᵏ.

    Guarantee: μ-GDP for values whose ℓ₂ distance between neighbours is at most `l2_sensitivity`.
    """
    steps = 2 ** max(0, math.ceil(math.log2(LEAST_SCALE * mu / l2_sensitivity)))
    sensitivity = l2_sensitivity * steps
    variance = (sensitivity / mu) ** 2 + ROUNDING**2
    drawn, scale = add_gaussian((values * steps).tolist(), sensitivity, sensitivity**2 / (2 * variance))
    return np.asarray(drawn, np.float64) / steps, math.sqrt(scale**2 - ROUNDING**2) / steps
