"""The path between two records of a group is the one whose weakest link is strongest."""

from itertools import pairwise, permutations

import numpy as np

from pipelines.matching.link_path import find_link_path, find_separating_pairs
from pipelines.matching.scoring import ScoredPairs


def pairs_of(weights: dict[tuple[int, int], float]) -> ScoredPairs:
    ends = np.array(list(weights), dtype=np.int64)
    return ScoredPairs(ends[:, 0], ends[:, 1], np.array(list(weights.values())))


def best_by_all_routes(weights: dict[tuple[int, int], float], size: int) -> float | None:
    """Return the weakest link of the best route from 0 to 1, found by trying all routes; None if no route exists."""
    routes = [(0, *mid, 1) for n in range(size - 1) for mid in permutations(range(2, size), n)]
    steps = [[weights.get((min(a, b), max(a, b)), -99.0) for a, b in pairwise(route)] for route in routes]
    return max((min(s) for s in steps if min(s) > 0), default=None)


def test_on_random_graphs_the_path_is_the_best_of_all_routes() -> None:
    dice = np.random.default_rng(3)
    found_none = 0
    for _ in range(200):
        ends = [(a, b) for a in range(6) for b in range(a + 1, 6) if dice.random() < 0.4]
        weights = {end: round(float(dice.normal(1, 4)), 1) for end in ends} or {(2, 3): 1.0}
        path = find_link_path(np.zeros(6, dtype=np.int64), pairs_of(weights), 0, 1)
        best = best_by_all_routes(weights, 6)
        found_none += best is None
        assert (min(link.weight for link in path) if path else None) == best
        if path:
            assert (path[0].first, path[-1].second) == (0, 1)
            assert all(a.second == b.first for a, b in pairwise(path))
    assert 20 < found_none < 180


def test_links_of_other_groups_are_not_used() -> None:
    weights = {(0, 2): 9.0, (1, 2): 9.0}
    assert not find_link_path(np.array([0, 0, 2]), pairs_of(weights), 0, 1)
    assert len(find_link_path(np.array([0, 0, 0]), pairs_of(weights), 0, 1)) == 2


def test_of_two_groups_the_pairs_with_the_lowest_weights_are_named() -> None:
    weights = {(0, 1): 2.0, (0, 3): -1.0, (1, 2): -7.0, (0, 2): 9.0, (1, 3): 8.0}
    found = find_separating_pairs(np.array([0, 1, 0, 1]), pairs_of(weights), 0, 1)
    assert [(link.first, link.second, link.weight) for link in found] == [(2, 1, -7.0), (0, 3, -1.0)]
