"""Candidates: items that a customer bought before, items that similar customers bought, and popular items."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from features.recommend.history import Floats, Ints, PurchaseHistory

POPULAR_DAYS = 28
"""Window of the popularity, long enough for a weekly rhythm and short enough for a season."""


def decayed_frequency(history: PurchaseHistory, day: int, half_life_days: float) -> sparse.csr_matrix:
    """Return the sum of 2^(−age / half-life) over the days of purchase, one row a customer, one column an item.

    where: age = days from the purchase to `day`. All purchases of the history must be before `day`.
    """
    weight = np.exp2(-(day - history.day) / half_life_days)
    shape = (len(history.customers), len(history.items))
    return sparse.csr_matrix((weight, (history.customer, history.item)), shape=shape)


def popularity(history: PurchaseHistory, day: int, days: int = POPULAR_DAYS) -> Floats:
    """Return the share of customers who bought each item in the days before `day`."""
    recent = history.between(day - days, day)
    pairs = np.unique(recent.customer * len(recent.items) + recent.item)
    bought = np.bincount(pairs % len(recent.items), minlength=len(recent.items)) if len(pairs) else 0
    return np.asarray(bought / max(len(np.unique(recent.customer)), 1) + np.zeros(len(recent.items)))


def fit_ease(frequency: sparse.csr_matrix, ridge: float) -> Floats:
    """Return the item-to-item weights B that minimise ‖X − XB‖² + ridge · ‖B‖², with a diagonal of zeros.

    where: X = customers × items, rows scaled to length 1. Source: Steck, "Embarrassingly Shallow Autoencoders", 2019.
    """
    rows = scaled_rows(frequency)
    gram = np.asarray((rows.T @ rows).todense())
    inverse = np.linalg.inv(gram + ridge * np.eye(len(gram)))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    return np.asarray(weights, dtype=np.float64)


def scaled_rows(frequency: sparse.csr_matrix) -> sparse.csr_matrix:
    """Return the rows divided by their Euclidean length; a row of zeros stays."""
    length = np.sqrt(np.asarray(frequency.multiply(frequency).sum(axis=1)).ravel())
    return sparse.csr_matrix(sparse.diags(1 / np.where(length > 0, length, 1.0)) @ frequency)


@dataclass(frozen=True)
class Alike:
    """Scores by EASE: one row for each of `customers`, one column for each of the items `covered`; both are sorted."""

    customers: Ints
    covered: Ints
    scores: Floats

    def of(self, pairs: Pairs) -> Floats:
        """Return the score of each pair; 0 for an item that is not covered."""
        column = np.minimum(np.searchsorted(self.covered, pairs.item), len(self.covered) - 1)
        row = np.searchsorted(self.customers, pairs.customer)
        return np.where(self.covered[column] == pairs.item, self.scores[row, column], 0.0)


@dataclass(frozen=True)
class Pairs:
    """Candidates, one entry a customer and item, sorted by both."""

    customer: Ints
    item: Ints

    def codes(self, item_count: int) -> Ints:
        """Return one number for each pair."""
        return self.customer * item_count + self.item


def candidates(
    own: sparse.csr_matrix, alike: Alike, popular: Floats, customers: Ints, counts: CandidateCounts
) -> Pairs:  # fmt: skip
    """Return the pairs of each customer: the items with the highest value in each of three sources.

    Args:
        own: decayed frequency, customers × items.
        alike: scores by EASE for `customers`.
        popular: popularity of each item.
        customers: positions of customers.
        counts: number of items from each source.
    """
    most_popular = np.argsort(-popular, kind="stable")[: counts.popular]
    parts: list[Ints] = []
    for row, customer in enumerate(customers):
        start, end = own.indptr[customer], own.indptr[customer + 1]
        frequent = own.indices[start:end][np.argsort(-own.data[start:end], kind="stable")[: counts.own]]
        scores = alike.scores[row]
        near = alike.covered[np.argpartition(-scores, min(counts.alike, len(scores) - 1))[: counts.alike]]
        items = np.unique(np.concatenate((frequent, near, most_popular)))
        parts.append(customer * own.shape[1] + items)
    codes = np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)
    return Pairs(codes // own.shape[1], codes % own.shape[1])


@dataclass(frozen=True)
class CandidateCounts:
    """Most candidates of a customer from each source."""

    own: int = 150
    alike: int = 50
    popular: int = 50
