"""From weighted pairs to people: average-linkage clustering under constraints, in place of connected
components.

Connected components fuse two people through one wrong pair. Average linkage fuses two groups only when the
*mean* weight between their records is positive, so one weak link against many disagreements does nothing.
Rounds merge all pairs of groups that are each other's best (Sumengen et al., "Scaling Hierarchical
Agglomerative Clustering to Billion-sized Datasets", 2021); for average linkage that gives the same groups as
merging one pair at a time.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

# Weight (log2 odds) of a pair that blocking never proposed: the records share no key, which speaks mildly
# against.
UNSEEN_WEIGHT = -2.0
# Evidence of a single pair is capped: beyond 2^12 odds more agreement adds nothing, and no pair outvotes all
# others.
WEIGHT_CAP = 12.0
# Weights are whole multiples of 1/2^20 of a bit: far below what they mean, and sums of them have no rounding error.
_STEPS_A_BIT = 2.0**20
# A forbidden pair outweighs any number of agreeing ones.
_FORBIDDEN = -1e12
# Sources that hold a person once are tracked as bits of one word.
_MOST_SOURCES = 62


@dataclass(frozen=True, slots=True)
class Constraints:
    """What evidence cannot override. Pairs are `rid`s.

    Attributes:
        must_link: pairs that a steward has declared one person.
        never_link: pairs that a steward has declared two people.
        exclusive_source: source number of each record (-1: none) of which a person has at most one record.

    """

    must_link: Ints = field(default_factory=lambda: np.empty((0, 2), dtype=np.int64))
    never_link: Ints = field(default_factory=lambda: np.empty((0, 2), dtype=np.int64))
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
    """Group records.

    Equal means are decided by the order that `ties` gives; give one that follows from what the records say, and the
    groups do not depend on the order of the rows. Weights are taken to a millionth of a bit, so that sums are exact
    and do not depend on it either.

    Args:
        size: number of records; `left` and `right` number them from 0.
        left: one record of each scored pair.
        right: the other record. Each pair occurs once.
        weights: log2 odds that the pair is one person.
        constraints: declared links and exclusive sources. A must-link that contradicts a never-link yields to
            it.
        threshold: groups merge while their mean weight is above it.
        ties: a number for each record, all different; the record numbers if left out.

    Returns:
        For each record the smallest record number of its group.

    """
    constraints = constraints or Constraints()
    if ties is not None:
        renamed = _renumber(constraints, ties)
        found = cluster(size, ties[left], ties[right], weights, renamed, threshold=threshold)[ties]
        return _by_smallest(found)
    members = np.arange(size, dtype=np.int64)
    groups = _Groups.start(size, left, right, _exact(weights), constraints)
    members = groups.fuse(members, _obeyed(size, constraints))
    while True:
        pairs = groups.best_pairs(threshold)
        if not len(pairs):
            return members
        members = groups.fuse(members, pairs)


def _exact(weights: Floats) -> Floats:
    """Cap the weights and take them to multiples of 2^-20, of which sums are exact in any order."""
    return np.round(np.clip(weights, -WEIGHT_CAP, WEIGHT_CAP) * _STEPS_A_BIT) / _STEPS_A_BIT


def _renumber(constraints: Constraints, number: Ints) -> Constraints:
    source = constraints.exclusive_source
    if source is not None:
        moved = np.empty_like(source)
        moved[number] = source
        source = moved
    return Constraints(number[constraints.must_link], number[constraints.never_link], source)


def _by_smallest(group: Ints) -> Ints:
    """Name each group by its smallest record number."""
    _, label = np.unique(group, return_inverse=True)
    smallest = np.full(int(label.max(initial=-1)) + 1, len(group), dtype=np.int64)
    np.minimum.at(smallest, label, np.arange(len(group)))
    return np.asarray(smallest[label])


def components(size: int, left: Ints, right: Ints) -> Ints:
    """Return for each record the smallest record number that it is connected to."""
    ones = np.ones(len(left), dtype=np.int8)
    _, label = connected_components(coo_matrix((ones, (left, right)), shape=(size, size)), directed=False)
    smallest = np.full(label.max() + 1 if size else 0, size, dtype=np.int64)
    np.minimum.at(smallest, label, np.arange(size))
    return np.asarray(smallest[label])


def _obeyed(size: int, constraints: Constraints) -> Ints:
    """Drop must-links whose connected group would hold a never-link pair."""
    must, never = constraints.must_link, constraints.never_link
    if not len(must) or not len(never):
        return must
    label = components(size, must[:, 0], must[:, 1])
    broken = label[never[:, 0]] == label[never[:, 1]]
    return np.asarray(must[~np.isin(label[must[:, 0]], label[never[broken, 0]])])


@dataclass(slots=True)
class _Groups:
    """Edges between groups: total weight and number of scored pairs, and what each group holds."""

    left: Ints
    right: Ints
    total: Floats
    scored: Floats
    sizes: Floats
    sources: Ints

    @classmethod
    def start(cls, size: int, left: Ints, right: Ints, weights: Floats, constraints: Constraints) -> "_Groups":
        never = constraints.never_link
        low = np.concatenate([np.minimum(left, right), np.minimum(never[:, 0], never[:, 1])])
        high = np.concatenate([np.maximum(left, right), np.maximum(never[:, 0], never[:, 1])])
        groups = cls(
            low,
            high,
            np.concatenate([weights, np.full(len(never), _FORBIDDEN)]),
            np.concatenate([np.ones(len(left)), np.zeros(len(never))]),
            np.ones(size),
            _source_bits(size, constraints.exclusive_source),
        )
        if len(never):
            groups._join_edges(low, high)
        return groups

    def means(self) -> Floats:
        """Mean weight between the two groups of each edge; forbidden ones are far below any threshold."""
        pairs = self.sizes[self.left] * self.sizes[self.right]
        mean = (self.total + UNSEEN_WEIGHT * (pairs - self.scored)) / pairs
        mean[self.total < _FORBIDDEN / 2] = -np.inf
        mean[(self.sources[self.left] & self.sources[self.right]) != 0] = -np.inf
        return mean

    def best_pairs(self, threshold: float) -> Ints:
        """Return the pairs of groups that are each other's best above the threshold; ties go to the smaller
        number.
        """
        mean = self.means()
        able = mean > threshold
        active = np.zeros(len(self.sizes), dtype=bool)
        active[self.left[able]] = active[self.right[able]] = True
        # A group without an edge above the threshold never gains one (average linkage is reducible), so it is
        # done.
        keep = active[self.left] | active[self.right]
        self.left, self.right = self.left[keep], self.right[keep]
        self.total, self.scored = self.total[keep], self.scored[keep]
        mean, able = mean[keep], able[keep]
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

    def fuse(self, members: Ints, pairs: Ints) -> Ints:
        """Merge the groups that the pairs connect; return the group of each record."""
        if not len(pairs):
            return members
        group = components(len(self.sizes), pairs[:, 0], pairs[:, 1])
        moved = np.flatnonzero(group != np.arange(len(group)))
        np.add.at(self.sizes, group[moved], self.sizes[moved])
        np.bitwise_or.at(self.sources, group[moved], self.sources[moved])
        self._join_edges(group[self.left], group[self.right])
        return np.asarray(group[members])

    def _join_edges(self, left: Ints, right: Ints) -> None:
        """Renumber the ends of all edges and add up those that became parallel."""
        low, high = np.minimum(left, right), np.maximum(left, right)
        apart = low != high
        key = low[apart] * len(self.sizes) + high[apart]
        total, scored = self.total[apart], self.scored[apart]
        order = np.argsort(key, kind="stable")
        key = key[order]
        starts = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]])) if len(key) else np.empty(0, int)
        self.total = np.add.reduceat(total[order], starts) if len(key) else total
        self.scored = np.add.reduceat(scored[order], starts) if len(key) else scored
        self.left, self.right = key[starts] // len(self.sizes), key[starts] % len(self.sizes)


def _source_bits(size: int, source: Ints | None) -> Ints:
    if source is None:
        return np.zeros(size, dtype=np.int64)
    if len(source) and source.max() >= _MOST_SOURCES:
        raise ValueError(f"got {source.max() + 1} exclusive sources; at most {_MOST_SOURCES} can hold a person once")
    return np.where(source >= 0, np.left_shift(1, np.maximum(source, 0)), 0).astype(np.int64)
