"""Finds the records that link two records of one group, and the pairs that keep two groups apart.

Example: A and B match with +8 bits, B and C with +5, and A and C with -1. A and C are one person because of B: the path
from A to C has the links A-B and B-C.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import breadth_first_order, connected_components

from pipelines.matching.scoring import ScoredPairs

Ints = NDArray[np.int64]
MOST_SEPARATING = 3
"""Number of pairs that are named where two groups are kept apart."""


@dataclass(frozen=True, slots=True)
class Link:
    """Two records, and the match weight between them in bits."""

    first: int
    second: int
    weight: float


def find_link_path(
    group: Ints, pairs: ScoredPairs, first: int, second: int, *, threshold: float = 0.0
) -> tuple[Link, ...]:
    """Return the links from one record to another of the same group; no links if none connect them.

    Of all paths it is the one whose weakest link is strongest, and of these one with the fewest links. Only pairs above
    the threshold are links.

    >>> pairs = ScoredPairs(np.array([0, 1, 0]), np.array([1, 2, 2]), np.array([8.0, 5.0, -1.0]))
    >>> [(link.first, link.second, link.weight) for link in find_link_path(np.array([0, 0, 0]), pairs, 0, 2)]
    [(0, 1, 8.0), (1, 2, 5.0)]
    """
    members = np.flatnonzero(group == group[first])
    inside = (group[pairs.left] == group[first]) & (group[pairs.right] == group[first]) & (pairs.weight > threshold)
    left, right = (np.searchsorted(members, ends[inside]) for ends in (pairs.left, pairs.right))
    weight = pairs.weight[inside]
    start, end = np.searchsorted(members, [first, second])
    for least in np.unique(weight)[::-1]:
        is_strong = weight >= least
        ends = (left[is_strong], right[is_strong])
        graph = coo_matrix((np.ones(len(ends[0]), dtype=np.int8), ends), shape=(len(members), len(members))).tocsr()
        label = connected_components(graph, directed=False)[1]
        if label[start] != label[end]:
            continue
        previous = breadth_first_order(graph, start, directed=False)[1]
        route = [int(end)]
        while route[-1] != start:
            route.append(int(previous[route[-1]]))
        steps = list(zip(route[::-1], route[-2::-1], strict=False))
        weights = {frozenset((int(a), int(b))): float(w) for a, b, w in zip(left, right, weight, strict=True)}
        return tuple(Link(int(members[a]), int(members[b]), weights[frozenset((a, b))]) for a, b in steps)
    return ()


def find_separating_pairs(
    group: Ints, pairs: ScoredPairs, first: int, second: int, *, threshold: float = 0.0
) -> tuple[Link, ...]:
    """Return the pairs of two groups that speak most against joining them, the strongest first (at most three).

    >>> pairs = ScoredPairs(np.array([0, 1]), np.array([2, 2]), np.array([3.0, -9.0]))
    >>> find_separating_pairs(np.array([0, 0, 2]), pairs, 0, 2)
    (Link(first=1, second=2, weight=-9.0),)
    """
    mine, theirs = group[first], group[second]
    is_forward = (group[pairs.left] == mine) & (group[pairs.right] == theirs)
    is_backward = (group[pairs.left] == theirs) & (group[pairs.right] == mine)
    chosen = np.flatnonzero((is_forward | is_backward) & (pairs.weight <= threshold))
    chosen = chosen[np.argsort(pairs.weight[chosen], kind="stable")][:MOST_SEPARATING]
    ends = np.where(is_forward, pairs.left, pairs.right), np.where(is_forward, pairs.right, pairs.left)
    return tuple(Link(int(ends[0][n]), int(ends[1][n]), float(pairs.weight[n])) for n in chosen)
