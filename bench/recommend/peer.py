"""The simple methods that a user would pick instead: scores of all items for customers, with published settings."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import sparse

from features.recommend.history import Floats, Ints, PurchaseHistory
from features.recommend.population import bought, decayed_frequency, fit_ease, popularity, scaled_rows

Peer = Callable[[PurchaseHistory, int, Ints], Floats]
"""Returns customers × items from the purchases before a day."""
FREQUENCY_HALF_LIFE = 60.0
_COVERED = 4000
_TIE = 1e-6


def personal_frequency(past: PurchaseHistory, day: int, customers: Ints) -> Floats:
    """Return the recency-decayed frequency; ties by popularity."""
    own = decayed_frequency(past, day, FREQUENCY_HALF_LIFE)[customers]
    return np.asarray(own.todense()) + _TIE * popularity(past, day)


def most_popular(past: PurchaseHistory, day: int, customers: Ints) -> Floats:
    """Return the popularity of 28 days for everybody."""
    return np.tile(popularity(past, day), (len(customers), 1))


def ease(past: PurchaseHistory, day: int, customers: Ints) -> Floats:
    """Return EASE (Steck 2019) on the decayed frequency of the most popular items."""
    covered = _covered(past, day)
    rows = scaled_rows(decayed_frequency(past, day, FREQUENCY_HALF_LIFE)[:, covered])
    return _spread(np.asarray(rows[customers] @ fit_ease(rows)), covered, len(past.items))


def bm25(past: PurchaseHistory, day: int, customers: Ints) -> Floats:
    """Return item neighbours on counts weighted by BM25 (k1 = 1.2, b = .75), as recommenders for implicit data do."""
    covered = _covered(past, day)
    counts = decayed_frequency(past, day, FREQUENCY_HALF_LIFE)[:, covered].tocoo()
    holders = np.bincount(counts.col, minlength=counts.shape[1])
    length = np.asarray(counts.sum(axis=1)).ravel()
    norm = 1.2 * (0.25 + 0.75 * length / max(length.mean(), 1e-9))
    weight = (
        counts.data * 2.2 / (counts.data + norm[counts.row]) * np.log1p(counts.shape[0] / (holders[counts.col] + 1))
    )
    rows = sparse.csr_matrix((weight, (counts.row, counts.col)), shape=counts.shape)
    columns = scaled_rows(sparse.csr_matrix(rows.T))
    return _spread(np.asarray((rows[customers] @ (columns @ columns.T)).todense()), covered, len(past.items))


def tifu_knn(past: PurchaseHistory, day: int, customers: Ints) -> Floats:
    """Return TIFU-KNN (Hu et al. 2020): decayed groups of baskets, mixed with those of the nearest customers.

    where: groups of 7 baskets, decay .9 within a group and .7 between groups, 300 neighbours, own share .7.
    """
    span = int(past.day.max()) + 1
    visits = np.unique(past.customer * span + past.day)
    rank = np.searchsorted(visits, past.customer * span + past.day)
    last = np.searchsorted(visits, (past.customer + 1) * span) - 1
    age = last - rank
    weight = 0.9 ** (age % 7) * 0.7 ** (age // 7)
    shape = (len(past.customers), len(past.items))
    vectors = sparse.csr_matrix((weight, (past.customer, past.item)), shape=shape)
    groups = np.bincount(visits // span, minlength=shape[0]) / 7
    vectors = sparse.csr_matrix(sparse.diags(1 / np.maximum(groups, 1)) @ vectors)
    rows = scaled_rows(vectors)
    similar = np.asarray((rows[customers] @ rows.T).todense())
    similar[np.arange(len(customers)), customers] = -1
    nearest = np.argpartition(-similar, 300, axis=1)[:, :300]
    place = np.repeat(np.arange(len(customers)), 300)
    chosen = sparse.csr_matrix((np.full(len(place), 1 / 300), (place, nearest.ravel())), shape=similar.shape)
    return np.asarray((0.7 * vectors[customers] + 0.3 * (chosen @ vectors)).todense())


def only_new(scores: Floats, past: PurchaseHistory, customers: Ints) -> Floats:
    """Return the scores without the items that a customer bought before."""
    known = np.asarray(bought(past)[customers].todense()) > 0
    return np.where(known, -np.inf, scores)


def _covered(past: PurchaseHistory, day: int) -> Ints:
    return np.sort(np.argsort(-popularity(past, day), kind="stable")[:_COVERED])


def _spread(scores: Floats, covered: Ints, item_count: int) -> Floats:
    found = np.full((len(scores), item_count), -np.inf)
    found[:, covered] = scores
    return found
