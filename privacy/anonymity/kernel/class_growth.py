"""Grows one class at a time from a seed record, and places the records that are left."""

from __future__ import annotations

import heapq

import numpy as np
from numpy.typing import NDArray

from privacy.anonymity.kernel.class_state import (
    EMPTY,
    MOST_SLOTS,
    Classes,
    accepts,
    add,
    close_class,
    empty_out,
    loss_with,
    open_class,
    remove,
    spare,
)
from privacy.anonymity.kernel.compilation import allocating_entry_point, entry_point, kernel
from privacy.anonymity.kernel.label_growth import grow_by_label, is_monotone
from privacy.anonymity.kernel.model_shortfall import shortfall
from privacy.anonymity.kernel.problem import INTERVAL, Problem

LAZINESS = 0.1
"""A class is accepted when its price is within this share of the lowest known price. The later rebuilds correct it."""
SEEDS_PER_CLASS = 5
"""Seeds priced in the first pass for each possible class of k. Pricing all members of a large class adds little."""


@kernel
def _progress(p: Problem, c: Classes, a: int, u: int, before: float) -> float:
    """Returns by how much one record of unit `u` reduces the shortfall of class `a`."""
    if not p.people[u]:
        return 0.0
    c.people[a] += 1
    for s in range(p.category.shape[1]):
        c.hist[a, p.category[u, s]] += 1
    after = shortfall(p, c.hist[a], c.people[a])
    c.people[a] -= 1
    for s in range(p.category.shape[1]):
        c.hist[a, p.category[u, s]] -= 1
    return before - after


@kernel
def _lender(p: Problem, c: Classes, a: int, u: int, want: int) -> tuple[int, int]:
    """Returns a slot of unit `u` in another class that can spare records, and how many; (EMPTY, 0) if none."""
    s = c.unit_head[u]
    looked = 0
    while s != EMPTY and looked < MOST_SLOTS:
        looked += 1
        b = c.slot_class[s]
        if b != a:
            n = spare(p, c, b, u, min(want, c.slot_count[s]))
            if n > 0:
                return s, n
        s = c.unit_next[s]
    return EMPTY, 0


@kernel
def grow(p: Problem, c: Classes, a: int, seed: int, credit: float) -> bool:
    """Adds records near `seed` to class `a` until it satisfies every model; returns False when none are left nearby.

    Each step takes the neighbour with the least added loss per unit of progress. An unassigned record gets a `credit`
    of its own floor, the loss that it has in any class. A record lent by another class gets none.
    """
    t = p.tuple_of[seed]
    by_count = p.prior.shape[0] == 0
    while True:
        lacking = shortfall(p, c.hist[a], c.people[a])
        if lacking == 0.0:
            return True
        best, best_unit, best_slot, best_take = np.inf, -1, EMPTY, 0
        for h in range(p.neighbour.shape[1]):
            near = p.neighbour[t, h]
            if near < 0:
                break
            first = p.unit_start[near]
            joint = loss_with(p, c, a, first)
            rise = c.rows[a] * (joint - c.loss[a])
            if rise - credit * lacking * p.floor[near] > best * lacking and by_count:
                continue
            for u in range(first, p.unit_start[near + 1]):
                want = int(lacking) if by_count else 1
                slot, take, benefit = EMPTY, min(want, c.left[u]), credit * p.floor[near]
                gain = float(take) if by_count else 0.0
                if not by_count:
                    gain = max(_progress(p, c, a, u, lacking), 1e-3)
                if take == 0:
                    score = (rise + joint) / gain if not by_count else rise / want + joint
                    if score >= best:
                        continue
                    slot, take = _lender(p, c, a, u, want)
                    if take == 0:
                        continue
                    benefit = c.loss[c.slot_class[slot]]
                    if by_count:
                        gain = float(take)
                score = (rise + take * (joint - benefit)) / gain
                if score < best:
                    best, best_unit, best_slot, best_take = score, u, slot, take
        if best_unit < 0:
            return False
        if best_slot != EMPTY:
            remove(p, c, best_slot, best_take)
        add(p, c, a, best_unit, best_take)


@kernel
def distance(p: Problem, u: int, v: int) -> float:
    """Returns the loss of the smallest label that covers units `u` and `v`."""
    total = 0.0
    for j in range(p.kind.shape[0]):
        x, y = p.codes[u, j], p.codes[v, j]
        if p.kind[j] == INTERVAL:
            total += p.table[p.table_start[j] + min(x, y) * p.size[j] + max(x, y)]
        elif x != y:
            total += p.set_step[j]
    return total


@kernel
def cheapest_class(p: Problem, c: Classes, u: int, n: int, avoid: int, is_exhaustive: bool) -> int:
    """Returns the class that takes `n` records of unit `u` with the least added loss, or EMPTY.

    Looks at the classes of neighbours, nearest first, until no further one can cost less; with `is_exhaustive` at all
    classes. The class `avoid` is left out.
    """
    best, found = np.inf, EMPTY
    if is_exhaustive:
        for a in range(c.rows.shape[0]):
            if c.rows[a] == 0 or a == avoid:
                continue
            joint = loss_with(p, c, a, u)
            rise = c.rows[a] * (joint - c.loss[a]) + n * joint
            if rise < best and accepts(p, c, a, u, n):
                best, found = rise, a
        return found
    t = p.tuple_of[u]
    for h in range(p.neighbour.shape[1]):
        near = p.neighbour[t, h]
        if near < 0 or n * distance(p, u, p.unit_start[near]) >= best:
            break
        for v in range(p.unit_start[near], p.unit_start[near + 1]):
            s = c.unit_head[v]
            looked = 0
            while s != EMPTY and looked < MOST_SLOTS:
                looked += 1
                a = c.slot_class[s]
                if a != avoid:
                    joint = loss_with(p, c, a, u)
                    rise = c.rows[a] * (joint - c.loss[a]) + n * joint
                    if rise < best and accepts(p, c, a, u, n):
                        best, found = rise, a
                s = c.unit_next[s]
    return found


