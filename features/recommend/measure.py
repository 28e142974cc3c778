"""The measures of a candidate that the re-ranker adds up. Each one has a name that a reason can show."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from features.recommend.candidate import Pairs, SourceScores
from features.recommend.catalogue import Grouping
from features.recommend.history import Floats, PurchaseHistory
from features.recommend.population import HALF_LIFE_DAYS, Population, bought, decayed_frequency

COMMON = (
    "popularity", "trend_of_week", "trend_of_season", "popularity_of_year", "likes_type", "likes_category",
    "similar_customers_month", "similar_customers_season", "alike_customers_buy", "relative_price", "on_offer",
)  # fmt: skip
OWN = (
    *COMMON, "bought_lately", "bought_this_season", "bought_this_year", "days_since_purchase", "share_of_visits",
    "is_due", "discount_share",
)  # fmt: skip
"""Measures of an item that the customer bought before."""
NEW = (*COMMON, "first_purchases", "next_purchases", "variety_in_type", "variety_in_category")
"""Measures of an item that the customer never bought."""
ALIKE = (
    {"bought_lately", "bought_this_season", "bought_this_year", "share_of_visits"},
    {"popularity", "popularity_of_year"}, {"trend_of_week", "trend_of_season"},
    {"similar_customers_month", "similar_customers_season"}, {"likes_type", "likes_category"},
    {"variety_in_type", "variety_in_category"},
)  # fmt: skip
"""Measures that say nearly the same to a person: only the strongest of them is a reason."""
_HALF_LIVES = (14.0, 45.0, 180.0)
_RARE = 1e-4
"""Added to a share before its logarithm."""
Measures = dict[str, Floats]


def measure_pairs(pairs: Pairs, past: PurchaseHistory, scores: SourceScores, population: Population) -> Measures:
    """Return the measures by name, one entry a pair: those of `OWN` and `NEW`, and `is_new` (1: never bought).

    Args:
        pairs: customers and items.
        past: purchases before the population's day.
        scores: of the customers of `pairs`.
        population: statistics of the day.
    """
    frequency = decayed_frequency(past, population.day, HALF_LIFE_DAYS)
    found = _of_item(pairs, population) | _of_own_purchases(pairs, past, population.day)
    for name, grouping in (("type", population.catalogue.narrow), ("category", population.catalogue.wide)):
        found |= _of_group(pairs, name, grouping, frequency, bought(past))
    level = _price_level(past, population.price)[pairs.customer]
    found |= {
        "similar_customers_month": np.log(scores.of(pairs, "month") + _RARE),
        "similar_customers_season": np.log(scores.of(pairs, "season") + _RARE),
        "alike_customers_buy": scores.of(pairs, "alike"),
        "next_purchases": scores.of(pairs, "adoption"),
        "relative_price": np.nan_to_num(np.log(np.maximum(population.price[pairs.item], 0.01)) - level),
    }
    return found


def _of_item(pairs: Pairs, population: Population) -> Measures:
    week, month, quarter, year, first = (
        np.log(one + _RARE)
        for one in (population.week, population.month, population.quarter, population.year, population.first)
    )
    columns = {
        "popularity": month, "trend_of_week": week - month, "trend_of_season": month - quarter,
        "popularity_of_year": year, "first_purchases": first, "on_offer": population.discounted,
    }  # fmt: skip
    return {name: values[pairs.item] for name, values in columns.items()}


def _of_group(
    pairs: Pairs, name: str, grouping: Grouping, frequency: sparse.csr_matrix, ever: sparse.csr_matrix
) -> Measures:
    """Return how much more the customer buys of the item's group than all do, and how many of its items he tried."""
    spent = (frequency @ grouping.members).tocsr()
    total = np.asarray(spent.sum(axis=1)).ravel()
    everyone = np.asarray(spent.sum(axis=0)).ravel()
    everyone = everyone / max(everyone.sum(), 1e-9)
    group = grouping.codes[pairs.item]
    share = np.asarray(spent[pairs.customer, group]).ravel() / np.maximum(total[pairs.customer], 1e-9)
    tried = (ever @ grouping.members).tocsr()
    return {
        f"likes_{name}": np.log((share + _RARE) / (everyone[group] + _RARE)),
        f"variety_in_{name}": np.log1p(np.asarray(tried[pairs.customer, group]).ravel()),
    }


def _of_own_purchases(pairs: Pairs, past: PurchaseHistory, day: int) -> Measures:
    size = len(past.items)
    codes = pairs.codes(size)
    known, start, times = np.unique(past.customer * size + past.item, return_index=True, return_counts=True)
    if not len(known):
        zeros = np.zeros(len(codes))
        own = set(OWN) - set(COMMON)
        return dict.fromkeys(own, zeros) | {"is_new": np.ones(len(codes))}
    place = np.minimum(np.searchsorted(known, codes), len(known) - 1)
    has = known[place] == codes
    first, last = past.day[start], past.day[start + times - 1]
    discounts = np.add.reduceat(past.is_discounted, start) / times

    def of_pair(values: Floats) -> Floats:
        return np.where(has, values[place], 0.0)

    since = of_pair((day - last).astype(np.float64))
    gap = of_pair((last - first) / np.maximum(times - 1, 1))
    count = of_pair(times.astype(np.float64))
    lately = (
        np.log1p(np.asarray(decayed_frequency(past, day, life)[pairs.customer, pairs.item]).ravel())
        for life in _HALF_LIVES
    )
    return {
        **dict(zip(("bought_lately", "bought_this_season", "bought_this_year"), lately, strict=True)),
        "days_since_purchase": np.log1p(since),
        "share_of_visits": count / np.maximum(_visits(past)[pairs.customer], 1),
        "is_due": np.where((count > 1) & (gap > 0), np.minimum(since / np.maximum(gap, 1), 3.0), 0.0),
        "discount_share": of_pair(discounts),
        "is_new": (~has).astype(np.float64),
    }


def _visits(past: PurchaseHistory) -> Floats:
    """Return the number of days on which each customer bought anything."""
    span = int(past.day.max()) + 1
    visits = np.unique(past.customer * span + past.day) // span
    return np.bincount(visits, minlength=len(past.customers)).astype(np.float64)


def _price_level(past: PurchaseHistory, price: Floats) -> Floats:
    """Return the mean logarithm of the typical price of what each customer bought."""
    level = np.nan_to_num(np.log(np.maximum(price[past.item], 0.01)))
    size = len(past.customers)
    total = np.bincount(past.customer, weights=level, minlength=size)
    return np.asarray(total / np.maximum(np.bincount(past.customer, minlength=size), 1))
