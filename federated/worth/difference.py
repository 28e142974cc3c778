"""The difference between two models on the same held-out rows, with its interval and a test over many sites."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from federated.worth.metric import Metric

Floats = NDArray[np.float64]
CONFIDENCE = 0.95
RESOLUTION = 1e-6
"""Smaller gains count as none: they come from rounding in the fixed point."""
CUSTOMERS_MIN = 10
"""Fewest customers, of each class where the target has two, for an interval: below, the normal form is misleading."""


@dataclass(frozen=True)
class Difference:
    """How much better one model is than another at a site.

    Attributes:
        metric: name of the metric.
        better, than: names of the models.
        gain: difference of the metric, positive when `better` is better.
        low, high: interval of the gain at `CONFIDENCE`; None when there are too few customers.
        p_value: of a test that the gain is 0, two-sided; None without interval.
    """

    metric: str
    better: str
    than: str
    gain: float
    low: float | None
    high: float | None
    p_value: float | None

    @property
    def is_worse(self) -> bool:
        """Whether the interval lies below 0."""
        return self.high is not None and self.high < 0

    @property
    def is_better(self) -> bool:
        """Whether the interval lies above 0."""
        return self.low is not None and self.low > 0


def compare(
    metric: Metric, predictions: dict[str, Floats], better: str, than: str, target: Floats, customer: NDArray[Any]
) -> Difference:
    """Returns the paired difference of two models on the same rows.

    The variance is that of the sums of influences by customer, times K / (K - 1) with K customers. It covers the
    chance of the held-out customers, not that of the training rows.
    """
    sign = 1.0 if metric.is_gain else -1.0
    value, influence = metric.measure(predictions[better], target)
    other, other_influence = metric.measure(predictions[than], target)
    gain = sign * (value - other)
    if not has_enough(target, customer, is_binary=metric.name in ("auc", "log_loss")):
        return Difference(metric.name, better, than, gain, None, None, None)
    _, place = np.unique(customer, return_inverse=True)
    sums = np.bincount(place, weights=influence - other_influence)
    error = float(np.sqrt((sums**2).sum() * len(sums) / (len(sums) - 1)))
    reach = max(NormalDist().inv_cdf((1 + CONFIDENCE) / 2) * error, RESOLUTION)
    p_value = 2 * NormalDist().cdf(-abs(gain) / max(error, RESOLUTION)) if abs(gain) > RESOLUTION else 1.0
    return Difference(metric.name, better, than, gain, gain - reach, gain + reach, p_value)


def has_enough(target: Floats, customer: NDArray[Any], *, is_binary: bool) -> bool:
    """Tells whether the held-out rows are of enough customers for an interval."""
    parts = [customer[target > 0.5], customer[target <= 0.5]] if is_binary else [customer]
    return all(len(np.unique(part)) >= CUSTOMERS_MIN for part in parts)


def significant(p_values: Sequence[float], level: float = 1 - CONFIDENCE) -> list[bool]:
    """Returns which of many tests are significant together, by Holm's method (1979).

    The chance that any true zero is called significant is at most `level`, however many tests there are.

    >>> significant([0.001, 0.04, 0.03])
    [True, False, False]
    """
    found, tests = [False] * len(p_values), len(p_values)
    for rank, place in enumerate(np.argsort(p_values, kind="stable")):
        if p_values[place] > level / (tests - rank):
            break
        found[place] = True
    return found


def mean_difference(differences: Sequence[Difference]) -> Difference | None:
    """Returns the mean gain over sites, each with the same weight, with its interval over the sites' spread."""
    gains = np.array([one.gain for one in differences if np.isfinite(one.gain)])
    if not len(gains):
        return None
    first, mean = differences[0], float(gains.mean())
    if len(gains) < 2:
        return Difference(first.metric, first.better, first.than, mean, None, None, None)
    error = float(gains.std(ddof=1) / np.sqrt(len(gains)))
    reach = _student(len(gains) - 1) * error
    return Difference(first.metric, first.better, first.than, mean, mean - reach, mean + reach, None)


def _student(degrees: int) -> float:
    """Returns the 97.5 % point of Student's distribution, by the expansion of Cornish and Fisher (error < 2 % from 3).

    With 1 and 2 degrees of freedom the expansion is poor, so their exact values are given.
    """
    if degrees <= 2:
        return {1: 12.706, 2: 4.303}[degrees]
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    terms = (
        (z**3 + z) / (4 * degrees),
        (5 * z**5 + 16 * z**3 + 3 * z) / (96 * degrees**2),
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * degrees**3),
    )
    return z + sum(terms)
