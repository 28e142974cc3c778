"""Grows classes whose sensitive values have the shares of the whole table, for models about shares (t-closeness).

A class whose counts are the rounded shares is as close to the table as its size allows. The smallest size that
satisfies the models is found first (Cao et al. 2011, SABRE). For each value the nearest records join the class.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from privacy.anonymity.kernel.class_state import Classes, add, close_class, empty_out, loss_with, open_class
from privacy.anonymity.kernel.compilation import entry_point, kernel
from privacy.anonymity.kernel.model_shortfall import shortfall
from privacy.anonymity.kernel.problem import Problem

TRIES = 40
"""Attempts at the counts of one class: each larger size in turn, with and without the carried rounding errors."""


class ProportionScratch(NamedTuple):
    """Scratch arrays with one entry per combination of sensitive values (bucket), and one histogram."""

    share: NDArray[np.float64]
    """Share of the bucket among the records without a class."""
    left: NDArray[np.int64]
    """Records of the bucket without a class."""
    quota: NDArray[np.int64]
    """Records of the bucket that the growing class still needs."""
    owed: NDArray[np.float64]
    """Rounding error that is carried to the next class."""
    kept: NDArray[np.float64]
    """`owed` as it was before the growing class, restored when the class is given up."""
    reach: NDArray[np.float64]
    """Loss of the growing class with the bucket's nearest record; -1 when the bucket is done."""
    end: NDArray[np.int64]
    """End of the bucket's members that may have unassigned records."""
    hist: NDArray[np.int64]
    """Histogram of sensitive values on trial."""


def new_proportion_scratch(p: Problem, buckets: int) -> ProportionScratch:
    """Returns scratch arrays for `buckets` combinations."""
    whole, real = np.zeros((3, buckets), np.int64), np.zeros((4, buckets))
    return ProportionScratch(
        real[0], whole[0], whole[1], real[1], real[2], real[3], whole[2], np.zeros(len(p.prior), np.int64)
    )


@kernel
def apportion(share: NDArray[np.float64], size: int, owed: NDArray[np.float64], out: NDArray[np.int64]) -> None:
    """Splits `size` by `share` into whole numbers; `owed` carries the rounding errors to the next call."""
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


@kernel
def _is_enough(
    p: Problem, quota: NDArray[np.int64], category: NDArray[np.int32], size: int, hist: NDArray[np.int64]
) -> bool:
    hist[:] = 0
    for b in range(quota.shape[0]):
        for s in range(category.shape[1]):
            hist[category[b, s]] += quota[b]
    return shortfall(p, hist, size) == 0.0


@kernel
def _smallest_size(p: Problem, w: ProportionScratch, category: NDArray[np.int32], total: int) -> int:
    """Returns the fewest people whose rounded proportions satisfy every model, at most `total`."""
    for size in range(max(1, int(p.model_number[0, 0])), total):
        w.owed[:] = 0.0
        apportion(w.share, size, w.owed, w.quota)
        if _is_enough(p, w.quota, category, size, w.hist):
            return size
    return total


@kernel
def _copy(source: NDArray[np.float64], to: NDArray[np.float64]) -> None:
    for b in range(source.shape[0]):
        to[b] = source[b]


@kernel
def _reset(w: ProportionScratch, start: NDArray[np.int64]) -> None:
    for b in range(w.end.shape[0]):
        w.end[b] = start[b + 1]


@kernel
def _share(w: ProportionScratch, total: int) -> None:
    for b in range(w.left.shape[0]):
        w.share[b] = w.left[b] / total


