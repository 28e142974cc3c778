"""The card of a recommender: its quality on a horizon that it was not fitted on, and what each objective costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np
from pydantic import TypeAdapter

from features.insight.group_size import told_size
from features.recommend.catalogue import Catalogue
from features.recommend.errors import TooFewPurchasesError
from features.recommend.evaluation import CUT, Difference, bought_items, ndcg_of, paired_difference, recall_of
from features.recommend.history import Ints, PurchaseHistory, day_number
from features.recommend.objective import Objective, Traits
from features.recommend.population import HALF_LIFE_DAYS, Population, decayed_frequency, learn_population
from features.recommend.recommender import (
    FIT_MONTHS,
    FREQUENCY,
    HORIZON_DAYS,
    Ranked,
    Recommender,
    fit_recommender,
    label_month,
)
from features.recommend.trait import item_traits

HYBRID, SIMPLE = "hybrid", "frequency"
"""Names of the recommenders; a version is a name, `/` and a number."""


@dataclass(frozen=True)
class Comparison:
    """NDCG of the lists and of a simple method for the same customers, with the paired difference."""

    method: str
    ours: float
    theirs: float
    difference: Difference


@dataclass(frozen=True)
class ObjectiveCost:
    """What the lists of an objective are like, on the held-out horizon.

    Attributes:
        name: of the objective.
        ndcg: of its lists.
        price: mean typical price of an item on the lists, in USD.
        quality, convenience: mean trait, in standard deviations above that of an average item.
        new_share: share of items that the customer never bought.
    """

    name: str
    ndcg: float
    price: float
    quality: float
    convenience: float
    new_share: float


@dataclass(frozen=True)
class RecommenderCard:
    """How a recommender was fitted, and what it is worth.

    Attributes:
        version: name and number, such as `hybrid/3`.
        fitted_on, fit_to: reference date of the run, and last day of the purchases.
        customer_count: customers whose purchases were used, rounded down to a multiple of ten.
        every, new: comparisons for all items, and for items that a customer never bought; empty if nobody bought one.
        candidate_recall: share of the items bought in the horizon that were candidates.
        frontier: lists of each objective.
    """

    version: str
    fitted_on: date
    fit_to: date
    customer_count: int
    every: tuple[Comparison, ...]
    new: tuple[Comparison, ...]
    candidate_recall: float
    frontier: tuple[ObjectiveCost, ...]

    def to_json(self) -> str:
        """Return the card as JSON."""
        return _FORM.dump_json(self).decode()

    @classmethod
    def from_json(cls, text: str) -> RecommenderCard:
        """Return the card of `to_json`."""
        return _FORM.validate_json(text)


_FORM = TypeAdapter(RecommenderCard)


def fit_with_card(
    history: PurchaseHistory, catalogue: Catalogue, as_of: date, number: int, objectives: Mapping[str, Objective]
) -> tuple[Recommender, RecommenderCard]:
    """Return a recommender of the purchases until a reference date, and its card.

    The card's figures are of a recommender that was fitted on earlier horizons and judged on the last one. Where that
    one is worse than personal frequency, or could not be judged, the simple recommender is returned: `frequency/N` in
    place of `hybrid/N`.

    Raises:
        TooFewPurchasesError: too few customers bought before and within the last horizon.
    """
    end = day_number(as_of) + 1
    days = [end - HORIZON_DAYS * month for month in range(1, FIT_MONTHS + 1)]
    last = learn_population(history, days[0], catalogue)
    months = [label_month(history, last)]
    for day in days[1:]:
        try:
            months.append(label_month(history, learn_population(history, day, catalogue)))
        except TooFewPurchasesError:
            break
    count = told_size(len(np.unique(history.before(end).customer)))
    if months[1:]:
        found = _evaluate(fit_recommender(months[1:]), history, last, objectives)
        if found.every[0].difference.mean > 0:
            card = RecommenderCard(f"{HYBRID}/{number}", as_of, as_of, count, *found)
            return fit_recommender(months), card
    found = _evaluate(FREQUENCY, history, last, objectives)
    return FREQUENCY, RecommenderCard(f"{SIMPLE}/{number}", as_of, as_of, count, *found)


class _Evaluation(NamedTuple):
    every: tuple[Comparison, ...]
    new: tuple[Comparison, ...]
    recall: float
    frontier: tuple[ObjectiveCost, ...]


def _evaluate(
    recommender: Recommender, history: PurchaseHistory, population: Population, objectives: Mapping[str, Objective]
) -> _Evaluation:
    day = population.day
    past, later = history.before(day), history.between(day, day + HORIZON_DAYS)
    known, bought_later = bought_items(past), bought_items(later)
    truth = {one: bought_later[one] for one in sorted(bought_later) if one in known}
    unseen = {one: items - known[one] for one, items in truth.items() if items - known[one]}
    customers = np.array(list(truth), dtype=np.int64)
    ranked = list(recommender.rank(past, population, customers))
    lists = {one: items for part in ranked for one, items in part.lists(CUT).items()}
    new_lists = {one: items for part in ranked for one, items in part.lists(CUT, only_new=True).items()}
    frequent, popular = _simple_lists(past, population, customers)
    candidates = {
        one: set(part.pairs.item[own].tolist()) for part in ranked for one, own in part.of_customers()
    }  # fmt: skip
    traits = item_traits(past, population.catalogue)
    return _Evaluation(
        every=(_compare("personal frequency", lists, frequent, truth),),
        new=(_compare("popularity", new_lists, popular, unseen),) if unseen else (),
        recall=recall_of(candidates, truth),
        frontier=tuple(_cost(name, one, ranked, traits, population, truth) for name, one in objectives.items()),
    )


def _compare(
    method: str, lists: Mapping[int, list[int]], simple: Mapping[int, list[int]], truth: Mapping[int, set[int]]
) -> Comparison:
    ours, theirs = ndcg_of(lists, truth), ndcg_of(simple, truth)
    return Comparison(method, float(ours.mean()), float(theirs.mean()), paired_difference(ours, theirs))


def _simple_lists(
    past: PurchaseHistory, population: Population, customers: Ints
) -> tuple[dict[int, list[int]], dict[int, list[int]]]:
    """Return for each customer the items bought most often, lately more, and the popular items never bought."""
    frequency = decayed_frequency(past, population.day, HALF_LIFE_DAYS)
    order = np.argsort(-population.month, kind="stable")
    frequent: dict[int, list[int]] = {}
    popular: dict[int, list[int]] = {}
    for one in customers.tolist():
        own = slice(frequency.indptr[one], frequency.indptr[one + 1])
        known = frequency.indices[own]
        frequent[one] = known[np.lexsort((known, -population.month[known], -frequency.data[own]))][:CUT].tolist()
        likely = order[: CUT + len(known)]
        popular[one] = likely[~np.isin(likely, known)][:CUT].tolist()
        if len(frequent[one]) < CUT:
            frequent[one] += popular[one][: CUT - len(frequent[one])]
    return frequent, popular


def _cost(
    name: str, objective: Objective, ranked: Sequence[Ranked], traits: Traits, population: Population,
    truth: Mapping[int, set[int]],
) -> ObjectiveCost:  # fmt: skip
    bonus = objective.bonus(traits)
    lists = {
        one: items
        for part in ranked
        for one, items in part.lists(
            CUT, score=part.score + bonus[part.pairs.item], new_slots=objective.new_slots
        ).items()
    }
    listed = np.array([item for items in lists.values() for item in items], dtype=np.int64)
    new = {
        one: set(part.pairs.item[own][part.measures["is_new"][own] > 0].tolist())
        for part in ranked
        for one, own in part.of_customers()
    }
    is_new = [item in new[one] for one, items in lists.items() for item in items]
    return ObjectiveCost(
        name, float(ndcg_of(lists, truth).mean()), float(np.nanmean(population.price[listed])),
        float(traits["quality"][listed].mean()), float(traits["convenience"][listed].mean()), float(np.mean(is_new)),
    )  # fmt: skip
