"""Opening labels: local search in which a label takes every record it would serve better, and donors make good."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from privacy.anonymity.kernel.choice import NONE, UNPLACED, Choice, borrow, change, lacking, undo
from privacy.anonymity.kernel.lean import lean
from privacy.anonymity.kernel.pool import Pool
from privacy.anonymity.kernel.problem import Problem

MOST_DONORS = 64
GAIN = 1e-9


@lean
def _promise(p: Problem, pool: Pool, s: Choice, f: int) -> float:
    """What opening label `f` would save if donors could give everything and loans were free but for its own cost."""
    cost = pool.cost[f]
    saved, taken = 0.0, s.rows[f]
    for i in range(pool.start[f], pool.lenders[f]):
        h = s.head[pool.unit[i]]
        saved += s.left[pool.unit[i]] * (UNPLACED - cost)
        taken += s.left[pool.unit[i]]
        while h != NONE:
            if pool.cost[pool.label[h]] > cost:
                saved += s.held[h] * (pool.cost[pool.label[h]] - cost)
                taken += s.held[h]
            h = s.following[h]
    short = max(0.0, float(p.model_number[0, 0] - taken))
    if short > 0.0 and pool.lenders[f] == pool.start[f + 1]:
        short *= 0.5
    return float(saved - 0.5 * short * cost)


@lean
def disperse(p: Problem, pool: Pool, s: Choice, f: int) -> bool:
    """Move every record of label `f` to the cheapest other label in use; False when one has none."""
    for i in range(pool.start[f], pool.start[f + 1]):
        if s.held[i] == 0:
            continue
        u = pool.unit[i]
        to = NONE
        for h in range(pool.unit_start[u], pool.unit_start[u + 1]):
            g = pool.label[pool.by_cost[h]]
            if g != f and s.rows[g] > 0:
                to = pool.by_cost[h]
                break
        if to == NONE:
            return False
        n = s.held[i]
        change(p, pool, s, i, -n)
        change(p, pool, s, to, n)
    return True


@lean
def make_good(p: Problem, pool: Pool, s: Choice, f: int) -> bool:
    """Let label `f`, which may lack records, borrow them or disperse, whichever costs less."""
    if s.rows[f] == 0 or lacking(p, s, f) == 0.0:
        return True
    mark, before = s.length[0], s.cost[0]
    borrowed = np.inf
    if borrow(p, pool, s, f):
        borrowed = s.cost[0] - before
    undo(p, pool, s, mark)
    if disperse(p, pool, s, f) and s.cost[0] - before <= borrowed:
        return True
    undo(p, pool, s, mark)
    return borrowed < np.inf and borrow(p, pool, s, f)


@lean
def open_labels(p: Problem, pool: Pool, s: Choice, labels: NDArray[np.int64], donor: NDArray[np.int64]) -> int:
    """Try to open each of `labels`; keep what lowers the cost. Returns how many were opened. `donor` is working space
    for as many labels as may give records to one that opens.
    """
    made = 0
    for f in labels:
        if _promise(p, pool, s, f) <= GAIN:
            continue
        s.length[0] = 0
        before, cost, donors = s.cost[0], pool.cost[f], 0
        for i in range(pool.start[f], pool.lenders[f]):
            h = s.head[pool.unit[i]]
            if s.left[pool.unit[i]] > 0:
                change(p, pool, s, i, s.left[pool.unit[i]])
            while h != NONE and donors < donor.shape[0]:
                following, g = s.following[h], pool.label[h]
                if pool.cost[g] > cost:
                    n = s.held[h]
                    change(p, pool, s, h, -n)
                    change(p, pool, s, i, n)
                    is_new = True
                    for d in range(donors):
                        if donor[d] == g:
                            is_new = False
                    if is_new:
                        donor[donors] = g
                        donors += 1
                h = following
        holds = lacking(p, s, f) == 0.0 or borrow(p, pool, s, f)
        for d in range(donors):
            holds = holds and make_good(p, pool, s, donor[d])
        holds = holds and lacking(p, s, f) == 0.0
        if holds and s.cost[0] < before - GAIN:
            made += 1
        else:
            undo(p, pool, s, 0)
    s.length[0] = 0
    return made
