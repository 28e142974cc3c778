"""Re-split: pool the records of a few neighbouring classes and divide them anew, on scratch arrays."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from privacy.anonymity.kernel.classes import EMPTY, ONE, Classes, add, empty_out, open_class
from privacy.anonymity.kernel.dice import next_random
from privacy.anonymity.kernel.divide import Parts, divide_by_count, new_parts
from privacy.anonymity.kernel.feasible import shortfall
from privacy.anonymity.kernel.lean import lean
from privacy.anonymity.kernel.problem import INTERVAL, Problem

MOST_ITEMS = 192
"""Slots that one pool may hold; larger groups are left alone."""
MOST_PARTS, MOST_STARTS = 8, 16
MOST_RELEASED = 2048
"""Slots of the classes rebuilt at once; larger groups are left alone."""


class Scratch(NamedTuple):
    """Working arrays of one re-split: pooled items and the parts they are divided into."""

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
    """Classes redone together, and room for those that come of them."""
    released: NDArray[np.int64]
    """Units of the classes rebuilt."""
    starts: NDArray[np.float64]
    parts: Parts
    """Where k-anonymity is the only model."""


def new_scratch(p: Problem) -> Scratch:
    """Scratch arrays for problem `p`."""
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


@lean
def _joined(p: Problem, w: Scratch, g: int, u: int, bound: float) -> float:
    """Loss of part `g` with unit `u`; may stop early once past `bound`."""
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
        if total > bound:
            return float(total)
    return float(total)


@lean
def _join(p: Problem, w: Scratch, g: int, i: int, n: int, loss: float) -> None:
    """Put `n` records of item `i` into part `g`, whose loss becomes `loss`."""
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


@lean
def _gain(p: Problem, w: Scratch, g: int, u: int, before: float) -> float:
    """Progress of part `g` towards the models by one record of unit `u`."""
    if not p.people[u]:
        return 1e-3
    if p.prior.shape[0] == 0:
        return 1.0
    w.people[g] += 1
    for s in range(p.category.shape[1]):
        w.hist[g, p.category[u, s]] += 1
    after = shortfall(p, w.hist[g], w.people[g])
    w.people[g] -= 1
    for s in range(p.category.shape[1]):
        w.hist[g, p.category[u, s]] -= 1
    return max(before - after, 1e-3)


@lean
def _fill_part(p: Problem, w: Scratch, g: int, items: int) -> bool:
    """Grow part `g` by the cheapest progress until it satisfies the models."""
    by_count = p.prior.shape[0] == 0
    while True:
        lacking = shortfall(p, w.hist[g], w.people[g])
        if lacking == 0.0:
            return True
        best, chosen, chosen_loss = np.inf, -1, 0.0
        for i in range(items):
            if w.remaining[i] == 0:
                continue
            u = w.unit[i]
            if by_count:
                joint = _joined(p, w, g, u, best)
                score = joint
            else:
                joint = _joined(p, w, g, u, np.inf)
                rise = w.rows[g] * (joint - w.loss[g]) + joint
                if rise >= best * lacking:
                    continue
                score = rise / _gain(p, w, g, u, lacking)
            if score < best:
                best, chosen, chosen_loss = score, i, joint
        if chosen < 0:
            return False
        take = min(w.remaining[chosen], int(lacking)) if by_count else 1
        _join(p, w, g, chosen, max(take, 1), chosen_loss)


@lean
def _divide(p: Problem, w: Scratch, items: int, parts: int, start: int, bound: float) -> float:
    """Total cost of dividing the pool into `parts`, the first grown from item `start`; inf when a part falls short.

    Each further part starts from the remaining item farthest from the part before it.
    """
    for g in range(parts):
        w.rows[g] = 0
        w.people[g] = 0
        w.loss[g] = 0.0
        w.hist[g, :] = 0
        w.share[g, :items] = 0
    for i in range(items):
        w.remaining[i] = w.pooled[i]
    by_count = p.prior.shape[0] == 0
    seed = start
    cost = 0.0
    for g in range(parts):
        if g > 0:
            seed, far = -1, -1.0
            for i in range(items):
                if w.remaining[i] > 0:
                    d = _joined(p, w, g - 1, w.unit[i], np.inf)
                    if d > far:
                        far, seed = d, i
            if seed < 0:
                return np.inf
        take = w.remaining[seed] if by_count else 1
        if by_count:
            take = min(take, max(int(p.model_number[0, 0]), 1))
        _join(p, w, g, seed, take, 0.0)
        if not _fill_part(p, w, g, items):
            return np.inf
        cost += w.rows[g] * w.loss[g]
        if cost >= bound:
            return np.inf
    for i in range(items):
        while w.remaining[i] > 0:
            n = w.remaining[i] if by_count else 1
            best, chosen, chosen_loss = np.inf, 0, 0.0
            for g in range(parts):
                joint = _joined(p, w, g, w.unit[i], np.inf)
                rise = w.rows[g] * (joint - w.loss[g]) + n * joint
                if rise < best:
                    best, chosen, chosen_loss = rise, g, joint
            _join(p, w, chosen, i, n, chosen_loss)
            cost += best
            if cost >= bound:
                return np.inf
    if not by_count:
        for g in range(parts):
            if shortfall(p, w.hist[g], w.people[g]) > 0.0:
                return np.inf
    return cost


@lean
def resplit(
    p: Problem,
    c: Classes,
    w: Scratch,
    group: NDArray[np.int64],
    size: int,
    tries: int,
    rise: float,
    random: NDArray[np.uint64],
) -> bool:
    """Divide the pooled records of `group[:size]` anew when that costs at most `rise` more; the first `tries` of
    `w.starts`, in [0, 1), choose first items.
    """
    items = 0
    before = 0.0
    for g in range(size):
        before += c.rows[group[g]] * c.loss[group[g]]
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
                    return False
                w.unit[items], w.pooled[items] = c.slot_unit[s], c.slot_count[s]
                items += 1
            s = c.class_next[s]
    for i in range(items - 1, 0, -1):
        other = int(next_random(random) * (i + 1))
        w.unit[i], w.unit[other] = w.unit[other], w.unit[i]
        w.pooled[i], w.pooled[other] = w.pooled[other], w.pooled[i]
    best, best_parts = before + rise, 0
    by_count = p.prior.shape[0] == 0
    people = 0
    for i in range(items):
        if by_count:
            for j in range(p.kind.shape[0]):
                w.parts.code[j, i] = p.codes[w.unit[i], j]
        if p.people[w.unit[i]]:
            people += w.pooled[i]
    for r in range(tries):
        parts = size
        if tries >= 4 and r % 4 == 3 and size > 1:
            parts = size - 1
        elif tries >= 4 and r % 4 == 1 and size < MOST_PARTS:
            parts = size + 1
        if people < parts * p.model_number[0, 0]:
            continue
        start = int(w.starts[r] * items)
        if by_count:
            cost = divide_by_count(p, w.parts, w.unit, w.pooled, items, parts, start, best, random)
            share = w.parts.share
        else:
            cost = _divide(p, w, items, parts, start, best)
            share = w.share
        if cost < best:
            best, best_parts = cost, parts
            for g in range(parts):
                for i in range(items):
                    w.best[g, i] = share[g, i]
    if best_parts == 0 or (best_parts > size and c.counter[1] == 0):
        return False
    for g in range(size):
        empty_out(p, c, group[g])
    for g in range(best_parts):
        a = group[g] if g < size else open_class(c)
        for i in range(items):
            if w.best[g, i] > 0:
                add(p, c, a, w.unit[i], w.best[g, i])
    for g in range(best_parts, size):
        c.free_class[c.counter[1]] = group[g]
        c.counter[1] += 1
    return True
