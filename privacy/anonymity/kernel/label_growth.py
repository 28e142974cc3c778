"""Growth by label: find the cheapest label around a seed that covers enough records, then fill the class from it.

For models that more records cannot break. Growing record by record drifts into labels that cost much and cover
little; a label is therefore scored by what it covers: every first partner is tried, each trial is completed greedily,
the cheapest completed label wins.
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
    """Whether every model stays satisfied whatever records join a class (k-anonymity, distinct l-diversity)."""
    return bool(np.isin(p.model_kind, (K_ANONYMITY, DISTINCT_L)).all())


@kernel
def _offers(p: Problem, c: Classes, a: int, seed: int, need: int) -> int:
    """Neighbours with records to give: their unit, free records and records that another class can spare."""
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
    """Put the label of class `a` on trial."""
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
    """Complete class `a`, which holds records of `seed` only, under the label of least price of those that begin with
    one of the `starts` nearest partners.

    The price of a label is the loss of the class less `credit` times the floors of the free records it covers, per
    such record: the greedy rule of weighted set cover. All free records inside the label join, and records lent by
    other classes make up what the models still lack. Returns the price; when it is above `ceiling` or infinite
    (nothing found) nothing was changed.
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
    dearest = p.floor[p.tuple_of[seed]]
    for i in range(found):
        if w.free[i] > 0:
            dearest = max(dearest, p.floor[p.tuple_of[w.unit[i]]])
        w.is_tried[i] = False
    dearest *= credit
    first = 0
    while first < found and starts > 0:
        loss = w.alone[first]
        if loss - dearest >= best:
            break
        if w.is_tried[first]:
            first += 1
            continue
        starts -= 1
        while found > first + 1 and w.alone[found - 1] - dearest >= best:
            found -= 1
        _restart(p, c, a, found)
        widen_trial(p, w, first, found)
        covered, borrowed, saved = 0, 0, own
        while True:
            nearest, step = -1, best + dearest
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
    """Take all free records inside the best label, then lent ones as long as the models lack something."""
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
    """Whether a record of unit `u` brings class `a` nearer to the models."""
    _count_in(p, c.hist[a], u, 1)
    after = shortfall(p, c.hist[a], c.people[a] + 1)
    _count_in(p, c.hist[a], u, -1)
    return after < lacking
