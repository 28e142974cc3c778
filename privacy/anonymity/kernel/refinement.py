"""Refinement: neighbouring classes are rebuilt or split anew, and records move and swap, in rounds."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from privacy.anonymity.kernel.annealing import sweep
from privacy.anonymity.kernel.class_growth import cheapest_class
from privacy.anonymity.kernel.class_state import (
    EMPTY,
    Classes,
    add,
    remove,
    spare,
)
from privacy.anonymity.kernel.compilation import entry_point, kernel
from privacy.anonymity.kernel.label_growth import is_monotone
from privacy.anonymity.kernel.problem import Problem
from privacy.anonymity.kernel.random_number import next_random
from privacy.anonymity.kernel.rebuild import rebuild
from privacy.anonymity.kernel.resplit import Scratch, resplit_by_count, resplit_by_models

GAIN = 1e-9
PARTNERS, MORE = 2, 1.5
"""Classes that are redone together, and what the number of classes split anew is drawn below: one in three times one
more. Larger groups cost more and are better less often."""
STARTS, TRIES = 1, 4
"""Partners that a rebuild tries for each seed, and divisions that a split tries. Few: the next pass tries others."""
EAGER = 2.0
"""A class is redone in each pass if it costs this many times the mean of the classes with a loss, others less often."""
REBUILD_EVERY, SWEEP_EVERY = 8, 2
"""Every how many rounds classes are rebuilt (which takes five times as long) instead of split, and records move."""
DEAR_REBUILD_EVERY, DEAR_SWEEP_EVERY = 2, 1
"""The same where sensitive values must be checked, which makes splitting as dear."""
HEAT_PER_ROUND, HOTTEST, COLD = 0.0009, 0.3, 0.9
"""Heat at the start, as a share of the mean cost of a class with a loss: so much for each round to come, at most
HOTTEST (a short search that is hot ends hot). It falls as a square, to nothing after COLD of the rounds."""


@entry_point
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


@kernel
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


@kernel
def _draw_rise(heat: float, random: NDArray[np.uint64]) -> float:
    """By how much a change may raise the cost, as annealing at `heat` would have it."""
    return (-heat * math.log(1.0 - next_random(random)) if heat > 0.0 else 0.0) - GAIN


@kernel
def _is_drawn(c: Classes, a: int, mean: float, random: NDArray[np.uint64]) -> bool:
    """Whether class `a` is redone in this pass: the more it costs, the more often."""
    cost = c.rows[a] * c.loss[a]
    return bool(cost > 0.0 and next_random(random) * EAGER * mean < cost)


@entry_point
def rebuild_all(p: Problem, c: Classes, w: Scratch, mean: float, heat: float, random: NDArray[np.uint64]) -> None:
    """Rebuild the dear classes, each together with a neighbour. `mean` is the mean cost of a class with a loss."""
    for a in range(c.rows.shape[0]):
        if _is_drawn(c, a, mean, random):
            size = _gather(p, c, a, w.group, PARTNERS, random)
            rebuild(p, c, w.group, size, w.released, STARTS, _draw_rise(heat, random), random)


@kernel
def _gather_and_draw(p: Problem, c: Classes, a: int, w: Scratch, random: NDArray[np.uint64]) -> int:
    """Fills `w.group` with class `a` and neighbours and `w.starts` with random numbers; returns how many classes."""
    size = _gather(p, c, a, w.group, PARTNERS + int(next_random(random) * MORE), random)
    for i in range(TRIES):
        w.starts[i] = next_random(random)
    return size


@entry_point
def resplit_all_by_count(
    p: Problem, c: Classes, w: Scratch, mean: float, heat: float, random: NDArray[np.uint64]
) -> None:
    """Splits the costly classes anew, each together with neighbours, where k-anonymity is the only model.

    `mean` is the mean cost of a class with a loss.
    """
    for a in range(c.rows.shape[0]):
        if _is_drawn(c, a, mean, random):
            size = _gather_and_draw(p, c, a, w, random)
            resplit_by_count(p, c, w, w.group, size, TRIES, _draw_rise(heat, random), random)


@entry_point
def resplit_all_by_models(
    p: Problem, c: Classes, w: Scratch, mean: float, heat: float, random: NDArray[np.uint64]
) -> None:
    """The same under models of sensitive values."""
    for a in range(c.rows.shape[0]):
        if _is_drawn(c, a, mean, random):
            size = _gather_and_draw(p, c, a, w, random)
            resplit_by_models(p, c, w, w.group, size, TRIES, _draw_rise(heat, random), random)


class Schedule(NamedTuple):
    """How hot the search is: rounds altogether, and the mean cost of a class with a loss before the first."""

    rounds: int
    mean: float

    def heat(self, r: int) -> float:
        """What a change in round `r` may cost more, on average."""
        hottest = min(HOTTEST, HEAT_PER_ROUND * self.rounds) * self.mean
        return hottest * max(0.0, 1.0 - r / (COLD * self.rounds)) ** 2


def new_schedule(c: Classes, rounds: int) -> Schedule:
    """The schedule of `rounds` that begin with these classes."""
    return Schedule(rounds, float(c.cost[0]) / max(int(((c.rows > 0) & (c.loss > 0.0)).sum()), 1))


def refine(
    p: Problem, c: Classes, w: Scratch, schedule: Schedule, rounds: range, random: NDArray[np.uint64]
) -> list[float]:
    """Some `rounds` of the schedule's, in each of which dear classes are redone together with a neighbour, and records
    move.

    Classes are split anew; under models that more records cannot break, in every second round they are rebuilt instead.
    Both are annealed: at first they may cost more than before. Returns the total cost after each round. Not compiled:
    as one function its parts take minutes to.
    """
    can_rebuild = is_monotone(p)
    by_count = p.prior.shape[0] == 0
    rebuild_every = REBUILD_EVERY if by_count else DEAR_REBUILD_EVERY
    sweep_every = SWEEP_EVERY if by_count else DEAR_SWEEP_EVERY
    history = []
    for r in rounds:
        heat = schedule.heat(r)
        if can_rebuild and r % rebuild_every == 0:
            rebuild_all(p, c, w, schedule.mean, heat, random)
        else:
            (resplit_all_by_count if by_count else resplit_all_by_models)(p, c, w, schedule.mean, heat, random)
        if r % sweep_every == 0:
            sweep(p, c, 0.0, random)
        history.append(float(c.cost[0]))
    return history
