"""Divides the pooled records of a few classes into parts of k, where k-anonymity is the only model.

The loss of each part with each item is updated column by column when a label widens. So a step looks at one number for
each item.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from privacy.anonymity.kernel.compilation import kernel
from privacy.anonymity.kernel.problem import INTERVAL, Problem
from privacy.anonymity.kernel.random_number import next_random

CLOSEST = 0.1
"""The nearer to 0, the more random the choice of the first item of a further part."""
ONE = np.uint64(1)


class Parts(NamedTuple):
    """Scratch arrays over items (pooled slots) and parts."""

    code: NDArray[np.int32]
    """(q, items) codes of the items."""
    left: NDArray[np.int64]
    """(items,) records of each item without a part."""
    joint: NDArray[np.float64]
    """(parts, items) loss of the part with the item."""
    low: NDArray[np.int32]
    high: NDArray[np.int32]
    mask: NDArray[np.uint64]
    loss: NDArray[np.float64]
    rows: NDArray[np.int64]
    people: NDArray[np.int64]
    share: NDArray[np.int64]
    """(parts, items) records of each item in each part."""


def new_parts(p: Problem, parts: int, items: int) -> Parts:
    """Returns scratch arrays for so many parts and items."""
    q = p.codes.shape[1]
    return Parts(
        np.zeros((q, items), np.int32),
        np.zeros(items, np.int64),
        np.zeros((parts, items)),
        np.zeros((parts, q), np.int32),
        np.zeros((parts, q), np.int32),
        np.zeros((parts, q, p.words), np.uint64),
        np.zeros(parts),
        np.zeros(parts, np.int64),
        np.zeros(parts, np.int64),
        np.zeros((parts, items), np.int64),
    )


@kernel
def _begin(p: Problem, w: Parts, g: int, seed: int, items: int) -> None:
    """Makes the label of part `g` that of item `seed`."""
    joint = w.joint[g]
    for i in range(items):
        joint[i] = 0.0
    for j in range(p.kind.shape[0]):
        code = w.code[j]
        x = code[seed]
        if p.kind[j] == INTERVAL:
            w.low[g, j], w.high[g, j] = x, x
            size = p.size[j]
            for i in range(items):
                joint[i] += p.table[p.table_start[j] + min(x, code[i]) * size + max(x, code[i])]
        else:
            for word in range(w.mask.shape[2]):
                w.mask[g, j, word] = np.uint64(0)
            w.mask[g, j, x >> 6] |= ONE << np.uint64(x & 63)
            step = p.set_step[j]
            for i in range(items):
                if code[i] != x:
                    joint[i] += step
    w.loss[g], w.rows[g], w.people[g] = 0.0, 0, 0


@kernel
def _widen(p: Problem, w: Parts, g: int, item: int, items: int) -> None:
    """Widens the label of part `g` by an item."""
    joint = w.joint[g]
    w.loss[g] = joint[item]
    for j in range(p.kind.shape[0]):
        code = w.code[j]
        x = code[item]
        if p.kind[j] == INTERVAL:
            low, high = w.low[g, j], w.high[g, j]
            if low <= x <= high:
                continue
            new_low, new_high = min(low, x), max(high, x)
            w.low[g, j], w.high[g, j] = new_low, new_high
            size, start = p.size[j], p.table_start[j]
            for i in range(items):
                y = code[i]
                after = p.table[start + min(new_low, y) * size + max(new_high, y)]
                joint[i] += after - p.table[start + min(low, y) * size + max(high, y)]
        elif not (w.mask[g, j, x >> 6] >> np.uint64(x & 63)) & ONE:
            w.mask[g, j, x >> 6] |= ONE << np.uint64(x & 63)
            step = p.set_step[j]
            for i in range(items):
                if code[i] != x:
                    joint[i] += step


@kernel
def _join(p: Problem, w: Parts, g: int, item: int, n: int, unit: NDArray[np.int64], items: int) -> None:
    """Puts `n` records of an item into part `g`."""
    if w.joint[g, item] > w.loss[g]:
        _widen(p, w, g, item, items)
    w.rows[g] += n
    if p.people[unit[item]]:
        w.people[g] += n
    w.left[item] -= n
    w.share[g, item] += n


@kernel
def divide_by_count(
    p: Problem,
    w: Parts,
    unit: NDArray[np.int64],
    pooled: NDArray[np.int64],
    items: int,
    parts: int,
    start: int,
    bound: float,
    random: NDArray[np.uint64],
) -> float:
    """Returns the cost of dividing the pool into `parts` of at least k people, the first grown from item `start`.

    The result is inf when a part has too few people or the cost reaches `bound`. Each further part starts from the
    remaining item farthest from the part before. Then each remaining item goes where it costs least.
    """
    k = int(p.model_number[0, 0])
    for i in range(items):
        w.left[i] = pooled[i]
        for g in range(parts):
            w.share[g, i] = 0
    seed = start
    cost = 0.0
    for g in range(parts):
        if g > 0:
            seed, far = -1, -1.0
            for i in range(items):
                if w.left[i] > 0:
                    d = w.joint[g - 1, i] * (CLOSEST + next_random(random))
                    if d > far:
                        far, seed = d, i
            if seed < 0:
                return np.inf
        _begin(p, w, g, seed, items)
        _join(p, w, g, seed, min(w.left[seed], max(k, 1)), unit, items)
        joint = w.joint[g]
        while w.people[g] < k:
            best, chosen = np.inf, -1
            for i in range(items):
                if joint[i] < best and w.left[i] > 0:
                    best, chosen = joint[i], i
            if chosen < 0:
                return np.inf
            _join(p, w, g, chosen, min(w.left[chosen], k - w.people[g]), unit, items)
        cost += w.rows[g] * w.loss[g]
        if cost >= bound:
            return np.inf
    for i in range(items):
        n = w.left[i]
        if n > 0:
            best, chosen = np.inf, 0
            for g in range(parts):
                rise = w.rows[g] * (w.joint[g, i] - w.loss[g]) + n * w.joint[g, i]
                if rise < best:
                    best, chosen = rise, g
            _join(p, w, chosen, i, n, unit, items)
            cost += best
            if cost >= bound:
                return np.inf
    return cost
