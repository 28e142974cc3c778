"""Clusters scored pairs into people: average-linkage clustering with must-link and cannot-link constraints.

Connected components join two people through one wrong pair. Average linkage joins two groups only if the *mean* weight
of the pairs between them is above the threshold. Example: A and B match with +8 bits, B and C with +3, A and C were
compared and differ with -6. First A and B join. The mean weight between {A, B} and {C} is (3 - 6) / 2 = -1.5, so C
stays alone; connected components would join all three.

A refused pair (see `guard`) is clearly of two people. No group has both of its records, so a group that weaker links
would chain over it is cut there: the strongest links join first, and a join that would bring a refused pair into one
group is left out. Only a steward's must-link overrides a refusal. A record that matches both records of a refused pair
about equally well (father and son of one name, no birth date) joins neither: which one is right is not known.

Each round joins all pairs of groups that are each other's best (Sumengen et al., "Scaling Hierarchical Agglomerative
Clustering to Billion-sized Datasets", 2021). For average linkage the groups are the same as with one join at a time.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from pipelines.matching.guard import REFUSED_WEIGHT

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

# Weight (log2 odds) of a pair without a score: the records share no blocking key, which is weak evidence against a
# match.
UNSEEN_WEIGHT = -1.0
# Weights of single pairs are limited to plus or minus this number of bits, so that no pair outweighs all others.
WEIGHT_CAP = 12.0
# Weights are rounded to 1/2^20 of a bit. Sums of such numbers are exact, in any order.
_STEPS_PER_BIT = 2.0**20
# A group that matches two groups of clearly different people joins one of them only if it matches that one better by
# this number of bits.
_CLEARLY_BETTER = 2.0
# Weight of a cannot-link pair; it outweighs any number of agreeing pairs.
_FORBIDDEN = -1e12
# Exclusive sources of a group are bits of one 64-bit number.
_MOST_SOURCES = 62


@dataclass(frozen=True, slots=True)
class Constraints:
    """Constraints that match weights cannot override. Pairs are record numbers, shape (n, 2).

    Attributes:
        must_link: pairs that a steward declared to be one person.
        cannot_link: pairs that a steward declared to be two people.
        exclusive_source: for each record the number of a source of which a person has at most one record; -1 for none.

    """

    must_link: Ints = field(default_factory=lambda: np.empty((0, 2), dtype=np.int64))
    cannot_link: Ints = field(default_factory=lambda: np.empty((0, 2), dtype=np.int64))
    exclusive_source: Ints | None = None


def cluster(
    size: int,
    left: Ints,
    right: Ints,
    weights: Floats,
    constraints: Constraints | None = None,
    *,
    threshold: float = 0.0,
    ties: Ints | None = None,
) -> Ints:
    """Cluster records; return for each record the smallest record number of its group.

    The groups do not depend on the order of the pairs. They do not depend on the order of the rows either if `ties` is
    an order of the records' contents.

    Args:
        size: number of records; `left` and `right` number them from 0.
        left: one record of each scored pair.
        right: the other record. Each pair occurs once.
        weights: match weight of each pair (log2 odds that both are one person); `REFUSED_WEIGHT` for a refused pair.
        constraints: must-links, cannot-links and exclusive sources. A must-link that contradicts a cannot-link is
            ignored.
        threshold: two groups join if the mean weight between them is above it.
        ties: rank of each record, all different; the lower rank wins among equal means. None: the record numbers.

    >>> pairs = np.array([[0, 1], [1, 2], [0, 2]])
    >>> cluster(3, pairs[:, 0], pairs[:, 1], np.array([8.0, 3.0, -6.0])).tolist()
    [0, 0, 2]

    """
    constraints = constraints or Constraints()
    if ties is not None:
        renamed = _renumber(constraints, ties)
        found = cluster(size, ties[left], ties[right], weights, renamed, threshold=threshold)[ties]
        return _by_smallest(found)
    members = np.arange(size, dtype=np.int64)
    must_links = _allowed_must_links(size, constraints)
    by_steward = components(size, must_links[:, 0], must_links[:, 1])
    is_refused = (weights <= REFUSED_WEIGHT) & (by_steward[left] != by_steward[right])
    groups = _Groups.start(size, left, right, _exact(weights), is_refused, constraints)
    members = groups.join(members, must_links)
    while True:
        pairs = groups.best_pairs(threshold)
        if not len(pairs):
            return members
        members = groups.join(members, pairs)


def _exact(weights: Floats) -> Floats:
    """Return the weights, limited to the cap and rounded to multiples of 2^-20, so that sums are exact in any order."""
    return np.round(np.clip(weights, -WEIGHT_CAP, WEIGHT_CAP) * _STEPS_PER_BIT) / _STEPS_PER_BIT


def _renumber(constraints: Constraints, number: Ints) -> Constraints:
    source = constraints.exclusive_source
    if source is not None:
        moved = np.empty_like(source)
        moved[number] = source
        source = moved
    return Constraints(number[constraints.must_link], number[constraints.cannot_link], source)


def _by_smallest(group: Ints) -> Ints:
    """Return the group of each record, as the smallest record number of the group."""
    _, label = np.unique(group, return_inverse=True)
    smallest = np.full(int(label.max(initial=-1)) + 1, len(group), dtype=np.int64)
    np.minimum.at(smallest, label, np.arange(len(group)))
    return np.asarray(smallest[label])


def components(size: int, left: Ints, right: Ints) -> Ints:
    """Return the connected component of each record, as the smallest record number of the component."""
    ones = np.ones(len(left), dtype=np.int8)
    _, label = connected_components(coo_matrix((ones, (left, right)), shape=(size, size)), directed=False)
    smallest = np.full(label.max() + 1 if size else 0, size, dtype=np.int64)
    np.minimum.at(smallest, label, np.arange(size))
    return np.asarray(smallest[label])


def _allowed_must_links(size: int, constraints: Constraints) -> Ints:
    """Return the must-links, without those of connected groups that contain a cannot-link pair."""
    must, cannot = constraints.must_link, constraints.cannot_link
    if not len(must) or not len(cannot):
        return must
    label = components(size, must[:, 0], must[:, 1])
    broken = label[cannot[:, 0]] == label[cannot[:, 1]]
    return np.asarray(must[~np.isin(label[must[:, 0]], label[cannot[broken, 0]])])


@dataclass(slots=True)
class _Groups:
    """Groups of records, and the edges between the groups.

    Attributes:
        left: one group of each edge.
        right: the other group.
        total: sum of the weights of the scored pairs between both groups.
        scored: number of those pairs.
        refused: number of refused pairs between both groups that no steward linked.
        sizes: number of records of each group.
        sources: exclusive sources of each group, as bits.
    """

    left: Ints
    right: Ints
    total: Floats
    scored: Floats
    refused: Floats
    sizes: Floats
    sources: Ints

    @classmethod
    def start(
        cls,
        size: int,
        left: Ints,
        right: Ints,
        weights: Floats,
        is_refused: NDArray[np.bool_],
        constraints: Constraints,
    ) -> "_Groups":
        cannot = constraints.cannot_link
        low = np.concatenate([np.minimum(left, right), np.minimum(cannot[:, 0], cannot[:, 1])])
        high = np.concatenate([np.maximum(left, right), np.maximum(cannot[:, 0], cannot[:, 1])])
        groups = cls(
            low,
            high,
            np.concatenate([weights, np.full(len(cannot), _FORBIDDEN)]),
            np.concatenate([np.ones(len(left)), np.zeros(len(cannot))]),
            np.concatenate([is_refused.astype(np.float64), np.zeros(len(cannot))]),
            np.ones(size),
            _source_bits(size, constraints.exclusive_source),
        )
        if len(cannot):
            groups._join_edges(low, high)
        return groups

    def means(self) -> Floats:
        """Return the mean weight between the groups of each edge; minus infinity if a constraint forbids the join."""
        pairs = self.sizes[self.left] * self.sizes[self.right]
        mean = (self.total + UNSEEN_WEIGHT * (pairs - self.scored)) / pairs
        mean[(self.total < _FORBIDDEN / 2) | (self.refused > 0)] = -np.inf
        mean[(self.sources[self.left] & self.sources[self.right]) != 0] = -np.inf
        return mean

    def best_pairs(self, threshold: float) -> Ints:
        """Return the pairs of groups that are each other's best above the threshold; ties go to the lower number."""
        mean = self.means()
        able = mean > threshold
        active = np.zeros(len(self.sizes), dtype=bool)
        active[self.left[able]] = active[self.right[able]] = True
        # A group without an edge above the threshold never gets one (average linkage is reducible), so it is final.
        keep = active[self.left] | active[self.right]
        self.left, self.right = self.left[keep], self.right[keep]
        self.total, self.scored, self.refused = self.total[keep], self.scored[keep], self.refused[keep]
        mean, able = mean[keep], able[keep]
        able[self._ambiguous(mean, able)] = False
        ends = np.concatenate([self.left[able], self.right[able]])
        others = np.concatenate([self.right[able], self.left[able]])
        value = np.concatenate([mean[able], mean[able]])
        if not len(ends):
            return np.empty((0, 2), dtype=np.int64)
        order = np.lexsort((np.maximum(ends, others), np.minimum(ends, others), -value, ends))
        ends, others = ends[order], others[order]
        first = np.concatenate([[True], ends[1:] != ends[:-1]])
        best = np.full(len(self.sizes), -1, dtype=np.int64)
        best[ends[first]] = others[first]
        candidates = np.flatnonzero(best >= 0)
        mutual = candidates[(best[best[candidates]] == candidates) & (candidates < best[candidates])]
        return np.column_stack([mutual, best[mutual]])

    def _ambiguous(self, mean: Floats, able: NDArray[np.bool_]) -> Ints:
        """Return the edges from a group to two others that a refused pair keeps apart, if their means are similar."""
        refused, edges = np.flatnonzero(self.refused > 0), np.flatnonzero(able)
        ends = np.concatenate([self.left[edges], self.right[edges]])
        others = np.concatenate([self.right[edges], self.left[edges]])
        order = np.lexsort((others, ends))
        ends, others, edges = ends[order], others[order], np.concatenate([edges, edges])[order]
        # Neighbours of the left group of each refused edge, and the edge from each of them to the right group, if any.
        first = np.searchsorted(ends, self.left[refused])
        count = np.searchsorted(ends, self.left[refused], side="right") - first
        of_left = np.arange(count.sum()) + np.repeat(first - (np.cumsum(count) - count), count)
        wanted = np.repeat(self.right[refused], count) * len(self.sizes) + others[of_left]
        keys = ends * len(self.sizes) + others
        of_right = np.minimum(np.searchsorted(keys, wanted), max(len(keys) - 1, 0))
        one, two = edges[of_left], edges[of_right]
        is_tie = (keys[of_right] == wanted) & (np.abs(mean[one] - mean[two]) < _CLEARLY_BETTER)
        return np.concatenate([one[is_tie], two[is_tie]])

    def join(self, members: Ints, pairs: Ints) -> Ints:
        """Join the groups that the pairs connect; return the group of each record."""
        if not len(pairs):
            return members
        group = components(len(self.sizes), pairs[:, 0], pairs[:, 1])
        moved = np.flatnonzero(group != np.arange(len(group)))
        np.add.at(self.sizes, group[moved], self.sizes[moved])
        np.bitwise_or.at(self.sources, group[moved], self.sources[moved])
        self._join_edges(group[self.left], group[self.right])
        return np.asarray(group[members])

    def _join_edges(self, left: Ints, right: Ints) -> None:
        """Set new ends of all edges, drop edges within a group, and add up edges between the same two groups."""
        low, high = np.minimum(left, right), np.maximum(left, right)
        apart = low != high
        key = low[apart] * len(self.sizes) + high[apart]
        total, scored, refused = self.total[apart], self.scored[apart], self.refused[apart]
        order = np.argsort(key, kind="stable")
        key = key[order]
        starts = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]])) if len(key) else np.empty(0, int)
        self.total = np.add.reduceat(total[order], starts) if len(key) else total
        self.scored = np.add.reduceat(scored[order], starts) if len(key) else scored
        self.refused = np.add.reduceat(refused[order], starts) if len(key) else refused
        self.left, self.right = key[starts] // len(self.sizes), key[starts] % len(self.sizes)


def _source_bits(size: int, source: Ints | None) -> Ints:
    if source is None:
        return np.zeros(size, dtype=np.int64)
    if len(source) and source.max() >= _MOST_SOURCES:
        raise ValueError(
            f"got {source.max() + 1} exclusive sources; expected at most {_MOST_SOURCES}. "
            "Leave out one_per_person in the mapping."
        )
    return np.where(source >= 0, np.left_shift(1, np.maximum(source, 0)), 0).astype(np.int64)
