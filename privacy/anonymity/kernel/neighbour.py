"""Nearest tuples by the loss of the smallest label that covers both."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from privacy.anonymity.kernel.lean import lean


@lean
def _sift_down(distance: NDArray[np.float64], item: NDArray[np.int32], size: int) -> None:
    """Restore the max-heap after its root was replaced; ties put the larger index nearer the root."""
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


@njit(cache=True, nogil=True)
def trie_steps(codes: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """For rows sorted by column: first column that differs from the row before, and the next row whose prefix
    up to each column differs.
    """
    m, q = codes.shape
    first = np.zeros(m, np.int32)
    following = np.full((m, q), m, np.int32)
    for i in range(1, m):
        j = 0
        while j < q - 1 and codes[i, j] == codes[i - 1, j]:
            j += 1
        first[i] = j
    for i in range(m - 2, -1, -1):
        for j in range(q):
            following[i, j] = i + 1 if j >= first[i + 1] else following[i + 1, j]
    return first, following


@njit(cache=True, nogil=True)
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
    """The `limit` nearest tuples of each wanted tuple from `begin` to before `end`, nearest first, and the loss at
    which `k` records are met.

    `codes` (t, q) must be sorted by the columns in `order` (the costliest to differ in first); `pair` holds, per
    column, the loss of the smallest label covering two codes. Walks the rows as a trie and leaves a branch as soon
    as its prefix alone is farther than the current `limit`-th neighbour, which is no farther than the farthest of the
    neighbours of the tuple before.
    """
    t, q = codes.shape
    sorted_codes = np.empty_like(codes)
    for j in range(q):
        sorted_codes[:, j] = codes[:, order[j]]
    first, following = trie_steps(sorted_codes)
    out = np.full((end - begin, limit), -1, np.int32)
    floor = np.zeros(end - begin)
    partial = np.zeros(q + 1)
    row = np.zeros(q, np.int64)
    heap = np.empty(limit)
    item = np.empty(limit, np.int32)
    guess = (min(begin, max(t - limit, 0)) + np.arange(min(limit, t))).astype(np.int32)
    for a in range(begin, end):
        if not wanted[a]:
            out[a - begin, 0] = a
            continue
        for j in range(q):
            row[j] = pair_start[order[j]] + sorted_codes[a, j] * size[order[j]]
        for h in range(limit):
            heap[h], item[h] = np.inf, t + h
        bound = np.inf
        if limit <= t:
            bound = 0.0
            for i in guess:
                d = 0.0
                for j in range(q):
                    d += pair[row[j] + sorted_codes[i, j]]
                bound = max(bound, d)
        bound += 1e-12
        i, level = 0, 0
        while i < t:
            j = level
            while j < q:
                partial[j + 1] = partial[j] + pair[row[j] + sorted_codes[i, j]]
                if partial[j + 1] >= bound:
                    break
                j += 1
            if j == q:
                heap[0] = partial[q]
                item[0] = i
                _sift_down(heap, item, limit)
                bound = min(bound, heap[0])
                i += 1
            else:
                i = following[i, j]
            if i < t:
                level = first[i]
        for last in range(limit - 1, 0, -1):
            heap[0], heap[last] = heap[last], heap[0]
            item[0], item[last] = item[last], item[0]
            _sift_down(heap, item, last)
        met = 0
        for place in range(limit):
            if heap[place] == np.inf:
                break
            out[a - begin, place] = item[place]
            guess[min(place, guess.shape[0] - 1)] = item[place]
            if met < k:
                floor[a - begin] = heap[place]
                met += count[item[place]]
    return out, floor
