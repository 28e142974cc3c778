"""Tests the recommender on customers with known habits."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from features.recommend.candidate import decayed_frequency, fit_ease, scaled_rows
from features.recommend.errors import ObjectiveFileError, TooFewPurchasesError, UnknownObjectiveError
from features.recommend.evaluation import bought_items, ndcg, ndcg_of, paired_difference, recall_of
from features.recommend.history import PurchaseHistory, day_number
from features.recommend.measure import MEASURES
from features.recommend.objective import Objective, objective_named, read_objectives
from features.recommend.recommender import Recommender, Settings, fit_recommender

FIRST = date(2025, 1, 6)
TODAY = day_number(FIRST + timedelta(days=84))
SMALL = Settings(ease_items=50)


def _habits(customers: int = 150, seed: int = 1) -> PurchaseHistory:
    """Each customer buys 6 of 60 items about every week for 16 weeks, and other items seldom."""
    random = np.random.default_rng(seed)
    rows = []
    for customer in range(customers):
        own = random.choice(60, 6, replace=False)
        for week in range(16):
            bought = {*own[random.random(6) < 0.7], *random.choice(60, 1)}
            day = FIRST + timedelta(days=7 * week + int(random.integers(7)))
            rows += [(f"c{customer:03d}", f"i{item:02d}", day, 1, 1.0 + item / 10, 1.0 + item / 10) for item in bought]
    names = ("customer_id", "item", "order_date", "quantity", "sales_value", "list_value")
    return PurchaseHistory.of_table(pa.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))))


@pytest.fixture(scope="module")
def history() -> PurchaseHistory:
    return _habits()


@pytest.fixture(scope="module")
def recommender(history: PurchaseHistory) -> Recommender:
    return fit_recommender(history, [TODAY - 28], SMALL)


def test_lines_of_one_day_are_one_purchase() -> None:
    table = pa.table({
        "customer_id": ["b", "a", "a", None], "item": ["x", "y", "y", "x"], "order_date": [FIRST] * 4,
        "quantity": [1, 1, 3, 1], "sales_value": [2.0, 3.0, 5.0, 1.0], "list_value": [2.0, 3.0, 6.0, 1.0],
    })  # fmt: skip
    found = PurchaseHistory.of_table(table)
    assert (found.customers, found.items) == (("a", "b"), ("x", "y"))
    assert found.customer.tolist() == [0, 1]
    assert found.item.tolist() == [1, 0]
    assert found.unit_price.tolist() == [2.0, 2.0]
    assert found.is_discounted.tolist() == [1.0, 0.0]


def test_ease_is_the_solution_of_its_constrained_least_squares(history: PurchaseHistory) -> None:
    rows = scaled_rows(decayed_frequency(history.before(TODAY), TODAY, 60))
    weights, dense = fit_ease(decayed_frequency(history.before(TODAY), TODAY, 60), 5.0), np.asarray(rows.todense())
    for item in (0, 17):
        others = np.delete(np.arange(dense.shape[1]), item)
        part = dense[:, others]
        expected = np.linalg.solve(part.T @ part + 5.0 * np.eye(len(others)), part.T @ dense[:, item])
        assert weights[others, item] == pytest.approx(expected, abs=1e-9)
        assert weights[item, item] == 0


def test_purchases_of_the_future_change_no_score(history: PurchaseHistory, recommender: Recommender) -> None:
    customers = np.arange(20)
    whole, past = (recommender.rank(one, TODAY, customers) for one in (history, history.before(TODAY)))
    assert np.array_equal(whole.score, past.score)
    assert not np.array_equal(whole.score[:50], recommender.rank(history, TODAY + 7, customers).score[:50])


def test_the_list_is_better_than_the_popular_items(history: PurchaseHistory, recommender: Recommender) -> None:
    bought = bought_items(history.between(TODAY, TODAY + 28))
    ranked = recommender.rank(history, TODAY, np.array(sorted(bought)))
    past = history.before(TODAY)
    popular = np.argsort(-np.bincount(past.item, minlength=len(past.items)), kind="stable")[:10].tolist()
    ours, theirs = ndcg_of(ranked.lists(10), bought), ndcg_of(dict.fromkeys(bought, popular), bought)
    assert paired_difference(ours, theirs).low > 0.2
    found: dict[int, set[int]] = {}
    for customer, item in zip(ranked.pairs.customer.tolist(), ranked.pairs.item.tolist(), strict=True):
        found.setdefault(customer, set()).add(item)
    assert recall_of(found, bought) > 0.95


def test_reserved_slots_are_of_items_never_bought(history: PurchaseHistory, recommender: Recommender) -> None:
    found = recommender.recommend(history, TODAY, 3, count=8, new_slots=2)
    assert len(found) == len({one.item for one in found}) == 8
    past = history.before(TODAY)
    own = {past.items[item] for item in past.item[past.customer == 3]}
    assert all(one.is_new and one.item not in own for one in found[-2:])
    assert all(reason.measure in MEASURES and reason.effect > 0 for one in found for reason in one.reasons)


def test_a_weight_on_price_makes_the_list_cheaper(history: PurchaseHistory, recommender: Recommender) -> None:
    def mean_price(objective: Objective) -> float:
        lists = recommender.rank(history, TODAY, np.arange(100), objective).lists(10)
        return float(np.mean([1 + int(history.items[item][1:]) / 10 for items in lists.values() for item in items]))

    assert mean_price(Objective(price=1.0)) < mean_price(Objective())


def test_too_few_customers_are_refused() -> None:
    with pytest.raises(TooFewPurchasesError, match="expected at least 100"):
        fit_recommender(_habits(customers=20), [TODAY - 28], SMALL)


def test_ndcg_of_known_lists() -> None:
    assert ndcg([1, 2], {1, 2}) == 1
    assert ndcg([3, 4], {1}) == 0
    assert ndcg([3, 1], {1}) == pytest.approx(1 / np.log2(3))


def test_faulty_objectives_are_refused(tmp_path: Path) -> None:
    path = Path(tmp_path, "objective.yaml")
    path.write_text("objectives: {cheap: {prize: 1}}", encoding="utf-8")
    with pytest.raises(ObjectiveFileError):
        read_objectives(path)
    with pytest.raises(UnknownObjectiveError, match="Did you mean thrifty"):
        objective_named("thrify", read_objectives())
