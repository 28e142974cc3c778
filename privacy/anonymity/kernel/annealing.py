"""Moves, swaps and substitutions of records between neighbouring classes, by simulated annealing.

Every intermediate state satisfies the models. Only the loss may rise on the way.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from privacy.anonymity.kernel.class_state import EMPTY, Classes, add, find_slot, loss_with, loss_without, remove, tally
from privacy.anonymity.kernel.compilation import entry_point, kernel
from privacy.anonymity.kernel.model_shortfall import shortfall
from privacy.anonymity.kernel.problem import Problem
from privacy.anonymity.kernel.random_number import next_random

PARTNERS = 4
"""Members of the other class that a swap considers."""


@kernel
def _holds(p: Problem, c: Classes, a: int, out: int, n: int, into: int, m: int) -> bool:
    """Returns whether class `a` satisfies the models, or is empty, after a change of its records.

    The change takes out `n` records of unit `out` and puts in `m` records of unit `into`; EMPTY stands for no unit.
    """
    if p.prior.shape[0] == 0:
        people = c.people[a]
        if out != EMPTY and p.people[out]:
            people -= n
        if into != EMPTY and p.people[into]:
            people += m
        rows = c.rows[a] - (n if out != EMPTY else 0) + (m if into != EMPTY else 0)
        return bool(rows == 0 or people >= p.model_number[0, 0])
    if out != EMPTY:
        tally(p, c, a, out, -n)
    if into != EMPTY:
        tally(p, c, a, into, m)
    holds = c.rows[a] == 0 or shortfall(p, c.hist[a], c.people[a]) == 0.0
    if out != EMPTY:
        tally(p, c, a, out, n)
    if into != EMPTY:
        tally(p, c, a, into, -m)
    return holds


@kernel
def _member(c: Classes, a: int, random: NDArray[np.uint64], most: int) -> int:
    """Returns a random slot among the first `most` slots of class `a`."""
    steps = int(next_random(random) * most)
    s = c.class_head[a]
    while steps > 0 and c.class_next[s] != EMPTY:
        s = c.class_next[s]
        steps -= 1
    return int(s)


@kernel
def _near_slot(p: Problem, c: Classes, u: int, random: NDArray[np.uint64]) -> int:
    """Returns a random slot that holds a neighbour of unit `u`, nearer neighbours more often.

    EMPTY when the drawn neighbour is in no class.
    """
    t = p.tuple_of[u]
    near = p.neighbour[t, int(next_random(random) ** 2 * min(p.close, p.neighbour.shape[1]))]
    if near < 0:
        return EMPTY
    span = p.unit_start[near + 1] - p.unit_start[near]
    s = c.unit_head[p.unit_start[near] + int(next_random(random) * span)]
    if s != EMPTY and c.unit_next[s] != EMPTY and next_random(random) < 0.5:
        s = c.unit_next[s]
    return int(s)


@kernel
def _accept(rise: float, heat: float, random: NDArray[np.uint64]) -> bool:
    return rise <= 0.0 or (heat > 0.0 and next_random(random) < math.exp(-rise / heat))


@kernel
def _try_substitute(
    p: Problem, c: Classes, a: int, s: int, b: int, gain: float, heat: float, random: NDArray[np.uint64]
) -> bool:
    """Moves slot `s` from class `a` to `b`, and fills the gap in `a` with records that a third class can spare.

    `gain` is the change of the cost of `b`. Returns whether the change was made.
    """
    u, n = c.slot_unit[s], c.slot_count[s]
    x = _member(c, a, random, 8)
    if x == s:
        x = c.class_next[s] if c.class_next[s] != EMPTY else c.class_head[a]
        if x == s:
            return False
    z = _near_slot(p, c, c.slot_unit[x], random)
    if z == EMPTY:
        return False
    d, v = c.slot_class[z], c.slot_unit[z]
    m = min(n, c.slot_count[z])
    if d in (a, b) or not _holds(p, c, d, v, m, EMPTY, 0) or not _holds(p, c, a, u, n, v, m):
        return False
    shrunk = c.loss[d] if c.slot_count[z] > m or c.loss[d] == 0.0 else loss_without(p, c, d, v, EMPTY)
    rise = (c.rows[a] - n + m) * loss_without(p, c, a, u, v) - c.rows[a] * c.loss[a] + gain
    rise += (c.rows[d] - m) * shrunk - c.rows[d] * c.loss[d]
    if not _accept(rise, heat, random):
        return False
    remove(p, c, z, m)
    add(p, c, a, v, m)
    remove(p, c, find_slot(c, a, u), n)
    add(p, c, b, u, n)
    return True


@kernel
def _try_swap(p: Problem, c: Classes, s: int, b: int, heat: float, random: NDArray[np.uint64]) -> bool:
    """Exchanges slot `s` with the best of a few slots of class `b`; returns whether it was made."""
    a, u, n = c.slot_class[s], c.slot_unit[s], c.slot_count[s]
    best, chosen = np.inf, EMPTY
    before = c.rows[a] * c.loss[a] + c.rows[b] * c.loss[b]
    y = c.class_head[b]
    if c.rows[b] > 8:
        y = _member(c, b, random, 24)
    looked = 0
    while y != EMPTY and looked < PARTNERS:
        looked += 1
        v, m = c.slot_unit[y], c.slot_count[y]
        if v != u and _holds(p, c, a, u, n, v, m) and _holds(p, c, b, v, m, u, n):
            rise = (c.rows[a] - n + m) * loss_without(p, c, a, u, v)
            if rise - before < best:
                rise += (c.rows[b] - m + n) * loss_without(p, c, b, v, u) - before
                if rise < best:
                    best, chosen = rise, y
        y = c.class_next[y]
    if chosen == EMPTY or not _accept(best, heat, random):
        return False
    v, m = c.slot_unit[chosen], c.slot_count[chosen]
    remove(p, c, s, n)
    remove(p, c, chosen, m)
    add(p, c, b, u, n)
    add(p, c, a, v, m)
    return True


@entry_point
def sweep(p: Problem, c: Classes, heat: float, random: NDArray[np.uint64]) -> int:
    """Proposes one change for every slot of a class with a loss; returns the number of changes made."""
    made = 0
    for s in range(c.slot_unit.shape[0]):
        a = c.slot_class[s]
        if a == EMPTY or c.loss[a] == 0.0:
            continue
        u, n = c.slot_unit[s], c.slot_count[s]
        y = _near_slot(p, c, u, random)
        if y == EMPTY or c.slot_class[y] == a:
            continue
        b = c.slot_class[y]
        if c.loss[b] > 0.0 and next_random(random) < 0.5:
            made += _try_swap(p, c, s, b, heat, random)
            continue
        gain = (c.rows[b] + n) * loss_with(p, c, b, u) - c.rows[b] * c.loss[b]
        if not _holds(p, c, b, EMPTY, 0, u, n):
            continue
        if _holds(p, c, a, u, n, EMPTY, 0):
            rise = gain + (c.rows[a] - n) * loss_without(p, c, a, u, EMPTY) - c.rows[a] * c.loss[a]
            if _accept(rise, heat, random):
                remove(p, c, s, n)
                add(p, c, b, u, n)
                if c.rows[a] == 0:
                    c.free_class[c.counter[1]] = a
                    c.counter[1] += 1
                made += 1
        elif gain < c.rows[a] * c.loss[a]:
            made += _try_substitute(p, c, a, s, b, gain, heat, random)
    return made
