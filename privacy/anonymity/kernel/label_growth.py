"""Finds the label of least price around a seed that covers enough records, then fills a class from it.

For models that additional records cannot break. Growth record by record ends in labels that cost much and cover little.
So labels are compared by the records that they cover: each of a few first partners is tried, each trial is completed
greedily, and the label of least price wins.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from privacy.anonymity.kernel.class_state import EMPTY, MOST_SLOTS, Classes, add, remove, spare
from privacy.anonymity.kernel.compilation import kernel
from privacy.anonymity.kernel.model_shortfall import DISTINCT_L, K_ANONYMITY, shortfall
from privacy.anonymity.kernel.problem import Problem
from privacy.anonymity.kernel.trial_label import price_offers, set_label, widen_trial

SAME = 1e-12


def is_monotone(p: Problem) -> bool:
    """Returns whether every model stays satisfied when records join a class (k-anonymity, distinct l-diversity)."""
    return bool(np.isin(p.model_kind, (K_ANONYMITY, DISTINCT_L)).all())


@kernel
def _offers(p: Problem, c: Classes, a: int, seed: int, need: int) -> int:
    """Writes the neighbours of `seed` that have records to give into the scratch arrays; returns their number.

    For each: its unit, its unassigned records, and the records that another class can spare.
    """
    t, w = p.tuple_of[seed], c.trial
    found = 0
    for h in range(p.neighbour.shape[1]):
        near = p.neighbour[t, h]
        if near < 0:
            break
        for u in range(p.unit_start[near], p.unit_start[near + 1]):
            if not p.people[u] or found == w.unit.shape[0]:
                continue
            lending, looked = 0, 0
            s = c.unit_head[u]
            while s != EMPTY and looked < MOST_SLOTS and lending < need:
                looked += 1
                if c.slot_class[s] != a:
                    lending = max(lending, spare(p, c, c.slot_class[s], u, min(need, c.slot_count[s])))
                s = c.unit_next[s]
            if c.left[u] + lending > 0:
                w.unit[found], w.free[found], w.lent[found] = u, c.left[u], lending
                for j in range(p.kind.shape[0]):
                    w.code[j, found] = p.codes[u, j]
                found += 1
    return found


@kernel
def _count_in(p: Problem, hist: NDArray[np.int64], u: int, n: int) -> None:
    for s in range(p.category.shape[1]):
        hist[p.category[u, s]] += n


@kernel
def _restart(p: Problem, c: Classes, a: int, found: int) -> None:
    """Makes the label of class `a` the trial label."""
    w = c.trial
    set_label(w, c.low[a], c.high[a], c.mask[a])
    for b in range(p.prior.shape[0]):
        w.hist[0, b] = c.hist[a, b]
        w.hist[1, b] = c.hist[a, b]
    for i in range(found):
        w.is_covered[i] = False
        w.reach[i] = w.alone[i]


@kernel
def grow_by_label(p: Problem, c: Classes, a: int, seed: int, ceiling: float, credit: float, starts: int) -> float:
    """Completes class `a`, which has records of `seed` only, under the label of least price, and returns the price.

    The price of a label is the loss of the class less `credit` times the floors of the unassigned records that it
    covers, divided by their number: the greedy rule of weighted set cover. Labels that begin with one of the `starts`
    nearest partners are tried. All unassigned records under the label join the class. Records lent by other classes
    supply what the models still lack. When the price is above `ceiling`, or inf because no label was found, nothing is
    changed.
    """
    w = c.trial
    lacking = shortfall(p, c.hist[a], c.people[a])
    found = _offers(p, c, a, seed, max(int(lacking), 1))
    set_label(w, c.low[a], c.high[a], c.mask[a])
    price_offers(p, w, found)
    best, inside = np.inf, found
    if lacking == 0.0:
        best = 0.0
        for i in range(found):
            w.is_inside[i] = w.alone[i] <= SAME
    own = c.rows[a] * p.floor[p.tuple_of[seed]]
    highest_floor = p.floor[p.tuple_of[seed]]
    for i in range(found):
        if w.free[i] > 0:
            highest_floor = max(highest_floor, p.floor[p.tuple_of[w.unit[i]]])
        w.is_tried[i] = False
    highest_floor *= credit
    first = 0
    while first < found and starts > 0:
        loss = w.alone[first]
        if loss - highest_floor >= best:
            break
        if w.is_tried[first]:
            first += 1
            continue
        starts -= 1
        while found > first + 1 and w.alone[found - 1] - highest_floor >= best:
            found -= 1
        _restart(p, c, a, found)
        widen_trial(p, w, first, found)
        covered, borrowed, saved = 0, 0, own
        while True:
            nearest, step = -1, best + highest_floor
            for i in range(found):
                if w.is_covered[i]:
                    continue
                if w.reach[i] <= loss + SAME:
                    w.is_covered[i] = True
                    u = w.unit[i]
                    covered += w.free[i]
                    borrowed += w.lent[i]
                    saved += w.free[i] * p.floor[p.tuple_of[u]]
                    _count_in(p, w.hist[0], u, w.free[i])
                    _count_in(p, w.hist[1], u, w.free[i] + w.lent[i])
                elif w.reach[i] < step:
                    step, nearest = w.reach[i], i
                if w.is_covered[i] and w.alone[i] >= loss - SAME:
                    w.is_tried[i] = True
            if shortfall(p, w.hist[1], c.people[a] + covered + borrowed) == 0.0:
                extra = math.ceil(shortfall(p, w.hist[0], c.people[a] + covered))
                price = (loss * (c.rows[a] + covered + extra) - credit * saved) / (c.rows[a] + covered)
                if price < best:
                    best, inside = price, found
                    for i in range(found):
                        w.is_inside[i] = w.is_covered[i]
                if extra == 0:
                    break
            if nearest < 0:
                break
            loss = step
            widen_trial(p, w, nearest, found)
        first += 1
    if best > ceiling or best == np.inf:
        return float(best)
    _fill(p, c, a, inside)
    return float(best)


@kernel
def _fill(p: Problem, c: Classes, a: int, found: int) -> None:
    """Adds all unassigned records under the best label, then lent records until the models are satisfied."""
    w = c.trial
    size = 0
    for i in range(found):
        u = w.unit[i]
        if w.is_inside[i]:
            w.unit[size] = u
            size += 1
            if c.left[u] > 0:
                add(p, c, a, u, c.left[u])
    lacking = shortfall(p, c.hist[a], c.people[a])
    for i in range(size):
        u = w.unit[i]
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
        if lacking == 0.0:
            break


@kernel
def _is_useful(p: Problem, c: Classes, a: int, u: int, lacking: float) -> bool:
    """Returns whether a record of unit `u` reduces the shortfall of class `a`."""
    _count_in(p, c.hist[a], u, 1)
    after = shortfall(p, c.hist[a], c.people[a] + 1)
    _count_in(p, c.hist[a], u, -1)
    return after < lacking
