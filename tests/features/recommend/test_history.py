"""Purchases from order lines, and the measure of lists."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from features.recommend.evaluation import ndcg, ndcg_of, paired_difference, recall_of
from features.recommend.history import PurchaseHistory
from tests.features.recommend.habits import FIRST, NAMES, lines_of


def test_lines_of_one_day_are_one_purchase() -> None:
    table = pa.table({
        "customer_id": ["b", "a", "a", None, "a"], "item": ["x", "y", "y", "x", None], "order_date": [FIRST] * 5,
        "quantity": [1, 1, 3, 1, 1], "sales_value": [2.0, 3.0, 5.0, 1.0, 1.0], "list_value": [2.0, 3.0, 6.0, 1.0, 1.0],
    })  # fmt: skip
    found = PurchaseHistory.of_table(table)
    assert (found.customers, found.items) == (("a", "b"), ("x", "y"))
    assert (found.customer.tolist(), found.item.tolist()) == ([0, 1], [1, 0])
    assert (found.unit_price.tolist(), found.is_discounted.tolist()) == ([2.0, 2.0], [1.0, 0.0])


def test_no_lines_are_no_purchases() -> None:
    empty = PurchaseHistory.of_table(lines_of([]))
    assert set(lines_of([]).column_names) == set(NAMES)
    assert (empty.customers, len(empty.day)) == ((), 0)
    assert len(empty.of_items(("x", "y")).item) == 0


def test_a_part_keeps_the_purchases_and_their_names() -> None:
    history = PurchaseHistory.of_table(lines_of([("b", "i2", FIRST), ("a", "i1", FIRST), ("c", "i3", FIRST)]))
    part = history.of_items(("i0", "i1", "i3")).of_customers(np.array([0, 2]))
    named = [(part.customers[one], part.items[item]) for one, item in zip(part.customer, part.item, strict=True)]
    assert named == [("a", "i1"), ("c", "i3")]


def test_ndcg_and_recall_of_known_lists() -> None:
    assert ndcg([1, 2], {1, 2}) == 1
    assert ndcg([3, 4], {1}) == 0
    assert ndcg([3, 1], {1}) == pytest.approx(1 / np.log2(3))
    assert ndcg([*range(10), 77], {77}) == 0, "only ten items count"
    assert ndcg_of({1: [3]}, {1: {3}, 2: {3}}).tolist() == [1, 0]
    assert recall_of({1: {3, 4}}, {1: {3, 9}, 2: {3}}) == 0.25


def test_the_interval_of_a_paired_difference_covers_a_known_one() -> None:
    random = np.random.default_rng(5)
    hit = 0
    for seed in range(30):
        theirs = random.normal(0, 1, 60)
        found = paired_difference(theirs + random.normal(0.3, 0.5, 60), theirs, seed)
        hit += found.low <= 0.3 <= found.high
    assert 26 <= hit <= 30
    assert paired_difference(np.ones(9), np.ones(9)).low == 0
