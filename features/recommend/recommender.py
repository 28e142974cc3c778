"""A fitted recommender: which candidates a customer has, how likely each is bought, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from features.recommend.candidate import (
    Alike,
    CandidateCounts,
    Pairs,
    candidates,
    decayed_frequency,
    fit_ease,
    popularity,
    scaled_rows,
)
from features.recommend.errors import TooFewPurchasesError
from features.recommend.history import Floats, Ints, PurchaseHistory
from features.recommend.measure import MEASURES, measure_pairs, typical_price
from features.recommend.objective import Objective, price_trait

FEWEST_CUSTOMERS = 100
"""Fewer customers would make a coefficient the habit of a few persons."""
_EASE_HALF_LIFE = 60.0


@dataclass(frozen=True)
class Settings:
    """Settings of a fit, chosen on a development month.

    Attributes:
        horizon_days: a candidate counts as bought when it is bought within these days.
        ease_items: number of most popular items that EASE covers.
        ridge: regularisation of EASE.
        inverse_penalty: C of the logistic regression.
        counts: candidates of a customer.
    """

    horizon_days: int = 28
    ease_items: int = 2000
    ridge: float = 200.0
    inverse_penalty: float = 1.0
    counts: CandidateCounts = CandidateCounts()


DEFAULT = Settings()


@dataclass(frozen=True)
class Reason:
    """A measure and what it adds to the log-odds of an item, compared with an average candidate."""

    measure: str
    value: float
    effect: float


@dataclass(frozen=True)
class RecommendedItem:
    """An item with its log-odds and reasons, the strongest first. `is_new`: it has a slot reserved for new items."""

    item: str
    score: float
    is_new: bool
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class Ranked:
    """Candidates with their measures and log-odds, see `Recommender.rank`."""

    pairs: Pairs
    measures: Floats
    score: Floats

    def lists(self, count: int, *, only: np.ndarray | None = None) -> dict[int, list[int]]:
        """Return the items of each customer with the highest score, of the pairs where `only` is true."""
        found: dict[int, list[int]] = {}
        order = np.lexsort((self.pairs.item, -self.score, self.pairs.customer))
        for place in order if only is None else order[only[order]]:
            items = found.setdefault(int(self.pairs.customer[place]), [])
            if len(items) < count:
                items.append(int(self.pairs.item[place]))
        return found


@dataclass(frozen=True)
class Recommender:
    """Coefficients of the re-ranker. It holds sums over customers, no value of a person.

    Attributes:
        settings: of the fit.
        intercept, mean, spread, coefficients: of the logistic regression on standardised `MEASURES`.
    """

    settings: Settings
    intercept: float
    mean: tuple[float, ...]
    spread: tuple[float, ...]
    coefficients: tuple[float, ...]

    def rank(
        self, history: PurchaseHistory, day: int, customers: Ints, objective: Objective | None = None
    ) -> Ranked:  # fmt: skip
        """Return the candidates of customers with their scores on a day; purchases from `day` on are not used.

        `customers` are sorted positions without repetition.
        """
        past = history.before(day)
        pairs, measures = _measured(past, day, customers, self.settings)
        score = self.intercept + (measures - np.array(self.mean)) / np.array(self.spread) @ np.array(self.coefficients)
        if objective is not None:
            traits = {"price": price_trait(typical_price(past))}
            score = score + objective.bonus(traits, len(past.items))[pairs.item]
        return Ranked(pairs, measures, score)

    def recommend(
        self, history: PurchaseHistory, day: int, customer: int, *, count: int = 10, new_slots: int = 0,
        objective: Objective | None = None,
    ) -> list[RecommendedItem]:  # fmt: skip
        """Return the list of one customer. The last `new_slots` places are of items that the customer never bought."""
        ranked = self.rank(history, day, np.array([customer]), objective)
        order = np.argsort(-ranked.score, kind="stable")
        is_new = ranked.measures[:, MEASURES.index("never_bought")] > 0
        reserved = [place for place in order if is_new[place]][:new_slots]
        first = [place for place in order if place not in reserved][: max(count - len(reserved), 0)]
        return [
            RecommendedItem(history.items[ranked.pairs.item[place]], float(ranked.score[place]), bool(is_new[place]),
                            self._reasons(ranked.measures[place]))
            for place in (*first, *reserved)
        ]  # fmt: skip

    def _reasons(self, measures: Floats, most: int = 3) -> tuple[Reason, ...]:
        effects = (measures - np.array(self.mean)) / np.array(self.spread) * np.array(self.coefficients)
        strongest = [place for place in np.argsort(-effects, kind="stable") if effects[place] > 0][:most]
        return tuple(Reason(MEASURES[one], float(measures[one]), float(effects[one])) for one in strongest)


def fit_recommender(history: PurchaseHistory, days: Sequence[int], settings: Settings = DEFAULT) -> Recommender:
    """Return a re-ranker fitted on purchases within `horizon_days` from each of `days`.

    Measures of a day are of purchases before it; labels are of purchases from it on. The caller passes only purchases
    of customers who permit profiling.

    Raises:
        TooFewPurchasesError: fewer than `FEWEST_CUSTOMERS` customers bought before and after a day.
    """
    rows, labels = [], []
    for day in days:
        past, later = history.before(day), history.between(day, day + settings.horizon_days)
        customers = np.intersect1d(past.customer, later.customer)
        if len(customers) < FEWEST_CUSTOMERS:
            raise TooFewPurchasesError(len(customers), FEWEST_CUSTOMERS)
        pairs, measures = _measured(past, day, customers, settings)
        bought = np.unique(later.customer * len(later.items) + later.item)
        rows.append(measures)
        labels.append(np.isin(pairs.codes(len(history.items)), bought))
    matrix, label = np.concatenate(rows), np.concatenate(labels)
    mean, spread = matrix.mean(axis=0), np.where(matrix.std(axis=0) > 0, matrix.std(axis=0), 1.0)
    with threadpool_limits(1):
        model = LogisticRegression(C=settings.inverse_penalty, max_iter=300).fit((matrix - mean) / spread, label)
    fitted = tuple(map(float, model.coef_[0]))
    return Recommender(settings, float(model.intercept_[0]), tuple(mean.tolist()), tuple(spread.tolist()), fitted)


def _measured(past: PurchaseHistory, day: int, customers: Ints, settings: Settings) -> tuple[Pairs, Floats]:
    popular = popularity(past, day)
    covered = np.sort(np.argsort(-popular, kind="stable")[: settings.ease_items])
    frequency = decayed_frequency(past, day, _EASE_HALF_LIFE)
    with threadpool_limits(1):
        weights = fit_ease(frequency[:, covered], settings.ridge)
        near = np.asarray(scaled_rows(frequency[customers][:, covered]) @ weights)
    alike = Alike(customers, covered, near)
    pairs = candidates(frequency, alike, popular, customers, settings.counts)
    price = typical_price(past)
    return pairs, measure_pairs(pairs, past, day, alike=alike.of(pairs), popular=popular, price=price)
