"""The clustering finds segments that are there, and none where there are none."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from features.insight.segment import clustering
from features.insight.segment.clustering import LEAST_STABILITY, SAMPLE_ROWS, cluster, nearest


def _groups(rows: int, count: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    centers = 6.0 * np.eye(count, 6)
    truth = random.integers(0, count, rows)
    return centers[truth] + random.normal(0, 1, (rows, 6)), truth


@pytest.mark.parametrize("count", [3, 5])
def test_known_groups_are_found_with_their_number(count: int) -> None:
    values, truth = _groups(600, count)
    found = cluster(values)
    assert len(found.centers) == count
    assert adjusted_rand_score(truth, found.labels) > 0.95
    assert found.stability.low <= found.stability.mean <= found.stability.high
    assert found.stability.mean >= LEAST_STABILITY
    assert max(found.silhouettes, key=lambda number: found.silhouettes[number]) == count


def test_customers_without_groups_are_one_segment() -> None:
    """Negative control: k-means would divide these rows too, but every resample divides them differently."""
    values = np.random.default_rng(2).normal(0, 1, (500, 12))
    found = cluster(values)
    assert len(found.centers) == 1
    assert set(found.labels) == {0}


def test_equal_values_and_seeds_give_equal_segments() -> None:
    values, _ = _groups(300, 3)
    first, second = cluster(values, seed=5), cluster(values, seed=5)
    assert np.array_equal(first.labels, second.labels)
    assert np.array_equal(first.centers, second.centers)


def test_another_seed_gives_nearly_the_same_segments() -> None:
    """Groups that overlap have several local optima; 4 starts end in different ones."""

    def agreement(starts: int) -> float:
        random = np.random.default_rng(2)
        group = random.integers(0, 7, 200)
        values = random.normal(0, 1.3, (7, 8))[group] + random.normal(0, 1, (200, 8))
        labels = [nearest(values, clustering._fit(values, 7, seed, starts)) for seed in range(8)]
        return min(adjusted_rand_score(one, other) for one, other in combinations(labels, 2))

    assert agreement(clustering._STARTS) > 0.95
    assert agreement(4) < 0.9


def test_all_rows_of_a_large_table_get_a_segment_of_the_sample() -> None:
    values, truth = _groups(3 * SAMPLE_ROWS, 3)
    found = cluster(values)
    assert found.fitted_rows == SAMPLE_ROWS
    assert len(found.labels) == len(values)
    assert adjusted_rand_score(truth, found.labels) > 0.95
    assert list(np.bincount(found.labels)) == sorted(np.bincount(found.labels), reverse=True)


def test_a_number_with_a_segment_that_is_too_small_is_left_out() -> None:
    values, _ = _groups(300, 3)
    few = np.vstack([values, np.full((4, 6), 40.0)])
    assert len(cluster(few).centers) == 4
    found = cluster(few, fewest_rows=5)
    assert np.bincount(found.labels).min() >= 5


@pytest.mark.parametrize("values", [np.empty((0, 3)), np.array([[1.0, np.nan]])])
def test_no_rows_and_missing_values_are_refused(values: np.ndarray) -> None:
    with pytest.raises(ValueError, match="finite number"):
        cluster(values)


def test_equal_customers_are_one_segment() -> None:
    assert len(cluster(np.ones((50, 3))).centers) == 1
