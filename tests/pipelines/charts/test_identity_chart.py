"""The figures of the charts against counting one by one, and the pixels of the pictures against the figures."""

import json

import numpy as np

from pipelines.charts.chart import MOST_CHARACTERS, read_levels
from pipelines.charts.identity_chart import HEIGHT, WIDTH, bars_by_size, draw_sizes, draw_thresholds
from pipelines.charts.identity_figures import THRESHOLDS, chart_data, count_pairs_by_threshold, count_people_by_size
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


def test_the_charts_stay_small_enough_for_dagster_with_large_figures():
    weights = np.random.default_rng(1).normal(15, 12, 5000) * 1.0
    points = [p | {"pairs": p["pairs"] * 1000} for p in chart_data(_pairs(weights), np.arange(9))["pairs_by_threshold"]]
    sizes = dict.fromkeys(range(1, 30), 9876543)
    for chart in (draw_thresholds(points), draw_sizes(sizes, "member and card numbers")):
        assert read_levels(chart.png).shape == (HEIGHT, WIDTH)
        assert len(chart.to_markdown()) <= MOST_CHARACTERS


def test_every_customer_is_counted_in_one_bar():
    people = {1: 5, 2: 4, 6: 30, 7: 200, 40: 1000}
    counts = bars_by_size(people)
    assert [count for count in counts.values() if count] == [5, 4, 1230]
    assert sum(counts.values()) == sum(people.values())


def test_bars_are_as_high_as_their_counts_and_a_small_count_stays_visible():
    levels = read_levels(draw_sizes({1: 1000, 2: 500, 3: 1}, "cards").png)
    floor = levels[HEIGHT - 16] == 1
    middle = [14 + 302 / 6 * (number + 0.5) - 10 for number in range(6)]
    # Above the floor a column holds the bar and, apart from it, the label of its count.
    heights = [int((np.cumprod(levels[HEIGHT - 16 :: -1, int(x)] == 1)).sum()) for x in middle]
    assert heights == [59, 30, 1, 0, 0, 0]
    assert floor.any()


def test_pairs_above_a_threshold_are_filled_and_even_odds_are_marked():
    points = [{"threshold": t, "pairs": 40 - t, "expected_wrong": 0.5} for t in range(-8, 33)]
    levels = read_levels(draw_thresholds(points).png)
    left, right = (levels[:, x] == 1 for x in (15, WIDTH - 16))
    assert left.sum() > 3 * right.sum() > 0
    marked = np.flatnonzero((levels == 2).sum(axis=0) > 40)
    assert abs(marked.mean() + 0.5 - (14 + 8 * 302 / 40)) <= 1
