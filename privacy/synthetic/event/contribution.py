"""Adds up histograms of people, each person's own histogram shortened to a bound, with noise of OpenDP.

Neighbours differ in all rows of one person. A person whose histogram has the ℓ₂ norm n counts with the factor
min(1, C/n), so one person changes the sum by at most C in ℓ₂ norm.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from privacy.synthetic.noise import add_fine_noise
from privacy.synthetic.spread import Codes, Weights

FIXED_POINT = 1024
"""Units of one count, since noise is added to whole numbers. Each person's units are rounded down."""
_OCTAVES = 18


@dataclass(frozen=True)
class Histogram:
    """A noisy histogram, and σ of its noise. `scales` holds σ/Δ of each noise that was drawn for it."""

    counts: Weights
    noise: float
    scales: tuple[float, ...]


def bounded_histogram(person: Codes, cell: Codes, cells: int, mu: float, quantile: float = 0.5) -> Histogram:
    """Return the noisy sum of the people's histograms; the bound C is a noisy quantile of their norms.

    A high quantile keeps the weight of active people; a low one has less noise, which grows with C.

    Guarantee: μ-GDP for neighbours that differ in all rows of one person.
    """
    norm_mu = mu * math.sqrt(0.08)
    key, counts = np.unique(person * cells + cell, return_counts=True)
    owner, place = key // cells, key % cells
    norms = np.sqrt(np.bincount(owner, counts.astype(np.float64) ** 2))
    octave = np.clip(np.ceil(2 * np.log2(np.maximum(norms[norms > 0], 1))), 0, 2 * _OCTAVES - 1).astype(np.int64)
    noisy, norm_scale = add_fine_noise(np.bincount(octave, minlength=2 * _OCTAVES), 1.0, norm_mu)
    cumulated = np.cumsum(np.clip(noisy, 0, None))
    bound = 2.0 ** (np.searchsorted(cumulated, quantile * cumulated[-1]) / 2) if cumulated[-1] > 0 else 1.0
    units = np.floor(shorten(counts, norms[owner], bound) * FIXED_POINT).astype(np.int64)
    sums = np.bincount(place, units, cells).astype(np.int64)
    left = math.sqrt(mu**2 - norm_mu**2)
    drawn, scale = add_fine_noise(sums, bound * FIXED_POINT, left)
    noise = scale / FIXED_POINT
    return Histogram(drawn / FIXED_POINT, noise, (norm_scale, noise / bound))


def shorten(counts: Codes, norms: Weights, bound: float) -> Weights:
    """Return counts of people whose histograms have these norms, shortened to the bound where the norm is larger."""
    # Rounding of the division must not lengthen a histogram beyond the bound.
    factor = np.minimum(1.0, (1 - 1e-12) * bound / np.maximum(norms, 1e-12))
    return np.asarray(counts * factor, np.float64)


def denoised(histogram: Weights, noise: float) -> Weights:
    """Return shares that sum to 1: cells are lowered together until the positive ones sum to the noisy total.

    That is the projection onto the simplex; clipping alone would add what the noise added to empty cells.
    """
    total = histogram.sum()
    if total <= noise:
        return np.full(histogram.shape, 1 / histogram.size)
    flat = np.sort(histogram.ravel())[::-1]
    level = (np.cumsum(flat) - total) / np.arange(1, len(flat) + 1)
    last = np.flatnonzero(flat > level)[-1]
    shares = np.clip(histogram - level[last], 0, None) / total
    return np.asarray(shares / shares.sum(), np.float64)
