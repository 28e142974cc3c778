"""Context of a request, the part of the day on workdays or weekends, and how much more an item sells in it."""

from __future__ import annotations

from datetime import datetime

import numpy as np

from features.insight.group_size import K
from features.recommend.history import Floats, Ints

PARTS_OF_DAY = {"morning": (6, 11), "midday": (11, 15), "afternoon": (15, 19), "evening": (19, 30)}
"""Hours, the first included and the last not; 30 is six o'clock of the next day."""
CONTEXTS = tuple(f"{kind}_{part}" for kind in ("workday", "weekend") for part in PARTS_OF_DAY)
_PRIOR = 50.0
"""Purchases that the share of all items in a context is worth when that of one item is estimated."""


def context_of(moment: datetime) -> int:
    """Return the position in `CONTEXTS` of a wall time. The hours before six belong to the evening before.

    >>> CONTEXTS[context_of(datetime(2017, 12, 30, 20, 15))]
    'weekend_evening'
    """
    return int(contexts_of(np.array([moment.isoweekday()]), np.array([moment.hour]))[0])


def contexts_of(weekday: Ints, hour: Ints) -> Ints:
    """Return the positions in `CONTEXTS` of weekdays (1 = Monday) and hours."""
    night = hour < PARTS_OF_DAY["morning"][0]
    day = np.where(night, (weekday - 2) % 7 + 1, weekday)
    starts = np.array([start for start, _ in PARTS_OF_DAY.values()])
    part = np.where(night, len(starts) - 1, np.searchsorted(starts, hour, side="right") - 1)
    return np.asarray((day >= 6) * len(starts) + part)


def context_lifts(item: Ints, customer: Ints, context: Ints, item_count: int) -> Floats:
    """Return items × contexts: the logarithm of an item's share of sales in a context divided by that of all items.

    `item`, `customer` and `context` have one entry an order line. A lift is 0 where fewer than K customers bought the
    item in the context.
    """
    size = len(CONTEXTS)
    cell = item * size + context
    counts = np.bincount(cell, minlength=item_count * size).reshape(item_count, size).astype(np.float64)
    pairs = np.unique(cell * (int(customer.max()) + 1 if len(customer) else 1) + customer)
    buyers = np.bincount(pairs // (int(customer.max()) + 1 if len(customer) else 1), minlength=item_count * size)
    share = counts.sum(axis=0) / max(counts.sum(), 1.0)
    own = (counts + _PRIOR * share) / (counts.sum(axis=1, keepdims=True) + _PRIOR)
    lift = np.log(np.maximum(own, 1e-9) / np.maximum(share, 1e-9))
    return np.where(buyers.reshape(item_count, size) >= K, lift, 0.0)
