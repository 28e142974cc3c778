"""Fits additive models: a sum of one piecewise linear function a feature, so that each feature's effect is exact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from features.insight.group_size import K

INNER_QUANTILES = (*(part / 7 for part in range(1, 7)), 0.95)
"""The inner knots of each function; .95 because money and counts have long tails."""
KNOTS = len(INNER_QUANTILES) + 2
"""Most knots of a function."""
KNOT_DIGITS = 3
"""Significant digits of a knot, so that no customer's exact value is kept."""
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Shape:
    """Effect of one feature: linear between the knots, constant outside them, `missing` where the value is null."""

    feature: str
    knots: tuple[float, ...]
    values: tuple[float, ...]
    missing: float

    def effect(self, values: Floats) -> Floats:
        """Return the effect of each value; NaN stands for null.

        >>> Shape("days", (0.0, 10.0), (0.5, -0.5), 0.1).effect(np.array([5.0, 99.0, np.nan])).tolist()
        [0.0, -0.5, 0.1]
        """
        found = np.interp(values, self.knots, self.values) if self.knots else np.zeros(len(values))
        return np.where(np.isnan(values), self.missing, found)


@dataclass(frozen=True)
class AdditiveModel:
    """`base` plus the effects of the features. The effects have mean 0 over the rows of the fit."""

    base: float
    shapes: tuple[Shape, ...]

    def effects(self, columns: Mapping[str, Floats]) -> Floats:
        """Return one row a row and one column a feature."""
        return np.column_stack([shape.effect(columns[shape.feature]) for shape in self.shapes])

    def predict(self, columns: Mapping[str, Floats]) -> Floats:
        """Return the sum for each row; the order of addition is that of the features."""
        total = np.full(len(columns[self.shapes[0].feature]), self.base)
        for shape in self.shapes:
            total += shape.effect(columns[shape.feature])
        return total


def fit_additive(
    columns: Mapping[str, Floats],
    truth: Floats,
    *,
    is_binary: bool,
    penalty: float | Mapping[str, float],
    most_rows: int = 1,
) -> AdditiveModel:
    """Return the model that minimises the mean loss (logistic or squared) + penalty / 2 · the squared weights.

    The penalty is one of the mean loss, so a model of half the rows is shrunk as much as one of all.

    Args:
        columns: values by feature, NaN for null, all of the same length.
        truth: 0 and 1 if `is_binary`, else amounts.
        is_binary: whether the loss is logistic.
        penalty: weight of the squares of the weights; one for all features, or one a feature.
        most_rows: most rows that one customer can have. The outer knots are means of the values of at least K
            customers, because a model is kept after a customer is erased.
    """
    knots = [_knots(values, K * most_rows) for values in columns.values()]
    design = sparse.hstack(
        [_hats(values, at) for values, at in zip(columns.values(), knots, strict=True)], format="csr"
    )
    each = penalty if isinstance(penalty, Mapping) else dict.fromkeys(columns, penalty)
    penalties = np.repeat([each[name] for name in columns], [len(at) + 1 for at in knots])
    means = np.asarray(design.mean(axis=0)).ravel()
    # One thread gives the same sums in each run.
    with threadpool_limits(1):
        if is_binary:
            weights, base = _logistic(design, truth, means, penalties)
        else:
            weights, base = _ridge(design, truth, means, penalties), float(truth.mean())
    return AdditiveModel(base, _shapes(tuple(columns), knots, weights, means))


def _logistic(design: sparse.csr_array, truth: Floats, means: Floats, penalties: Floats) -> tuple[Floats, float]:
    """Return the weights and the log-odds of an average row. scikit-learn has one penalty, so columns are scaled."""
    least = penalties.min()
    scales = np.sqrt(least / penalties)
    found = LogisticRegression(C=1 / (least * len(truth)), max_iter=500).fit(design * scales, truth)
    weights = found.coef_.ravel() * scales
    return weights, float(found.intercept_[0] + weights @ means)


def _ridge(design: sparse.csr_array, truth: Floats, means: Floats, penalties: Floats) -> Floats:
    """Return the weights of the centred columns, from the normal equations."""
    count = len(truth)
    squares = (design.T @ design).toarray() / count - np.outer(means, means)
    products = design.T @ truth / count - means * truth.mean()
    return np.asarray(np.linalg.solve(squares + np.diag(penalties), products))


def _shapes(names: Sequence[str], knots: Sequence[Floats], weights: Floats, means: Floats) -> tuple[Shape, ...]:
    ends = np.cumsum([len(at) + 1 for at in knots])
    found = []
    for name, at, end in zip(names, knots, ends, strict=True):
        own = slice(end - len(at) - 1, end)
        *values, missing = (weights[own] - weights[own] @ means[own]).tolist()
        found.append(Shape(name, tuple(at.tolist()), tuple(values), missing))
    return tuple(found)


def _knots(values: Floats, outer: int) -> Floats:
    """Return the knots: the means of the `outer` smallest and greatest values, and quantiles between them.

    One knot, which has no effect, if there are fewer than twice as many values.
    """
    known = np.sort(values[~np.isnan(values)])
    if not len(known):
        return known
    ends = (known[:outer].mean(), known[-outer:].mean()) if len(known) >= 2 * outer else (known.mean(),) * 2
    inner = np.quantile(known, INNER_QUANTILES)
    return np.unique([float(f"{knot:.{KNOT_DIGITS}g}") for knot in np.clip([ends[0], *inner, ends[1]], *ends)])


def _hats(values: Floats, knots: Floats) -> sparse.csr_array:
    """Return the share of each knot in each value (two neighbours share a value), and whether the value is null."""
    rows, is_null = np.arange(len(values)), np.isnan(values)
    if len(knots) < 2:
        index, share = np.where(is_null, len(knots), 0), np.ones(len(values))
        return sparse.csr_array((share, (rows, index)), shape=(len(values), len(knots) + 1))
    inside = np.clip(np.where(is_null, knots[0], values), knots[0], knots[-1])
    left = np.clip(np.searchsorted(knots, inside, side="right") - 1, 0, len(knots) - 2)
    right_share = (inside - knots[left]) / (knots[left + 1] - knots[left])
    first, second = np.where(is_null, len(knots), left), np.where(is_null, len(knots), left + 1)
    shares = np.concatenate([np.where(is_null, 1.0, 1 - right_share), np.where(is_null, 0.0, right_share)])
    place = (np.concatenate([rows, rows]), np.concatenate([first, second]))
    return sparse.csr_array((shares, place), shape=(len(values), len(knots) + 1))
