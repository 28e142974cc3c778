"""Finds the nearest tuples of each tuple: those with the least loss of a common label."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from privacy.anonymity.kernel.compilation import entry_point, kernel

GROUP = 5
"""Least mean number of rows in a group of equal prefixes. More rows are scanned in vain, fewer make more groups."""
BUCKETS = 32
"""Number of loss steps by which the listed groups are sorted."""
TINY = 1e-300
"""Replaces a reach of 0, where all tuples are equal."""


class Workspace(NamedTuple):
    """Results and working arrays of `nearest_in_groups`."""

    near: NDArray[np.int32]
    """(end - begin, limit) nearest tuples, -1 where there are none."""
    floor: NDArray[np.float64]
    """(end - begin,) loss at which k records are met."""
    row: NDArray[np.int64]
    partial: NDArray[np.float64]
    base: NDArray[np.float64]
    """(groups,) loss of the prefix of each listed group."""
    listed: NDArray[np.int64]
    """(groups,) groups that may hold neighbours."""
    place: NDArray[np.int64]
    """(groups,) listed groups, nearest first."""
    edge: NDArray[np.int64]
    heap: NDArray[np.float64]
    """(limit,) losses of the nearest tuples found, as a max-heap."""
    item: NDArray[np.int32]
    guess: NDArray[np.int32]
    """Neighbours of the tuple before: their loss bounds the search."""


@kernel
def _sift_down(distance: NDArray[np.float64], item: NDArray[np.int32], size: int) -> None:
    """Restores the max-heap after its root was replaced. Of equal losses the larger index is nearer the root."""
    at = 0
    while True:
        child = 2 * at + 1
        if child >= size:
            return
        right = child + 1
        if right < size and (
            distance[right] > distance[child] or (distance[right] == distance[child] and item[right] > item[child])
        ):
            child = right
        if distance[at] > distance[child] or (distance[at] == distance[child] and item[at] > item[child]):
            return
        distance[at], distance[child] = distance[child], distance[at]
        item[at], item[child] = item[child], item[at]
        at = child


def trie_steps(codes: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Returns, for rows sorted by column, the first column that differs from the row before (m,), and the next row
    whose prefix up to each column differs (m, q).
    """
    m, q = codes.shape
    differs = codes[1:, : q - 1] != codes[:-1, : q - 1]
    first = np.zeros(m, np.int32)
    first[1:] = np.where(differs.any(1), differs.argmax(1) if q > 1 else 0, q - 1)
    following = np.full((m, q), m, np.int32)
    for j in range(q):
        starting = np.where(first[1:] <= j, np.arange(1, m), m)
        following[:-1, j] = np.minimum.accumulate(starting[::-1])[::-1]
    return first, following


def _prefix_groups(first: NDArray[np.int32], q: int) -> tuple[int, NDArray[np.int64]]:
    """Returns the longest prefix whose groups have GROUP rows on average, and the first row of each group and the
    end.
    """
    m = first.shape[0]
    starting = np.bincount(first[1:], minlength=q)
    width, groups = 1, 1 + int(starting[0])
    while width < q - 1 and (groups + starting[width]) * GROUP <= m:
        groups += int(starting[width])
        width += 1
    return width, np.concatenate([[0], np.flatnonzero(first[1:] < width) + 1, [m]]).astype(np.int64)


@kernel
def _list_groups(
    prefix: NDArray[np.int32],
    first: NDArray[np.int32],
    following: NDArray[np.int32],
    row: NDArray[np.int64],
    pair: NDArray[np.float64],
    reach: float,
    partial: NDArray[np.float64],
    base: NDArray[np.float64],
    listed: NDArray[np.int64],
) -> int:
    """Writes the groups whose prefix is within `reach` into `listed`, and the loss of the prefix into `base`.

    Returns the number of groups.
    """
    groups, width = prefix.shape
    found, i, level = 0, 0, 0
    while i < groups:
        j = level
        while j < width:
            partial[j + 1] = partial[j] + pair[row[j] + prefix[i, j]]
            if partial[j + 1] > reach:
                break
            j += 1
        if j == width:
            base[found], listed[found] = partial[width], i
            found += 1
            i += 1
        else:
            i = following[i, j]
        if i < groups:
            level = first[i]
    return found


@kernel
def _sort_groups(
    base: NDArray[np.float64], found: int, step: float, place: NDArray[np.int64], edge: NDArray[np.int64]
) -> None:
    """Writes the first `found` entries of `base` into `place` by rising loss, in steps of 1 / `step`."""
    edge[:] = 0
    for r in range(found):
        edge[min(int(base[r] * step), BUCKETS) + 1] += 1
    for b in range(1, BUCKETS + 2):
        edge[b] += edge[b - 1]
    for r in range(found):
        b = min(int(base[r] * step), BUCKETS)
        place[edge[b]] = r
        edge[b] += 1


