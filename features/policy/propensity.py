"""Probabilities of arms: the floor that keeps each arm possible, the draw, and the check of a log."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from features.policy.errors import DecisionLogError

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
CALIBRATION_ALPHA = 1e-5
"""Level of the check of propensities: it is made at each learning and judging, and must not refuse a sound log."""
_CLIP = 3.0
_SUM_TOLERANCE = 1e-6


def with_floor(probabilities: Floats, floor: float) -> Floats:
    """Return the mixture (1 − K·floor) · p + floor of K arms, in which each arm has at least the floor.

    >>> with_floor(np.array([[1.0, 0.0]]), 0.05).round(3).tolist()
    [[0.95, 0.05]]
    """
    return np.asarray((1 - probabilities.shape[1] * floor) * probabilities + floor)


def best_arm(scores: Floats) -> Floats:
    """Return probability 1 for the arm of the largest score of each row, the first one of equal scores."""
    found = np.zeros_like(scores)
    found[np.arange(len(scores)), scores.argmax(axis=1)] = 1.0
    return found


def draw(probabilities: Floats, points: Floats) -> Ints:
    """Return an arm of each row, given points that are uniform in [0, 1)."""
    arms = (probabilities.cumsum(axis=1) <= points[:, None]).sum(axis=1)
    return np.asarray(np.minimum(arms, probabilities.shape[1] - 1), np.int64)


def require_propensities(propensities: Floats, floor: float) -> None:
    """Check that each row has a probability of each arm, that none is below the floor, and that they add up to 1.

    Raises:
        DecisionLogError: one does not. The message has the number of rows.
    """
    faults = {
        "propensities are missing": ~np.isfinite(propensities).all(axis=1),
        "propensities do not add up to 1": np.abs(propensities.sum(axis=1) - 1) > _SUM_TOLERANCE,
        "an arm has the propensity zero": (propensities <= 0).any(axis=1),
        f"an arm has a propensity below {floor:g}": (propensities < floor * (1 - 1e-9)).any(axis=1),
    }
    for what, rows in faults.items():
        if rows.any():
            raise DecisionLogError(f"{what} in {int(rows.sum()):,} of {len(rows):,} decisions")


def calibration_p(contexts: Floats, arms: Ints, propensities: Floats) -> float:
    """Return the p-value of the claim that each arm was drawn with its propensity, whatever the context.

    Under the claim, for each arm a and each column x of the context (and for x = 1),

        Z = Σ (1{arm = a} − p_a) · x / √( Σ p_a · (1 − p_a) · x² )

    is a normalised sum of martingale differences, so about standard normal. The smallest of the two-sided p-values is
    returned, times their number (Bonferroni). Columns are standardised and clipped, so that no row dominates.
    """
    count, width = propensities.shape
    spread = contexts.std(axis=0)
    scaled = (contexts - contexts.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    columns = np.column_stack([np.ones(count), np.clip(scaled[:, spread > 0], -_CLIP, _CLIP)])
    drawn = np.zeros((count, width))
    drawn[np.arange(count), arms] = 1.0
    sums = columns.T @ (drawn - propensities)
    variances = (columns**2).T @ (propensities * (1 - propensities))
    largest = float(np.abs(sums / np.sqrt(np.maximum(variances, 1e-12))).max())
    return min(1.0, 2 * float(ndtr(-largest)) * sums.size)


def require_calibrated(contexts: Floats, arms: Ints, propensities: Floats) -> None:
    """Check a log with `calibration_p`.

    Raises:
        DecisionLogError: the arms were not drawn with these propensities.
    """
    if (p := calibration_p(contexts, arms, propensities)) < CALIBRATION_ALPHA:
        raise DecisionLogError(f"propensities are uncalibrated: the arms were not drawn with them (p = {p:.1g})")
