"""Traits of items that an objective weighs: a low price, quality and convenience. Each is 0 for an average item."""

from __future__ import annotations

import numpy as np

from features.insight.group_size import K
from features.recommend.catalogue import Catalogue
from features.recommend.history import Floats, PurchaseHistory
from features.recommend.objective import Traits
from features.recommend.population import bought, typical_price

QUICK_ITEMS = 5
"""A visit with at most so many items is a quick one."""
_PRIOR = 20.0
"""Buyers, or purchases, that the mean of all items is worth when a share of one item is estimated."""


def item_traits(past: PurchaseHistory, catalogue: Catalogue) -> Traits:
    """Return `price`, `quality` and `convenience` of each item, with mean 0 and standard deviation 1.

    price: minus the logarithm of the typical price.
    quality: share of its buyers who bought it on another day again, less that of the items of its narrow group.
    convenience: share of its purchases in quick visits.

    A trait is 0 for an item that fewer than K customers bought.
    """
    buyers = np.asarray(bought(past).sum(axis=0)).ravel()
    known = buyers >= K
    values = {
        "price": -np.log(np.maximum(np.nan_to_num(typical_price(past), nan=1.0), 0.01)),
        "quality": _quality(past, catalogue, buyers),
        "convenience": _convenience(past),
    }
    return {name: _standardised(value, known) for name, value in values.items()}


def _quality(past: PurchaseHistory, catalogue: Catalogue, buyers: Floats) -> Floats:
    size, grouping = len(past.items), catalogue.narrow
    pairs, days = np.unique(past.customer * size + past.item, return_counts=True)
    again = np.bincount(pairs[days > 1] % size, minlength=size).astype(np.float64)
    mean = again.sum() / max(buyers.sum(), 1.0)
    group = (grouping.members.T @ again + _PRIOR * mean) / (grouping.members.T @ buyers + _PRIOR)
    expected = group[grouping.codes]
    return np.asarray((again + _PRIOR * expected) / (buyers + _PRIOR) - expected)


def _convenience(past: PurchaseHistory) -> Floats:
    size, span = len(past.items), int(past.day.max()) + 1 if len(past.day) else 1
    _, visit, items = np.unique(past.customer * span + past.day, return_inverse=True, return_counts=True)
    is_quick = (items[visit] <= QUICK_ITEMS).astype(np.float64)
    times = np.bincount(past.item, minlength=size)
    mean = is_quick.mean() if len(is_quick) else 0.0
    return np.asarray((np.bincount(past.item, weights=is_quick, minlength=size) + _PRIOR * mean) / (times + _PRIOR))


def _standardised(values: Floats, known: np.ndarray) -> Floats:
    if not known.any() or not (spread := float(values[known].std())):
        return np.zeros(len(values))
    return np.where(known, (values - values[known].mean()) / spread, 0.0)
