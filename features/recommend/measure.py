"""The measures of a candidate that the re-ranker adds up. Each one has a name that an explanation can show."""

from __future__ import annotations

import numpy as np

from features.recommend.candidate import Pairs, decayed_frequency
from features.recommend.history import Floats, PurchaseHistory

MEASURES = (
    "bought_lately", "bought_this_season", "bought_this_year", "days_since_purchase", "share_of_visits", "is_due",
    "alike_customers_buy", "popularity", "discount_share", "relative_price", "never_bought",
)  # fmt: skip
HALF_LIVES = (14.0, 45.0, 180.0)
_NEVER_DAYS = 730.0


def measure_pairs(
    pairs: Pairs, history: PurchaseHistory, day: int, *, alike: Floats, popular: Floats, price: Floats
) -> Floats:
    """Return one row a pair and one column a measure.

    Args:
        pairs: customers and items.
        history: purchases before `day`.
        day: the day of the recommendation.
        alike: EASE score of each pair.
        popular: popularity of each item.
        price: typical unit price of each item; nan where it is unknown.
    """
    item_count = len(history.items)
    codes = pairs.codes(item_count)
    known, start, times = np.unique(history.customer * item_count + history.item, return_index=True, return_counts=True)
    place = np.minimum(np.searchsorted(known, codes), max(len(known) - 1, 0))
    has = known[place] == codes if len(known) else np.zeros(len(codes), dtype=bool)
    first, last = history.day[start], history.day[start + times - 1] if len(known) else start
    discounts = np.add.reduceat(history.is_discounted, start) / times if len(known) else start.astype(float)

    def of_pair(values: Floats, otherwise: float) -> Floats:
        return np.where(has, values[place], otherwise) if len(known) else np.full(len(codes), otherwise)

    since = of_pair((day - last).astype(np.float64), _NEVER_DAYS)
    gap = of_pair((last - first) / np.maximum(times - 1, 1), 0.0)
    visits = _visits(history)[pairs.customer]
    count = of_pair(times.astype(np.float64), 0.0)
    level = _price_level(history, price)[pairs.customer]
    columns = [
        *(np.log1p(np.asarray(decayed_frequency(history, day, life)[pairs.customer, pairs.item]).ravel())
          for life in HALF_LIVES),
        -np.log1p(since),
        count / np.maximum(visits, 1),
        np.where((count > 1) & (gap > 0), np.minimum(since / np.maximum(gap, 1), 3.0), 0.0),
        alike,
        np.log(popular[pairs.item] + 1e-4),
        of_pair(discounts, 0.0),
        np.nan_to_num(np.log(np.maximum(price[pairs.item], 0.01)) - level),
        (~has).astype(np.float64),
    ]  # fmt: skip
    return np.column_stack(columns)


def typical_price(history: PurchaseHistory) -> Floats:
    """Return the median unit price of each item; nan where nobody bought it."""
    found = np.full(len(history.items), np.nan)
    order = np.lexsort((history.unit_price, history.item))
    item, price = history.item[order], history.unit_price[order]
    names, start, times = np.unique(item, return_index=True, return_counts=True)
    found[names] = price[start + times // 2]
    return found


def _visits(history: PurchaseHistory) -> Floats:
    """Return the number of days on which each customer bought anything."""
    span = int(history.day.max()) + 1 if len(history.day) else 1
    visits = np.unique(history.customer * span + history.day) // span
    return np.bincount(visits, minlength=len(history.customers)).astype(np.float64)


def _price_level(history: PurchaseHistory, price: Floats) -> Floats:
    """Return the mean logarithm of the typical price of what each customer bought."""
    level = np.nan_to_num(np.log(np.maximum(price[history.item], 0.01)))
    size = len(history.customers)
    total = np.bincount(history.customer, weights=level, minlength=size)
    return np.asarray(total / np.maximum(np.bincount(history.customer, minlength=size), 1))
