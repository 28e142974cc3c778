"""Measures predictions of a held-out day: metrics against a baseline with bootstrap intervals, and calibration."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from features.insight.group_size import K, told_size
from features.insight.model.additive import Floats
from features.insight.model.card import Calibration, Metric

RESAMPLES = 500
BINS = 10
Measure = Callable[[Floats, Floats], float]


def auc(predicted: Floats, truth: Floats) -> float:
    """Return the probability that a random positive row has a greater prediction than a negative one; ties half."""
    positive = truth > 0
    count = int(positive.sum())
    if count in (0, len(truth)):
        return float("nan")
    ranks = rankdata(predicted)
    return float((ranks[positive].sum() - count * (count + 1) / 2) / (count * (len(truth) - count)))


def rank_correlation(predicted: Floats, truth: Floats) -> float:
    """Return Spearman's correlation."""
    return correlation(rankdata(predicted), rankdata(truth))


def correlation(predicted: Floats, truth: Floats) -> float:
    """Return Pearson's correlation; NaN where one of both does not vary."""
    if predicted.std() == 0 or truth.std() == 0:
        return float("nan")
    return float(np.corrcoef(predicted, truth)[0, 1])


def mean_absolute_error(predicted: Floats, truth: Floats) -> float:
    """Return the mean distance of prediction and truth."""
    return float(np.abs(predicted - truth).mean())


def hit_rate(predicted: Floats, truth: Floats) -> float:
    """Return the mean of `predicted`, which is 1 for a hit and 0 otherwise; the truth is not used."""
    return float(predicted.mean())


def compare(
    name: str, measure: Measure, predicted: Floats, baseline: Floats, truth: Floats, *, higher: bool, seed: int
) -> Metric | None:
    """Return a metric of the model and of the baseline; resamples of rows are the same for both.

    None where it is not defined: an AUC needs both classes, and a correlation needs values that vary.
    """
    value, other = measure(predicted, truth), measure(baseline, truth)
    if np.isnan(value) or np.isnan(other):
        return None
    random = np.random.default_rng(seed)
    drawn = []
    for _ in range(RESAMPLES):
        chosen = random.integers(0, len(truth), len(truth))
        drawn.append([measure(one[chosen], truth[chosen]) for one in (predicted, baseline)])
    ours, theirs = np.array(drawn).T
    low, high = np.nanquantile(ours, [0.025, 0.975])
    difference_low, difference_high = np.nanquantile(ours - theirs, [0.025, 0.975])
    return Metric(
        name,
        value,
        float(low),
        float(high),
        other,
        value - other,
        float(difference_low),
        float(difference_high),
        higher,
    )


def calibrate(probability: Floats, truth: Floats, *, seed: int) -> Calibration:
    """Return the calibration in at most BINS bins of equal size, each of at least K rows, by ascending probability.

    The band is the 95 % quantile of the error of outcomes drawn from the probabilities themselves.
    """
    order = np.argsort(probability, kind="stable")
    ascending, outcome = probability[order], truth[order]
    random = np.random.default_rng(seed)
    drawn = [_error(ascending, (random.random(len(ascending)) < ascending).astype(float)) for _ in range(RESAMPLES)]
    return Calibration(
        tuple(_bin_means(ascending).tolist()),
        tuple(_bin_means(outcome).tolist()),
        tuple(map(told_size, np.diff(_edges(len(ascending))).tolist())),
        _error(ascending, outcome),
        float(np.quantile(drawn, 0.95)),
    )


def _error(ascending: Floats, outcome: Floats) -> float:
    weights = np.diff(_edges(len(ascending))) / len(ascending)
    return float(np.abs(_bin_means(ascending) - _bin_means(outcome)) @ weights)


def _bin_means(values: Floats) -> Floats:
    edges = _edges(len(values))
    return np.asarray(np.add.reduceat(values, edges[:-1]) / np.diff(edges))


def _edges(count: int) -> NDArray[np.int64]:
    bins = max(min(BINS, count // K), 1)
    return (np.arange(bins + 1) * count) // bins
