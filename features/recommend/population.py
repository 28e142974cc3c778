"""What the purchases of many customers say about items on a day: popularity, prices, and which items go together.

It is computed from a sample of customers and holds no customer's id but those of the neighbours, for as long as one day
is computed; nothing of it is stored.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from threadpoolctl import threadpool_limits

from features.recommend.catalogue import Catalogue
from features.recommend.history import Floats, Ints, PurchaseHistory

HALF_LIFE_DAYS = 60.0
"""Half-life of the weight of a purchase, chosen on November 2017 of the Complete Journey among 30, 60 and 120."""
RECENT_DAYS = 28
"""Window of the popularity: long enough for a weekly rhythm, short enough for a season."""
COVERED_ITEMS = 2000
"""Most items of the matrices of items that go together: the most popular ones. Time grows with the cube."""
NEIGHBOUR_POOL = 5000
"""Most customers among whom similar ones are searched."""
EASE_RIDGE, ADOPTION_RIDGE, ADOPTION_MONTHS = 200.0, 200.0, 4


@dataclass(frozen=True)
class Population:
    """Statistics of a day; arrays have one entry an item unless another shape is given.

    Attributes:
        day: purchases before it are counted.
        catalogue: the items.
        week, month, quarter, year: share of customers with a purchase in 7, 28, 91 and 365 days.
        first: share of customers whose first purchase of the item was in 28 days.
        discounted: share of the purchases of 28 days at a lowered price.
        price: median unit price; nan where nobody bought it.
        covered: sorted positions of the items of the matrices.
        ease: covered × covered, see `fit_ease`.
        adoption: covered × covered, see `fit_adoption`.
        pool: ids of the customers among whom similar ones are searched.
        baskets: pool × covered, rows of length 1: the items that each one ever bought.
        recent, season: pool × covered, 1 for the items bought in 28 and 91 days.
    """

    day: int
    catalogue: Catalogue
    week: Floats
    month: Floats
    quarter: Floats
    year: Floats
    first: Floats
    discounted: Floats
    price: Floats
    covered: Ints
    ease: Floats
    adoption: Floats
    pool: tuple[str, ...]
    baskets: sparse.csr_matrix
    recent: sparse.csr_matrix
    season: sparse.csr_matrix


def learn_population(history: PurchaseHistory, day: int, catalogue: Catalogue) -> Population:
    """Return the statistics of the purchases before a day. The history's items are those of the catalogue."""
    past = history.before(day)
    month = popularity(past, day, RECENT_DAYS)
    covered = np.sort(np.argsort(-month, kind="stable")[:COVERED_ITEMS])
    ever = bought(past)
    pool = np.unique(past.customer)
    pool = pool[:: -(-len(pool) // NEIGHBOUR_POOL) or 1]
    with threadpool_limits(1):
        ease = fit_ease(scaled_rows(decayed_frequency(past, day, HALF_LIFE_DAYS)[:, covered]))
        adoption = fit_adoption(past, day, covered)
    return Population(
        day=day, catalogue=catalogue, month=month, covered=covered, ease=ease, adoption=adoption,
        week=popularity(past, day, 7), quarter=popularity(past, day, 91), year=popularity(past, day, 365),
        first=_first_purchases(past, day), discounted=_discounted(past, day), price=typical_price(past),
        pool=tuple(past.customers[one] for one in pool), baskets=scaled_rows(ever[pool][:, covered]),
        recent=bought(past.between(day - RECENT_DAYS, day))[pool][:, covered],
        season=bought(past.between(day - 91, day))[pool][:, covered],
    )  # fmt: skip


def bought(history: PurchaseHistory) -> sparse.csr_matrix:
    """Return customers × items, 1 where the customer bought the item."""
    shape = (len(history.customers), len(history.items))
    found = sparse.csr_matrix((np.ones(len(history.item)), (history.customer, history.item)), shape=shape)
    found.data[:] = 1.0
    return found


def decayed_frequency(history: PurchaseHistory, day: int, half_life_days: float) -> sparse.csr_matrix:
    """Return customers × items: the sum of 2^(−age / half-life) over the days of purchase.

    where: age = days from the purchase to `day`. All purchases of the history must be before `day`.
    """
    weight = np.exp2(-(day - history.day) / half_life_days)
    shape = (len(history.customers), len(history.items))
    return sparse.csr_matrix((weight, (history.customer, history.item)), shape=shape)


def popularity(history: PurchaseHistory, day: int, days: int = RECENT_DAYS) -> Floats:
    """Return the share of the customers with a purchase in the days before `day` who bought each item then."""
    recent = history.between(day - days, day)
    counts = np.asarray(bought(recent).sum(axis=0)).ravel()
    return np.asarray(counts / max(len(np.unique(recent.customer)), 1))


def scaled_rows(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    """Return the rows divided by their Euclidean length; a row of zeros stays."""
    length = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    return sparse.csr_matrix(sparse.diags(1 / np.where(length > 0, length, 1.0)) @ matrix)


def fit_ease(rows: sparse.csr_matrix, ridge: float = EASE_RIDGE) -> Floats:
    """Return the item-to-item weights B that minimise ‖X − XB‖² + ridge · ‖B‖², with a diagonal of zeros.

    where: X = customers × items. Source: Steck, "Embarrassingly Shallow Autoencoders", 2019.
    """
    gram = np.asarray((rows.T @ rows).todense())
    inverse = np.linalg.inv(gram + ridge * np.eye(len(gram)))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    return np.asarray(weights, dtype=np.float64)


def fit_adoption(past: PurchaseHistory, day: int, covered: Ints) -> Floats:
    """Return the weights W that minimise ‖Y − XW‖² + ridge · ‖W‖² over the last months.

    where: X = the items that a customer had bought before a month, rows of length 1; Y = the items first bought in it.
    """
    size = len(covered)
    gram, products = ADOPTION_RIDGE * np.eye(size), np.zeros((size, size))
    for months in range(1, ADOPTION_MONTHS + 1):
        start = day - RECENT_DAYS * months
        known = bought(past.before(start))[:, covered]
        new = bought(past.between(start, start + RECENT_DAYS))[:, covered]
        new = sparse.csr_matrix(new - new.multiply(known))
        used = np.flatnonzero(np.diff(new.indptr))
        rows = scaled_rows(known)[used]
        gram += np.asarray((rows.T @ rows).todense())
        products += np.asarray((rows.T @ new[used]).todense())
    return np.asarray(np.linalg.solve(gram, products))


def typical_price(history: PurchaseHistory) -> Floats:
    """Return the median unit price of each item; nan where nobody bought it."""
    found = np.full(len(history.items), np.nan)
    order = np.lexsort((history.unit_price, history.item))
    item, price = history.item[order], history.unit_price[order]
    names, start, times = np.unique(item, return_index=True, return_counts=True)
    found[names] = price[start + times // 2]
    return found


def _first_purchases(past: PurchaseHistory, day: int) -> Floats:
    size = len(past.items)
    pairs, start = np.unique(past.customer * size + past.item, return_index=True)
    new = pairs[past.day[start] >= day - RECENT_DAYS] % size
    return np.asarray(np.bincount(new, minlength=size) / max(len(np.unique(past.customer)), 1))


def _discounted(past: PurchaseHistory, day: int) -> Floats:
    recent, size = past.between(day - RECENT_DAYS, day), len(past.items)
    total = np.bincount(recent.item, minlength=size)
    return np.asarray(np.bincount(recent.item, weights=recent.is_discounted, minlength=size) / np.maximum(total, 1))
