"""Refines classes in rounds: neighbouring classes are rebuilt or split anew, and records move and swap."""

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
"""Classes that are redone together. A split takes one more class one time in three. Larger groups take longer and
improve less often."""
STARTS, TRIES = 1, 4
"""Partners that a rebuild tries for each seed, and divisions that a split tries. Few suffice: the next pass tries
others."""
EAGER = 2.0
"""A class is redone in each pass if its cost is this many times the mean of the classes with a loss; cheaper ones less
often."""
REBUILD_EVERY, SWEEP_EVERY = 8, 2
"""Every how many rounds classes are rebuilt instead of split, which takes five times as long, and records move."""
SENSITIVE_REBUILD_EVERY, SENSITIVE_SWEEP_EVERY = 2, 1
"""The same where sensitive values must be checked, which makes splitting as slow as rebuilding."""
HEAT_PER_ROUND, HOTTEST, COLD = 0.0009, 0.3, 0.9
"""Heat at the start for each round to come, and its maximum, as shares of the mean cost of a class with a loss. The
heat falls quadratically and is 0 after the share COLD of the rounds."""


@entry_point
def relocate(p: Problem, c: Classes) -> int:
    """Moves records to classes where they cost less, in one pass over the classes with a loss; returns the number of
    moves.
    """
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
    """Fills `group` with class `start` and up to `want - 1` neighbouring classes with a loss; returns their number."""
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
    """Returns by how much a change may raise the cost, drawn for annealing at `heat`."""
    return (-heat * math.log(1.0 - next_random(random)) if heat > 0.0 else 0.0) - GAIN


@kernel
def _is_drawn(c: Classes, a: int, mean: float, random: NDArray[np.uint64]) -> bool:
    """Returns whether class `a` is redone in this pass. Classes of higher cost are redone more often."""
    cost = c.rows[a] * c.loss[a]
    return bool(cost > 0.0 and next_random(random) * EAGER * mean < cost)


@entry_point
def rebuild_all(p: Problem, c: Classes, w: Scratch, mean: float, heat: float, random: NDArray[np.uint64]) -> None:
    """Rebuilds costly classes, each together with a neighbour. `mean` is the mean cost of a class with a loss."""
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
    """Splits the costly classes anew under models of sensitive values; otherwise like `resplit_all_by_count`."""
    for a in range(c.rows.shape[0]):
        if _is_drawn(c, a, mean, random):
            size = _gather_and_draw(p, c, a, w, random)
            resplit_by_models(p, c, w, w.group, size, TRIES, _draw_rise(heat, random), random)


class Schedule(NamedTuple):
    """The heat of each round: the number of rounds, and the mean cost of a class with a loss before the first round."""

    rounds: int
    mean: float

    def heat(self, r: int) -> float:
        """Returns the mean rise of the cost that a change in round `r` may cause."""
        hottest = min(HOTTEST, HEAT_PER_ROUND * self.rounds) * self.mean
        return hottest * max(0.0, 1.0 - r / (COLD * self.rounds)) ** 2


def new_schedule(c: Classes, rounds: int) -> Schedule:
    """Returns the schedule of `rounds` that begin with the classes `c`."""
    return Schedule(rounds, float(c.cost[0]) / max(int(((c.rows > 0) & (c.loss > 0.0)).sum()), 1))


def refine(
    p: Problem, c: Classes, w: Scratch, schedule: Schedule, rounds: range, random: NDArray[np.uint64]
) -> list[float]:
    """Runs some `rounds` of the schedule and returns the total cost after each.

    In each round costly classes are split anew together with a neighbour, and records move. Under models that
    additional records cannot break, they are rebuilt in some rounds instead. Both are annealed: early changes may raise
    the cost. This loop is not compiled, because one large function takes long to compile.
    """
    can_rebuild = is_monotone(p)
    by_count = p.prior.shape[0] == 0
    rebuild_every = REBUILD_EVERY if by_count else SENSITIVE_REBUILD_EVERY
    sweep_every = SWEEP_EVERY if by_count else SENSITIVE_SWEEP_EVERY
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
