"""The pool of candidate labels: every label worth publishing, and the units that each covers.

With hierarchies a label is a node of the lattice above a tuple, so the cheap ones can be listed: depth first over the
columns, left as soon as the loss passes the tuple's cap. A pair is a unit under a label that covers it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from privacy.anonymity.kernel.lean import lean

SAME = 1e-12
FREE = np.uint64(0)
"""Key of an empty place of the hash table."""


class Pool(NamedTuple):
    """Labels and pairs. Pairs of a label are consecutive: needy units first, then lenders, each by rising unit."""

    cost: NDArray[np.float64]
    """(labels,) loss of a record under the label."""
    start: NDArray[np.int64]
    """(labels + 1,) first pair of each label."""
    lenders: NDArray[np.int64]
    """(labels,) first pair of a lender: a unit whose own tuple satisfies the models."""
    unit: NDArray[np.int32]
    """(pairs,)"""
    label: NDArray[np.int32]
    """(pairs,)"""
    unit_start: NDArray[np.int64]
    """(units + 1,) where the unit's pairs begin in `by_cost`."""
    by_cost: NDArray[np.int32]
    """(pairs,) pairs of each unit by rising cost."""


class Lattice(NamedTuple):
    """Nodes of the columns: `hash`, `cost` at `start[j] + level * size[j] + code`."""

    start: NDArray[np.int64]
    size: NDArray[np.int64]
    levels: NDArray[np.int64]
    cost: NDArray[np.float64]
    hash: NDArray[np.uint64]


@lean
def _place(table: NDArray[np.uint64], key: np.uint64) -> int:
    """Where `key` lies, or may be put, in an open hash table whose size is a power of two."""
    mask = np.uint64(table.shape[0] - 1)
    at = (key ^ (key >> np.uint64(29))) & mask
    while table[at] != FREE and table[at] != key:
        at = (at + np.uint64(1)) & mask
    return int(at)


@njit(cache=True, nogil=True)
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
    """List the labels above each tuple up to its cap; returns how many (tuple, label) pairs there are.

    Task 0 counts only; task 1 adds up the `people` under each label in the hash table; task 2 writes the pairs of
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
                if task == 0:
                    found += 1
                else:
                    place = _place(table, np.uint64(key[q]))
                    if task == 1:
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


@njit(cache=True, nogil=True)
def index_pool(
    cost: NDArray[np.float64],
    pair_unit: NDArray[np.int32],
    pair_label: NDArray[np.int32],
    is_lender: NDArray[np.bool_],
) -> Pool:
    """A pool from its pairs, which must come by rising unit."""
    labels, pairs, units = cost.shape[0], pair_unit.shape[0], is_lender.shape[0]
    start = np.zeros(labels + 1, np.int64)
    lenders = np.zeros(labels, np.int64)
    for i in range(pairs):
        start[pair_label[i] + 1] += 1
        if not is_lender[pair_unit[i]]:
            lenders[pair_label[i]] += 1
    for f in range(labels):
        start[f + 1] += start[f]
        lenders[f] += start[f]
    needy, lending = start[:-1].copy(), lenders.copy()
    unit = np.empty(pairs, np.int32)
    label = np.empty(pairs, np.int32)
    for i in range(pairs):
        f = pair_label[i]
        if is_lender[pair_unit[i]]:
            at = lending[f]
            lending[f] += 1
        else:
            at = needy[f]
            needy[f] += 1
        unit[at], label[at] = pair_unit[i], f
    unit_start = np.zeros(units + 1, np.int64)
    for i in range(pairs):
        unit_start[unit[i] + 1] += 1
    for u in range(units):
        unit_start[u + 1] += unit_start[u]
    fill = unit_start[:-1].copy()
    by_cost = np.empty(pairs, np.int32)
    for f in np.argsort(cost, kind="mergesort"):
        for i in range(start[f], start[f + 1]):
            by_cost[fill[unit[i]]] = i
            fill[unit[i]] += 1
    return Pool(cost, start, lenders, unit, label, unit_start, by_cost)


@njit(cache=True, nogil=True)
def narrow(pool: Pool, is_kept: NDArray[np.bool_], is_lender: NDArray[np.bool_]) -> Pool:
    """The pool of the kept labels."""
    number = np.full(is_kept.shape[0], -1, np.int32)
    kept = 0
    for f in range(is_kept.shape[0]):
        if is_kept[f]:
            number[f] = kept
            kept += 1
    cost = np.empty(kept)
    for f in range(is_kept.shape[0]):
        if is_kept[f]:
            cost[number[f]] = pool.cost[f]
    size = 0
    for i in range(pool.label.shape[0]):
        if is_kept[pool.label[i]]:
            size += 1
    unit, label = np.empty(size, np.int32), np.empty(size, np.int32)
    at = 0
    for u in range(pool.unit_start.shape[0] - 1):
        for h in range(pool.unit_start[u], pool.unit_start[u + 1]):
            i = pool.by_cost[h]
            if is_kept[pool.label[i]]:
                unit[at], label[at] = u, number[pool.label[i]]
                at += 1
    return index_pool(cost, unit, label, is_lender)


@lean
def pair_of(pool: Pool, f: int, u: int, is_lender: bool) -> int:
    """The pair of unit `u` under label `f`, or -1."""
    low = pool.lenders[f] if is_lender else pool.start[f]
    high = pool.start[f + 1] - 1 if is_lender else pool.lenders[f] - 1
    while low <= high:
        middle = (low + high) // 2
        if pool.unit[middle] == u:
            return int(middle)
        if pool.unit[middle] < u:
            low = middle + 1
        else:
            high = middle - 1
    return -1


@lean
def members(
    codes: NDArray[np.int32],
    low: NDArray[np.int32],
    high: NDArray[np.int32],
    pair_tuple: NDArray[np.int32],
    pair_label: NDArray[np.int32],
) -> int:
    """Pairs of the tuples whose codes are all between the `low` and `high` of a label. Returns how many there are;
    writes as many as there is room for.
    """
    found = 0
    for t in range(codes.shape[0]):
        for f in range(low.shape[0]):
            j = 0
            while j < codes.shape[1] and low[f, j] <= codes[t, j] <= high[f, j]:
                j += 1
            if j == codes.shape[1]:
                if found < pair_tuple.shape[0]:
                    pair_tuple[found], pair_label[found] = t, f
                found += 1
    return found
