"""Metrics of predictions on held-out rows, and how much each row moves them.

The influence of a row is its share in the metric's deviation from its mean: metric ≈ constant + sum of influences,
and the influences add up to 0. Their sums by customer give the variance, because customers are independent and the
rows of one customer are not. For the AUC these are the structural components of DeLong et al. (1988), summed by
cluster as in Obuchowski (1997).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from federated.schema import Kind

Floats = NDArray[np.float64]
PROBABILITY_MIN = 1e-9


@dataclass(frozen=True)
class Metric:
    """A metric of predictions.

    Attributes:
        name: name in reports.
        is_gain: whether a greater value is better.
        measure: returns the value and the influence of each row, from predictions and targets.
    """

    name: str
    is_gain: bool
    measure: Callable[[Floats, Floats], tuple[float, Floats]]


def metrics_of(kind: Kind) -> tuple[Metric, ...]:
    """Returns the metrics for a kind of target. Sites are compared by the first."""
    return {
        "binary": (Metric("auc", True, auc), Metric("log_loss", False, _mean_of(log_loss))),
        "count": (Metric("deviance", False, _mean_of(deviance)), Metric("squared_error", False, _mean_of(square))),
        "number": (Metric("squared_error", False, _mean_of(square)),),
    }[kind]


def auc(prediction: Floats, target: Floats) -> tuple[float, Floats]:
    """Returns the area under the ROC curve and the influences; NaN and zeros when a class is missing.

    >>> auc(np.array([0.1, 0.4, 0.35, 0.8]), np.array([0.0, 0.0, 1.0, 1.0]))[0]
    0.75
    """
    is_positive = target > 0.5
    positive, negative = prediction[is_positive], prediction[~is_positive]
    influence = np.zeros(len(target))
    if not len(positive) or not len(negative):
        return float("nan"), influence
    above = _rank(negative, positive) / len(negative)
    below = 1.0 - _rank(positive, negative) / len(positive)
    value = float(above.mean())
    influence[is_positive] = (above - value) / len(positive)
    influence[~is_positive] = (below - value) / len(negative)
    return value, influence


def log_loss(prediction: Floats, target: Floats) -> Floats:
    """Returns the negative log-likelihood of each row under predicted probabilities."""
    p = np.clip(prediction, PROBABILITY_MIN, 1 - PROBABILITY_MIN)
    losses: Floats = -(target * np.log(p) + (1 - target) * np.log(1 - p))
    return losses


def deviance(prediction: Floats, target: Floats) -> Floats:
    """Returns the Poisson deviance of each row."""
    mean = np.maximum(prediction, PROBABILITY_MIN)
    log_ratio = np.where(target > 0, np.log(np.maximum(target, PROBABILITY_MIN) / mean), 0.0)
    return 2 * (target * log_ratio - target + mean)


def square(prediction: Floats, target: Floats) -> Floats:
    """Returns the squared error of each row."""
    return (prediction - target) ** 2


def _mean_of(losses: Callable[[Floats, Floats], Floats]) -> Callable[[Floats, Floats], tuple[float, Floats]]:
    def measure(prediction: Floats, target: Floats) -> tuple[float, Floats]:
        values = losses(prediction, target)
        if not len(values):
            return float("nan"), values
        return float(values.mean()), (values - values.mean()) / len(values)

    return measure


def _rank(values: Floats, of: Floats) -> Floats:
    """Returns how many values lie below each of `of`; an equal one counts half."""
    ordered = np.sort(values)
    return (np.searchsorted(ordered, of, side="left") + np.searchsorted(ordered, of, side="right")) / 2
