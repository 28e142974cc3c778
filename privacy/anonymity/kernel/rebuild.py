"""Dissolves a few neighbouring classes and grows new ones from their records (Schrimpf et al. 2000)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from privacy.anonymity.kernel.class_growth import place
from privacy.anonymity.kernel.class_state import EMPTY, Classes, add, close_class, empty_out, open_class, undo
from privacy.anonymity.kernel.compilation import kernel
from privacy.anonymity.kernel.label_growth import grow_by_label
from privacy.anonymity.kernel.model_shortfall import shortfall
from privacy.anonymity.kernel.problem import Problem
from privacy.anonymity.kernel.random_number import next_random

CREDIT = 0.4
"""Share of a record's floor that growth subtracts from the price (see `label_growth.grow_by_label`)."""


@kernel
def _seed(p: Problem, c: Classes, unit: NDArray[np.int64], count: int, random: NDArray[np.uint64]) -> int:
    """Returns a released unit with unassigned records: of two drawn units the one with the higher floor. EMPTY when
    none is left.
    """
    best, found = -1.0, EMPTY
    drawn = 0
    first = int(next_random(random) * count)
    for i in range(count):
        u = unit[(first + i) % count]
        if c.left[u] > 0 and p.people[u]:
            drawn += 1
            if p.floor[p.tuple_of[u]] > best:
                best, found = p.floor[p.tuple_of[u]], u
            if drawn == 2:
                break
    return found


@kernel
def _release(c: Classes, a: int, released: NDArray[np.int64], count: int) -> int:
    """Appends the units of class `a` that are not among `released[:count]`; returns the new count.

    When the array is full, units may be missing.
    """
    s = c.class_head[a]
    while s != EMPTY and count < released.shape[0]:
        is_new = True
        for i in range(count):
            is_new = is_new and released[i] != c.slot_unit[s]
        if is_new:
            released[count] = c.slot_unit[s]
            count += 1
        s = c.class_next[s]
    return count


@kernel
def _floors(p: Problem, c: Classes, released: NDArray[np.int64], count: int) -> float:
    """Returns the least possible cost of the released records without a class."""
    total = 0.0
    for i in range(count):
        total += c.left[released[i]] * p.floor[p.tuple_of[released[i]]]
    return total


@kernel
def rebuild(
    p: Problem,
    c: Classes,
    group: NDArray[np.int64],
    size: int,
    released: NDArray[np.int64],
    starts: int,
    rise: float,
    random: NDArray[np.uint64],
) -> bool:
    """Dissolves the classes `group[:size]` and grows new ones from their records; returns whether the result was kept.

    When it costs over `rise` more than before, every change is reverted and the result is False. The attempt ends early
    when placed records and the floors of the others cost too much already. `released`, and `group` beyond `size`, are
    scratch arrays.
    """
    count = 0
    for g in range(size):
        count = _release(c, group[g], released, count)
        if count == released.shape[0]:
            return False
    limit = c.cost[0] + rise
    c.counter[2] = 0
    for g in range(size):
        empty_out(p, c, group[g])
    floors = _floors(p, c, released, count)
    used = 0
    most = min(size + 2, group.shape[0], size + c.counter[1])
    while used < most and c.cost[0] + floors < limit:
        u = _seed(p, c, released, count, random)
        if u == EMPTY:
            break
        if used >= size:
            group[used] = open_class(c)
        a = group[used]
        used += 1
        add(p, c, a, u, c.left[u])
        if grow_by_label(p, c, a, u, np.inf, CREDIT, starts) == np.inf:
            empty_out(p, c, a)
            break
        if shortfall(p, c.hist[a], c.people[a]) > 0.0:
            count = _release(c, a, released, count)
            empty_out(p, c, a)
            break
        floors = _floors(p, c, released, count)
    floors = _floors(p, c, released, count)
    is_kept = c.cost[0] + floors < limit and count < released.shape[0]
    for i in range(count):
        u = released[i]
        if is_kept and c.left[u] > 0:
            floors -= c.left[u] * p.floor[p.tuple_of[u]]
            is_kept = place(p, c, u, EMPTY) and c.cost[0] + floors < limit
    if is_kept:
        c.counter[2] = EMPTY
    else:
        undo(p, c)
    for g in range(max(size, used)):
        if c.rows[group[g]] == 0:
            close_class(c, group[g])
    return bool(is_kept)
