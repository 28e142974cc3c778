"""Chooses the splits and leaf values of one level of a tree from histogram sums."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


HESSIAN_MIN = 1e-3
"""Smallest hessian sum of a child, as in LightGBM. Noise can make a sum negative; such a child is not made."""


@dataclass(frozen=True)
class SplitRule:
    """Settings of a split.

    Attributes:
        ridge: L2 penalty of leaf values, in units of the hessian sum.
        rows_min: fewest rows of a child.
        gain_min: smallest improvement of the loss for which a node is split.
    """

    ridge: float
    rows_min: float
    gain_min: float


@dataclass(frozen=True)
class Level:
    """Result of a level: for each node the feature and bin of its split, and the values of its two children.

    Rows whose bin is greater than `bin` go right. A node that is not split has the last bin: all its rows go left,
    and both children have the node's own value.
    """

    feature: NDArray[np.int64]
    bin: NDArray[np.int64]
    value: Floats


def split_level(gradient: Floats, hessian: Floats, rows: Floats, rule: SplitRule) -> Level:
    """Returns the best split of each node by the gain of Chen and Guestrin (2016), formula 7.

    gain = (G_L² / (H_L + ridge) + G_R² / (H_R + ridge) - G² / (H + ridge)) / 2

    where G and H are sums of gradients and hessians of the left, the right and all rows of the node. The arrays have
    the shape nodes × features × bins. Equal gains are resolved to the lowest feature and bin.
    """
    g, h, n = (np.cumsum(sums, axis=2) for sums in (gradient, hessian, rows))
    # Every feature has the same rows. With noise their totals differ, and the median is nearer than any one.
    all_g, all_h, all_n = (np.median(sums[:, :, -1:], axis=1, keepdims=True) for sums in (g, h, n))
    right_g, right_h = all_g - g, all_h - h
    gain = (_score(g, h, rule) + _score(right_g, right_h, rule) - _score(all_g, all_h, rule)) / 2
    is_allowed = (n >= rule.rows_min) & (all_n - n >= rule.rows_min) & (gain > rule.gain_min)
    is_allowed &= (h >= HESSIAN_MIN) & (right_h >= HESSIAN_MIN)
    is_allowed[:, :, -1] = False
    nodes, _, bins = gain.shape
    best = np.where(is_allowed, gain, -np.inf).reshape(nodes, -1).argmax(axis=1)
    feature, place = best // bins, best % bins
    at = np.arange(nodes)
    is_split = is_allowed[at, feature, place]
    feature, place = np.where(is_split, feature, 0), np.where(is_split, place, bins - 1)
    whole = _value(all_g[:, 0, 0], all_h[:, 0, 0], rule)
    left = np.where(is_split, _value(g[at, feature, place], h[at, feature, place], rule), whole)
    right = np.where(is_split, _value(right_g[at, feature, place], right_h[at, feature, place], rule), whole)
    return Level(feature, place, np.stack([left, right], axis=1).ravel())


def _score(g: Floats, h: Floats, rule: SplitRule) -> Floats:
    return g**2 / (np.maximum(h, HESSIAN_MIN) + rule.ridge)


def _value(g: Floats, h: Floats, rule: SplitRule) -> Floats:
    return -g / (np.maximum(h, HESSIAN_MIN) + rule.ridge)
