"""Refinement: neighbouring classes are rebuilt or split anew, and records move and swap, in rounds."""

from __future__ import annotations

import math

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
from privacy.anonymity.kernel.problem import Problem
from privacy.anonymity.kernel.rebuild import rebuild
from privacy.anonymity.kernel.resplit import MOST_PARTS, Scratch, resplit

GAIN = 1e-9
FEWEST = (2, 1)
"""Classes redone at once at the least: by a new split, by rebuilding."""
RESPLIT, TRIES, DEAR_SWEEPS = 4, 4, 8
"""New splits of up to RESPLIT further classes, the starts each tries, and sweeps of moves and swaps per pass."""
REBUILT, STARTS, SWEEPS = 3, 2, 2
"""The same where classes are rebuilt. Few starts: what is tried next time costs no more than trying it now."""
MOST_RELEASED = 2048
"""Slots of the classes rebuilt at once; larger groups are left alone."""


@njit(cache=True)
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


@njit(cache=True)
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
def refine(
    p: Problem, c: Classes, w: Scratch, rounds: int, heat: float, random: NDArray[np.uint64]
) -> NDArray[np.float64]:
    """`rounds` passes in which every class with a loss is redone together with a few neighbours, and records move.

    Under models that more records cannot break the classes are rebuilt, which may cost a little more at first: about
    `heat` per attempt, cooling to nothing; under others they are split anew. Returns the total cost after each pass.
    """
    group = np.zeros(MOST_PARTS, np.int64)
    starts = np.zeros(TRIES)
    history = np.zeros(rounds + 1)
    released = np.empty(MOST_RELEASED, np.int64)
    is_rebuilt = is_monotone(p)
    want = REBUILT if is_rebuilt else RESPLIT
    relocate(p, c)
    history[0] = c.cost[0]
    for r in range(rounds):
        warmth = heat * (1.0 - (r + 1) / rounds)
        for a in range(c.rows.shape[0]):
            if c.rows[a] == 0 or c.loss[a] == 0.0:
                continue
            size = _gather(p, c, a, group, FEWEST[int(is_rebuilt)] + int(next_random(random) * want), random)
            if is_rebuilt:
                rise = -warmth * math.log(1.0 - next_random(random)) - GAIN
                rebuild(p, c, group, size, released, STARTS, rise, random)
            else:
                for i in range(TRIES):
                    starts[i] = next_random(random)
                resplit(p, c, w, group, size, starts)
        for _ in range(SWEEPS if is_rebuilt else DEAR_SWEEPS):
            sweep(p, c, 0.0, random)
        relocate(p, c)
        history[r + 1] = c.cost[0]
    return history
