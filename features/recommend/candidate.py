"""Candidates: items that a customer bought before, and new ones that similar customers or many customers buy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from features.recommend.history import Floats, Ints, PurchaseHistory
from features.recommend.population import HALF_LIFE_DAYS, Population, bought, decayed_frequency, scaled_rows

MONTH_NEIGHBOURS, SEASON_NEIGHBOURS = 300, 50
"""Similar customers whose purchases of 28 and of 91 days are counted, chosen on November 2017."""
OWN_ITEMS, NEW_ITEMS = 150, 60
"""Most candidates from the customer's own purchases, and from each source of new items."""


@dataclass(frozen=True)
class Pairs:
    """Candidates, one entry a customer and item, sorted by both. `customer` holds positions in a history."""

    customer: Ints
    item: Ints

    def codes(self, item_count: int) -> Ints:
        """Return one number for each pair."""
        return self.customer * item_count + self.item


@dataclass(frozen=True)
class SourceScores:
    """Scores of some customers: one row for each of `customers`, one column for each item that the population covers.

    Attributes:
        customers: sorted positions in the history.
        covered: sorted positions of the items.
        alike: by EASE from the customer's decayed frequency.
        adoption: expected first purchases.
        month, season: share of similar customers, weighted by similarity, who bought the item in 28 and 91 days.
    """

    customers: Ints
    covered: Ints
    alike: Floats
    adoption: Floats
    month: Floats
    season: Floats

    def of(self, pairs: Pairs, name: str) -> Floats:
        """Return the score `name` of each pair; 0 for an item that is not covered."""
        column = np.minimum(np.searchsorted(self.covered, pairs.item), len(self.covered) - 1)
        row = np.searchsorted(self.customers, pairs.customer)
        return np.where(self.covered[column] == pairs.item, getattr(self, name)[row, column], 0.0)


def score_sources(past: PurchaseHistory, customers: Ints, population: Population) -> SourceScores:
    """Return the scores of customers. `past` holds only purchases before the population's day."""
    covered = population.covered
    frequency = decayed_frequency(past, population.day, HALF_LIFE_DAYS)[customers][:, covered]
    ever = scaled_rows(bought(past)[customers][:, covered])
    similar = np.asarray((ever @ population.baskets.T).todense())
    place = {one: position for position, one in enumerate(population.pool)}
    for row, customer in enumerate(customers):
        # A customer is not similar to himself: his own last month would predict itself.
        if (own := place.get(past.customers[customer])) is not None:
            similar[row, own] = 0.0
    return SourceScores(
        customers, covered,
        np.asarray(scaled_rows(frequency) @ population.ease),
        np.asarray(ever @ population.adoption),
        _of_neighbours(similar, population.recent, MONTH_NEIGHBOURS),
        _of_neighbours(similar, population.season, SEASON_NEIGHBOURS),
    )  # fmt: skip


def _of_neighbours(similar: Floats, purchases: sparse.csr_matrix, count: int) -> Floats:
    if similar.shape[1] > count:
        least = -np.partition(-similar, count, axis=1)[:, count : count + 1]
        similar = np.where(similar > least, similar, 0.0)
    weights = similar / np.maximum(similar.sum(axis=1, keepdims=True), 1e-9)
    return np.asarray((sparse.csr_matrix(weights) @ purchases).todense())


def list_candidates(past: PurchaseHistory, scores: SourceScores, population: Population) -> Pairs:
    """Return the candidates of the customers of `scores`.

    Own items by decayed frequency, and items never bought before from each of: popularity, first purchases of others,
    EASE, adoption, similar customers.
    """
    size, covered = len(past.items), scores.covered
    frequency = decayed_frequency(past, population.day, HALF_LIFE_DAYS)[scores.customers]
    popular = [np.argsort(-one, kind="stable") for one in (population.month, population.first)]
    parts: list[Ints] = []
    for row, customer in enumerate(scores.customers):
        own = slice(frequency.indptr[row], frequency.indptr[row + 1])
        known = frequency.indices[own]
        items = [known[np.argsort(-frequency.data[own], kind="stable")[:OWN_ITEMS]]]
        is_known = np.zeros(size, dtype=bool)
        is_known[known] = True
        for ranked in popular:
            likely = ranked[: NEW_ITEMS + len(known)]
            items.append(likely[~is_known[likely]][:NEW_ITEMS])
        new = np.flatnonzero(~is_known[covered])
        for score in (scores.alike, scores.adoption, scores.month):
            most = min(NEW_ITEMS, len(new))
            items.append(covered[new[np.argpartition(-score[row, new], most - 1)[:most]]] if most else new)
        parts.append(customer * size + np.unique(np.concatenate(items)))
    codes = np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)
    return Pairs(codes // size, codes % size)
