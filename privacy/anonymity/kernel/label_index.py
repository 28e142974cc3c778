"""The labels of the lattice of generalisations, and the tuples that each covers.

With hierarchies a label is one node per column above a tuple. The labels are listed depth first over the columns; a
branch is left as soon as its loss exceeds the tuple's cap. A pair is a tuple under a label that covers it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from privacy.anonymity.kernel.compilation import allocating_entry_point, kernel

SAME = 1e-12
FREE = np.uint64(0)
"""Key of an unused entry of the hash table."""
COUNT, ADD_UP, LIST = range(3)
"""Tasks of `walk`."""


class LabelIndex(NamedTuple):
    """Labels and their pairs. The pairs of a label are consecutive, by rising tuple."""

    cost: NDArray[np.float64]
    """(labels,) loss of a record under the label."""
    start: NDArray[np.int64]
    """(labels + 1,) first pair of each label."""
    unit: NDArray[np.int32]
    """(pairs,) covered tuple."""


class Lattice(NamedTuple):
    """Nodes of the columns: `hash` and `cost` at `start[j] + level * size[j] + code`."""

    start: NDArray[np.int64]
    size: NDArray[np.int64]
    levels: NDArray[np.int64]
    cost: NDArray[np.float64]
    hash: NDArray[np.uint64]


@kernel
def _place(table: NDArray[np.uint64], key: np.uint64) -> int:
    """Returns the index of `key`, or of the free entry for it, in an open hash table whose size is a power of two."""
    mask = np.uint64(table.shape[0] - 1)
    at = (key ^ (key >> np.uint64(29))) & mask
    while table[at] != FREE and table[at] != key:
        at = (at + np.uint64(1)) & mask
    return int(at)


@allocating_entry_point
def walk(
    codes: NDArray[np.int32],
    lattice: Lattice,
    cap: NDArray[np.float64],
    people: NDArray[np.int64],
    table: NDArray[np.uint64],
    total: NDArray[np.int64],
    cost: NDArray[np.float64],
    number: NDArray[np.int32],
    pair_tuple: NDArray[np.int32],
    pair_label: NDArray[np.int32],
    task: int,
) -> int:
    """Lists the labels above each tuple up to its cap; returns the number of (tuple, label) pairs.

    COUNT only counts them. ADD_UP sums the `people` under each label in the hash table. LIST writes the pairs of
    labels that have a `number`.
    """
    tuples, q = codes.shape
    level = np.zeros(q, np.int64)
    loss = np.zeros(q + 1)
    key = np.zeros(q + 1, np.uint64)
    found = 0
    for t in range(tuples):
        j = 0
        level[0] = 0
        while j >= 0:
            if j < q and level[j] < lattice.levels[j]:
                at = lattice.start[j] + level[j] * lattice.size[j] + codes[t, j]
                if level[j] > 0 and lattice.cost[at] <= lattice.cost[at - lattice.size[j]] + SAME:
                    level[j] += 1
                    continue
                loss[j + 1] = loss[j] + lattice.cost[at]
                if loss[j + 1] <= cap[t]:
                    key[j + 1] = key[j] + lattice.hash[at]
                    j += 1
                    if j < q:
                        level[j] = 0
                    continue
            elif j == q:
                if task == COUNT:
                    found += 1
                else:
                    place = _place(table, np.uint64(key[q]))
                    if task == ADD_UP:
                        table[place] = key[q]
                        total[place] += people[t]
                        cost[place] = loss[q]
                        found += 1
                    elif number[place] >= 0:
                        pair_tuple[found], pair_label[found] = t, number[place]
                        found += 1
            j -= 1
            if j >= 0:
                level[j] += 1
    return found


def index_labels(cost: NDArray[np.float64], pair_tuple: NDArray[np.int32], pair_label: NDArray[np.int32]) -> LabelIndex:
    """Returns the index of the pairs, which must come by rising tuple."""
    order = np.argsort(pair_label, kind="stable")
    sizes = np.bincount(pair_label, minlength=len(cost))
    start = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    return LabelIndex(cost, start, np.ascontiguousarray(pair_tuple[order]))
