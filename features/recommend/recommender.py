"""The hybrid recommender: one additive model for items bought before and one for new ones, over the same candidates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import TypeAdapter

from features.insight.model.additive import AdditiveModel, fit_additive
from features.recommend.candidate import Pairs, list_candidates, score_sources
from features.recommend.catalogue import Catalogue
from features.recommend.errors import TooFewPurchasesError
from features.recommend.history import Floats, Ints, PurchaseHistory
from features.recommend.measure import NEW, OWN, Measures, measure_pairs
from features.recommend.population import Population, learn_population

FEWEST_CUSTOMERS = 100
"""Fewer customers would make a weight the habit of a few persons."""
HORIZON_DAYS, FIT_MONTHS = 28, 3
"""A candidate counts as bought if it is bought within the horizon; the model is fitted on so many horizons."""
FIT_PAIRS = 400_000
"""Most candidates of one fit: more change the lists little."""
OWN_PENALTY, NEW_PENALTY = 0.0001, 0.001
"""Chosen on November 2017 of the Complete Journey among .00001, .0001 and .001."""
CHUNK_CUSTOMERS = 1000
"""Customers whose candidates are computed at once: their scores by item fill 80 MB."""


@dataclass(frozen=True)
class Reason:
    """A measure and what it adds to the log-odds of an item, compared with an average candidate."""

    measure: str
    effect: float


@dataclass(frozen=True)
class Ranked:
    """Candidates with their measures and log-odds of a purchase within the horizon."""

    pairs: Pairs
    measures: Measures
    score: Floats

    def lists(self, count: int, *, score: Floats | None = None, only_new: bool = False) -> dict[int, list[int]]:
        """Return the items of each customer with the highest score; on a tie, the first item in the catalogue.

        Args:
            count: most items of a list.
            score: scores in place of the log-odds.
            only_new: whether a list has only items that the customer never bought.
        """
        ranking = self.score if score is None else score
        order = np.lexsort((self.pairs.item, -ranking, self.pairs.customer))
        if only_new:
            order = order[self.measures["is_new"][order] > 0]
        customer = self.pairs.customer[order]
        start = np.flatnonzero(np.diff(customer, prepend=-1))
        rank = np.arange(len(order)) - np.repeat(start, np.diff(np.append(start, len(order))))
        kept = order[rank < count]
        found: dict[int, list[int]] = {}
        for one, item in zip(self.pairs.customer[kept].tolist(), self.pairs.item[kept].tolist(), strict=True):
            found.setdefault(one, []).append(item)
        return found


@dataclass(frozen=True)
class Recommender:
    """The two models. They hold sums over customers, no value of a person."""

    own: AdditiveModel
    new: AdditiveModel

    def rank(self, history: PurchaseHistory, population: Population, customers: Ints) -> Iterator[Ranked]:
        """Yield the candidates of customers with their scores on the population's day, some customers at a time.

        Args:
            history: purchases; those from the day on are not used. Its items are those of the catalogue.
            population: statistics of the day.
            customers: sorted positions in the history without repetition.
        """
        for pairs, measures in _measured(history, population, customers):
            is_new = measures["is_new"] > 0
            yield Ranked(pairs, measures, np.where(is_new, self.new.predict(measures), self.own.predict(measures)))

    def reasons(self, measures: Measures, most: int = 3) -> list[tuple[Reason, ...]]:
        """Return for each candidate the measures that raise its log-odds most, the strongest first."""
        is_new = measures["is_new"] > 0
        found: list[tuple[Reason, ...]] = []
        effects = {True: self.new.effects(measures), False: self.own.effects(measures)}
        for row, new in enumerate(is_new.tolist()):
            names, own = (NEW if new else OWN), effects[new][row]
            strongest = [place for place in np.argsort(-own, kind="stable")[:most] if own[place] > 0]
            found.append(tuple(Reason(names[place], float(own[place])) for place in strongest))
        return found

    def to_json(self) -> str:
        """Return the models as JSON; equal models give equal texts."""
        return _FORM.dump_json(self).decode()

    @classmethod
    def from_json(cls, text: str) -> Recommender:
        """Return the recommender of `to_json`."""
        return _FORM.validate_json(text)


_FORM = TypeAdapter(Recommender)


def fit_recommender(
    history: PurchaseHistory, catalogue: Catalogue, end: int, *, months: int = FIT_MONTHS, seed: int = 0
) -> Recommender:
    """Return a recommender fitted on the purchases before `end`, of customers who permit it.

    Measures of a day are of purchases before it; labels are of the horizon from it on. The days are one, two … horizons
    before `end`.

    Raises:
        TooFewPurchasesError: fewer than `FEWEST_CUSTOMERS` customers bought before and within each horizon.
    """
    parts: list[Measures] = []
    labels: list[Floats] = []
    for month in range(1, months + 1):
        day = end - HORIZON_DAYS * month
        past, later = history.before(day), history.between(day, day + HORIZON_DAYS)
        customers = np.intersect1d(past.customer, later.customer)
        if len(customers) < FEWEST_CUSTOMERS:
            if parts:
                break
            raise TooFewPurchasesError(len(customers), FEWEST_CUSTOMERS)
        bought = np.unique(later.customer * len(later.items) + later.item)
        for pairs, measures in _measured(history, learn_population(past, day, catalogue), customers):
            parts.append(measures)
            labels.append(np.isin(pairs.codes(len(history.items)), bought).astype(np.float64))
    columns = {name: np.concatenate([one[name] for one in parts]) for name in parts[0]}
    truth, is_new = np.concatenate(labels), columns["is_new"] > 0
    random = np.random.default_rng(seed)
    most_rows = months * max(int(np.bincount(pairs.customer).max()), 1)

    def fit(names: Sequence[str], wanted: np.ndarray, penalty: float) -> AdditiveModel:
        rows = np.flatnonzero(wanted)
        if len(rows) > FIT_PAIRS:
            rows = np.sort(random.choice(rows, FIT_PAIRS, replace=False))
        used = {name: columns[name][rows] for name in names}
        return fit_additive(used, truth[rows], is_binary=True, penalty=penalty, most_rows=most_rows)

    return Recommender(fit(OWN, ~is_new, OWN_PENALTY), fit(NEW, is_new, NEW_PENALTY))


def _measured(
    history: PurchaseHistory, population: Population, customers: Ints
) -> Iterator[tuple[Pairs, Measures]]:  # fmt: skip
    past = history.before(population.day)
    for start in range(0, len(customers), CHUNK_CUSTOMERS):
        some = customers[start : start + CHUNK_CUSTOMERS]
        own = past.of_customers(some)
        scores = score_sources(own, np.arange(len(some)), population)
        pairs = list_candidates(own, scores, population)
        yield Pairs(some[pairs.customer], pairs.item), measure_pairs(pairs, own, scores, population)
