"""Choosing labels: greedily by price, then by ruin and recreate (Schrimpf et al. 2000)."""

from __future__ import annotations

import heapq
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from privacy.anonymity.kernel.choice import NONE, UNPLACED, Choice, borrow, brings, change, join_cheapest, lacking, undo
from privacy.anonymity.kernel.classes import Classes, add, open_class
from privacy.anonymity.kernel.dice import next_random
from privacy.anonymity.kernel.feasible import shortfall
from privacy.anonymity.kernel.lean import lean
from privacy.anonymity.kernel.pool import Pool
from privacy.anonymity.kernel.problem import Problem

LAZINESS = 0.01
"""A label is taken when its score is within this share of the best score known."""
MOST_RUINED = 5
"""Classes dissolved at once."""
MOST_CHOSEN = 512
"""Units released, and a quarter of the labels considered, in one attempt."""
REACH = 40
"""Cheapest labels of each released unit that are considered."""


class Ruin(NamedTuple):
    """Working space of one attempt."""

    hist: NDArray[np.int64]
    group: NDArray[np.int64]
    released: NDArray[np.int64]
    option: NDArray[np.int64]
    value: NDArray[np.float64]
    noise: NDArray[np.float64]
    stamp: NDArray[np.int64]
    """(labels,) last attempt that considered the label."""


def new_ruin(p: Problem, pool: Pool) -> Ruin:
    """Working space for the labels of `pool`."""
    whole = np.int64
    return Ruin(
        np.zeros(len(p.prior), whole),
        np.zeros(MOST_RUINED, whole),
        np.zeros(MOST_CHOSEN, whole),
        np.zeros(4 * MOST_CHOSEN, whole),
        np.zeros(4 * MOST_CHOSEN),
        np.zeros(4 * MOST_CHOSEN),
        np.full(len(pool.cost), -1, whole),
    )


@lean
def score(
    p: Problem, pool: Pool, s: Choice, f: int, price: NDArray[np.float64], slack: float, hist: NDArray[np.int64]
) -> float:
    """Loss of completing a class under label `f` from records without a label, over the prices of those records.

    Records whose price times `slack` is below the label's cost join only to make up what the models lack.
    """
    cost = pool.cost[f]
    people, worth, others, credit = s.rows[f], 0.0, 0, 0.0
    for b in range(hist.shape[0]):
        hist[b] = s.hist[f, b]
    for i in range(pool.start[f], pool.lenders[f]):
        u = pool.unit[i]
        n = s.left[u]
        if n > 0:
            if price[u] * slack > cost:
                people += n
                worth += n * price[u]
                for j in range(p.category.shape[1]):
                    hist[p.category[u, j]] += n
            else:
                others += n
                credit += n * price[u]
    if worth == 0.0:
        return np.inf
    short = max(0.0, float(p.model_number[0, 0] - people)) if p.prior.shape[0] == 0 else shortfall(p, hist, people)
    if short > others and pool.lenders[f] == pool.start[f + 1]:
        return np.inf
    if others > 0:
        credit *= min(short / others, 1.0)
    return float((cost * (people - s.rows[f] + short) - credit) / worth)


@lean
def take(p: Problem, pool: Pool, s: Choice, f: int, price: NDArray[np.float64], slack: float) -> bool:
    """Complete a class under label `f`; False, with nothing changed, when the models cannot be satisfied."""
    mark = s.length[0]
    for i in range(pool.start[f], pool.lenders[f]):
        u = pool.unit[i]
        if s.left[u] > 0 and price[u] * slack > pool.cost[f]:
            change(p, pool, s, i, s.left[u])
    short = lacking(p, s, f)
    while short > 0.0:
        best, dearest = NONE, -1.0
        for i in range(pool.start[f], pool.lenders[f]):
            u = pool.unit[i]
            if s.left[u] > 0 and price[u] > dearest and brings(p, s, f, u, short):
                best, dearest = i, price[u]
        if best == NONE:
            break
        change(p, pool, s, best, min(s.left[pool.unit[best]], max(int(short), 1)))
        short = lacking(p, s, f)
    if short == 0.0 or borrow(p, pool, s, f):
        return True
    undo(p, pool, s, mark)
    return False


@njit(cache=True, nogil=True)
def choose_greedily(p: Problem, pool: Pool, s: Choice, price: NDArray[np.float64], slack: float) -> int:
    """Satisfied tuples as they are, then labels by rising score, then each leftover where it costs least.

    Returns how many records found no place.
    """
    hist = np.zeros(p.prior.shape[0], np.int64)
    queue = [(0.0, 0)]
    queue.clear()
    for f in range(pool.cost.shape[0]):
        s.length[0] = 0
        if pool.cost[f] == 0.0:
            for i in range(pool.start[f], pool.start[f + 1]):
                change(p, pool, s, i, s.left[pool.unit[i]])
            if lacking(p, s, f) > 0.0:
                undo(p, pool, s, 0)
    for f in range(pool.cost.shape[0]):
        if pool.cost[f] > 0.0:
            first = score(p, pool, s, f, price, slack, hist)
            if first < np.inf:
                queue.append((first, f))
    heapq.heapify(queue)
    while len(queue) > 0:
        _, f = heapq.heappop(queue)
        s.length[0] = 0
        now = score(p, pool, s, f, price, slack, hist)
        if len(queue) > 0 and now > queue[0][0] * (1 + LAZINESS):
            if now < np.inf:
                heapq.heappush(queue, (now, f))
            continue
        if now < np.inf:
            take(p, pool, s, f, price, slack)
    missing = 0
    for u in range(s.left.shape[0]):
        s.length[0] = 0
        if s.left[u] > 0 and not join_cheapest(p, pool, s, u):
            undo(p, pool, s, 0)
            missing += s.left[u]
    return missing


