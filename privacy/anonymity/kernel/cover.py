"""Growth by label: find the cheapest label around a seed that covers enough records, then fill the class from it.

For models that more records cannot break. Growing record by record drifts into labels that cost much and cover
little; a label is therefore scored by what it covers: every first partner is tried, each trial is completed greedily,
the cheapest completed label wins.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from privacy.anonymity.kernel.classes import EMPTY, MOST_SLOTS, ONE, Classes, add, remove, spare
from privacy.anonymity.kernel.feasible import DISTINCT_L, K_ANONYMITY, shortfall
from privacy.anonymity.kernel.problem import INTERVAL, Problem

SAME = 1e-12


@njit(cache=True)
def _trial_loss(
    p: Problem, low: NDArray[np.int32], high: NDArray[np.int32], mask: NDArray[np.uint64], u: int, bound: float
) -> float:
    """Loss of the trial label widened by unit `u`; may stop early once past `bound`."""
    total = 0.0
    for j in range(p.kind.shape[0]):
        x = p.codes[u, j]
        if p.kind[j] == INTERVAL:
            a, b = min(low[j], x), max(high[j], x)
            total += p.table[p.table_start[j] + a * p.size[j] + b]
        else:
            known = (mask[j, x >> 6] >> np.uint64(x & 63)) & ONE
            total += p.set_step[j] * (low[j] - 1 + (0 if known else 1))
        if total > bound:
            return float(total)
    return float(total)


@njit(cache=True)
def _trial_widen(p: Problem, low: NDArray[np.int32], high: NDArray[np.int32], mask: NDArray[np.uint64], u: int) -> None:
    for j in range(p.kind.shape[0]):
        x = p.codes[u, j]
        if p.kind[j] == INTERVAL:
            low[j], high[j] = min(low[j], x), max(high[j], x)
        elif not (mask[j, x >> 6] >> np.uint64(x & 63)) & ONE:
            mask[j, x >> 6] |= ONE << np.uint64(x & 63)
            low[j] += 1


@njit(cache=True)
def is_monotone(p: Problem) -> bool:
    """Whether every model stays satisfied whatever records join a class (k-anonymity, distinct l-diversity)."""
    for r in range(p.model_kind.shape[0]):
        if p.model_kind[r] != K_ANONYMITY and p.model_kind[r] != DISTINCT_L:
            return False
    return True


@njit(cache=True)
def _offers(
    p: Problem,
    c: Classes,
    a: int,
    seed: int,
    need: int,
    unit: NDArray[np.int64],
    free: NDArray[np.int64],
    lent: NDArray[np.int64],
) -> int:
    """Neighbours with records to give: their unit, free records and records that another class can spare."""
    t = p.tuple_of[seed]
    found = 0
    for h in range(p.neighbour.shape[1]):
        near = p.neighbour[t, h]
        if near < 0:
            break
        for u in range(p.unit_start[near], p.unit_start[near + 1]):
            if not p.people[u] or found == unit.shape[0]:
                continue
            lending, looked = 0, 0
            s = c.unit_head[u]
            while s != EMPTY and looked < MOST_SLOTS:
                looked += 1
                if c.slot_class[s] != a:
                    lending = max(lending, spare(p, c, c.slot_class[s], u, min(need, c.slot_count[s])))
                s = c.unit_next[s]
            if c.left[u] + lending > 0:
                unit[found], free[found], lent[found] = u, c.left[u], lending
                found += 1
    return found


@njit(cache=True)
def _count_in(p: Problem, hist: NDArray[np.int64], u: int, n: int) -> None:
    for s in range(p.category.shape[1]):
        hist[p.category[u, s]] += n


@njit(cache=True)
def grow_by_label(p: Problem, c: Classes, a: int, seed: int, ceiling: float, credit: float, starts: int) -> float:
    """Complete class `a`, which holds records of `seed` only, under the label of least price of those that begin with
    one of the `starts` nearest partners.

    The price of a label is the loss of the class less `credit` times the floors of the free records it covers, per
    such record: the greedy rule of weighted set cover. All free records inside the label join, and records lent by
    other classes make up what the models still lack. Returns the price; when it is above `ceiling` or infinite
    (nothing found) nothing was changed.
    """
    room = p.neighbour.shape[1] * (2 if p.prior.shape[0] == 0 else 8)
    unit, free, lent = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.int64)
    lacking = shortfall(p, c.hist[a], c.people[a])
    found = _offers(p, c, a, seed, max(int(lacking), 1), unit, free, lent)
    reach = np.empty(found)
    low, high, mask = c.low[a].copy(), c.high[a].copy(), c.mask[a].copy()
    best, best_loss = (0.0, 0.0) if lacking == 0.0 else (np.inf, np.inf)
    best_low, best_high, best_mask = low.copy(), high.copy(), mask.copy()
    own = c.rows[a] * p.floor[p.tuple_of[seed]]
    dearest = p.floor[p.tuple_of[seed]]
    alone = np.empty(found)
    for i in range(found):
        if free[i] > 0:
            dearest = max(dearest, p.floor[p.tuple_of[unit[i]]])
        alone[i] = _trial_loss(p, c.low[a], c.high[a], c.mask[a], unit[i], np.inf)
    dearest *= credit
    is_tried = np.zeros(found, np.bool_)
    joined, backed = c.hist[a].copy(), c.hist[a].copy()
    for first in np.argsort(alone, kind="mergesort"):
        loss = alone[first]
        if loss - dearest >= best:
            break
        if is_tried[first]:
            continue
        if starts == 0:
            break
        starts -= 1
        low[:], high[:], mask[:] = c.low[a], c.high[a], c.mask[a]
        _trial_widen(p, low, high, mask, unit[first])
        while True:
            covered, borrowed = 0, 0
            nearest, step = -1, best + dearest
            saved = own
            joined[:] = c.hist[a]
            backed[:] = c.hist[a]
            for i in range(found):
                reach[i] = _trial_loss(p, low, high, mask, unit[i], step)
                if reach[i] <= loss + SAME:
                    covered += free[i]
                    borrowed += lent[i]
                    saved += free[i] * p.floor[p.tuple_of[unit[i]]]
                    _count_in(p, joined, unit[i], free[i])
                    _count_in(p, backed, unit[i], free[i] + lent[i])
                    if alone[i] >= loss - SAME:
                        is_tried[i] = True
                elif reach[i] < step:
                    step, nearest = reach[i], i
            if shortfall(p, backed, c.people[a] + covered + borrowed) == 0.0:
                extra = math.ceil(shortfall(p, joined, c.people[a] + covered))
                price = (loss * (c.rows[a] + covered + extra) - credit * saved) / (c.rows[a] + covered)
                if price < best:
                    best, best_loss = price, loss
                    best_low[:], best_high[:], best_mask[:] = low, high, mask
                if extra == 0:
                    break
            if nearest < 0:
                break
            _trial_widen(p, low, high, mask, unit[nearest])
            loss = step
    if best > ceiling or best == np.inf:
        return best
    _fill(p, c, a, unit[:found], best_low, best_high, best_mask, best_loss)
    return best


@njit(cache=True)
def _fill(
    p: Problem,
    c: Classes,
    a: int,
    unit: NDArray[np.int64],
    low: NDArray[np.int32],
    high: NDArray[np.int32],
    mask: NDArray[np.uint64],
    loss: float,
) -> None:
    """Take all free records inside the label, then lent ones as long as the models lack something."""
    inside = np.empty(unit.shape[0], np.int64)
    size = 0
    for u in unit:
        if _trial_loss(p, low, high, mask, u, loss + 2 * SAME) <= loss + SAME:
            inside[size] = u
            size += 1
            if c.left[u] > 0:
                add(p, c, a, u, c.left[u])
    lacking = shortfall(p, c.hist[a], c.people[a])
    for u in inside[:size]:
        s = c.unit_head[u]
        while lacking > 0.0 and s != EMPTY:
            following = c.unit_next[s]
            if c.slot_class[s] != a:
                take = spare(p, c, c.slot_class[s], u, min(max(int(lacking), 1), c.slot_count[s]))
                if take > 0 and _is_useful(p, c, a, u, lacking):
                    remove(p, c, s, take)
                    add(p, c, a, u, take)
                    lacking = shortfall(p, c.hist[a], c.people[a])
            s = following


@njit(cache=True)
def _is_useful(p: Problem, c: Classes, a: int, u: int, lacking: float) -> bool:
    """Whether a record of unit `u` brings class `a` nearer to the models."""
    _count_in(p, c.hist[a], u, 1)
    after = shortfall(p, c.hist[a], c.people[a] + 1)
    _count_in(p, c.hist[a], u, -1)
    return after < lacking
