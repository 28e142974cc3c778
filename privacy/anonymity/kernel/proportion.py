"""Growth in proportion: for models about shares, each class takes sensitive values as the rest of the table holds them.

A class whose counts are the table's shares, rounded, is as near to the table as its size allows, so the smallest such
size that satisfies the models is looked for first (Cao et al. 2011, SABRE). Within each value the nearest records join.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from privacy.anonymity.kernel.classes import Classes, add, close_class, loss_with, open_class
from privacy.anonymity.kernel.feasible import shortfall
from privacy.anonymity.kernel.grow import empty_out
from privacy.anonymity.kernel.problem import Problem

TRIES = 40
"""Attempts at the counts of one class: with and without what rounding owes, each larger size in turn."""


@njit(cache=True)
def apportion(share: NDArray[np.float64], size: int, owed: NDArray[np.float64], out: NDArray[np.int64]) -> None:
    """Split `size` by `share` into whole numbers; what rounding owes each part is carried to the next call."""
    given = 0
    for b in range(share.shape[0]):
        owed[b] += share[b] * size
        out[b] = max(int(np.floor(owed[b] + 1e-9)), 0)
        given += out[b]
    while given != size:
        best, chosen = -np.inf, -1
        for b in range(share.shape[0]):
            gap = owed[b] - out[b] if given < size else out[b] - owed[b]
            if share[b] > 0 and gap > best and (given < size or out[b] > 0):
                best, chosen = gap, b
        if chosen < 0:
            break
        out[chosen] += 1 if given < size else -1
        given += 1 if given < size else -1
    for b in range(share.shape[0]):
        owed[b] -= out[b]


@njit(cache=True)
def _is_enough(p: Problem, quota: NDArray[np.int64], category: NDArray[np.int32], size: int) -> bool:
    hist = np.zeros(p.prior.shape[0], np.int64)
    for b in range(quota.shape[0]):
        for s in range(category.shape[1]):
            hist[category[b, s]] += quota[b]
    return shortfall(p, hist, size) == 0.0


@njit(cache=True)
def smallest_size(p: Problem, share: NDArray[np.float64], category: NDArray[np.int32], most: int) -> int:
    """Fewest people whose rounded proportions satisfy every model, at most `most`."""
    quota, owed = np.zeros(share.shape[0], np.int64), np.zeros(share.shape[0])
    for size in range(max(1, int(p.model_number[0, 0])), most):
        owed[:] = 0.0
        apportion(share, size, owed, quota)
        if _is_enough(p, quota, category, size):
            return size
    return most


@njit(cache=True)
def grow_in_proportion(
    p: Problem,
    c: Classes,
    seeds: NDArray[np.int64],
    bucket: NDArray[np.int64],
    category: NDArray[np.int32],
    start: NDArray[np.int64],
    member: NDArray[np.int64],
) -> None:
    """Grow classes from `seeds` in turn while the records left allow one that satisfies the models.

    `bucket` numbers the combination of sensitive values of each unit, `category` are the bins of each combination;
    the units of bucket b are `member[start[b]:start[b + 1]]`.
    """
    buckets = category.shape[0]
    end = start[1:].copy()
    left = np.zeros(buckets, np.int64)
    for u in range(bucket.shape[0]):
        if p.people[u]:
            left[bucket[u]] += c.left[u]
    total = left.sum()
    size = smallest_size(p, left / total, category, total)
    quota, owed, kept = np.zeros(buckets, np.int64), np.zeros(buckets), np.zeros(buckets)
    hardest = np.zeros(buckets)
    for seed in seeds:
        while c.left[seed] > 0 and p.people[seed] and total >= size:
            kept[:] = owed
            is_found = False
            for more in range(TRIES):
                owed[:] = kept * (1.0 - more % 2)
                apportion(left / total, min(size + more // 2, total), owed, quota)
                if quota[bucket[seed]] == 0:
                    lender = np.argmax(quota)
                    quota[lender] -= 1
                    owed[lender] += 1.0
                    quota[bucket[seed]] += 1
                    owed[bucket[seed]] -= 1.0
                if _is_enough(p, quota, category, quota.sum()):
                    is_found = True
                    break
            if not is_found:
                owed[:] = kept
                break
            a = open_class(c)
            add(p, c, a, seed, 1)
            quota[bucket[seed]] -= 1
            left[bucket[seed]] -= 1
            for b in range(buckets):
                hardest[b] = 0.0
                if quota[b] > 0 and left[b] > 0:
                    nearest = np.inf
                    for at in range(start[b], end[b]):
                        if c.left[member[at]] > 0:
                            nearest = min(nearest, loss_with(p, c, a, member[at]))
                    hardest[b] = -nearest
            for b in np.argsort(hardest, kind="mergesort"):
                while quota[b] > 0 and left[b] > 0:
                    best, chosen, at = np.inf, -1, start[b]
                    while at < end[b]:
                        u = member[at]
                        if c.left[u] == 0:
                            end[b] -= 1
                            member[at] = member[end[b]]
                            continue
                        joint = loss_with(p, c, a, u)
                        if joint < best:
                            best, chosen = joint, u
                        at += 1
                    n = min(quota[b], c.left[chosen])
                    add(p, c, a, chosen, n)
                    quota[b] -= n
                    left[b] -= n
            if shortfall(p, c.hist[a], c.people[a]) > 0.0:
                s = c.class_head[a]
                while s >= 0:
                    left[bucket[c.slot_unit[s]]] += c.slot_count[s]
                    s = c.class_next[s]
                empty_out(p, c, a)
                close_class(c, a)
                owed[:] = kept
                for b in range(buckets):
                    end[b] = start[b + 1]
                break
            total = left.sum()
