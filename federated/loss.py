"""Losses of one prediction per row: gradients with public bounds, and the links between scores and means.

A score f is what models add up. The kind of the target chooses the loss:
    binary   logistic: mean = 1 / (1 + exp(-f))
    count    Poisson:  mean = exp(f)
    number   squared:  mean = middle + half · f, where the target's bounds are middle ± half
Scores are clipped to a public range first, so that every gradient has a bound that no data can pass.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from federated.schema import Column, Kind
from federated.task import State

Floats = NDArray[np.float64]

KINDS: tuple[Kind, ...] = ("number", "binary", "count")
LOGIT_MAX = 15.0
"""Largest logit: a probability within 3e-7 of 0 or 1."""
COUNT_MIN = 1e-4
"""Smallest mean of a count."""


@dataclass(frozen=True)
class Loss:
    """The loss of a target column."""

    target: Column

    @property
    def score_range(self) -> tuple[float, float]:
        """Lowest and highest score."""
        if self.target.kind == "binary":
            return -LOGIT_MAX, LOGIT_MAX
        if self.target.kind == "count":
            return math.log(COUNT_MIN), math.log(max(self.target.upper, 1.0))
        return -1.0, 1.0

    @property
    def gradient_bound(self) -> float:
        """Bound of |gradient| of one row."""
        return {"binary": 1.0, "count": max(self.target.upper, 1.0), "number": 2.0}[self.target.kind]

    @property
    def hessian_bound(self) -> float:
        """Bound of the second derivative of one row."""
        return {"binary": 0.25, "count": max(self.target.upper, 1.0), "number": 1.0}[self.target.kind]

    @property
    def value_bound(self) -> float:
        """Bound of the loss of one row."""
        low, high = self.score_range
        if self.target.kind == "count":
            return self.gradient_bound * (1.0 + max(abs(low), abs(high)))
        return {"binary": high + 1.0, "number": 2.0}[self.target.kind]

    def clip(self, score: Floats) -> Floats:
        """Returns the scores clipped to `score_range`."""
        clipped: Floats = np.clip(score, *self.score_range)
        return clipped

    def mean(self, score: Floats) -> Floats:
        """Returns the predicted mean of the target in its own unit."""
        f = self.clip(score)
        if self.target.kind == "number":
            return self._middle + self._half * f
        means: Floats = 1.0 / (1.0 + np.exp(-f)) if self.target.kind == "binary" else np.exp(f)
        return means

    def score(self, mean: Floats) -> Floats:
        """Returns the score of a mean: the inverse of `mean`, clipped to `score_range`."""
        if self.target.kind == "number":
            return self.clip((mean - self._middle) / self._half)
        if self.target.kind == "binary":
            p = np.clip(mean, 1e-9, 1.0 - 1e-9)
            return self.clip(np.log(p / (1.0 - p)))
        return self.clip(np.log(np.maximum(mean, COUNT_MIN)))

    def derivatives(self, score: Floats, target: Floats) -> tuple[Floats, Floats]:
        """Returns the first and the second derivative of each row's loss by its score."""
        f = self.clip(score)
        if self.target.kind == "number":
            return f - self.unit(target), np.ones_like(f)
        mean = self.mean(f)
        return mean - target, mean * (1.0 - mean) if self.target.kind == "binary" else mean

    def value(self, score: Floats, target: Floats) -> Floats:
        """Returns the loss of each row. Poisson's leaves out what does not depend on the score."""
        f = self.clip(score)
        if self.target.kind == "number":
            return 0.5 * (f - self.unit(target)) ** 2
        values: Floats = np.logaddexp(0.0, f) - target * f if self.target.kind == "binary" else np.exp(f) - target * f
        return values

    def unit(self, target: Floats) -> Floats:
        """Returns the target mapped from its bounds to [-1, 1]."""
        return (target - self._middle) / self._half

    def from_unit(self, unit: float) -> float:
        """Returns the target of a value in [-1, 1]: the inverse of `unit`."""
        return self._middle + self._half * unit

    @property
    def _middle(self) -> float:
        return (self.target.lower + self.target.upper) / 2

    @property
    def _half(self) -> float:
        return (self.target.upper - self.target.lower) / 2


def target_state(target: Column) -> Floats:
    """Returns kind and bounds of a target as an array of a state, which `loss_of` reads."""
    return np.array([KINDS.index(target.kind), target.lower, target.upper], dtype=np.float64)


def loss_of(state: State) -> Loss:
    """Returns the loss of the target that a state's array `target` describes."""
    kind, lower, upper = state["target"]
    return Loss(Column("target", KINDS[int(kind)], float(lower), float(upper)))