def nearest_tuples(
    codes: NDArray[np.int32],
    count: NDArray[np.int64],
    order: NDArray[np.int64],
    size: NDArray[np.int64],
    pair_start: NDArray[np.int64],
    pair: NDArray[np.float64],
    wanted: NDArray[np.bool_],
    limit: int,
    k: int,
    begin: int,
    end: int,
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Returns the `limit` nearest tuples of each wanted tuple from `begin` to before `end`, and the loss at which `k`
    records are met.

    `codes` (t, q) must be sorted by the columns in `order`, the costliest to differ in first. `pair` has, for each
    column, the loss of the smallest label that covers two codes. The result is (end - begin, limit), nearest first, -1
    where there are fewer tuples, and (end - begin,). Equal losses are ordered by tuple number.

    Rows with equal prefixes form a group. A walk over the groups as a trie lists those whose prefix is no farther than
    the neighbours of the tuple before. They are scanned nearest first until no further group can hold a neighbour.
    """
    t, q = codes.shape
    sorted_codes = np.ascontiguousarray(codes[:, order])
    width, start = _prefix_groups(trie_steps(sorted_codes)[0], q)
    prefix = np.ascontiguousarray(sorted_codes[start[:-1], :width])
    first, following = trie_steps(prefix)
    groups = len(prefix)
    w = Workspace(
        np.full((end - begin, limit), -1, np.int32),
        np.zeros(end - begin),
        np.zeros(q, np.int64),
        np.zeros(width + 1),
        np.empty(groups),
        np.empty(groups, np.int64),
        np.empty(groups, np.int64),
        np.zeros(BUCKETS + 2, np.int64),
        np.empty(limit),
        np.empty(limit, np.int32),
        (min(begin, max(t - limit, 0)) + np.arange(min(limit, t))).astype(np.int32),
    )
    g = int(np.searchsorted(start, begin, "right")) - 1
    given = sorted_codes, count, order, size, pair_start, pair, wanted
    nearest_in_groups(*given, prefix, first, following, start, w, limit, k, begin, end, g)
    return w.near, w.floor


@entry_point
def nearest_in_groups(
    sorted_codes: NDArray[np.int32],
    count: NDArray[np.int64],
    order: NDArray[np.int64],
    size: NDArray[np.int64],
    pair_start: NDArray[np.int64],
    pair: NDArray[np.float64],
    wanted: NDArray[np.bool_],
    prefix: NDArray[np.int32],
    first: NDArray[np.int32],
    following: NDArray[np.int32],
    start: NDArray[np.int64],
    w: Workspace,
    limit: int,
    k: int,
    begin: int,
    end: int,
    g: int,
) -> None:
    """Fills `w.near` and `w.floor` for the tuples from `begin` to before `end`; `g` is the group of the first.

    `sorted_codes` has the columns in `order`; `prefix`, `first` and `following` describe the groups of equal prefixes,
    which begin at the rows `start`.
    """
    t, q = sorted_codes.shape
    groups, width = prefix.shape
    out, floor, row, partial, base, listed = w.near, w.floor, w.row, w.partial, w.base, w.listed
    place, edge, heap, item, guess = w.place, w.edge, w.heap, w.item, w.guess
    found, step = 0, 0.0
    while g < groups and start[g] < end:
        low, high = max(start[g], begin), min(start[g + 1], end)
        reach = -1.0
        for a in range(low, high):
            if not wanted[a]:
                out[a - begin, 0] = a
                continue
            for j in range(q):
                row[j] = pair_start[order[j]] + sorted_codes[a, j] * size[order[j]]
            bound = np.inf
            if limit <= t:
                bound = 0.0
                for i in guess:
                    d = 0.0
                    for j in range(q):
                        d += pair[row[j] + sorted_codes[i, j]]
                    bound = max(bound, d)
            if bound > reach:
                reach = bound if reach < 0.0 else 1.25 * bound
                found = _list_groups(prefix, first, following, row, pair, reach, partial, base, listed)
                step = BUCKETS / max(reach, TINY)
                _sort_groups(base, found, step, place, edge)
            for h in range(limit):
                heap[h], item[h] = np.inf, t + h
            for at in range(found):
                r = place[at]
                if base[r] > bound:
                    if int(base[r] * step) > int(bound * step):
                        break
                    continue
                for i in range(start[listed[r]], start[listed[r] + 1]):
                    d = base[r]
                    for j in range(width, q):
                        d += pair[row[j] + sorted_codes[i, j]]
                        if d > bound:
                            break
                    if d <= bound and (d < heap[0] or (d == heap[0] and i < item[0])):
                        heap[0], item[0] = d, i
                        _sift_down(heap, item, limit)
                        bound = min(bound, heap[0])
            for last in range(limit - 1, 0, -1):
                heap[0], heap[last] = heap[last], heap[0]
                item[0], item[last] = item[last], item[0]
                _sift_down(heap, item, last)
            met = 0
            for h in range(limit):
                if heap[h] == np.inf:
                    break
                out[a - begin, h] = item[h]
                guess[min(h, guess.shape[0] - 1)] = item[h]
                if met < k:
                    floor[a - begin] = heap[h]
                    met += count[item[h]]
        g += 1
