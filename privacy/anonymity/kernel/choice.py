"""A choice of labels: how many records of each unit are published under each label of the pool.

Every change goes through `change`, which logs it, so that an attempt that did not pay can be taken back.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from privacy.anonymity.kernel.feasible import shortfall
from privacy.anonymity.kernel.lean import lean
from privacy.anonymity.kernel.pool import Pool, pair_of
from privacy.anonymity.kernel.problem import Problem

NONE = -1
UNPLACED = 1.0
"""Loss of a record without a label, as if it were suppressed."""
MOST_LOANS = 8
"""Labels of one unit that are asked to lend."""
MOST_OPENED = 40
"""Labels not in use that a leftover may open."""
MOST_ASKED = 256
"""Units that one class asks for a loan."""


class Choice(NamedTuple):
    """Mutable state; `held` records of each pair, in a linked list per unit."""

    held: NDArray[np.int64]
    following: NDArray[np.int32]
    before: NDArray[np.int32]
    head: NDArray[np.int32]
    rows: NDArray[np.int64]
    """(labels,) records under each label."""
    hist: NDArray[np.int64]
    """(labels, bins)"""
    left: NDArray[np.int64]
    """(units,) records without a label."""
    cost: NDArray[np.float64]
    """[total loss, each record without a label counted as UNPLACED]"""
    log: NDArray[np.int64]
    """(…, 2) pair and change."""
    length: NDArray[np.int64]
    """[entries of the log]"""
    source: NDArray[np.int64]
    """Working space of `borrow`: pairs asked for a loan, and what a record of each costs."""
    price: NDArray[np.float64]


def new_choice(p: Problem, pool: Pool, count: NDArray[np.int64]) -> Choice:
    """A choice in which no record has a label."""
    pairs, labels = len(pool.unit), len(pool.cost)
    return Choice(
        np.zeros(pairs, np.int64),
        np.full(pairs, NONE, np.int32),
        np.full(pairs, NONE, np.int32),
        np.full(len(count), NONE, np.int32),
        np.zeros(labels, np.int64),
        np.zeros((labels, len(p.prior)), np.int64),
        count.copy(),
        np.array([UNPLACED * count.sum()]),
        np.zeros((4 * len(count) + 4096, 2), np.int64),
        np.zeros(1, np.int64),
        np.zeros(MOST_ASKED, np.int64),
        np.zeros(MOST_ASKED),
    )


@lean
def change(p: Problem, pool: Pool, s: Choice, i: int, n: int) -> None:
    """Give pair `i` another `n` records (fewer when negative) and log it."""
    u, f = pool.unit[i], pool.label[i]
    if s.held[i] == 0:
        s.before[i], s.following[i] = NONE, s.head[u]
        if s.head[u] != NONE:
            s.before[s.head[u]] = i
        s.head[u] = i
    s.held[i] += n
    if s.held[i] == 0:
        if s.before[i] == NONE:
            s.head[u] = s.following[i]
        else:
            s.following[s.before[i]] = s.following[i]
        if s.following[i] != NONE:
            s.before[s.following[i]] = s.before[i]
    s.rows[f] += n
    for j in range(p.category.shape[1]):
        s.hist[f, p.category[u, j]] += n
    s.left[u] -= n
    s.cost[0] += n * (pool.cost[f] - UNPLACED)
    s.log[s.length[0], 0], s.log[s.length[0], 1] = i, n
    s.length[0] += 1


@lean
def undo(p: Problem, pool: Pool, s: Choice, to: int) -> None:
    """Take back all changes after log entry `to`."""
    while s.length[0] > to:
        at = s.length[0] - 1
        change(p, pool, s, s.log[at, 0], -s.log[at, 1])
        s.length[0] = at


@lean
def lacking(p: Problem, s: Choice, f: int) -> float:
    """About how many records label `f` lacks; 0 when it satisfies the models."""
    if p.prior.shape[0] == 0:
        return float(max(0, int(p.model_number[0, 0]) - s.rows[f]))
    return float(shortfall(p, s.hist[f], s.rows[f]))


@lean
def can_give(p: Problem, pool: Pool, s: Choice, i: int, want: int) -> int:
    """How many of `want` records pair `i` can give away while its label stays satisfied (0, 1 or more)."""
    f, u = pool.label[i], pool.unit[i]
    if p.prior.shape[0] == 0:
        return int(max(0, min(want, s.held[i], s.rows[f] - int(p.model_number[0, 0]))))
    if s.rows[f] <= 1:
        return 0
    for j in range(p.category.shape[1]):
        s.hist[f, p.category[u, j]] -= 1
    holds = shortfall(p, s.hist[f], s.rows[f] - 1) == 0.0
    for j in range(p.category.shape[1]):
        s.hist[f, p.category[u, j]] += 1
    return 1 if holds else 0


@lean
def brings(p: Problem, s: Choice, f: int, u: int, short: float) -> bool:
    """Whether one record of unit `u` brings label `f` nearer to the models."""
    if p.prior.shape[0] == 0:
        return True
    for j in range(p.category.shape[1]):
        s.hist[f, p.category[u, j]] += 1
    after = shortfall(p, s.hist[f], s.rows[f] + 1)
    for j in range(p.category.shape[1]):
        s.hist[f, p.category[u, j]] -= 1
    return after < short


@lean
def borrow(p: Problem, pool: Pool, s: Choice, f: int) -> bool:
    """Fill label `f` with records that other labels can spare, least sacrifice first; False when they do not do."""
    source, price, found = s.source, s.price, 0
    for i in range(pool.start[f], pool.start[f + 1]):
        h = s.head[pool.unit[i]]
        looked = 0
        while h != NONE and looked < MOST_LOANS and found < MOST_ASKED:
            looked += 1
            if pool.label[h] != f and can_give(p, pool, s, h, 1) > 0:
                source[found], price[found] = h, pool.cost[f] - pool.cost[pool.label[h]]
                found += 1
            h = s.following[h]
    short = lacking(p, s, f)
    while short > 0.0:
        best, chosen = np.inf, NONE
        for r in range(found):
            if price[r] < best:
                best, chosen = price[r], r
        if chosen == NONE:
            break
        price[chosen] = np.inf
        h = source[chosen]
        u = pool.unit[h]
        if not brings(p, s, f, u, short):
            continue
        taken = can_give(p, pool, s, h, max(int(short), 1))
        if taken > 0:
            i = pair_of(pool, f, u, False)
            if i == NONE:
                i = pair_of(pool, f, u, True)
            change(p, pool, s, h, -taken)
            change(p, pool, s, i, taken)
            short = lacking(p, s, f)
    return short == 0.0


@lean
def join_cheapest(p: Problem, pool: Pool, s: Choice, u: int) -> bool:
    """Publish what is left of unit `u` under its cheapest label that is in use, or one that loans make satisfied."""
    best, chosen, opened = np.inf, NONE, 0
    waiting = s.left[u] * UNPLACED
    for h in range(pool.unit_start[u], pool.unit_start[u + 1]):
        i = pool.by_cost[h]
        f = pool.label[i]
        cost = s.left[u] * pool.cost[f]
        if cost >= best:
            break
        if s.rows[f] > 0:
            best, chosen = cost, i
            break
        if opened == MOST_OPENED:
            continue
        opened += 1
        mark, before = s.length[0], s.cost[0]
        change(p, pool, s, i, s.left[u])
        if (lacking(p, s, f) == 0.0 or borrow(p, pool, s, f)) and s.cost[0] - before + waiting < best:
            best, chosen = s.cost[0] - before + waiting, i
        undo(p, pool, s, mark)
    if chosen == NONE:
        return False
    change(p, pool, s, chosen, s.left[u])
    f = pool.label[chosen]
    return lacking(p, s, f) == 0.0 or borrow(p, pool, s, f)


@lean
def settle(p: Problem, pool: Pool, s: Choice) -> None:
    """Move records that their label can spare to the cheapest label in use; close labels that cost more than that."""
    for f in range(pool.cost.shape[0]):
        if s.rows[f] == 0 or pool.cost[f] == 0.0:
            continue
        s.length[0] = 0
        before, is_complete = s.cost[0], True
        for task in range(2):
            for i in range(pool.start[f], pool.start[f + 1]):
                u = pool.unit[i]
                if s.held[i] == 0 or (task == 1 and not is_complete):
                    continue
                to = NONE
                for h in range(pool.unit_start[u], pool.unit_start[u + 1]):
                    g = pool.label[pool.by_cost[h]]
                    if task == 0 and pool.cost[g] >= pool.cost[f]:
                        break
                    if g != f and s.rows[g] > 0:
                        to = pool.by_cost[h]
                        break
                n = s.held[i] if task == 1 else can_give(p, pool, s, i, s.held[i])
                if to == NONE:
                    is_complete = is_complete and task == 0
                elif n > 0:
                    change(p, pool, s, i, -n)
                    change(p, pool, s, to, n)
            if task == 0:
                s.length[0] = 0
                before = s.cost[0]
        if not is_complete or s.cost[0] >= before - 1e-9:
            undo(p, pool, s, 0)
    s.length[0] = 0
