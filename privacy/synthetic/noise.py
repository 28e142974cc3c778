"""Noise of OpenDP on a grid so fine that the accounting of continuous Gaussian noise holds."""

from __future__ import annotations

import math

import numpy as np

from privacy.dp.mechanism import add_gaussian
from privacy.synthetic.coding import Codes, Weights

LEAST_SCALE = 64.0
"""Least deviation of the noise, in steps of its grid. From there on its privacy differs from that of continuous noise
by less than exp(-2π²·64²), which no floating-point number can show."""


def add_fine_noise(values: Codes, l2_sensitivity: float, mu: float) -> tuple[Weights, float]:
    """Return whole numbers with discrete Gaussian noise, and its deviation σ = Δ/μ. Steps of the grid are 1/2ᵏ.

    Guarantee: μ-GDP for values whose ℓ₂ distance between neighbours is at most `l2_sensitivity`.
    """
    steps = 2 ** max(0, math.ceil(math.log2(LEAST_SCALE * mu / l2_sensitivity)))
    drawn, scale = add_gaussian((values * steps).tolist(), l2_sensitivity * steps, mu**2 / 2)
    return np.asarray(drawn, np.float64) / steps, scale / steps
