"""The charts' numbers against counting one by one."""

import json

import numpy as np

from pipelines.identity.chart import THRESHOLDS, chart_data, count_pairs_by_threshold, count_people_by_size
from pipelines.identity.scoring import ScoredPairs


def _pairs(weights):
    number = np.arange(len(weights), dtype=np.int64)
    return ScoredPairs(number, number + 1, np.asarray(weights, dtype=float))


def test_pairs_above_a_threshold_are_counted():
    weights = np.random.default_rng(1).normal(2, 8, 500)
    for point in count_pairs_by_threshold(_pairs(weights)):
        above = weights[weights > point.threshold]
        assert point.pairs == len(above)
        assert abs(point.expected_wrong - sum(1 / (1 + 2.0**w) for w in above)) < 1e-3


def test_people_and_records_add_up():
    group = np.random.default_rng(1).integers(0, 40, 100)
    sizes = count_people_by_size(group)
    assert sum(s.people for s in sizes) == len(np.unique(group))
    assert sum(s.people * s.records for s in sizes) == len(group)


def test_nothing_resolved_is_an_empty_chart():
    data = json.loads(json.dumps(chart_data(_pairs([]), np.empty(0, dtype=np.int64))))
    assert [p["pairs"] for p in data["pairs_by_threshold"]] == [0] * len(THRESHOLDS)
    assert data["people_by_size"] == []
