"""Draws codes by given shares, so that the counts vary as little as rounding allows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.int64]
Weights = npt.NDArray[np.float64]


def spread(group: Codes, shares: Weights, random: np.random.Generator) -> Codes:
    """Return for each row a code drawn by its group's `shares`, so that each group's counts are its shares, rounded.

    `shares` has a row of probabilities for each group. Rounding at random keeps the counts unbiased and varies less
    than independent draws.
    """
    order = np.lexsort((random.random(len(group)), group))
    counts = np.bincount(group, minlength=len(shares))
    starts = np.cumsum(counts) - counts
    position = np.empty(len(group))
    # Systematic sampling: evenly spaced points from a random start, at random places within the group.
    ranks = np.arange(len(group)) - np.repeat(starts, counts)
    position[order] = (ranks + random.random(len(shares))[group[order]]) / counts[group[order]]
    bounds = np.cumsum(shares, axis=1)
    bounds[:, -1] = np.inf
    drawn = np.empty(len(group), np.int64)
    for code in np.flatnonzero(counts):
        members = order[starts[code] : starts[code] + counts[code]]
        drawn[members] = np.searchsorted(bounds[code], position[members], "right")
    return drawn
