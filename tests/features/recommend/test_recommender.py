"""The recommender on customers with known habits: better than simple lists, the same each time, blind to what comes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from features.recommend.card import _simple_lists
from features.recommend.errors import TooFewPurchasesError
from features.recommend.evaluation import bought_items, ndcg_of, paired_difference, recall_of
from features.recommend.history import PurchaseHistory
from features.recommend.measure import NEW, OWN
from features.recommend.population import Population, learn_population
from features.recommend.reason import REASONS
from features.recommend.recommender import (
    FEWEST_CUSTOMERS,
    FREQUENCY,
    HORIZON_DAYS,
    Ranked,
    Recommender,
    fit_recommender,
    label_month,
)
from tests.features.recommend.habits import TODAY, catalogue, habits


def fitted(history: PurchaseHistory) -> Recommender:
    """Return a recommender of the two horizons before the last one."""
    days = (TODAY - HORIZON_DAYS, TODAY - 2 * HORIZON_DAYS)
    return fit_recommender([label_month(history, learn_population(history, day, catalogue())) for day in days])


@pytest.fixture(scope="module")
def recommender() -> Recommender:
    return fitted(habits())


def ranked(recommender: Recommender, history: PurchaseHistory) -> Ranked:
    population = learn_population(history, TODAY, catalogue())
    (found,) = recommender.rank(history, population, np.arange(len(history.customers)))
    return found


def test_its_lists_are_better_than_frequency_and_popularity(recommender: Recommender) -> None:
    history, found = habits(), ranked(recommender, habits())
    truth = bought_items(history.between(TODAY, TODAY + HORIZON_DAYS))
    known = bought_items(history.before(TODAY))
    unseen = {one: items - known[one] for one, items in truth.items() if items - known[one]}
    population = learn_population(history, TODAY, catalogue())
    frequent, popular = _simple_lists(history.before(TODAY), population, np.arange(len(history.customers)))
    assert paired_difference(ndcg_of(found.lists(10), truth), ndcg_of(frequent, truth)).low > 0
    new = ndcg_of(found.lists(10, only_new=True), unseen)
    assert paired_difference(new, ndcg_of(popular, unseen)).low > 0
    candidates = {one: set(found.pairs.item[own].tolist()) for one, own in found.of_customers()}
    assert recall_of(candidates, truth) > 0.99


def test_new_items_are_those_never_bought_and_slots_are_kept_for_them(recommender: Recommender) -> None:
    found, known = ranked(recommender, habits()), bought_items(habits().before(TODAY))
    for one, items in found.lists(10, only_new=True).items():
        assert not known[one] & set(items)
    plain, reserved = found.lists(10), found.lists(10, new_slots=3)
    for one, items in reserved.items():
        assert len(set(items)) == 10
        assert len(set(items) - known[one]) >= min(3, 60 - len(known[one]))
    assert plain != reserved


def test_equal_runs_give_equal_json_that_gives_the_recommender_back(recommender: Recommender) -> None:
    assert fitted(habits.__wrapped__()).to_json() == recommender.to_json()
    again = Recommender.from_json(recommender.to_json())
    assert np.array_equal(ranked(again, habits()).score, ranked(recommender, habits()).score)


def test_it_holds_no_customer_and_no_item(recommender: Recommender) -> None:
    text = recommender.to_json()
    history = habits()
    assert not [name for name in (*history.customers, *history.items) if f'"{name}"' in text]


Learn = Callable[[PurchaseHistory], Population]


def as_of_today(history: PurchaseHistory) -> Population:
    return learn_population(history, TODAY, catalogue())


def leaking(history: PurchaseHistory) -> Population:
    """Return statistics that count the purchases of seven later days as well."""
    return replace(learn_population(history, TODAY + 7, catalogue()), day=TODAY)


@pytest.mark.parametrize(("learn", "expected"), [(as_of_today, False), (leaking, True)])
def test_no_purchase_from_the_day_on_changes_a_list_and_a_leak_is_found(
    recommender: Recommender, learn: Learn, expected: bool
) -> None:
    customers = np.arange(len(habits().customers))
    (whole,), (past,) = (
        recommender.rank(one, learn(one), customers) for one in (habits(), habits().before(TODAY))
    )  # fmt: skip
    same = [np.array_equal(whole.score, past.score), whole.lists(10, new_slots=2) == past.lists(10, new_slots=2)]
    same += [np.array_equal(values, past.measures[name]) for name, values in whole.measures.items()]
    assert (not all(same)) is expected


def test_each_reason_has_a_sentence_and_raises_the_score(recommender: Recommender) -> None:
    found = ranked(recommender, habits())
    rows = np.arange(500)
    told = recommender.reasons({name: values[rows] for name, values in found.measures.items()})
    assert {*OWN, *NEW} <= REASONS.keys()
    for row, reasons in zip(rows, told, strict=True):
        allowed = NEW if found.measures["is_new"][row] else OWN
        effects = [one.effect for one in reasons]
        assert len(reasons) <= 3
        assert effects == sorted(effects, reverse=True)
        assert all(effect > 0 for effect in effects)
        assert {one.measure for one in reasons} <= set(allowed)
    assert sum(map(len, told)) > len(rows)


def test_the_simple_recommender_lists_what_was_bought_often_and_then_popular_items() -> None:
    history = habits()
    population = learn_population(history, TODAY, catalogue())
    found = ranked(FREQUENCY, history)
    frequent, popular = _simple_lists(history.before(TODAY), population, np.arange(len(history.customers)))
    shared = [len(set(items[:5]) & set(frequent[one][:5])) for one, items in found.lists(5).items()]
    assert np.mean(shared) > 3.5
    news = [set(items) == set(popular[one][:3]) for one, items in found.lists(3, only_new=True).items()]
    assert np.mean(news) > 0.95


def test_too_few_customers_are_refused() -> None:
    few = habits(FEWEST_CUSTOMERS - 1)
    population = learn_population(few, TODAY, catalogue())
    with pytest.raises(TooFewPurchasesError, match=r"got 49 .* expected at least 50"):
        label_month(few, population)


def test_a_customer_without_a_purchase_gets_popular_items(recommender: Recommender) -> None:
    history = habits()
    early = PurchaseHistory.before(history, TODAY - 300)
    population = learn_population(history, TODAY, catalogue())
    (found,) = recommender.rank(early, population, np.arange(3))
    assert found.measures["is_new"].all()
    assert np.isfinite(found.score).all()