@kernel
def place(p: Problem, c: Classes, u: int, avoid: int) -> bool:
    """Puts the unassigned records of unit `u` into the cheapest classes that still satisfy the models.

    The class `avoid` is left out. Returns False when no class can take them.
    """
    while c.left[u] > 0:
        n = c.left[u]
        a = cheapest_class(p, c, u, n, avoid, False)
        if a == EMPTY and n > 1:
            n = 1
            a = cheapest_class(p, c, u, n, avoid, False)
        if a == EMPTY:
            a = cheapest_class(p, c, u, n, avoid, True)
        if a == EMPTY:
            return False
        add(p, c, a, u, n)
    return True


@entry_point
def keep_satisfied(p: Problem, c: Classes) -> None:
    """Makes a class of every tuple that satisfies the models by itself. It has no loss and can lend records."""
    for t in range(p.unit_start.shape[0] - 1):
        a = open_class(c)
        for u in range(p.unit_start[t], p.unit_start[t + 1]):
            if c.left[u] > 0:
                add(p, c, a, u, c.left[u])
        if c.rows[a] == 0 or shortfall(p, c.hist[a], c.people[a]) > 0.0:
            empty_out(p, c, a)
            close_class(c, a)


@allocating_entry_point
def grow_cheapest_first(p: Problem, c: Classes, seeds: NDArray[np.int64], credit: float, starts: int) -> None:
    """Grows classes from the seeds, always the class with the lowest price next.

    Prices are updated only when a seed is taken, which is safe because they only rise as records are assigned. `starts`
    is the number of first partners tried for each seed.
    """
    queue = [(p.floor[p.tuple_of[u]] * (1 - credit), u) for u in seeds]
    heapq.heapify(queue)
    while len(queue) > 0:
        _key, u = heapq.heappop(queue)
        if c.left[u] == 0 or not p.people[u]:
            continue
        a = open_class(c)
        add(p, c, a, u, c.left[u])
        ceiling = queue[0][0] + LAZINESS * abs(queue[0][0]) if len(queue) > 0 else np.inf
        price = grow_by_label(p, c, a, u, ceiling, credit, starts)
        if price <= ceiling and shortfall(p, c.hist[a], c.people[a]) == 0.0:
            continue
        empty_out(p, c, a)
        close_class(c, a)
        if price > ceiling and price < np.inf:
            heapq.heappush(queue, (price, u))


@entry_point
def grow_in_order(p: Problem, c: Classes, seeds: NDArray[np.int64], credit: float) -> None:
    """Grows a class record by record from each seed that has unassigned records."""
    for u in seeds:
        while c.left[u] > 0 and p.people[u]:
            a = open_class(c)
            add(p, c, a, u, 1)
            if not grow(p, c, a, u, credit):
                empty_out(p, c, a)
                close_class(c, a)
                break


def build(p: Problem, c: Classes, seeds: NDArray[np.int64], credit: float, starts: int) -> None:
    """Grows a class from each seed unit that still has unassigned records, then places what could not be grouped."""
    if is_monotone(p):
        stride = int(p.model_number[0, 0]) // SEEDS_PER_CLASS
        if stride > 1:
            grow_cheapest_first(p, c, seeds[::stride].copy(), credit, starts)
        grow_cheapest_first(p, c, seeds, credit, starts)
    else:
        grow_in_order(p, c, seeds, credit)
    if (c.left > 0).any():
        place_rest(p, c)


@entry_point
def place_rest(p: Problem, c: Classes) -> None:
    """Places every unassigned record in the class where it costs least.

    Records that no class can take form one class, which absorbs the cheapest others until it satisfies the models; the
    whole table is the last resort.
    """
    rest = EMPTY
    for u in range(c.left.shape[0]):
        if c.left[u] > 0 and not place(p, c, u, EMPTY):
            if rest == EMPTY:
                rest = open_class(c)
            add(p, c, rest, u, c.left[u])
    if rest != EMPTY:
        absorb(p, c, rest)


@kernel
def absorb(p: Problem, c: Classes, rest: int) -> None:
    """Merges whole classes into `rest`, cheapest first, until it satisfies the models or is the whole table."""
    while shortfall(p, c.hist[rest], c.people[rest]) > 0.0:
        best, found = np.inf, EMPTY
        for a in range(c.rows.shape[0]):
            if c.rows[a] == 0 or a == rest:
                continue
            u = c.slot_unit[c.class_head[a]]
            joint = loss_with(p, c, rest, u)
            rise = c.rows[rest] * (joint - c.loss[rest]) + c.rows[a] * (joint - c.loss[a])
            if rise < best:
                best, found = rise, a
        if found == EMPTY:
            return
        while c.class_head[found] != EMPTY:
            s = c.class_head[found]
            u, n = c.slot_unit[s], c.slot_count[s]
            remove(p, c, s, n)
            add(p, c, rest, u, n)
        close_class(c, found)