@lean
def _gather(pool: Pool, s: Choice, seed: int, want: int, group: NDArray[np.int64], random: NDArray[np.uint64]) -> int:
    """Labels in use around unit `seed`: those of units that could share a cheap label with a member."""
    size = 0
    u = seed
    tries = 0
    while size < want and tries < 6 * want:
        tries += 1
        i = s.head[u]
        while i != NONE and size < want:
            f = pool.label[i]
            is_new = pool.cost[f] > 0.0
            for g in range(size):
                if group[g] == f:
                    is_new = False
            if is_new:
                group[size] = f
                size += 1
            i = s.following[i]
        v = seed
        if size > 0:
            f = group[int(next_random(random) * size)]
            span = pool.lenders[f] - pool.start[f]
            if span == 0:
                continue
            v = pool.unit[pool.start[f] + int(next_random(random) * span)]
        elif s.left[seed] == 0:
            return 0
        width = min(REACH, pool.unit_start[v + 1] - pool.unit_start[v])
        f = pool.label[pool.by_cost[pool.unit_start[v] + int(next_random(random) * width)]]
        span = pool.lenders[f] - pool.start[f]
        if span > 0:
            u = pool.unit[pool.start[f] + int(next_random(random) * span)]
    return size


@lean
def ruin_and_recreate(
    p: Problem, pool: Pool, s: Choice, w: Ruin, price: NDArray[np.float64], attempts: int, random: NDArray[np.uint64]
) -> int:
    """Dissolve a few classes near each other and choose labels anew, `attempts` times; keep what is not worse."""
    hist, group, released, option, stamp = w.hist, w.group, w.released, w.option, w.stamp
    value, noise = w.value, w.noise
    units = s.left.shape[0]
    made = 0
    for attempt in range(attempts):
        want = 2 + int(next_random(random) * (MOST_RUINED - 1))
        seed = int(next_random(random) * units)
        size = _gather(pool, s, seed, want, group, random)
        if size == 0:
            continue
        s.length[0] = 0
        before = s.cost[0]
        count, options = 0, 0
        if s.left[seed] > 0:
            released[0] = seed
            count = 1
        for g in range(size):
            for i in range(pool.start[group[g]], pool.start[group[g] + 1]):
                if s.held[i] > 0:
                    if count < MOST_CHOSEN:
                        released[count] = pool.unit[i]
                    count += 1
        if count > MOST_CHOSEN:
            continue
        for g in range(size):
            for i in range(pool.start[group[g]], pool.start[group[g] + 1]):
                if s.held[i] > 0:
                    change(p, pool, s, i, -s.held[i])
        width = min(REACH, max(4, 4 * MOST_CHOSEN // count))
        slack = 1.0 + 2.0 * next_random(random)
        shake = 0.5 * next_random(random)
        for r in range(count):
            u = released[r]
            for h in range(pool.unit_start[u], min(pool.unit_start[u + 1], pool.unit_start[u] + width)):
                f = pool.label[pool.by_cost[h]]
                if stamp[f] != attempt and options < option.shape[0]:
                    stamp[f] = attempt
                    noise[options] = 1.0 + shake * next_random(random)
                    value[options] = score(p, pool, s, f, price, slack, hist) * noise[options]
                    option[options] = f
                    options += 1
        while options > 0:
            best = 0
            for o in range(options):
                if value[o] < value[best]:
                    best = o
            if value[best] == np.inf:
                break
            f = option[best]
            now = score(p, pool, s, f, price, slack, hist) * noise[best]
            if now > value[best] + 1e-12:
                value[best] = now
                continue
            if not take(p, pool, s, f, price, slack):
                value[best] = np.inf
        waiting = 0
        for r in range(count):
            waiting += s.left[released[r]]
        for r in range(count):
            if s.left[released[r]] > 0 and s.cost[0] - waiting * UNPLACED <= before:
                waiting -= s.left[released[r]]
                join_cheapest(p, pool, s, released[r])
                waiting += s.left[released[r]]
        if s.cost[0] <= before + 1e-12:
            made += 1
        else:
            undo(p, pool, s, 0)
    s.length[0] = 0
    return made


@lean
def to_classes(p: Problem, pool: Pool, s: Choice, c: Classes) -> None:
    """Make a class of every label in use; records without a label go to the no class."""
    for f in range(pool.cost.shape[0]):
        if s.rows[f] > 0:
            a = open_class(c)
            for i in range(pool.start[f], pool.start[f + 1]):
                if s.held[i] > 0:
                    add(p, c, a, pool.unit[i], s.held[i])
