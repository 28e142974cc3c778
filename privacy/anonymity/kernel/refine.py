"""Refinement: neighbouring classes are rebuilt or split anew, and records move and swap, in rounds."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from privacy.anonymity.kernel.anneal import sweep
from privacy.anonymity.kernel.classes import (
    EMPTY,
    Classes,
    add,
    remove,
    spare,
)
from privacy.anonymity.kernel.cover import is_monotone
from privacy.anonymity.kernel.dice import next_random
from privacy.anonymity.kernel.grow import cheapest_class
from privacy.anonymity.kernel.lean import lean
from privacy.anonymity.kernel.problem import Problem
from privacy.anonymity.kernel.rebuild import rebuild
from privacy.anonymity.kernel.resplit import MOST_PARTS, Scratch, resplit

GAIN = 1e-9
RESPLIT, TRIES, SWEEPS = 4, 4, 6
"""A class is split anew with 1 to RESPLIT others, from TRIES starts; SWEEPS of moves and swaps follow each pass."""
REBUILT, STARTS = 3, 2
"""A class is rebuilt with up to REBUILT - 1 others. Few starts: the next pass tries others."""
MOST_RELEASED = 2048
"""Slots of the classes rebuilt at once; larger groups are left alone."""


@lean
def relocate(p: Problem, c: Classes) -> int:
    """One pass over all slots of classes with a loss: move what the class can spare to where it costs less."""
    moves = 0
    for s in range(c.slot_unit.shape[0]):
        a = c.slot_class[s]
        if a == EMPTY or c.loss[a] == 0.0:
            continue
        u = c.slot_unit[s]
        n = spare(p, c, a, u, c.slot_count[s])
        if n == 0:
            continue
        before = c.cost[0]
        remove(p, c, s, n)
        b = cheapest_class(p, c, u, n, a, False)
        if b != EMPTY:
            add(p, c, b, u, n)
            if c.cost[0] < before - GAIN:
                moves += 1
                continue
            found = c.unit_head[u]
            while c.slot_class[found] != b:
                found = c.unit_next[found]
            remove(p, c, found, n)
        add(p, c, a, u, n)
    return moves


@lean
def _gather(
    p: Problem,
    c: Classes,
    start: int,
    group: NDArray[np.int64],
    want: int,
    random: NDArray[np.uint64],
) -> int:
    """Fill `group` with class `start` and up to `want - 1` classes with a loss that hold neighbours of it."""
    group[0] = start
    size = 1
    tries = 0
    while size < want and tries < 12 * want:
        tries += 1
        a = group[int(next_random(random) * size)]
        s = c.class_head[a]
        steps = int(next_random(random) * 8)
        while steps > 0 and c.class_next[s] != EMPTY:
            s = c.class_next[s]
            steps -= 1
        t = p.tuple_of[c.slot_unit[s]]
        width = min(p.close, p.neighbour.shape[1])
        near = p.neighbour[t, int(next_random(random) ** 2 * width)]
        if near < 0:
            continue
        v = p.unit_start[near] + int(next_random(random) * (p.unit_start[near + 1] - p.unit_start[near]))
        s = c.unit_head[v]
        while s != EMPTY and size < want:
            b = c.slot_class[s]
            if c.loss[b] > 0.0:
                is_new = True
                for g in range(size):
                    if group[g] == b:
                        is_new = False
                if is_new:
                    group[size] = b
                    size += 1
            s = c.unit_next[s]
    return size


@njit(cache=True)
def rebuild_all(p: Problem, c: Classes, random: NDArray[np.uint64]) -> None:
    """Rebuild every class with a loss together with a few neighbours."""
    group = np.zeros(MOST_PARTS, np.int64)
    released = np.empty(MOST_RELEASED, np.int64)
    for a in range(c.rows.shape[0]):
        if c.rows[a] > 0 and c.loss[a] > 0.0:
            size = _gather(p, c, a, group, 1 + int(next_random(random) * REBUILT), random)
            rebuild(p, c, group, size, released, STARTS, -GAIN, random)


@njit(cache=True)
def resplit_all(p: Problem, c: Classes, w: Scratch, random: NDArray[np.uint64]) -> None:
    """Split every class with a loss anew, together with a few neighbours."""
    group = np.zeros(MOST_PARTS, np.int64)
    starts = np.zeros(TRIES)
    for a in range(c.rows.shape[0]):
        if c.rows[a] > 0 and c.loss[a] > 0.0:
            size = _gather(p, c, a, group, 2 + int(next_random(random) * RESPLIT), random)
            for i in range(TRIES):
                starts[i] = next_random(random)
            resplit(p, c, w, group, size, starts)


def refine(p: Problem, c: Classes, w: Scratch, rounds: int, random: NDArray[np.uint64]) -> list[float]:
    """`rounds` passes in which every class with a loss is redone together with a few neighbours, and records move.

    Classes are split anew; under models that more records cannot break, in every second pass they are rebuilt instead.
    Returns the total cost after each pass; it never rises. Not compiled: as one function its parts take minutes to.
    """
    can_rebuild = bool(is_monotone(p))
    relocate(p, c)
    history = [float(c.cost[0])]
    for r in range(rounds):
        if can_rebuild and r % 2 == 0:
            rebuild_all(p, c, random)
        else:
            resplit_all(p, c, w, random)
        for _ in range(SWEEPS):
            sweep(p, c, 0.0, random)
        relocate(p, c)
        history.append(float(c.cost[0]))
    return history
