"""Computes bootstrap intervals over customers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_DRAWS = 1000


def share(hits: npt.ArrayLike) -> str:
    """Return the share of true values with its 95 % bootstrap interval and the count, as text."""
    values = np.asarray(hits, dtype=float)
    if not len(values):
        return "none"
    low, high = interval(values)
    return f"{values.mean():.3f} [{low:.3f}, {high:.3f}] of {len(values):,}"


def interval(values: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of the mean; one value stands for one customer."""
    rng = np.random.default_rng(24)
    means = [values[rng.integers(0, len(values), len(values))].mean() for _ in range(_DRAWS)]
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)
