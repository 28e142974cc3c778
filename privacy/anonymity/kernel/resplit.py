"""Pools the records of a few neighbouring classes and divides them anew."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from privacy.anonymity.kernel.class_state import EMPTY, ONE, Classes, add, empty_out, open_class
from privacy.anonymity.kernel.compilation import kernel
from privacy.anonymity.kernel.count_division import Parts, divide_by_count, new_parts
from privacy.anonymity.kernel.model_shortfall import shortfall
from privacy.anonymity.kernel.problem import INTERVAL, Problem
from privacy.anonymity.kernel.random_number import next_random

MOST_ITEMS = 192
"""Most slots in one pool. Larger groups of classes are not split anew."""
MOST_PARTS, MOST_STARTS = 8, 16
MOST_RELEASED = 2048
"""Most slots of the classes rebuilt at once. Larger groups are not rebuilt."""


class Scratch(NamedTuple):
    """Scratch arrays of one split: pooled items and the parts into which they are divided."""

    unit: NDArray[np.int64]
    pooled: NDArray[np.int64]
    remaining: NDArray[np.int64]
    low: NDArray[np.int32]
    high: NDArray[np.int32]
    mask: NDArray[np.uint64]
    loss: NDArray[np.float64]
    rows: NDArray[np.int64]
    people: NDArray[np.int64]
    hist: NDArray[np.int64]
    share: NDArray[np.int64]
    """(parts, items) records of each item in each part."""
    best: NDArray[np.int64]
    group: NDArray[np.int64]
    """Classes redone together, with room for further ones."""
    released: NDArray[np.int64]
    """Units of the rebuilt classes."""
    starts: NDArray[np.float64]
    parts: Parts
    """Scratch arrays where k-anonymity is the only model."""


def new_scratch(p: Problem) -> Scratch:
    """Returns scratch arrays for problem `p`."""
    q, bins = p.codes.shape[1], len(p.prior)
    whole = np.int64
    return Scratch(
        np.zeros(MOST_ITEMS, whole),
        np.zeros(MOST_ITEMS, whole),
        np.zeros(MOST_ITEMS, whole),
        np.zeros((MOST_PARTS, q), np.int32),
        np.zeros((MOST_PARTS, q), np.int32),
        np.zeros((MOST_PARTS, q, p.words), np.uint64),
        np.zeros(MOST_PARTS),
        np.zeros(MOST_PARTS, whole),
        np.zeros(MOST_PARTS, whole),
        np.zeros((MOST_PARTS, bins), whole),
        np.zeros((MOST_PARTS, MOST_ITEMS), whole),
        np.zeros((MOST_PARTS, MOST_ITEMS), whole),
        np.zeros(MOST_PARTS, whole),
        np.zeros(MOST_RELEASED, whole),
        np.zeros(MOST_STARTS),
        new_parts(p, MOST_PARTS, MOST_ITEMS),
    )


@kernel
def _joined(p: Problem, w: Scratch, g: int, u: int) -> float:
    """Returns the loss of part `g` with unit `u`."""
    if w.rows[g] == 0:
        return 0.0
    total = 0.0
    for j in range(p.kind.shape[0]):
        x = p.codes[u, j]
        if p.kind[j] == INTERVAL:
            a, b = min(w.low[g, j], x), max(w.high[g, j], x)
            total += p.table[p.table_start[j] + a * p.size[j] + b]
        else:
            known = (w.mask[g, j, x >> 6] >> np.uint64(x & 63)) & ONE
            total += p.set_step[j] * (w.low[g, j] - 1 + (0 if known else 1))
    return float(total)


@kernel
def _join(p: Problem, w: Scratch, g: int, i: int, n: int, loss: float) -> None:
    """Puts `n` records of item `i` into part `g`, whose loss becomes `loss`."""
    u = w.unit[i]
    is_first = w.rows[g] == 0
    for j in range(p.kind.shape[0]):
        x = p.codes[u, j]
        if p.kind[j] == INTERVAL:
            w.low[g, j] = x if is_first else min(w.low[g, j], x)
            w.high[g, j] = x if is_first else max(w.high[g, j], x)
        else:
            if is_first:
                w.mask[g, j, :] = np.uint64(0)
                w.low[g, j] = 0
            if not (w.mask[g, j, x >> 6] >> np.uint64(x & 63)) & ONE:
                w.mask[g, j, x >> 6] |= ONE << np.uint64(x & 63)
                w.low[g, j] += 1
    w.loss[g] = loss
    w.rows[g] += n
    if p.people[u]:
        w.people[g] += n
        for s in range(p.category.shape[1]):
            w.hist[g, p.category[u, s]] += n
    w.remaining[i] -= n
    w.share[g, i] += n


@kernel
def _gain(p: Problem, w: Scratch, g: int, u: int, before: float) -> float:
    """Returns by how much one record of unit `u` reduces the shortfall of part `g`, at least a small number."""
    if not p.people[u]:
        return 1e-3
    w.people[g] += 1
    for s in range(p.category.shape[1]):
        w.hist[g, p.category[u, s]] += 1
    after = shortfall(p, w.hist[g], w.people[g])
    w.people[g] -= 1
    for s in range(p.category.shape[1]):
        w.hist[g, p.category[u, s]] -= 1
    return max(before - after, 1e-3)


@kernel
def _fill_part(p: Problem, w: Scratch, g: int, items: int) -> bool:
    """Adds records to part `g`, least loss per progress first, until it satisfies the models; False when it cannot."""
    while True:
        lacking = shortfall(p, w.hist[g], w.people[g])
        if lacking == 0.0:
            return True
        best, chosen, chosen_loss = np.inf, -1, 0.0
        for i in range(items):
            if w.remaining[i] == 0:
                continue
            u = w.unit[i]
            joint = _joined(p, w, g, u)
            rise = w.rows[g] * (joint - w.loss[g]) + joint
            if rise >= best * lacking:
                continue
            score = rise / _gain(p, w, g, u, lacking)
            if score < best:
                best, chosen, chosen_loss = score, i, joint
        if chosen < 0:
            return False
        _join(p, w, g, chosen, 1, chosen_loss)


@kernel
def _divide(p: Problem, w: Scratch, items: int, parts: int, start: int, bound: float) -> float:
    """Returns the cost of dividing the pool into `parts`, the first grown from item `start`; inf when a part breaks a
    model.

    Each further part starts from the remaining item farthest from the part before.
    """
    for g in range(parts):
        w.rows[g] = 0
        w.people[g] = 0
        w.loss[g] = 0.0
        w.hist[g, :] = 0
        w.share[g, :items] = 0
    for i in range(items):
        w.remaining[i] = w.pooled[i]
    seed = start
    cost = 0.0
    for g in range(parts):
        if g > 0:
            seed, far = -1, -1.0
            for i in range(items):
                if w.remaining[i] > 0:
                    d = _joined(p, w, g - 1, w.unit[i])
                    if d > far:
                        far, seed = d, i
            if seed < 0:
                return np.inf
        _join(p, w, g, seed, 1, 0.0)
        if not _fill_part(p, w, g, items):
            return np.inf
        cost += w.rows[g] * w.loss[g]
        if cost >= bound:
            return np.inf
    for i in range(items):
        while w.remaining[i] > 0:
            best, chosen, chosen_loss = np.inf, 0, 0.0
            for g in range(parts):
                joint = _joined(p, w, g, w.unit[i])
                rise = w.rows[g] * (joint - w.loss[g]) + joint
                if rise < best:
                    best, chosen, chosen_loss = rise, g, joint
            _join(p, w, chosen, i, 1, chosen_loss)
            cost += best
            if cost >= bound:
                return np.inf
    for g in range(parts):
        if shortfall(p, w.hist[g], w.people[g]) > 0.0:
            return np.inf
    return cost


@kernel
def _pool(c: Classes, w: Scratch, group: NDArray[np.int64], size: int, random: NDArray[np.uint64]) -> int:
    """Copies the records of `group[:size]` into `w.unit` and `w.pooled` in random order.

    Returns the number of items (distinct units), or -1 when they are more than `w` has room for.
    """
    items = 0
    for g in range(size):
        s = c.class_head[group[g]]
        while s != EMPTY:
            found = -1
            for i in range(items):
                if w.unit[i] == c.slot_unit[s]:
                    found = i
            if found >= 0:
                w.pooled[found] += c.slot_count[s]
            else:
                if items == MOST_ITEMS:
                    return -1
                w.unit[items], w.pooled[items] = c.slot_unit[s], c.slot_count[s]
                items += 1
            s = c.class_next[s]
    for i in range(items - 1, 0, -1):
        other = int(next_random(random) * (i + 1))
        w.unit[i], w.unit[other] = w.unit[other], w.unit[i]
        w.pooled[i], w.pooled[other] = w.pooled[other], w.pooled[i]
    return items


@kernel
def _cost(c: Classes, group: NDArray[np.int64], size: int) -> float:
    """Returns the cost of the classes `group[:size]`."""
    total = 0.0
    for g in range(size):
        total += c.rows[group[g]] * c.loss[group[g]]
    return total


@kernel
def _people(p: Problem, w: Scratch, items: int) -> int:
    """Returns the number of people among the pooled records."""
    people = 0
    for i in range(items):
        if p.people[w.unit[i]]:
            people += w.pooled[i]
    return people


@kernel
def _parts_of_try(r: int, tries: int, size: int) -> int:
    """Returns the number of parts of division `r`: the number of classes, or one more or less."""
    if tries >= 4 and r % 4 == 3 and size > 1:
        return size - 1
    if tries >= 4 and r % 4 == 1 and size < MOST_PARTS:
        return size + 1
    return size


@kernel
def _keep(w: Scratch, share: NDArray[np.int64], parts: int, items: int) -> None:
    """Copies a division into `w.best`."""
    for g in range(parts):
        for i in range(items):
            w.best[g, i] = share[g, i]


@kernel
def _apply(p: Problem, c: Classes, w: Scratch, group: NDArray[np.int64], size: int, parts: int, items: int) -> bool:
    """Replaces the classes `group[:size]` by the division `w.best`; False when `parts` is 0 or no class is unused."""
    if parts == 0 or (parts > size and c.counter[1] == 0):
        return False
    for g in range(size):
        empty_out(p, c, group[g])
    for g in range(parts):
        a = group[g] if g < size else open_class(c)
        for i in range(items):
            if w.best[g, i] > 0:
                add(p, c, a, w.unit[i], w.best[g, i])
    for g in range(parts, size):
        c.free_class[c.counter[1]] = group[g]
        c.counter[1] += 1
    return True


@kernel
def resplit_by_count(
    p: Problem,
    c: Classes,
    w: Scratch,
    group: NDArray[np.int64],
    size: int,
    tries: int,
    rise: float,
    random: NDArray[np.uint64],
) -> bool:
    """Divides the records of `group[:size]` anew where k-anonymity is the only model; returns whether the result was
    kept.

    It is kept when it costs at most `rise` more. The first `tries` numbers of `w.starts`, in [0, 1), choose first
    items.
    """
    items = _pool(c, w, group, size, random)
    if items < 0:
        return False
    for i in range(items):
        for j in range(p.kind.shape[0]):
            w.parts.code[j, i] = p.codes[w.unit[i], j]
    best, best_parts = _cost(c, group, size) + rise, 0
    people = _people(p, w, items)
    for r in range(tries):
        parts = _parts_of_try(r, tries, size)
        if people < parts * p.model_number[0, 0]:
            continue
        start = int(w.starts[r] * items)
        cost = divide_by_count(p, w.parts, w.unit, w.pooled, items, parts, start, best, random)
        if cost < best:
            best, best_parts = cost, parts
            _keep(w, w.parts.share, parts, items)
    return _apply(p, c, w, group, size, best_parts, items)


@kernel
def resplit_by_models(
    p: Problem,
    c: Classes,
    w: Scratch,
    group: NDArray[np.int64],
    size: int,
    tries: int,
    rise: float,
    random: NDArray[np.uint64],
) -> bool:
    """Divides the records of `group[:size]` anew under models of sensitive values; else like `resplit_by_count`."""
    items = _pool(c, w, group, size, random)
    if items < 0:
        return False
    best, best_parts = _cost(c, group, size) + rise, 0
    people = _people(p, w, items)
    for r in range(tries):
        parts = _parts_of_try(r, tries, size)
        if people < parts * p.model_number[0, 0]:
            continue
        cost = _divide(p, w, items, parts, int(w.starts[r] * items), best)
        if cost < best:
            best, best_parts = cost, parts
            _keep(w, w.share, parts, items)
    return _apply(p, c, w, group, size, best_parts, items)
