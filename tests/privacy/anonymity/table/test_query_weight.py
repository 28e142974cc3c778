"""Weights for counting queries: uneven columns get more weight, and counts have smaller errors."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest

from privacy.anonymity import Spec, anonymize
from privacy.anonymity.risk.utility import label_cover, measure_utility
from privacy.anonymity.table.frequency_table import tabulate
from privacy.anonymity.table.query_weight import HALF, MOST_SHARE, blend, counting_cost


def skewed(seed: int = 0, rows: int = 4000) -> pd.DataFrame:
    """Returns a table with a column of 40 values, one of them very frequent, and three even columns."""
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "country": np.where(random.random(rows) < 0.9, 0, random.integers(1, 40, rows)).astype(str),
            "month": random.integers(1, 13, rows).astype(str),
            "region": random.integers(0, 12, rows).astype(str),
            "group": random.integers(0, 8, rows).astype(str),
        }
    )


def make_spec(weights: str, **named: Mapping[str, object]) -> Spec:
    columns = {name: {"role": "quasi", **named.get(name, {})} for name in ("country", "month", "region", "group")}
    models = [{"name": "k_anonymity", "k": 5}]
    return Spec.model_validate({"columns": columns, "models": models, "weights": weights, "effort": 1})


def test_the_counting_cost_equals_hand_computed_errors() -> None:
    share = {"a": 0.7, "b": 0.2, "c": 0.1}
    flow = dict.fromkeys(share, 0.0)
    met = 0.0
    for one, p in share.items():
        for other, q in share.items():
            if one != other:
                met += p * q
                flow[one] += p * q * (p - q) / (p + q)
    expected = 2 * sum(lost**2 for lost in flow.values()) ** 0.5 / met
    assert counting_cost(np.array([70, 20, 10]), False) == pytest.approx(expected)
    assert sum(flow.values()) == pytest.approx(0)


def test_one_dominant_value_costs_more_than_many_uneven_ones() -> None:
    one_prevails, none_does = np.array([1000] + [3] * 39), np.repeat([40, 10], 20)
    assert counting_cost(one_prevails, False) > 3 * counting_cost(none_does, False)


def test_an_ordered_column_has_a_low_counting_cost() -> None:
    rows = np.arange(1, 61)
    assert counting_cost(rows, True) < counting_cost(rows, False) / 5
    assert counting_cost(np.full(60, 5), True) == 0.0
    assert counting_cost(np.array([7]), True) == 0.0


def test_the_uneven_column_gets_the_weight_of_counting() -> None:
    frame = skewed()
    given = tabulate(frame, make_spec("given")).table.weights
    weighed = tabulate(frame, make_spec("queries")).table.weights
    assert given.tolist() == [0.25] * 4
    assert weighed.sum() == pytest.approx(1.0)
    assert weighed[0] > 0.4
    assert weighed[1:].max() < 0.25
    assert blend(np.ones(2), np.array([1e9, 0.0])).tolist() == pytest.approx(
        [0.5 + MOST_SHARE / 2, 0.5 - MOST_SHARE / 2]
    )
    assert blend(np.ones(2), np.array([HALF / 5, 0.0])).tolist() == pytest.approx([1.2 / 2.2, 1 / 2.2])


def test_own_weights_count_and_even_columns_change_nothing() -> None:
    assert tabulate(skewed(), make_spec("queries", country={"weight": 0})).table.weights[0] == 0.0
    assert blend(np.array([1.0, 3.0]), np.zeros(2)).tolist() == [0.25, 0.75]


def test_a_column_with_a_hierarchy_keeps_its_weight() -> None:
    tree = {"hierarchy": {"kind": "automatic"}}
    assert tabulate(skewed(), make_spec("queries", country=tree)).table.domains[0].counting == 0.0


def test_weights_for_queries_lower_the_error_of_counts() -> None:
    errors = {"given": 0.0, "queries": 0.0}
    for seed in range(2):
        frame = skewed(seed)
        for weights in errors:
            release = anonymize(frame, make_spec(weights)).table
            cover = {name: label_cover(frame[name], list(release[name].unique())) for name in frame.columns}
            errors[weights] += measure_utility(frame, release, cover, queries=2000).query_error_median
    assert errors["queries"] < 0.95 * errors["given"]
