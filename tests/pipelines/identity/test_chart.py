"""The charts' numbers against counting one by one."""

import base64
import json
import re
from xml.etree import ElementTree

import numpy as np

from pipelines.identity.chart import THRESHOLDS, chart_data, count_pairs_by_threshold, count_people_by_size
from pipelines.identity.drawing import draw_sizes, draw_thresholds
from pipelines.matching.scoring import ScoredPairs


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


def test_the_drawings_stay_small_enough_for_dagster_with_large_figures():
    weights = np.random.default_rng(1).normal(15, 12, 5000) * 1.0
    points = [p | {"pairs": p["pairs"] * 1000} for p in chart_data(_pairs(weights), np.arange(9))["pairs_by_threshold"]]
    sizes = dict.fromkeys(range(1, 30), 9876543)
    for drawing in (draw_thresholds(points), draw_sizes(sizes, "member and card numbers")):
        ElementTree.fromstring(drawing)
        assert len(base64.b64encode(drawing.encode())) + len("data:image/svg+xml;base64,") < 1000


def test_every_person_is_under_one_bar():
    drawing = draw_sizes({1: 5, 2: 4, 6: 30, 7: 200, 40: 1000}, "cards")
    assert [int(text) for text in re.findall(r'middle">([0-9,]+)<', drawing.replace(",", ""))] == [5, 4, 1230]
