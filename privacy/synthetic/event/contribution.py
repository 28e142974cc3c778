"""Adds up histograms of people, each person's own histogram shortened to a bound, with noise of OpenDP.

Neighbours differ in all rows of one person. A person whose histogram has the ℓ₂ norm n counts with the factor
min(1, C/n), so one person changes the sum by at most C in ℓ₂ norm.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from privacy.synthetic.marginal.merging import tail_start
from privacy.synthetic.noise import add_fine_noise
from privacy.synthetic.spread import Codes, Weights

FIXED_POINT = 1024
"""Units of one count, since noise is added to whole numbers. Each person's units are rounded down."""
NORM_SHARE = 0.08
"""Share of the budget for the histogram of norms, from which the bound is chosen."""
_NORMS = 2.0 ** (np.arange(36) / 2)
BIAS = 0.08
"""Total variation distance between what the most active people buy and what all buy; .03 to .25 in markets seen."""


@dataclass(frozen=True)
class Histogram:
    """A noisy histogram, and σ of its noise. `scales` holds σ/Δ of each noise that was drawn for it."""

    counts: Weights
    noise: float
    scales: tuple[float, ...]


def bounded_histogram(
    person: Codes, cell: Codes, cells: int, mu: float, events: float, bias: float = BIAS
) -> Histogram:
    """Return the noisy sum of the people's histograms. `events` is a noisy or public number of all events.

    bias: expected distance between the shares of the most active people's events and those of all; see `choose_bound`.

    Guarantee: μ-GDP for neighbours that differ in all rows of one person.
    """
    norm_mu = mu * math.sqrt(NORM_SHARE)
    left = math.sqrt(mu**2 - norm_mu**2)
    key, counts = np.unique(person * cells + cell, return_counts=True)
    owner, place = key // cells, key % cells
    norms = np.sqrt(np.bincount(owner, counts.astype(np.float64) ** 2))
    octave = np.clip(np.ceil(2 * np.log2(np.maximum(norms[norms > 0], 1))), 0, len(_NORMS) - 1).astype(np.int64)
    noisy, norm_scale = add_fine_noise(np.bincount(octave, minlength=len(_NORMS)), 1.0, norm_mu)
    people = np.clip(np.where(np.arange(len(_NORMS)) <= tail_start(noisy, norm_scale), noisy, 0), 0, None)
    bound = choose_bound(people, cells, left, events, bias)
    units = np.floor(shorten(counts, norms[owner], bound) * FIXED_POINT).astype(np.int64)
    sums = np.bincount(place, units, cells).astype(np.int64)
    drawn, scale = add_fine_noise(sums, bound * FIXED_POINT, left)
    noise = scale / FIXED_POINT
    return Histogram(drawn / FIXED_POINT, noise, (norm_scale, noise / bound))


def choose_bound(people: Weights, cells: int, mu: float, events: float, bias: float) -> float:
    """Return the bound C with the least expected distance of the shares: of the noise, and of what is cut off.

    `people` counts people by the norms of their histograms. The noise moves each of the cells by C/μ·√(2/π) on average.
    Cutting off a share f of all events, which are those of the most active people, moves the shares by `bias`·f.
    """
    if people.sum() <= 0:
        return 1.0
    mass = people * _NORMS
    cut = np.array([(mass * np.clip(1 - bound / _NORMS, 0, None)).sum() for bound in _NORMS]) / mass.sum()
    noise = 0.5 * cells * math.sqrt(2 / math.pi) * _NORMS / mu / max(1.0, events)
    return float(_NORMS[np.argmin(noise / np.maximum(1 - cut, 1e-9) + bias * cut)])


def shorten(counts: Codes, norms: Weights, bound: float) -> Weights:
    """Return counts of people whose histograms have these norms, shortened to the bound where the norm is larger."""
    # Rounding of the division must not lengthen a histogram beyond the bound.
    factor = np.minimum(1.0, (1 - 1e-12) * bound / np.maximum(norms, 1e-12))
    return np.asarray(counts * factor, np.float64)


def shrunk(counts: Weights, noise: float) -> Weights:
    """Return the rows of a noisy table, each moved towards the shares of all rows together as far as noise explains.

    The factor of a row's deviations is 1 - E‖noise‖²/‖deviation‖², at least 0 (James and Stein 1961).
    """
    shares = np.clip(counts.sum(0), 0, None)
    expected = counts.sum(1, keepdims=True) * shares / max(shares.sum(), 1e-9)
    apart = counts - expected
    length = np.maximum((apart**2).sum(1, keepdims=True), 1e-9)
    factor = np.clip(1 - (counts.shape[1] - 1) * noise**2 / length, 0, 1)
    return np.asarray(expected + factor * apart, np.float64)


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