@kernel
def _set_counts(
    p: Problem, w: ProportionScratch, category: NDArray[np.int32], first: int, size: int, total: int
) -> bool:
    """Sets `w.quota` to the counts of a class of about `size` with a record of bucket `first`.

    Returns False when no such counts satisfy the models.
    """
    _copy(w.owed, w.kept)
    _share(w, total)
    for more in range(TRIES):
        for b in range(w.owed.shape[0]):
            w.owed[b] = w.kept[b] * (1.0 - more % 2)
        apportion(w.share, min(size + more // 2, total), w.owed, w.quota)
        if w.quota[first] == 0:
            lender = 0
            for b in range(w.quota.shape[0]):
                if w.quota[b] > w.quota[lender]:
                    lender = b
            w.quota[lender] -= 1
            w.owed[lender] += 1.0
            w.quota[first] += 1
            w.owed[first] -= 1.0
        people = 0
        for b in range(w.quota.shape[0]):
            people += w.quota[b]
        if _is_enough(p, w.quota, category, people, w.hist):
            return True
    _copy(w.kept, w.owed)
    return False


@kernel
def _nearest(
    p: Problem, c: Classes, w: ProportionScratch, a: int, b: int, start: int, member: NDArray[np.int64]
) -> int:
    """Returns the unit of bucket `b` with unassigned records that widens class `a` least, or -1.

    Members without unassigned records are dropped from the bucket.
    """
    best, chosen, at = np.inf, -1, start
    while at < w.end[b]:
        u = member[at]
        if c.left[u] == 0:
            w.end[b] -= 1
            member[at] = member[w.end[b]]
            continue
        joint = loss_with(p, c, a, u)
        if joint < best:
            best, chosen = joint, u
        at += 1
    return int(chosen)


@kernel
def _fill_counts(
    p: Problem, c: Classes, w: ProportionScratch, a: int, start: NDArray[np.int64], member: NDArray[np.int64]
) -> None:
    """Adds the counted records to class `a`, first from the bucket whose nearest record is farthest."""
    for b in range(w.quota.shape[0]):
        w.reach[b] = -1.0
        if w.quota[b] > 0 and w.left[b] > 0:
            w.reach[b] = loss_with(p, c, a, _nearest(p, c, w, a, b, start[b], member))
    while True:
        farthest, b = -1.0, -1
        for other in range(w.quota.shape[0]):
            if w.reach[other] > farthest:
                farthest, b = w.reach[other], other
        if b < 0:
            return
        w.reach[b] = -1.0
        while w.quota[b] > 0 and w.left[b] > 0:
            chosen = _nearest(p, c, w, a, b, start[b], member)
            n = min(w.quota[b], c.left[chosen])
            add(p, c, a, chosen, n)
            w.quota[b] -= n
            w.left[b] -= n


@entry_point
def grow_in_proportion(
    p: Problem,
    c: Classes,
    w: ProportionScratch,
    seeds: NDArray[np.int64],
    bucket: NDArray[np.int64],
    category: NDArray[np.int32],
    start: NDArray[np.int64],
    member: NDArray[np.int64],
) -> None:
    """Grows classes from `seeds` in turn, as long as the records left allow a class that satisfies the models.

    `bucket` numbers the combination of sensitive values of each unit, `category` are the bins of each combination;
    the units of bucket b are `member[start[b]:start[b + 1]]`.
    """
    total = 0
    for u in range(bucket.shape[0]):
        if p.people[u]:
            w.left[bucket[u]] += c.left[u]
            total += c.left[u]
    _reset(w, start)
    _share(w, total)
    size = _smallest_size(p, w, category, total)
    w.owed[:] = 0.0
    for seed in seeds:
        while c.left[seed] > 0 and p.people[seed] and total >= size:
            if not _set_counts(p, w, category, bucket[seed], size, total):
                break
            a = open_class(c)
            add(p, c, a, seed, 1)
            w.quota[bucket[seed]] -= 1
            w.left[bucket[seed]] -= 1
            _fill_counts(p, c, w, a, start, member)
            if shortfall(p, c.hist[a], c.people[a]) > 0.0:
                s = c.class_head[a]
                while s >= 0:
                    w.left[bucket[c.slot_unit[s]]] += c.slot_count[s]
                    s = c.class_next[s]
                empty_out(p, c, a)
                close_class(c, a)
                _copy(w.kept, w.owed)
                _reset(w, start)
                break
            total = 0
            for b in range(w.left.shape[0]):
                total += w.left[b]
